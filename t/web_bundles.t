#!/usr/bin/env perl

# Promise: the bundles that are committed are those the sources give, so that
# `make run` and the packages need no Node; and the browsers' own tests pass.

use v5.36;

use Digest::SHA ();
use File::Basename qw(dirname);
use File::Find qw(find);
use File::Spec;
use File::Temp qw(tempdir);
use Test::More;

my $top = File::Spec->rel2abs(dirname(__FILE__) . '/..');
my $tmp = tempdir(CLEANUP => 1);
my %bundles = (
    'widget' => 'widget/dist',
    'lua-free-admin/web' => 'lua-free-admin/web/dist',
);

chdir $top or die "$top: $!\n";

# a checkout that `make test` has not prepared
system('make -s node_modules/.package-lock.json') == 0
    or BAIL_OUT('npm ci failed');

for my $dir (sort keys %bundles) {
    my $fresh = "$tmp/" . $dir =~ tr{/}{-}r;

    is system('node', "$dir/build.mjs", $fresh), 0, "$dir is built";
    is_deeply digests($fresh), digests($bundles{$dir}),
        "$bundles{$dir} is what the sources give (else: make web)";
}

is system('npx --no-install tsc --version >/dev/null 2>&1'), 0,
    'the pinned compiler is there';

for my $dir ('client', 'widget', 'lua-free-admin/web', 't/web') {
    my $said = `npx --no-install tsc -p $dir 2>/dev/null`;

    is $?, 0, "types of $dir" or diag $said;
}

my $said = `node t/web/run.mjs --reporter tap 2>&1`;

is $?, 0, 'unit tests of the browsers\' code' or diag $said;
my ($pass) = $said =~ /^# pass (\d+)/m;
cmp_ok $pass, '>', 60, "$pass of them";

diag $1 while $said =~ /^# (size .*)/mg;

done_testing;


# name -> digest of every file below a folder
sub digests ($dir) {
    my %file;

    find({no_chdir => 1, wanted => sub {
        return unless -f;
        $file{substr $_, 1 + length $dir} =
            Digest::SHA->new(256)->addfile($_)->hexdigest;
    }}, $dir);

    return \%file;
}
