#!/usr/bin/perl

# make gen: writes everything that is generated (docs/internals/schema.md).
# usage: gen.pl [DIR]   DIR = where to write instead of the checkout

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Path qw(make_path);
use FindBin qw($RealBin);

use lib $RealBin;

use Schema;
use Emit::Bounds;
use Emit::C;
use Emit::Reference;
use Emit::Scripts;
use Emit::TypeScript;

my $root = dirname($RealBin);
my $to = shift // $root;

my $schema = Schema->load("$root/schema/chat.schema");

my %files = (
    Emit::Bounds::files($schema),
    Emit::C::files($schema),
    Emit::Reference::files($schema),
    Emit::Scripts::files("$root/bus/scripts"),
    Emit::TypeScript::files($schema),
);

for my $file (sort keys %files) {
    write_file("$to/$file", $files{$file});
}


# Unchanged files keep their time, so that make rebuilds nothing.
sub write_file {
    my ($path, $text) = @_;

    utf8::encode($text);

    if (open my $fh, '<:raw', $path) {
        local $/;
        return if <$fh> eq $text;
    }

    make_path(dirname($path));

    open my $fh, '>:raw', $path or die "$path: $!\n";
    print $fh $text or die "$path: $!\n";
    close $fh or die "$path: $!\n";
}
