package Schema;

# Reads schema/chat.schema (grammar: schema/README.md) into plain data:
#
#   { enums => [...], objects => [...], events => [...], commands => [...],
#     frames => [...], errors => [...], limits => [...], stats => [...],
#     metrics => [...] }
#
# in the order of the page.  Whatever cannot be right dies with file and line:
# a generator that guesses writes the guess into three languages.

use strict;
use warnings;

our @sections = qw(enums objects events commands frames errors limits stats
    metrics);

my %privacy = map { $_ => 1 } qw(none contact content network);
my %scalar = map { $_ => 1 } qw(bool int u64 string body);

use constant {
    INT_MAX  => 9007199254740992,      # 2^53, the last a double tells apart
    FIELDS   => 63,                    # bits of `has`
};

my %statement = (
    enum => \&_enum, object => \&_object, event => \&_event,
    command => \&_command, frame => \&_frame, error => \&_error,
    limit => \&_limit, stat => \&_stat, metric => \&_metric,
);


sub load {
    my ($class, $file) = @_;

    my $self = bless { file => $file, line => 0, types => {}, seen => {},
                       map { $_ => [] } @sections }, $class;

    open my $fh, '<:encoding(UTF-8)', $file or die "$file: $!\n";

    while (my $line = <$fh>) {
        $self->{line} = $.;
        chomp $line;

        $self->fail('tab or trailing blank') if $line =~ /\t|\s$/;
        next if $line =~ /^\s*(?:#|$)/;

        my ($indent, @words) = $self->_words($line);

        if ($indent) {
            $self->_member(@words);
            next;
        }

        my $name = shift @words;
        my $read = $statement{$name}
            or $self->fail("unknown statement \"$name\"");

        $self->{open} = undef;
        $read->($self, @words);
    }

    close $fh;

    delete $self->{open};
    $self->{line} = 'end';
    $self->fail("no $_") for grep { !@{ $self->{$_} } } @sections;

    return $self;
}


sub fail {
    my ($self, $text) = @_;

    die "$self->{file}:$self->{line}: $text\n";
}


sub enum {
    my ($self, $name) = @_;

    return $self->{types}{$name};
}


# Words of a line; a quoted one becomes a reference to its text, so that a
# doc text and a word can never be mistaken for each other.
sub _words {
    my ($self, $line) = @_;

    my $indent = $line =~ s/^\s+//;
    my @words;

    while (length $line) {
        if ($line =~ s/^"([^"]*)"(?:\s+|$)//) {
            my $text = $1;
            $self->fail('comment mark in a text') if $text =~ m{/\*|\*/};
            push @words, \$text;

        } elsif ($line =~ s/^([^\s"]+)(?:\s+|$)//) {
            push @words, $1;

        } else {
            $self->fail("cannot read \"$line\"");
        }
    }

    return ($indent, @words);
}


sub _name {
    my ($self, $kind, $name) = @_;

    $self->fail("a name of [a-z0-9_] is wanted for $kind")
        unless defined $name && !ref $name && $name =~ /^[a-z][a-z0-9_]*$/;
    $self->fail("$kind \"$name\" stands here twice")
        if $self->{seen}{$kind}{$name}++;

    return $name;
}


sub _number {
    my ($self, $kind, $number) = @_;

    $self->fail("a number from 1 is wanted for $kind")
        unless defined $number && $number =~ /^[1-9][0-9]{0,3}$/;
    $self->fail("number $number of $kind stands here twice")
        if $self->{seen}{"$kind number"}{$number}++;

    return $number + 0;
}


sub _doc {
    my ($self, $words, $required) = @_;

    return ${ pop @$words } if @$words && ref $words->[-1];

    $self->fail('a "text" is wanted at the end') if $required;

    return '';
}


sub _none {
    my ($self, @words) = @_;

    $self->fail('one word too many: "' . (ref $words[0] ? ${ $words[0] }
                                          : $words[0]) . '"')
        if @words;
}


sub _one_of {
    my ($self, $what, $word, @allowed) = @_;

    $self->fail("$what is one of: @allowed")
        unless defined $word && grep { $_ eq $word } @allowed;

    return $word;
}


sub _enum {
    my ($self, @words) = @_;

    my $doc = $self->_doc(\@words, 1);
    my $name = $self->_name('type', shift @words);
    $self->_none(@words);

    $self->fail("\"$name\" is a built-in type") if $scalar{$name};

    my $enum = { class => 'enum', name => $name, doc => $doc, values => [] };

    $self->{types}{$name} = $enum;
    $self->{open} = $enum;
    push @{ $self->{enums} }, $enum;
}


sub _record {
    my ($self, $class, $name, $doc, %more) = @_;

    my $record = { class => $class, name => $name, doc => $doc, fields => [],
                   %more };

    $self->{open} = $record;
    push @{ $self->{"${class}s"} }, $record;

    return $record;
}


sub _object {
    my ($self, @words) = @_;

    my $doc = $self->_doc(\@words, 1);
    my $name = $self->_name('type', shift @words);
    $self->_none(@words);

    $self->fail("\"$name\" is a built-in type") if $scalar{$name};

    $self->{types}{$name} = $self->_record('object', $name, $doc);
}


sub _event {
    my ($self, @words) = @_;

    my $doc = $self->_doc(\@words, 1);
    my $name = $self->_name('event', shift @words);
    my $number = $self->_number('event', shift @words);
    my $class = $self->_one_of('class', shift @words, qw(durable ephemeral));
    my $audience = $self->_one_of('audience', shift @words,
                                  qw(public staff system));
    $self->_none(@words);

    $self->_record('event', $name, $doc, number => $number,
                   durable => $class eq 'durable' ? 1 : 0,
                   audience => $audience);
}


sub _command {
    my ($self, @words) = @_;

    my $doc = $self->_doc(\@words, 1);
    my $name = $self->_name('command', shift @words);
    my $number = $self->_number('command', shift @words);
    my $kinds = $self->{types}{actor_kind}
        or $self->fail('commands need enum actor_kind');

    my @actors = split /,/, shift @words // '';
    $self->fail('who may send it?') unless @actors;
    $self->_one_of('actor', $_, map { $_->{name} } @{ $kinds->{values} })
        for @actors;

    my $write = @words && !ref $words[0] && $words[0] eq 'write'
                ? (shift @words, 1)[1] : 0;
    $self->_none(@words);

    $self->_record('command', $name, $doc, number => $number,
                   actors => \@actors, write => $write);
}


sub _frame {
    my ($self, @words) = @_;

    my $doc = $self->_doc(\@words, 1);
    my $name = $self->_name('frame', shift @words);
    my $number = $self->_number('frame', shift @words);
    $self->_none(@words);

    $self->_record('frame', $name, $doc, number => $number);
}


sub _error {
    my ($self, @words) = @_;

    my $text = $self->_doc(\@words, 1);
    my $name = $self->_name('error', shift @words);
    my $number = $self->_number('error', shift @words);
    my $http = shift @words // '';

    $self->fail('an HTTP status from 400 is wanted')
        unless $http =~ /^[45][0-9][0-9]$/;

    my $class = $self->_one_of('class', shift @words,
                               qw(final temporary gap));
    $self->_none(@words);

    push @{ $self->{errors} }, { name => $name, number => $number,
                                 http => $http, klass => $class,
                                 text => $text };
}


sub _limit {
    my ($self, @words) = @_;

    my $doc = $self->_doc(\@words, 1);
    my $name = $self->_name('limit', shift @words);
    my ($value, $unit) = splice @words, 0, 2;

    $self->fail('a value and a unit are wanted')
        unless defined $unit && !ref $unit && $value =~ /^[0-9]+$/;
    $self->_none(@words);

    push @{ $self->{limits} }, { name => $name, value => $value,
                                 unit => $unit, doc => $doc };
}


sub _stat {
    my ($self, @words) = @_;

    my $doc = $self->_doc(\@words, 1);
    my $name = $self->_name('stat', shift @words);
    my $number = $self->_number('stat', shift @words);
    my $kind = $self->_one_of('kind', shift @words, qw(counter histogram));
    my $unit = shift @words // $self->fail('a unit is wanted');
    my @dims = split /,/, shift @words // '';

    $self->fail('by which dimensions?') unless @dims;
    $self->_one_of('dimension', $_, qw(site operator)) for @dims;
    $self->_none(@words);

    push @{ $self->{stats} }, { name => $name, number => $number,
                                kind => $kind, unit => $unit,
                                dims => \@dims, doc => $doc };
}


sub _metric {
    my ($self, @words) = @_;

    my $doc = $self->_doc(\@words, 1);
    my $name = $self->_name('metric', shift @words);
    my $kind = $self->_one_of('kind', shift @words, qw(counter gauge));
    my $unit = shift @words // $self->fail('a unit is wanted');
    $self->_none(@words);

    push @{ $self->{metrics} }, { name => $name, kind => $kind,
                                  unit => $unit, doc => $doc };
}


sub _member {
    my ($self, @words) = @_;

    my $open = $self->{open} or $self->fail('a member of what?');

    return $self->_value($open, @words) if $open->{class} eq 'enum';

    push @{ $open->{fields} }, $self->_field($open, @words);

    $self->fail('no lists in an event: frames are rendered without memory')
        if $open->{class} eq 'event' && has_list($open->{fields}[-1]);

    $self->fail("more than ${\FIELDS} fields")
        if @{ $open->{fields} } > FIELDS;
}


sub has_list {
    my ($field) = @_;

    return 1 if $field->{kind} eq 'list';
    return $field->{kind} eq 'object'
           && grep { has_list($_) } @{ $field->{sub}{fields} };
}


sub _value {
    my ($self, $enum, @words) = @_;

    my $doc = $self->_doc(\@words, 1);
    my $name = $self->_name("value of $enum->{name}", shift @words);
    my $number = $self->_number("value of $enum->{name}", shift @words);
    $self->_none(@words);

    $self->fail('values of an enum stand in order')
        if @{ $enum->{values} } && $enum->{values}[-1]{number} > $number;

    push @{ $enum->{values} }, { name => $name, number => $number,
                                 doc => $doc };
}


sub _field {
    my ($self, $record, @words) = @_;

    my $owner = "field of $record->{class} $record->{name}";
    my $doc = $self->_doc(\@words, 0);
    my $name = $self->_name($owner, shift @words);
    my $number = $self->_number($owner, shift @words);
    my $field = { name => $name, number => $number, doc => $doc,
                  required => 0, secret => 0, privacy => 'none',
                  $self->_type(shift @words) };

    $self->fail('frames and commands have their name in "t"')
        if $name eq 't' && $record->{class} =~ /^(?:frame|command)$/;

    for my $word (@words) {
        if (ref $word) {
            $self->fail('the text stands last');

        } elsif ($word =~ /^(-?[0-9]+)\.\.(-?[0-9]+)$/) {
            my ($min, $max) = ($1, $2);

            $self->fail('the range is empty') if $min > $max;
            $self->fail("no range for $field->{kind}")
                unless $field->{kind} =~ /^(?:int|string|list)$/;
            $self->fail('out of what a double holds')
                if abs $min > INT_MAX || abs $max > INT_MAX;
            @$field{qw(min max)} = ($min, $max);

        } elsif ($word =~ /^([0-9]+)\.\.$/) {
            $self->fail("no open range for $field->{kind}")
                unless $field->{kind} eq 'u64';
            $field->{min} = $1;

        } elsif ($word =~ /^(?:required|secret)$/) {
            $field->{$word} = 1;

        } elsif ($privacy{$word}) {
            $field->{privacy} = $word;

        } else {
            $self->fail("what is \"$word\"?");
        }
    }

    $self->fail('a string needs MIN..MAX')
        if $field->{kind} eq 'string' && !defined $field->{max};

    return $field;
}


sub _type {
    my ($self, $type) = @_;

    $self->fail('a type is wanted') unless defined $type && !ref $type;

    return (kind => $type) if $scalar{$type};

    my $list = $type =~ s/^list\((.*)\)$/$1/;
    my $sub = $self->{types}{$type}
        or $self->fail("type \"$type\" is not known above this line");

    $self->fail('lists are of objects') if $list && $sub->{class} eq 'enum';

    return (kind => $list ? 'list' : $sub->{class}, sub => $sub);
}


1;
