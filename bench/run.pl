#!/usr/bin/perl

# The bench: our server, nchan and socket.io on this machine, at the same
# time, measured in turns (A, B, C, A, B, C ...), so that what else the
# machine does meets all of them.  Prints the table, writes bench/RESULTS.md.
# usage: bench/run.pl [--quick] [--only=NAME,NAME] [--pairs=N]
#        [--minutes=N]: begins no further pair after that time

use v5.36;
use FindBin qw($RealBin);
use lib "$RealBin", "$RealBin/../t/lib";

use Bench;
use Report;
use Getopt::Long;
use Test::More;

use Chat::Test;

my %opt = (pairs => 0);
GetOptions(\%opt, 'quick', 'only=s', 'pairs=i', 'minutes=i')
    or die "usage: bench/run.pl [--quick] [--only=NAME,NAME] [--pairs=N]"
        . " [--minutes=N]\n";
my $pairs = $opt{pairs} || ($opt{quick} ? 1 : 5);
my $seconds = $opt{quick} ? 1 : 2;
my %only = map { $_ => 1 } split /,/, $opt{only} // '';

my $t = Chat::Test->new;
my $began = time;
my $quick = $opt{quick};
my ($pair, $turn) = (0, 0);
my (%server, @notes);
my $report = Report->new;

sub wanted($name) { return !%only || $only{$name} }


# One figure of one server, kept until the table is made.
sub keep($figure, $server, $value) {
    return unless defined $value;
    $report->keep($figure, $server, $value, $turn);
    printf STDERR "# %-34s %-10s %s\n", $figure, $server,
        Report::round($value);
}

# What comes of faults is the same beside peers or not: not in two minutes.
sub others() { return $quick ? 'ours' : sort keys %server }

sub ms($us) { return defined $us ? $us / 1000 : undef }

# A run that may fail: what it said becomes a note, its figures are missing.
sub run($name, %args) {
    my $res = load($t, $server{$name}, %args);
    return $res unless $res->{failed};
    chomp(my $why = $res->{failed});
    push @notes, "$name, " . join(' ', map { "$_=$args{$_}" }
                                  sort keys %args) . ": $why";
    print STDERR "# $notes[-1]\n";
    return {};
}


# ----------------------------------------------------------------- the runs

# Every server with workers that have served nobody yet.
sub idle() {
    for my $name (sort keys %server) {
        for my $tls (0, $server{$name}{tls} && !$quick ? 1 : ()) {
            $server{$name}{fresh}->();
            my $r = run($name, mode => 'idle', tls => $tls,
                        n => $quick || $tls ? 1000 : 2000);
            keep($tls ? 'idle tls' : 'idle', $name, $r->{private_bytes});
        }
    }
}

# What the host takes away for milliseconds, a few times a second, decides about
# a hundredth of what is sent: more of it is looked at than elsewhere, and the
# host is, too.
sub latency() {
    for my $name (sort keys %server) {
        my $r = run($name, mode => 'dialogs', rate => 2000,
                    seconds => 3 * $seconds);
        keep("latency $_", $name, ms($r->{"latency_${_}_us"}))
            for qw(p50 p99 p999);
        keep('cpu per message', $name, $r->{cpu_us_per_message});
        keep($_, $name, $r->{$_}) for qw(lost doubled);
    }
    keep('gaps', 'limit',
         limit($t, 'gaps_percent', mode => 'gaps', seconds => 3 * $seconds));
}

# The same where the host gives away what sleeps.
sub asleep() {
    for my $name (sort keys %server) {
        my $r = run($name, mode => 'dialogs', rate => 2000,
                    seconds => $seconds);
        keep("asleep $_", $name, ms($r->{"latency_${_}_us"})) for qw(p50 p99);
    }
}

sub tls() {
    for my $name (grep { $server{$_}{tls} } sort keys %server) {
        my $r = run($name, mode => 'dialogs', rate => 2000,
                    seconds => $seconds, tls => 1);
        keep("tls $_", $name, ms($r->{"latency_${_}_us"})) for qw(p50 p99);
    }
}

# The highest rate of a ladder that keeps p99 < 50 ms and loses nothing, then
# once more between it and the next.  What fails is tried again, and so is the
# step after one that failed: a moment of the machine is not the server's
# fault.  The client sends and reads once a millisecond: at these rates a
# wake-up for each message would be most of what it does.
sub throughput() {
    my @ladder = $quick ? (2000, 10_000, 20_000)
        : (1000, 2000, 3500, 5000, 7000, 10_000, 14_000, 20_000, 28_000,
           40_000);

    for my $name (sort keys %server) {
        my ($best, $next) = (0);

        for my $rate (@ladder) {
            if (bears($name, $rate)) {
                ($best, $next) = ($rate);
                next;
            }

            last if $next || $quick;
            $next = $rate;
        }

        if ($best && $next) {
            my $between = 100 * int(sqrt($best * $next) / 100);
            $best = $between if bears($name, $between);
        }

        keep('throughput', $name, $best);
    }
}

sub bears($name, $rate) {
    for (1 .. ($quick ? 1 : 2)) {
        my $r = run($name, mode => 'dialogs', rate => $rate,
                    seconds => $quick ? 1 : 2, pause => 1000);
        printf STDERR "# %-34s %-10s p99 %s ms, lost %s\n", "$rate/s", $name,
            map { $_ // '-' } $r->{latency_p99_us} && ms($r->{latency_p99_us}),
            $r->{lost};
        return 1 if !$r->{broken} && defined $r->{lost} && $r->{lost} == 0
            && $r->{doubled} == 0 && $r->{latency_p99_us} < 50_000;
    }

    return 0;
}

# Readers are looked after once a millisecond, as behind a network card; and
# once more with one that wakes up for every message.
sub fanout() {
    my @fan = (mode => 'fanout', receivers => $quick ? 500 : 1000,
               seconds => $seconds);

    for my $name (sort keys %server) {
        my $r = run($name, @fan, rate => 20, pause => 1000);
        keep('fanout single', $name, $r->{cpu_us_per_delivery});
        keep('fanout p99', $name, ms($r->{latency_p99_us}));

        $r = run($name, @fan, rate => 160, publishers => 16, pause => 1000);
        keep('fanout burst', $name, $r->{cpu_us_per_delivery});

        next if $quick;
        $r = run($name, @fan, rate => 20);
        keep('fanout woken', $name, $r->{cpu_us_per_delivery});
    }

    keep("writev $_", 'limit', limit($t, 'writev_us', mode => 'writev',
        n => 1000, size => $_, rate => 20, seconds => $seconds))
        for 350, 3500;
}

sub stalled() {
    for my $name (others()) {
        my $r = run($name, mode => 'stalled', receivers => 50, rate => 200,
                    size => 3500, rounds => $quick ? 1 : 2);
        my ($with, $without) = @$r{qw(with_p99_us without_p99_us)};
        keep('stall without', $name, ms($without));
        keep('stall ratio', $name, $with / $without) if $with && $without;
        keep('stall closed', $name, 100 * $r->{cut} / $r->{stalls})
            if $r->{stalls};
        keep('stall lost', $name, $r->{lost});
    }
}

# They come back as our page does whom nobody looks at; ours twice in a pair,
# and also all at once: the p99 of a quiet time is the machine's, and so is what
# it is compared with.
sub herd() {
    for my $name ($pair % 2 ? others() : 'ours') {
        cut($name);
        next unless $name eq 'ours';
        crowd($name, 'rush', 15_000, 0.5);
        next if $quick;
        $turn = "$pair again";
        cut($name);
        $turn = $pair;
    }
}

sub cut($name) {
    # socket.io needs half a minute and more for 15 000
    my $r = crowd($name, 'herd', $name eq 'socket.io' ? 5000 : 15_000, $DRAIN,
                  $name eq 'ours' ? (redis => $server{$name}{redis}) : ());
    keep('herd cpu', $name, $r->{cpu_us_per_client});
    my $asked = $r->{redis_get} // 0;
    keep('herd asked', $name, $asked) if defined $r->{redis_calls};
    keep('herd redis', $name, $r->{redis_calls} - $asked)
        if defined $r->{redis_calls};
    print STDERR "# $_ for each: $r->{$_}\n"
        for grep { /^redis_/ } sort keys %$r;
}

# Those before have nothing but a token; of these each has a dialog.  At the
# end, and not in every pair: operators are told of open dialogs.
sub talkers() {
    for (1 .. 3) {
        $turn++;
        my $r = crowd('ours', 'talkers', 15_000, $DRAIN, talk => 1,
                      redis => $server{ours}{redis});
        keep('talkers cpu', 'ours', $r->{cpu_us_per_client});
        keep('talkers asked', 'ours', $r->{redis_calls})
            if defined $r->{redis_calls};
    }
}

sub crowd($name, $figure, $n, $within, @more) {
    $n = 2000 if $quick;
    my $r = run($name, mode => 'herd', n => $n, dialogs => 100, rate => 500,
                seconds => $quick ? 2 : $DRAIN, jitter => $within * 1e6,
                @more);
    keep($figure, $name, ms($r->{back_p99_us}));
    keep("$figure $_", $name, ms($r->{"${_}_p99_us"})) for qw(before meanwhile);
    keep("$figure others", $name,
         $r->{meanwhile_p99_us} / $r->{before_p99_us})
        if $r->{meanwhile_p99_us} && $r->{before_p99_us};
    keep("$figure lost", $name, $r->{lost});
    return $r;
}

# Both sides of 100 dialogs get ten messages a second each.
my @FAULT = (mode => 'fault', dialogs => 100, rate => 2000);

sub reload() {
    for my $name (others()) {
        my $r = run($name, @FAULT, fault => 'reload',
                    seconds => $DRAIN + 3);
        keep("reload $_", $name, $r->{$_}) for qw(lost doubled deaf);
        keep('reload told', $name, 100 * $r->{told} / $r->{cut}) if $r->{cut};
        keep('reload spread', $name, $r->{cut_spread_us} / 1e6) if $r->{cut};
        keep('reload silence', $name, ms($r->{silence_us}));
        $server{$name}{fresh}->() if $name eq 'nchan';
    }
}

sub killed() {
    $t->allow(qr/worker process \d+ exited on signal 9/);

    for my $name (others()) {
        my $r = run($name, @FAULT, fault => 'kill', seconds => 4);
        keep("kill $_", $name, $r->{$_}) for qw(lost doubled deaf);
        keep('kill silence', $name, ms($r->{silence_us}));
        $server{$name}{fresh}->() if $name eq 'nchan';
    }

    # who was killed has left nothing behind: all have their slots
    my $lost;
    eval {
        wait_for(sub {
            my $s = status($t);
            $lost = abs($s->{workers} - 2) + $s->{no_slot};
            return !$lost;
        }, 20, 'slots of two workers');
    };
    keep('kill slots', 'ours', $lost);
}

# Not against time: once.
sub conformance() {
    local $ENV{CHAT_BUILD} = $t->{build};
    my ($rc, $out, $err) = $t->command(
        [$^X, 't/ws_conformance.t'], timeout => 300);
    my ($cases) = "$out$err" =~ /# (\d+) cases: /;
    my $failed = () = $out =~ /^not ok/mg;
    keep('conformance', 'ours', $cases);
    keep('conformance failed', 'ours', $rc && !$failed ? 1 : $failed);

    # that suite is not ours to install: what was seen when somebody had it
    my ($all, $wrong) = $t->slurp("$RealBin/AUTOBAHN.md")
        =~ /^\| all \| (\d+) \|.* (\d+) failed \|$/m;
    keep('autobahn', 'ours', $all);
    keep('autobahn failed', 'ours', $wrong);
}

# What the machine could do at most: Redis alone, nginx alone, sockets alone.
sub physics() {
    my $sock = $t->redis->socket;
    my ($rc, $out) = $t->command(['redis-benchmark', '-s', $sock, '-n',
        $quick ? 20_000 : 200_000, '-c', 50, '-P', 1, '--csv', 'XADD',
        'bench', 'MAXLEN', '~', '10000', '*', 'h', 'x' x 60, 'b',
        'x' x 200]);
    my ($rps) = $out =~ /^"XADD[^\n]*?","([\d.]+)"/m;
    keep('redis XADD', 'limit', $rps);

    my ($rc2, $scripts) = $t->command(
        [$^X, "$RealBin/scripts.pl", $quick ? 5000 : 40_000]);
    my ($us) = $scripts =~ /^append, batch of 8\s+[\d.]+\s+([\d.]+)/m;
    keep('redis append', 'limit', $us && 1e6 / $us);

    keep('nginx static', 'limit', limit($t, 'answers_per_second',
        mode => 'static', n => 64, seconds => $quick ? 1 : 3));
}


# ------------------------------------------------------------------ all of it

print STDERR "# starting servers\n";
$server{ours} = ours($t);
$server{nchan} = nchan($t);
$server{'socket.io'} = socketio($t);

# name, run, in which pairs (what nobody requires needs fewer of them), and
# whether processors stay awake: where it is about time, not processor time
my @work = (
    [idle => \&idle, 1, 0], [latency => \&latency, 1, 1],
    $quick ? () : [asleep => \&asleep, 2, 0],
    $quick ? () : [tls => \&tls, 2, 1],
    [fanout => \&fanout, 1, 0], [throughput => \&throughput, 1, 1],
    [stalled => \&stalled, 1, 1], [reload => \&reload, 1, 1],
    [kill => \&killed, 1, 1], [herd => \&herd, 1, 1],
);
my $awake = 1;

while ($pair < $pairs) {
    if ($opt{minutes} && time - $began > 60 * $opt{minutes}) {
        $pairs = $pair;
        last;
    }

    $turn = ++$pair;

    print STDERR "# pair $pair of $pairs\n";
    for (@work) {
        my ($name, $run, $every, $up) = @$_;
        next if !wanted($name) || ($pair - 1) % $every;
        my $from = time;
        $awake = awake($up) && $awake;
        $run->();
        printf STDERR "# %s: %d s\n", $name, time - $from;
    }
}

$awake = awake(1) && $awake;
talkers() if wanted('talkers') && !$quick;
awake(0);
physics() if wanted('physics');
conformance() if wanted('conformance') && (%only || !$quick);

my $text = $report->text(versions => versions($t), began => $began,
    pairs => $pairs, command => 'make bench' . ($quick ? '-quick' : ''),
    herd => $quick ? 2000 : 15_000, awake => $awake, notes => \@notes,
    peers => [grep { $_ ne 'ours' } sort keys %server]);
print $text;

if (!%only) {
    open my $fh, '>', "$RealBin/" . ($quick ? 'QUICK.md' : 'RESULTS.md')
        or die $!;
    print $fh $text;
    close $fh;
}

Bench::stop($_) for values %server;
$t->allow(qr/nchan/);
$t->done;
