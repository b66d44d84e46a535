#!/usr/bin/perl

# Nothing is lost, doubled or reordered, and the figures are true, whatever
# is reloaded, killed and restarted meanwhile:
#
#     bench/chaos.pl [--messages 100000] [--dialogs 200] [--accounts 4]
#         [--operators 2] [--reload 2] [--worker 3] [--statd 1]
#         [--redis-term 1] [--redis-kill 1] [--fsync-ms 1500]
#         [--deadline 900] [--seed N]
#     bench/chaos.pl --minutes 10 [--seed N] [...]
#
# With --minutes: rounds of at least so many messages (10000) in so many
# dialogs (60) against the same servers, until the time is over; the same
# number of faults in each, but which of them, and in what order, is drawn
# anew.  After every round all that was said is looked for (I1, I2:
# docs/internals/faults.md; the clients watch I3), and nothing may remain of
# who was killed, reloaded or has gone: slots, workers that drain, open files
# (I4).

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../t/lib";
use Chat::Chaos;
use Chat::Loop qw(now wait_for);
use Getopt::Long;
use List::Util qw(sum);

chdir "$FindBin::Bin/.." or die $!;

my @FAULTS = qw(reload worker statd redis-term redis-kill);
my %opt = (messages => 0, dialogs => 0, accounts => 4, operators => 2,
           reload => 2, worker => 3, statd => 1, 'redis-term' => 1,
           'redis-kill' => 1, 'fsync-ms' => 1500, deadline => 900,
           seed => time, minutes => 0);
GetOptions(\%opt, map { "$_=i" } keys %opt) or die "see the head of $0\n";
$opt{messages} ||= $opt{minutes} ? 10_000 : 100_000;
$opt{dialogs} ||= $opt{minutes} ? 60 : 200;
srand $opt{seed};
$| = 1;

my %faults = map { tr/-/_/r => $opt{$_} } @FAULTS;
my $chaos = Chat::Chaos->new(
    (map { $_ => $opt{$_} } qw(messages dialogs accounts operators deadline)),
    fsync_ms => $opt{'fsync-ms'}, faults => {%faults},
    long => $opt{minutes},
    say => sub ($text) { say $text },
);
my (%bad, $first);

say "seed $opt{seed}";
$chaos->start;
my $end = now() + 60 * $opt{minutes};

do {
    $chaos->{faults} = draw() if $opt{minutes};
    $chaos->open_dialogs;
    $chaos->talk;
    $chaos->settle;

    my $v = $chaos->verdict;
    $bad{$_} += $v->{$_} for keys %$v;
    say for splice @{$chaos->{why}}, 0, 20;
    $chaos->end;
    $bad{remains} += remains();
    say "round $chaos->{rounds}: ",
        join ', ', map { "$_ $bad{$_}" } sort keys %bad if $opt{minutes};
} while (now() < $end && !sum(values %bad));

my $f = $chaos->figures;

printf "%d messages in %.1f s: %.0f a second; "
    . "acknowledged after %.1f ms (median), %.0f ms (99 %%), %.1f s (worst)\n",
    $f->{messages}, $f->{seconds}, $f->{rate},
    1000 * $f->{p50}, 1000 * $f->{p99}, $f->{max};
my %done;
$done{$_}++ for @{$chaos->{done}};
say 'faults: ', join ', ', map { "$_ $done{$_}" } sort keys %done;
# rewritten: acknowledged, lost by Redis, and there again
say join ', ', map { "$_ $f->{$_}" } qw(rounds rewritten connects resets
                                       resent already gaps temporary dups);
say join ', ', map { "$_ $bad{$_}" } sort keys %bad;

my $bad = sum(values %bad);
Test::More::ok(!$bad, 'nothing lost, doubled, reordered; figures true');
$chaos->{t}->done;
exit($bad ? 1 : 0);


# As many faults as were told, of any kind that may occur at all.
sub draw() {
    my @kinds = grep { $faults{$_} } sort keys %faults;
    my %drawn;
    $drawn{$kinds[rand @kinds]}++ for 1 .. sum(values %faults);
    return \%drawn;
}

# What the first round has left is the measure; a little later at the latest.
sub remains() {
    my $r;
    my $clean = eval {
        wait_for(sub {
            $r = $chaos->remains;
            return $r->{workers} == 2 && !$r->{draining} && !$r->{no_slot}
                && (!$first || $r->{files} <= $first->{files});
        }, 30, 'nothing remains');
    };
    say 'remains: ', join ', ', map { "$_ $r->{$_}" } sort keys %$r
        unless $clean;
    $first //= $r;
    return $clean ? 0 : 1;
}
