#!/usr/bin/perl

# Nothing is lost, doubled or reordered, and the figures are true, whatever
# is reloaded, killed and restarted meanwhile:
#
#     bench/chaos.pl [--messages 100000] [--dialogs 200] [--accounts 4]
#         [--operators 2] [--reload 2] [--worker 3] [--statd 1]
#         [--redis-term 1] [--redis-kill 1] [--fsync-ms 1500]
#         [--deadline 900] [--seed N]

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../t/lib";
use Chat::Chaos;
use Getopt::Long;

chdir "$FindBin::Bin/.." or die $!;

my %opt = (messages => 100_000, dialogs => 200, accounts => 4,
           operators => 2, reload => 2, worker => 3, statd => 1,
           'redis-term' => 1, 'redis-kill' => 1, 'fsync-ms' => 1500,
           deadline => 900, seed => time);
GetOptions(\%opt, map { "$_=i" } keys %opt) or die "see the head of $0\n";
srand $opt{seed};
$| = 1;

my $chaos = Chat::Chaos->new(
    (map { $_ => $opt{$_} } qw(messages dialogs accounts operators deadline)),
    fsync_ms => $opt{'fsync-ms'},
    faults => {map { tr/-/_/r => $opt{$_} }
               qw(reload worker statd redis-term redis-kill)},
    say => sub ($text) { say $text },
);

say "seed $opt{seed}";
$chaos->start;
$chaos->open_dialogs;
$chaos->talk;
$chaos->settle;

my $v = $chaos->verdict;
my $f = $chaos->figures;

printf "%d messages between %d dialogs in %.1f s: %.0f a second; "
    . "acknowledged after %.1f ms (median), %.0f ms (99 %%), %.1f s (worst)\n",
    $f->{messages}, $opt{dialogs}, $f->{seconds}, $f->{rate},
    1000 * $f->{p50}, 1000 * $f->{p99}, $f->{max};
# rewritten: acknowledged, lost by Redis, and there again
say join ', ', map { "$_ $f->{$_}" }
    qw(rewritten connects resets resent already gaps temporary dups);
say join ', ', map { "$_ $v->{$_}" } sort keys %$v;
say for splice @{$chaos->{why}}, 0, 20;

my $bad = grep { $_ } values %$v;
Test::More::ok(!$bad, 'nothing lost, doubled, reordered; figures true');
$chaos->{t}->done;
exit($bad ? 1 : 0);
