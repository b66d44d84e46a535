# Dependencies run one way (docs/architecture.md, "Folders"): who may include
# or import what.

use v5.36;

use File::Basename qw(dirname);
use File::Spec;
use Test::More;

my $libc = qr{<(?:stddef|stdint|stdlib|string|limits|stdarg)\.h>};
my $posix = qr{<(?:[a-z]+|sys/[a-z]+)\.h>};
my $libs = qr{<(?:sodium\.h|zlib\.h|yajl/\S+|msgpack\.h|msgpack/\S+)>};
my $hiredis = qr{<hiredis/\S+>};
my $nginx = qr{<ngx_\w+\.h>};

# What a file may include: headers by form, and whose own headers.  The first
# row that matches the file's name says.
my @rows = (
    # texts for people, with snprintf()
    [qr{^core/chat_opt\.c$},         [$libc, qr{<stdio\.h>}], ['core']],
    [qr{^core/},                     [$libc, $libs], ['core']],

    # the host of programs that may block: the only file of bus/ with sockets
    [qr{^bus/chat_sync(?:_host)?\.c$},         [$posix, $libs, $hiredis],
                                     ['core', 'bus']],
    [qr{^bus/},                      [$libc, $libs, $hiredis],
                                     ['core', 'bus']],
    # a load client: sockets, TLS and our frames
    [qr{^bench/},                    [$posix, qr{<(?:netinet|arpa)/\w+\.h>},
                                      qr{<openssl/\w+\.h>}],
                                     ['core', 'bench']],
    [qr{^statd/},                    [$posix, $libs, $hiredis],
                                     ['core', 'bus', 'statd']],
    [qr{^ctl/},                      [$posix, $libs, $hiredis],
                                     ['core', 'bus', 'ctl']],
    [qr{^lua-free-admin/api/ngx_},   [$nginx, $libs],
                                     ['core', 'bus', 'lua-free-admin/api',
                                      'ngx_chat_module']],
    [qr{^lua-free-admin/api/},       [$libc, $libs, $hiredis],
                                     ['core', 'bus', 'lua-free-admin/api']],
    [qr{^ngx_chat_module/},          [$nginx, $posix, $libs, $hiredis],
                                     ['core', 'bus', 'lua-free-admin/api',
                                      'ngx_chat_module']],
);

my @tracked = split /\0/, `git ls-files -z`;
my %header = map { s{.*/}{}r => [] } grep { /\.h$/ } @tracked;

push $header{ s{.*/}{}r }->@*, $_ for grep { /\.h$/ } @tracked;

my %checked;

for my $file (grep { /\.[ch]$/ && !m{^t/} } @tracked) {
    my ($row) = grep { $file =~ $_->[0] } @rows;

    if (!$row) {
        fail "$file: no row says what it may include";
        next;
    }

    my ($forms, $folders) = $row->@[1, 2];
    my @wrong;

    for my $name (includes($file)) {
        push @wrong, $name unless allowed($file, $name, $forms, $folders);
    }

    $checked{ $file =~ s{/[^/]*$}{}r }++;
    fail "$file may not include @wrong" if @wrong;
}

ok $checked{$_}, "files of $_ are looked at"
    for qw(core bus ngx_chat_module statd ctl lua-free-admin/api);


sub includes ($file) {
    return slurp($file) =~ /^\s*#\s*include\s+(\S+)/mg;
}


sub allowed ($file, $name, $forms, $folders) {
    return !!grep { $name =~ /^$_$/ } @$forms if $name =~ /^</;

    my $base = $name =~ s{^"|"$}{}gr =~ s{.*/}{}r;
    my $own = $header{$base} or return 0;

    return !!grep {
        my $path = $_;
        grep { index($path, "$_/") == 0 } @$folders;
    } @$own;
}


# --- TypeScript: client <- widget, client <- cabinet; client has no DOM ----

my @imports = (
    [qr{^client/src/},               ['client/src', 'client/gen'], []],
    [qr{^client/gen/},               [], []],
    [qr{^widget/src/},               ['widget/src', 'client/src',
                                      'client/gen'], []],
    [qr{^lua-free-admin/web/src/},   ['lua-free-admin/web/src', 'client/src',
                                      'client/gen'],
                                     ['preact', 'preact/hooks']],
);

my $scripts = 0;

for my $file (grep { m{^(?:client|widget|lua-free-admin)/.*\.tsx?$} }
              @tracked)
{
    my ($row) = grep { $file =~ $_->[0] } @imports;

    if (!$row) {
        next if $file =~ /\.d\.ts$/;
        fail "$file: no row says what it may import";
        next;
    }

    my ($folders, $packages) = $row->@[1, 2];
    my @wrong = grep { !importable($file, $_, $folders, $packages) }
                slurp($file) =~ /^(?:import|export)\s
                                 (?:[\w\s{},*]+?\sfrom\s+)?
                                 ['"]([^'"]+)['"]/mgx;

    $scripts++;
    fail "$file may not import @wrong" if @wrong;
}

cmp_ok $scripts, '>', 20, 'scripts are looked at';


sub importable ($file, $name, $folders, $packages) {
    return !!grep { $name eq $_ } @$packages if $name !~ /^\./;

    my @path;

    for my $part (split m{/}, dirname($file) . "/$name") {
        if ($part eq '..') {
            pop @path;
        } elsif ($part ne '.') {
            push @path, $part;
        }
    }

    my $path = join '/', @path;

    return !!grep { index($path, "$_/") == 0 } @$folders;
}


sub slurp ($file) {
    open my $fh, '<:raw', $file or die "$file: $!";
    local $/;
    return scalar <$fh>;
}

done_testing;
