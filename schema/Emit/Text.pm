package Emit::Text;

# Small things all emitters share.

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(wrap wrap_comment upper camel);


# Lines of at most $width characters.
sub wrap {
    my ($width, $text) = @_;

    my @lines = ('');

    for my $word (split ' ', $text) {
        if (length $lines[-1] && length("$lines[-1] $word") > $width) {
            push @lines, $word;
        } else {
            $lines[-1] .= length $lines[-1] ? " $word" : $word;
        }
    }

    return @lines;
}


# A C comment, on one line if it fits into 79 columns.
sub wrap_comment {
    my ($indent, $text) = @_;

    my $line = "$indent/* $text */";

    return "$line\n" if length $line <= 79;

    return join '', "$indent/*\n",
        (map { "$indent * $_\n" } wrap(76 - length $indent, $text)),
        "$indent */\n";
}


sub upper {
    my ($name) = @_;

    return uc $name;
}


# dialog_view -> DialogView
sub camel {
    my ($name) = @_;

    return join '', map { ucfirst } split /_/, $name;
}


1;
