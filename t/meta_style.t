# The mechanical part of the style: nginx's in C, 79 columns, no tabs; and no
# paths of anybody's machine in anything committed.

use v5.36;

use Test::More;

my @tracked = grep { -f } split /\0/, `git ls-files -z`;
my @c = grep { /\.[ch]$/ } @tracked;
my @text = grep { -T && !m{^package-lock\.json$|/data/|\.patch$} } @tracked;

# Built or of a form of their own.
my $built = qr{/dist/|/corpus/|\.min\.|^t/vectors/|^bench/results/};

cmp_ok @c, '>', 20, 'there are C files';

my %check = (
    'a line too long (79 columns in C and Lua, 100 in Perl)' =>
    sub ($name, $text) {
        my $max = $name =~ /\.(?:c|h|lua)$/ ? 79
                : $name =~ /\.(?:pl|pm|t)$/ ? 100
                : return;

        # a pattern is better long than in pieces

        return numbers($text, sub { length > $max && !/\bqr[\/{]/ });
    },

    'a tab' => sub ($name, $text) {
        return if $name =~ m{(?:^|/)(?:Makefile|rules|\.gitmodules)$|\.mk$};
        return numbers($text, sub { /\t/ });
    },

    'a trailing blank' => sub ($name, $text) {
        return numbers($text, sub { /[ \t\r]$/ });
    },

    'no newline at the end' => sub ($name, $text) {
        return $text =~ /[^\n]\z/ ? ('last') : ();
    },

    'a path of this machine' => sub ($name, $text) {
        # put together here, so that the test may look at itself
        my $paths = join '|', map { "/$_/" } 'work', 'root', 'home/\w+';

        return numbers($text, sub { m{(?<![\w.\$\})])(?:$paths)} });
    },
);

for my $what (sort keys %check) {
    my @wrong;

    for my $name (grep { $_ !~ $built } @text) {
        push @wrong, map { "$name:$_" } $check{$what}->($name, slurp($name));
    }

    ok !@wrong, "nowhere $what" or diag join "\n", @wrong;
}

my %c_check = (
    'a // comment' => sub ($name, $text) {
        return numbers(blank($text), sub { m{//} });
    },

    'a header without its guard' => sub ($name, $text) {
        return unless $name =~ m{([^/]+)\.h$};

        my $guard = '_' . uc($1 =~ s/\W/_/gr) . '_H_INCLUDED_';
        my $form = qr{\A\n(?:/\*.*?\*/\n\n)?#ifndef\ $guard\n#define\ $guard\n
                      .*\n\#endif\ /\*\ $guard\ \*/\n\z}xs;

        return $text =~ $form ? () : (1);
    },

    'a file that does not begin with an empty line' => sub ($name, $text) {
        return $text =~ /\A\n(?!\n)/ ? () : (1);
    },

    'a function whose name is not in column 0' => sub ($name, $text) {
        my @wrong;
        my $code = blank($text);

        while ($code =~ /^((?:\w+[ *]+)+\w+\([^;{}]*\))\n\{/mg) {
            next if $1 =~ /^(?:else|do|typedef)\b/;
            push @wrong, 1 + (substr($code, 0, $-[0]) =~ tr/\n//);
        }

        return @wrong;
    },

    'functions without two empty lines between' => sub ($name, $text) {
        my @wrong;

        while ($text =~ /^\}\n(?!\n\n[^\n])(?!\z)(?!\n?#)/mg) {
            push @wrong, 1 + (substr($text, 0, $-[0]) =~ tr/\n//);
        }

        return @wrong;
    },
);

for my $what (sort keys %c_check) {
    my @wrong;

    for my $name (@c) {
        push @wrong, map { "$name:$_" }
                     $c_check{$what}->($name, slurp($name));
    }

    ok !@wrong, "nowhere $what" or diag join "\n", @wrong;
}


# Comments and strings emptied, lines kept.
sub blank ($text) {
    return $text =~ s{(/\*.*?\*/)|("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')}
                     {defined $1 ? $1 =~ s/[^\n]//gr : '""'}egsr;
}


sub numbers ($text, $is) {
    my ($n, @wrong) = (0);

    for (split /\n/, $text) {
        $n++;
        push @wrong, $n if $is->();
    }

    return @wrong;
}


sub slurp ($file) {
    open my $fh, '<', $file or die "$file: $!";
    local $/;
    my $text = <$fh> // '';
    utf8::decode($text);
    return $text;
}

done_testing;
