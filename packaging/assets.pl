#!/usr/bin/perl

# The browsers' bundles as a C table, for ngx_http_chat_static.c:
#
#     assets.pl ROOT OUT.c
#
# Reads ROOT/widget/dist and ROOT/lua-free-admin/web/dist, writes OUT.c and,
# beside it, OUT.c.N.gz for what shrinks.  The files themselves are taken in
# by the assembler (.incbin), so that a megabyte costs no compile time.  Same
# input, same output.

use v5.36;

use Cwd qw(abs_path);
use Digest::SHA qw(sha256_base64);
use File::Basename qw(dirname basename);
use File::Find qw(find);
use IO::Compress::Gzip qw($GzipError);

my %type = (
    css => 'text/css; charset=utf-8',
    html => 'text/html; charset=utf-8',
    ico => 'image/x-icon',
    js => 'text/javascript; charset=utf-8',
    json => 'application/json',
    map => 'application/json',
    png => 'image/png',
    svg => 'image/svg+xml',
    txt => 'text/plain; charset=utf-8',
    webmanifest => 'application/manifest+json',
    woff2 => 'font/woff2',
);
my %packed = map { $_ => 1 } qw(ico png woff2);

@ARGV == 2 or die "usage: assets.pl ROOT OUT.c\n";
my ($root, $out) = @ARGV;
my ($n, $asm, $rows) = (0, '', '');

$root = abs_path($root) // die "$ARGV[0]: $!\n";
my $beside = abs_path(dirname($out)) . '/' . basename($out);

for my $set ([widget => 'widget/dist'],
             [cabinet => 'lua-free-admin/web/dist'])
{
    my ($name, $dir) = @$set;
    $rows .= "\nconst ngx_http_chat_asset_t  ngx_http_chat_${name}_assets[]"
        . " = {\n" . join('', map { row($dir, $_) } files("$root/$dir"))
        . "    { ngx_null_string, ngx_null_string, ngx_null_string, 0, NULL,"
        . " NULL, NULL, NULL }\n};\n";
}

spew($out, <<"END");
/* Written by packaging/assets.pl. */

#include "ngx_http_chat_static.h"

$asm
$rows
END


sub files ($dir) {
    return () unless -d $dir;
    my @files;
    find({no_chdir => 1, wanted => sub {
        push @files, substr $_, 1 + length $dir if -f && !m{/\.};
    }}, $dir);
    return sort @files;
}


# One file: its bytes, its gzip when that is a tenth smaller, its row.
sub row ($dir, $path) {
    my $file = "$root/$dir/$path";
    my $text = slurp($file);
    my ($ext) = $path =~ /\.([a-z0-9]+)$/;
    my $type = $type{$ext // ''} // die "$dir/$path: what type is that?\n";
    die "$dir/$path: odd name\n" unless $path =~ m{^[A-Za-z0-9._/-]+$};

    my $etag = '\"' . substr(sha256_base64($text) =~ tr{+/}{-_}r, 0, 22)
        . '\"';
    my $hashed = $path =~ /-[A-Za-z0-9_]{8,}\.[a-z0-9]+$/ ? 1 : 0;
    my $gz = 'NULL, NULL';

    if (!$packed{$ext}) {
        IO::Compress::Gzip::gzip(\$text, \my $small, -Level => 9,
                                 -Minimal => 1) or die $GzipError;
        if (length $small < 0.9 * length $text) {
            spew("$beside.$n.gz", $small);
            $gz = bytes("$beside.$n.gz");
        }
    }

    my $plain = bytes($file);
    return "    { ngx_string(\"$path\"),\n      ngx_string(\"$type\"),\n"
        . "      ngx_string(\"$etag\"), $hashed,\n      $plain, $gz },\n";
}


sub bytes ($file) {
    my $sym = 'ngx_http_chat_asset_' . $n++;
    $asm .= <<"END";
__asm__(".pushsection .rodata\\n"
        ".global ${sym}_start\\n.hidden ${sym}_start\\n"
        ".global ${sym}_end\\n.hidden ${sym}_end\\n"
        "${sym}_start: .incbin \\"$file\\"\\n"
        "${sym}_end: .byte 0\\n"
        ".popsection");
extern const u_char  ${sym}_start[], ${sym}_end[];
END
    return "${sym}_start, ${sym}_end";
}


sub slurp ($file) {
    open my $fh, '<:raw', $file or die "$file: $!\n";
    local $/;
    return scalar <$fh>;
}

sub spew ($file, $text) {
    open my $fh, '>:raw', $file or die "$file: $!\n";
    print $fh $text;
    close $fh or die "$file: $!\n";
}
