package Emit::C;

# core/gen/chat_schema.[ch]: enums, structs and the tables the codecs run on.

use strict;
use warnings;

use Emit::Text qw(wrap_comment upper);

my %c_type = (bool => 'unsigned char', int => 'int64_t', u64 => 'uint64_t',
              enum => 'int', string => 'chat_str_t', body => 'chat_str_t',
              list => 'chat_list_t');

my %c_kind = (bool => 'BOOL', int => 'INT', u64 => 'U64', enum => 'ENUM',
              string => 'STR', body => 'RAW', object => 'OBJ',
              list => 'LIST');

my $notice = "Written by schema/gen.pl from schema/chat.schema: do not edit.";

# What each class of record is called in C: chat_<prefix><name>_t.
my %prefix = (object => '', event => 'ev_', command => 'cmd_',
              frame => 'frame_');

my %range = (bool => [0, 1], int => ['-CHAT_INT_MAX', 'CHAT_INT_MAX'],
             u64 => [0, 'INT64_MAX'], body => [0, 'INT64_MAX'],
             object => [0, 0], list => [0, 'INT64_MAX']);


sub files {
    my ($schema) = @_;

    return ('core/gen/chat_schema.h' => header($schema),
            'core/gen/chat_schema.c' => source($schema));
}


sub records {
    my ($schema) = @_;

    return map { @{ $schema->{$_} } } qw(objects events commands frames);
}


sub stem {
    my ($record) = @_;

    return $prefix{ $record->{class} } . $record->{name};
}


sub header {
    my ($schema) = @_;

    my $out = "\n/*\n * $notice\n */\n\n"
        . "#ifndef _CHAT_SCHEMA_H_INCLUDED_\n"
        . "#define _CHAT_SCHEMA_H_INCLUDED_\n\n\n"
        . "#include \"chat_json.h\"\n";

    $out .= section('enums');
    $out .= enum($_->{doc}, "chat_$_->{name}_e", upper("chat_$_->{name}"),
                 1, @{ $_->{values} }) for @{ $schema->{enums} };
    $out .= "\n";
    $out .= "extern const char *const  chat_$_->{name}_names[];\n"
        for @{ $schema->{enums} };

    for my $class (qw(object event command frame)) {
        $out .= section("${class}s");
        $out .= struct($_) for @{ $schema->{"${class}s"} };
    }

    $out .= section('presence');
    $out .= presence($_) for records($schema);

    $out .= section('descriptors');
    $out .= 'extern const chat_type_t  chat_' . stem($_) . "_type;\n"
        for records($schema);

    $out .= section('tables');
    $out .= enum('Events by their stored number.', 'chat_event_e', 'CHAT_EV',
                 1, @{ $schema->{events} });
    $out .= enum('Commands of clients.', 'chat_command_e', 'CHAT_CMD', 1,
                 @{ $schema->{commands} });
    $out .= enum('Frames of the server.', 'chat_frame_e', 'CHAT_FRAME', 1,
                 @{ $schema->{frames} });
    $out .= enum('Errors as clients are told.', 'chat_error_e', 'CHAT_E', 1,
                 map { { %$_, doc => $_->{text} } } @{ $schema->{errors} });
    $out .= enum('Statistics.', 'chat_stat_e', 'CHAT_STAT', 1,
                 @{ $schema->{stats} });
    my $i = 0;
    $out .= enum('Metrics of a worker.', 'chat_metric_e', 'CHAT_METRIC', 0,
                 map { { %$_, number => $i++ } } @{ $schema->{metrics} });
    $out .= definitions();

    $out .= union('One command, decoded.', 'cmd', 'chat_command_t',
                  @{ $schema->{commands} });
    $out .= union('The body of one event, decoded.', 'ev',
                  'chat_event_body_t', @{ $schema->{events} });

    $out .= section('limits');
    for my $limit (@{ $schema->{limits} }) {
        $out .= wrap_comment('', "$limit->{unit} $limit->{doc}");
        $out .= sprintf "#define %-30s %s\n",
            'CHAT_LIMIT_' . uc $limit->{name}, $limit->{value};
    }

    return $out . "\n\n#endif /* _CHAT_SCHEMA_H_INCLUDED_ */\n";
}


sub section {
    my ($title) = @_;

    return "\n\n/* $title " . ('-' x (72 - length $title)) . " */\n";
}


sub enum {
    my ($doc, $type, $stem, $first, @values) = @_;

    my $out = "\n" . wrap_comment('', $doc) . "typedef enum $type {\n";

    for my $value (@values) {
        $out .= commented(sprintf('    %s_%s = %d,', $stem,
                                  uc $value->{name}, $value->{number}),
                          $value->{doc});
    }

    my ($last) = sort { $b <=> $a } map { $_->{number} } @values;

    return $out . sprintf "    %s_MAX = %d\n} $type;\n", $stem, $last + 1;
}


# A struct's member or an enumerator with its comment: beside it, or above
# where it does not fit.
sub commented {
    my ($line, $text) = @_;

    return "$line\n" unless length $text;

    my $beside = sprintf '%-40s  /* %s */', $line, $text;

    return "$beside\n" if length $beside <= 79;
    return wrap_comment('    ', $text) . "$line\n";
}


sub member {
    my ($type, $name, $text) = @_;

    return commented(sprintf('    %-24s %s;', $type, $name), $text // '');
}


sub struct {
    my ($record) = @_;

    my $type = 'chat_' . stem($record) . '_t';
    my $out = "\n" . wrap_comment('', $record->{doc}) . "typedef struct {\n"
        . member('uint64_t', 'has');

    for my $f (@{ $record->{fields} }) {
        my $name = $f->{kind} eq 'object' ? "chat_$f->{sub}{name}_t"
                                          : $c_type{ $f->{kind} };
        my @note = grep { length } field_note($f), $f->{doc};

        $out .= member($name, $f->{name}, join ': ', @note);
    }

    return "$out} $type;\n";
}


sub union {
    my ($doc, $prefix, $type, @records) = @_;

    return join '', "\n\n/* $doc */\ntypedef union {\n",
        (map { member("chat_${prefix}_$_->{name}_t", $_->{name}) } @records),
        "} $type;\n";
}


sub field_note {
    my ($f) = @_;

    return "chat_$f->{sub}{name}_e" if $f->{kind} eq 'enum';
    return "of chat_$f->{sub}{name}_t" if $f->{kind} eq 'list';
    return '';
}


sub presence {
    my ($record) = @_;

    my $stem = 'CHAT_F_' . upper(stem($record));
    my $i = 0;

    return '' unless @{ $record->{fields} };

    return join '', "\n", map { sprintf "#define %-40s %d\n",
                                "${stem}_" . uc $_->{name}, $i++ }
                          @{ $record->{fields} };
}


sub definitions {
    return <<'END';


typedef enum {
    CHAT_AUDIENCE_PUBLIC = 1,
    CHAT_AUDIENCE_STAFF = 2,
    CHAT_AUDIENCE_SYSTEM = 3
} chat_audience_e;

typedef struct {
    int                      number;
    chat_str_t               name;
    int                      durable;
    int                      audience;   /* chat_audience_e */
    const chat_type_t       *type;
} chat_event_def_t;

typedef struct {
    int                      number;
    chat_str_t               name;
    unsigned                 actors;     /* 1 << chat_actor_kind_e */
    int                      write;      /* it carries a number n */
    const chat_type_t       *type;
} chat_command_def_t;

typedef struct {
    int                      number;
    chat_str_t               name;
    const chat_type_t       *type;
} chat_frame_def_t;

typedef enum {
    CHAT_ERROR_FINAL = 1,                /* refused for good */
    CHAT_ERROR_TEMPORARY,                /* send the same number again */
    CHAT_ERROR_GAP                       /* resend from `expected` */
} chat_error_class_e;

typedef struct {
    int                      number;
    chat_str_t               name;
    int                      http;
    int                      klass;      /* chat_error_class_e */
    chat_str_t               text;
} chat_error_def_t;

#define CHAT_DIM_SITE      0x01
#define CHAT_DIM_OPERATOR  0x02

typedef struct {
    int                      number;
    chat_str_t               name;
    int                      histogram;
    chat_str_t               unit;
    unsigned                 dims;       /* CHAT_DIM_* */
    chat_str_t               doc;
} chat_stat_def_t;

typedef struct {
    chat_str_t               name;
    int                      gauge;
    chat_str_t               unit;
    chat_str_t               doc;
} chat_metric_def_t;

/* Indexed by number; unused numbers have an empty name. */
extern const chat_event_def_t    chat_events[CHAT_EV_MAX];
extern const chat_command_def_t  chat_commands[CHAT_CMD_MAX];
extern const chat_frame_def_t    chat_frames[CHAT_FRAME_MAX];
extern const chat_error_def_t    chat_errors[CHAT_E_MAX];
extern const chat_stat_def_t     chat_stats[CHAT_STAT_MAX];
extern const chat_metric_def_t   chat_metrics[CHAT_METRIC_MAX];

/* Every object of the schema; NULL ends it. */
extern const chat_type_t *const  chat_objects[];
END
}


sub source {
    my ($schema) = @_;

    my $out = "\n/*\n * $notice\n */\n\n"
        . "#include \"chat_schema.h\"\n";

    $out .= names($_) for @{ $schema->{enums} };
    $out .= descriptor($_) for records($schema);

    $out .= table('chat_event_def_t', 'chat_events', 'CHAT_EV_MAX',
        map { [ number("CHAT_EV", $_), str($_->{name}), $_->{durable},
                'CHAT_AUDIENCE_' . uc $_->{audience},
                "&chat_ev_$_->{name}_type" ] } @{ $schema->{events} });

    $out .= table('chat_command_def_t', 'chat_commands', 'CHAT_CMD_MAX',
        map { [ number("CHAT_CMD", $_), str($_->{name}), actors($_),
                $_->{write}, "&chat_cmd_$_->{name}_type" ] }
        @{ $schema->{commands} });

    $out .= table('chat_frame_def_t', 'chat_frames', 'CHAT_FRAME_MAX',
        map { [ number("CHAT_FRAME", $_), str($_->{name}),
                "&chat_frame_$_->{name}_type" ] } @{ $schema->{frames} });

    $out .= table('chat_error_def_t', 'chat_errors', 'CHAT_E_MAX',
        map { [ number("CHAT_E", $_), str($_->{name}), $_->{http},
                'CHAT_ERROR_' . uc $_->{klass}, str($_->{text}) ] }
        @{ $schema->{errors} });

    $out .= table('chat_stat_def_t', 'chat_stats', 'CHAT_STAT_MAX',
        map { [ number("CHAT_STAT", $_), str($_->{name}),
                $_->{kind} eq 'histogram' ? 1 : 0, str($_->{unit}),
                join(' | ', map { 'CHAT_DIM_' . uc } @{ $_->{dims} }),
                str($_->{doc}) ] } @{ $schema->{stats} });

    $out .= table('chat_metric_def_t', 'chat_metrics', 'CHAT_METRIC_MAX',
        map { [ 'CHAT_METRIC_' . uc $_->{name}, undef, str($_->{name}),
                $_->{kind} eq 'gauge' ? 1 : 0, str($_->{unit}),
                str($_->{doc}) ] } @{ $schema->{metrics} });

    $out .= "\n\nconst chat_type_t *const  chat_objects[] = {\n";
    $out .= "    &chat_$_->{name}_type,\n" for @{ $schema->{objects} };

    return "$out    NULL\n};\n";
}


sub str {
    my ($text) = @_;

    $text =~ s/([\\"])/\\$1/g;

    return "chat_string(\"$text\")";
}


# The index of a row, and the number as its first member.
sub number {
    my ($stem, $row) = @_;

    my $name = $stem . '_' . uc $row->{name};

    return ($name, $name);
}


sub actors {
    my ($command) = @_;

    return join ' | ', map { '1 << CHAT_ACTOR_KIND_' . uc }
                       @{ $command->{actors} };
}


sub names {
    my ($enum) = @_;

    my %name = map { $_->{number} => $_->{name} } @{ $enum->{values} };
    my $last = $enum->{values}[-1]{number};
    my $out = "\n\nconst char *const  chat_$enum->{name}_names[] = {\n";

    $out .= sprintf "    \"%s\",\n", $name{$_} // '' for 0 .. $last;

    return "$out    NULL\n};\n";
}


sub descriptor {
    my ($record) = @_;

    my $stem = 'chat_' . stem($record);
    my @rows = map { field_row("${stem}_t", $_) } @{ $record->{fields} };
    my $out = "\n\n";
    my $fields = 'NULL';

    if (@rows) {
        $fields = "${stem}_fields";
        $out .= "static const chat_field_t  ${fields}[] = {\n"
            . join(",\n", @rows) . "\n};\n\n";
    }

    return $out . "const chat_type_t  ${stem}_type = {\n"
        . "    \"$record->{name}\", sizeof(${stem}_t),\n    $fields, "
        . @rows . "\n};\n";
}


sub field_row {
    my ($type, $f) = @_;

    my @flags = map { 'CHAT_FIELD_' . uc } grep { $f->{$_} }
                qw(required secret);
    my ($min, $max) = defined $f->{max} ? @$f{qw(min max)}
                    : $f->{kind} eq 'enum'
                        ? (1, $f->{sub}{values}[-1]{number})
                    : @{ $range{ $f->{kind} } };
    $min = $f->{min} // $min;

    my $sub = $f->{kind} =~ /^(?:object|list)$/
              ? "&chat_$f->{sub}{name}_type" : 'NULL';
    my $names = $f->{kind} eq 'enum' ? "chat_$f->{sub}{name}_names" : 'NULL';

    return row(str($f->{name}), $f->{number}, "CHAT_KIND_$c_kind{$f->{kind}}",
               (join(' | ', @flags) || 0), 'CHAT_PRIVACY_' . uc $f->{privacy},
               "offsetof($type, $f->{name})", $min, $max, $sub, $names);
}


sub table {
    my ($type, $name, $size, @rows) = @_;

    return "\n\nconst $type  ${name}[$size] = {\n"
        . join(",\n", map { my ($index, @cells) = @$_;
                            "    [$index] =\n"
                            . row(grep { defined } @cells) } @rows)
        . "\n};\n";
}


# "    { a, b, c }" filled to 79 columns.
sub row {
    my @cells = @_;

    my @lines;
    my $line = '    { ' . shift @cells;

    for my $cell (@cells) {
        if (length($line) + length($cell) + 5 > 79) {
            push @lines, "$line,";
            $line = "      $cell";
        } else {
            $line .= ", $cell";
        }
    }

    return join "\n", map { long_line($_) } @lines, "$line }";
}


# A text longer than a line is cut at blanks into adjacent literals.
sub long_line {
    my ($line) = @_;

    return $line if length $line < 79;

    my ($indent, $head, $text, $tail) =
        $line =~ /^(\s*)(.*chat_string\(")(.*)("\).*)$/
        or die "cannot wrap: $line\n";
    my @parts;

    while (length($indent . $head . $text . $tail) >= 79) {
        my $room = 79 - length($indent . $head) - 1;
        my $cut = rindex $text, ' ', $room - 1;

        die "cannot wrap: $line\n" if $cut < 1;

        push @parts, $indent . $head . substr($text, 0, $cut + 1) . '"';
        $text = substr $text, $cut + 1;
        $head = ' ' x (length($head) - 1) . '"';
    }

    return join "\n", @parts, $indent . $head . $text . $tail;
}


1;
