#!/usr/bin/perl

# Nothing is lost, doubled or reordered, and the figures are true, whatever
# is reloaded, upgraded, stopped, killed and restarted meanwhile:
#
#     bench/chaos.pl [--messages 100000] [--dialogs 200] [--accounts 4]
#         [--operators 2] [--FAULT N]... [--fsync-ms 1500] [--deadline 900]
#         [--seed N]
#     bench/chaos.pl --minutes 10 [--faults 8] [--seed N] [...]
#
# FAULT is a name of the table in Chat::Chaos::Faults (--redis-kill 3), N how
# often it strikes.  With --minutes: rounds of so many faults, at least so many messages
# (10000) in so many dialogs (60) against the same servers, until the time is
# over; which faults, and in what order, is dealt from a shuffled pack of all,
# so each has its turn, and so has each of the two nodes.  After every round all
# that was said is looked for (I1, I2: docs/internals/faults.md; the clients
# watch I3), and nothing may remain of who was killed, reloaded or has gone:
# slots, workers that drain, connections, writes that wait, open files (I4).
#
# At the end the same workers live through three more rounds (four minutes), of
# all faults that leave them alive: what they have allocated and not freed after
# the last is what it was after the first (I4).  And Redis must have lost what
# was acknowledged, or all of this has proved less than it says.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../t/lib";
use Chat::Chaos;
use Chat::Loop qw(now wait_for);
use Getopt::Long;
use List::Util qw(shuffle sum);
use Test::More;

chdir "$FindBin::Bin/.." or die $!;

# Of workers that have seen two rounds more.  soak.pl's head says what has a
# bound of its own.
my $BYTES = 512 * 1024;
my $BLOCKS = 400;

# A kill that loses nothing is rare, but there is such a moment.
my $KILLS = 3;

my %times = ((map { $_ => 1 } Chat::Chaos->faults),
             reload => 2, worker => 3, redis_kill => 3);
my %opt = (messages => 0, dialogs => 0, accounts => 4, operators => 2,
           'fsync-ms' => 1500, deadline => 900, faults => 8, seed => time,
           minutes => 0);
GetOptions((map { ("$_=i" => \$opt{$_}) } keys %opt),
           map { (tr/_/-/r . '=i' => \$times{$_}) } keys %times)
    or die "see the head of $0\n";
$opt{messages} ||= $opt{minutes} ? 10_000 : 100_000;
$opt{dialogs} ||= $opt{minutes} ? 60 : 200;
srand $opt{seed};
$| = 1;

my $chaos = Chat::Chaos->new(
    (map { $_ => $opt{$_} } qw(messages dialogs accounts operators deadline)),
    fsync_ms => $opt{'fsync-ms'}, faults => \%times,
    heap => 1,
    say => sub ($text) { say $text },
);
my (%bad, $first, @pack, @holds);

say "seed $opt{seed}";
$chaos->start;
my $end = now() + 60 * $opt{minutes};

do {
    $chaos->{faults} = deal() if $opt{minutes};
    round();
} while (now() < $end && !sum(values %bad));

# The first one is twice as long, and ends with another history: that is when
# most calls wait.
my @stay = Chat::Chaos->staying;
@$chaos{qw(messages dialogs)} = (10_000, 60);

while (@holds < 3 && !sum(values %bad)) {
    $chaos->{faults} = @holds ? [shuffle @stay]
                              : [shuffle(@stay, @stay), 'redis_readonly'];
    round();
    push @holds, {%{$chaos->holds}, messages => $chaos->{all}};
    say "workers $holds[-1]{workers} hold $holds[-1]{bytes} bytes in "
        . "$holds[-1]{blocks} blocks, $holds[-1]{private_kb} kB private";
}

my $f = $chaos->figures;

printf "%d messages in %.1f s: %.0f a second; "
    . "acknowledged after %.1f ms (median), %.0f ms (99 %%), %.1f s (worst)\n",
    $f->{messages}, $f->{seconds}, $f->{rate},
    1000 * $f->{p50}, 1000 * $f->{p99}, $f->{max};
my %done;
$done{$_}++ for @{$chaos->{done}};
say 'faults: ', join ', ', map { "$_ $done{$_}" } sort keys %done;
# rewritten: acknowledged, lost by Redis, and there again; stale: Chat::Client
say join ', ', map { "$_ $f->{$_}" } qw(rounds rewritten connects resets
                                       resent already gaps temporary stale);
say join ', ', map { "$_ $bad{$_}" } sort keys %bad;

ok(!sum(values %bad), 'nothing lost, doubled, reordered; figures true');
cmp_ok($f->{rewritten}, '>', 0, 'Redis had lost what was acknowledged')
    if ($done{redis_kill} // 0) >= $KILLS;

if (@holds == 3) {
    is($holds[2]{workers}, $holds[0]{workers}, 'the same workers');
    my %more = map { $_ => $holds[2]{$_} - $holds[0]{$_} }
        qw(blocks bytes messages);
    cmp_ok($more{blocks}, '<=', $BLOCKS,
           "they keep no block of $more{messages} messages");
    cmp_ok($more{bytes}, '<=', $BYTES, 'buffers have a bound');
}

$chaos->{t}->done;


sub round() {
    $chaos->open_dialogs;
    $chaos->talk;
    $chaos->settle;

    my $v = $chaos->verdict;
    $bad{$_} += $v->{$_} for keys %$v;
    say for splice @{$chaos->{why}}, 0, 20;
    $chaos->end;
    $bad{remains} += remains();
    say "round $chaos->{rounds}: ",
        join ', ', map { "$_ $bad{$_}" } sort keys %bad;
}

# {name => how often} of the next ones of the pack.
sub deal() {
    my %dealt;

    for (1 .. $opt{faults}) {
        @pack = shuffle(map { ($_) x $times{$_} } sort keys %times)
            unless @pack;
        last unless @pack;
        $dealt{shift @pack}++;
    }

    return \%dealt;
}

# What the first round has left is the measure; a little later at the latest.
sub remains() {
    my $r;
    my $clean = eval {
        wait_for(sub {
            $chaos->clean($r = $chaos->remains, $first && $first->{files});
        }, 30, 'nothing remains');
    };
    say 'remains: ', join ', ', map { "$_ $r->{$_}" } sort keys %$r
        unless $clean;
    $first //= $r;
    return $clean ? 0 : 1;
}
