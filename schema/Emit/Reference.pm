package Emit::Reference;

# docs/reference.md: every name, number and text of the schema in tables.

use strict;
use warnings;

my %wire = (bool => 'boolean', int => 'number', u64 => 'string of digits',
            string => 'string', body => 'object');

my %done = (final => 'refused for good; its number is free for the next',
            temporary => 'send the same number again, after `retry_ms`',
            gap => 'resend from `expected`');


sub files {
    my ($schema) = @_;

    return ('docs/reference.md' => text($schema));
}


sub text {
    my ($schema) = @_;

    my $out = "# Reference\n\n"
        . "Written by `make gen` from `schema/chat.schema`. How the parts "
        . "play together is in\n[protocol.md](protocol.md).\n\n"
        . "- [Commands](#commands) - what clients send\n"
        . "- [Frames](#frames) - what the server sends\n"
        . "- [Events](#events) - what is in the log\n"
        . "- [Objects](#objects) and [enums](#enums) - parts of the above\n"
        . "- [Errors](#errors), [limits](#limits), "
        . "[statistics](#statistics), [metrics](#metrics)\n";

    $out .= "\n## Commands\n\n`{\"t\":\"NAME\", ...}`. Writes carry the "
        . "number `n`.\n";
    for my $c (@{ $schema->{commands} }) {
        my $who = join ' and ', map { "${_}s" } @{ $c->{actors} };

        $out .= title($c, $c->{name})
            . "Sent by $who" . ($c->{write} ? '; a write' : '') . ".\n\n"
            . fields($c);
    }

    $out .= "\n## Frames\n\n`{\"t\":\"NAME\", ...}`.\n";
    $out .= title($_, $_->{name}) . fields($_) for @{ $schema->{frames} };

    $out .= "\n## Events\n\nDurable ones are in the log, ephemeral ones only "
        . "pass by. Numbers are those of the log.\n";
    for my $e (@{ $schema->{events} }) {
        $out .= title($e, $e->{name})
            . ($e->{durable} ? 'Durable' : 'Ephemeral')
            . ", $e->{audience}, number $e->{number}.\n\n" . fields($e);
    }

    $out .= "\n## Objects\n";
    $out .= title($_, $_->{name}) . fields($_) for @{ $schema->{objects} };

    $out .= "\n## Enums\n";
    for my $enum (@{ $schema->{enums} }) {
        $out .= title($enum, $enum->{name})
            . table([qw(value meaning)],
                    map { [ "`$_->{name}`", $_->{doc} ] }
                    @{ $enum->{values} });
    }

    return $out . errors($schema) . limits($schema) . stats($schema)
        . metrics($schema);
}


sub title {
    my ($record, $name) = @_;

    return "\n### $name\n\n$record->{doc}\n\n";
}


sub table {
    my ($head, @rows) = @_;

    return join '', map { '| ' . join(' | ', @$_) . " |\n" }
        $head, [ map { '---' } @$head ], @rows;
}


sub fields {
    my ($record) = @_;

    my @rows = map { [ "`$_->{name}`", type($_),
                       ($_->{required} ? 'always' : ''),
                       ($_->{privacy} eq 'none' ? '' : $_->{privacy}),
                       $_->{doc} ] } @{ $record->{fields} };

    return "No fields.\n" unless @rows;
    return table([qw(field type present privacy meaning)], @rows);
}


sub type {
    my ($f) = @_;

    return link_to($f->{sub}) if $f->{kind} =~ /^(?:enum|object)$/;
    return 'list of ' . link_to($f->{sub}) if $f->{kind} eq 'list';

    my $type = $wire{ $f->{kind} };

    return "$type from $f->{min}" if defined $f->{min} && !defined $f->{max};
    return $type unless defined $f->{max};

    my $range = $f->{min} == $f->{max} ? $f->{min} : "$f->{min}-$f->{max}";

    return $f->{kind} eq 'string' ? "$type, $range characters"
                                  : "$type, $range";
}


sub link_to {
    my ($type) = @_;

    return "[$type->{name}](#$type->{name})";
}


sub errors {
    my ($schema) = @_;

    return "\n## Errors\n\n"
        . table([qw(code HTTP class text)],
                map { [ "`$_->{name}`", $_->{http}, $_->{klass},
                        $_->{text} ] } @{ $schema->{errors} })
        . "\n" . join('', map { "- $_: $done{$_}\n" }
                          qw(final temporary gap));
}


sub limits {
    my ($schema) = @_;

    return "\n## Limits\n\n"
        . table([qw(limit value unit what)],
                map { [ "`$_->{name}`", @$_{qw(value unit doc)} ] }
                @{ $schema->{limits} });
}


sub stats {
    my ($schema) = @_;

    return "\n## Statistics\n\nKept for every 15 minutes UTC.\n\n"
        . table([qw(number name kind unit by what)],
                map { [ $_->{number}, "`$_->{name}`", $_->{kind}, $_->{unit},
                        join(', ', @{ $_->{dims} }), $_->{doc} ] }
                @{ $schema->{stats} });
}


sub metrics {
    my ($schema) = @_;

    return "\n## Metrics\n\nOf each worker; gauges say what is now, counters "
        . "only grow.\n\n"
        . table([qw(name kind unit what)],
                map { [ "`$_->{name}`", $_->{kind}, $_->{unit}, $_->{doc} ] }
                @{ $schema->{metrics} });
}


1;
