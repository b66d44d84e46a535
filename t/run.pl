#!/usr/bin/perl

# Runs tests under one harness and ends with the line "N passed, N failed":
#
#     t/run.pl [--jobs N] [--alone FILE]... FILE...
#
# *.t are Perl, *.mjs Node, everything else is run as it is (C units).  Those
# named by --alone run one after the other when the rest is done.

use v5.36;

use Getopt::Long;
use TAP::Formatter::Console;
use TAP::Harness;

GetOptions('jobs=i' => \(my $jobs = 2), 'alone=s' => \my @alone)
    or die "usage: t/run.pl [--jobs N] [--alone FILE]... FILE...\n";

$ENV{CMOCKA_MESSAGE_OUTPUT} = 'TAP';
$ENV{UBSAN_OPTIONS} //= 'halt_on_error=1:print_stacktrace=1';

my %alone = map { $_ => 1 } @alone;
my @tests = ((grep { !$alone{$_} } @ARGV), @alone);
@tests or die "no tests\n";

my $harness = TAP::Harness->new({
    jobs => $jobs,
    timer => 1,
    failures => 1,
    color => -t STDOUT ? 1 : 0,
    rules => {seq => [
        {par => [grep { !$alone{$_} } @tests]},
        (map { {seq => $_} } @alone),
    ]},
    exec => sub ($h, $file) {
        return [$^X, '-It/lib', $file] if $file =~ /\.t$/;
        return ['node', '--test', '--test-reporter=tap', $file]
            if $file =~ /\.mjs$/;
        return [$file];
    },
});

my $all = $harness->runtests(@tests);

# a file that died or did not keep its plan is a failure even if none of its
# assertions failed
my $failed = $all->failed;
for my $parser ($all->parsers) {
    $failed++ if $parser->has_problems && !$parser->failed;
}

printf "%d passed, %d failed\n", scalar $all->passed, $failed;
exit($failed || !$all->passed ? 1 : 0);
