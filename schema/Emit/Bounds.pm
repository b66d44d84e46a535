package Emit::Bounds;

# t/vectors/bounds.json: for every field with a range, values just inside and
# just outside.  Run by C (t/unit/core/json.c) against the real decoder.
#
#   [{"type": "cmd_hello", "field": "instance", "kind": "string",
#     "good": [8, 32], "bad": [7, 33]}, ...]
#
# Lengths of strings are in characters; numbers are the values themselves.

use strict;
use warnings;

use Emit::C;


sub files {
    my ($schema) = @_;

    my @rows = map { rows($_) } Emit::C::records($schema);

    return ('t/vectors/bounds.json' => "[\n" . join(",\n", @rows) . "\n]\n");
}


sub rows {
    my ($record) = @_;

    my $type = Emit::C::stem($record);

    return map { row($type, $_) }
           grep { $_->{kind} =~ /^(?:string|int|u64)$/ && defined $_->{min} }
           @{ $record->{fields} };
}


sub row {
    my ($type, $f) = @_;

    my ($min, $max) = @$f{qw(min max)};
    my %seen;
    my @good = grep { defined && !$seen{$_}++ } $min, $max;
    my @bad = grep { defined && ($f->{kind} eq 'int' || $_ >= 0) }
              $min - 1, defined $max ? $max + 1 : undef;

    return sprintf '  {"type": "%s", "field": "%s", "kind": "%s",%s'
                   . '   "good": [%s], "bad": [%s]}',
           $type, $f->{name}, $f->{kind}, "\n", join(', ', @good),
           join(', ', @bad);
}


1;
