package Emit::TypeScript;

# client/gen/schema.ts: what goes over the wire, as types; errors and limits
# as tables.

use strict;
use warnings;

use Emit::Text qw(wrap camel);

my %scalar = (bool => 'boolean', int => 'number', u64 => 'string',
              string => 'string');


sub files {
    my ($schema) = @_;

    return ('client/gen/schema.ts' => text($schema));
}


sub text {
    my ($schema) = @_;

    # what clients see as events; the others have frames of their own
    my @events = grep { $_->{durable} && $_->{audience} ne 'system' }
                 @{ $schema->{events} };

    my $out = "/*\n"
        . " * Written by schema/gen.pl from schema/chat.schema: do not edit.\n"
        . " * 64-bit numbers are strings of digits, times are ms UTC.\n"
        . " */\n";

    $out .= enum($_) for @{ $schema->{enums} };

    $out .= interface($_, camel($_->{name}) . 'Body', undef) for @events;
    $out .= bodies(@events);

    $out .= record($_, camel($_->{name}), undef)
        for @{ $schema->{objects} };
    $out .= "\n/** An event as lists carry it. */\n"
        . "export type ChatEvent = EventView;\n";

    $out .= record($_, camel($_->{name}) . 'Command', $_->{name})
        for @{ $schema->{commands} };
    $out .= union('What clients send.', 'Command',
                  map { camel($_->{name}) . 'Command' }
                  @{ $schema->{commands} });

    $out .= record($_, camel($_->{name}) . 'Frame', $_->{name})
        for @{ $schema->{frames} };
    $out .= union('What the server sends.', 'ServerFrame',
                  map { camel($_->{name}) . 'Frame' }
                  @{ $schema->{frames} });

    return $out . errors($schema) . limits($schema);
}


sub doc {
    my ($indent, $doc) = @_;

    return '' unless length $doc;

    my $line = "$indent/** $doc */";

    return "$line\n" if length $line <= 79;

    return join '', "$indent/**\n",
        (map { "$indent * $_\n" } wrap(76 - length $indent, $doc)),
        "$indent */\n";
}


sub union {
    my ($doc, $name, @members) = @_;

    return "\n" . doc('', $doc) . "export type $name =\n    | "
        . join("\n    | ", @members) . ";\n";
}


sub enum {
    my ($enum) = @_;

    return union($enum->{doc}, camel($enum->{name}),
                 map { quote($_->{name}) } @{ $enum->{values} });
}


# A record with an event inside is generic over the event's name.
sub record {
    my ($record, $name, $tag) = @_;

    return interface($record, $name, $tag)
        unless grep { $_->{kind} eq 'body' } @{ $record->{fields} };

    return interface($record, "${name}Of<E extends EventName>", $tag)
        . "\nexport type $name =\n"
        . "    { [E in EventName]: ${name}Of<E> }[EventName];\n";
}


sub interface {
    my ($record, $name, $tag) = @_;

    my @fields = @{ $record->{fields} };
    my $generic = $name =~ /</;
    my $head = "\n" . doc('', $record->{doc});

    return $head . "export type $name = Record<string, never>;\n"
        unless @fields || defined $tag;

    my $out = $head . "export interface $name {\n";

    $out .= '    t: ' . quote($tag) . ";\n" if defined $tag;

    for my $f (@fields) {
        my $type = $f->{kind} eq 'body' ? 'EventBodies[E]'
                 : $generic && $f->{name} eq 'e' ? 'E'
                 : field_type($f);

        $out .= doc('    ', $f->{doc});
        $out .= sprintf "    %s%s: %s;\n", $f->{name},
                        $f->{required} ? '' : '?', $type;
    }

    return "$out}\n";
}


sub field_type {
    my ($f) = @_;

    return $scalar{ $f->{kind} } // camel($f->{sub}{name})
        . ($f->{kind} eq 'list' ? '[]' : '');
}


sub bodies {
    my (@events) = @_;

    return "\n/** Events clients see, by name. */\n"
        . "export interface EventBodies {\n"
        . join('', map { "    $_->{name}: " . camel($_->{name}) . "Body;\n" }
                   @events)
        . "}\n\nexport type EventName = keyof EventBodies;\n";
}


sub errors {
    my ($schema) = @_;

    my @errors = @{ $schema->{errors} };
    my $out = union('What to do after an error.', 'ErrorClass',
                    map { quote($_) } qw(final temporary gap))
        . union('Names of errors.', 'ErrorCode',
                map { quote($_->{name}) } @errors)
        . "\nexport interface ErrorInfo {\n"
        . "    number: number;\n"
        . "    http: number;\n"
        . "    class: ErrorClass;\n"
        . "    text: string;\n"
        . "}\n\n"
        . "export const ERRORS: Readonly<Record<ErrorCode, ErrorInfo>> = {\n";

    for my $e (@errors) {
        $out .= "    $e->{name}: {\n"
            . "        number: $e->{number},\n"
            . "        http: $e->{http},\n"
            . "        class: " . quote($e->{klass}) . ",\n"
            . "        text: " . quote($e->{text}) . ",\n"
            . "    },\n";
    }

    return "$out};\n";
}


sub limits {
    my ($schema) = @_;

    my $out = "\nexport const LIMITS = {\n";

    for my $limit (@{ $schema->{limits} }) {
        $out .= doc('    ', "$limit->{unit} $limit->{doc}")
            . "    $limit->{name}: $limit->{value},\n";
    }

    return "$out} as const;\n";
}


sub quote {
    my ($text) = @_;

    $text =~ s/([\\'])/\\$1/g;

    return "'$text'";
}


1;
