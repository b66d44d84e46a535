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
use Getopt::Long;
use POSIX qw(strftime);
use Test::More;

use Chat::Test;

my %opt = (pairs => 0);
GetOptions(\%opt, 'quick', 'only=s', 'pairs=i', 'minutes=i')
    or die "usage: bench/run.pl [--quick] [--only=NAME,NAME] [--pairs=N]"
        . " [--minutes=N]\n";
my $pairs = $opt{pairs} || ($opt{quick} ? 1 : 5);
my $seconds = $opt{quick} ? 1 : 3;
my %only = map { $_ => 1 } split /,/, $opt{only} // '';

my $t = Chat::Test->new;
my $began = time;
my (%server, %figures, @notes);

sub wanted($name) { return !%only || $only{$name} }


# One figure of one server, kept until the table is made.
sub keep($figure, $server, $value) {
    return unless defined $value;
    push @{$figures{$figure}{$server}}, $value;
    printf STDERR "# %-34s %-10s %s\n", $figure, $server, round($value);
}

sub median(@v) {
    @v = sort { $a <=> $b } @v;
    return @v % 2 ? $v[@v / 2] : ($v[@v / 2 - 1] + $v[@v / 2]) / 2;
}

sub round($v) {
    return '-' unless defined $v;
    return $v >= 100 ? sprintf('%.0f', $v) : $v >= 10 ? sprintf('%.1f', $v)
                                           : sprintf('%.2f', $v);
}

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
        $server{$name}{fresh}->();
        my $r = run($name, mode => 'idle', n => $opt{quick} ? 1000 : 2000,
                    seconds => 1);
        keep('idle', $name, $r->{private_bytes});
        keep('idle shared', $name, $r->{shared_bytes});
    }
}

sub latency() {
    for my $name (sort keys %server) {
        my $r = run($name, mode => 'dialogs', rate => 2000,
                    seconds => $seconds);
        keep("latency $_", $name, defined $r->{"latency_${_}_us"}
                ? $r->{"latency_${_}_us"} / 1000 : undef)
            for qw(p50 p99 p999);
        keep('cpu per message', $name, $r->{cpu_us_per_message});
        keep('lost', $name, $r->{lost});
        keep('doubled', $name, $r->{doubled});
    }
}

# The highest rate of a ladder that keeps p99 < 50 ms and loses nothing.  The
# next step is tried even after one that failed: a moment of the machine is
# not the server's fault.
sub throughput() {
    my @ladder = $opt{quick} ? (2000, 5000, 10_000, 20_000)
        : (3500, 5000, 7000, 10_000, 14_000, 20_000, 28_000, 40_000);

    for my $name (sort keys %server) {
        my ($best, $failed) = (0, 0);

        for my $rate (@ladder) {
            my $r = run($name, mode => 'dialogs', rate => $rate,
                        seconds => $opt{quick} ? 1 : 2);
            my $ok = !$r->{broken} && defined $r->{lost} && $r->{lost} == 0
                && $r->{doubled} == 0 && $r->{latency_p99_us} < 50_000;
            ($best, $failed) = ($rate, 0) if $ok;
            last if !$ok && ++$failed == 2;
        }

        keep('throughput', $name, $best);
    }
}

sub fanout() {
    for my $name (sort keys %server) {
        my $n = $opt{quick} ? 500 : 1000;

        my $r = run($name, mode => 'fanout', receivers => $n, rate => 20,
                    seconds => $seconds);
        keep('fanout single', $name, $r->{cpu_us_per_delivery});
        keep('fanout p99', $name, ($r->{latency_p99_us} // 0) / 1000);

        $r = run($name, mode => 'fanout', receivers => $n, rate => 160,
                 publishers => 16, seconds => $seconds);
        keep('fanout burst', $name, $r->{cpu_us_per_delivery});
    }
}

sub stalled() {
    for my $name (sort keys %server) {
        for my $stall (0, 1) {
            my $r = run($name, mode => 'fanout', receivers => 100,
                        rate => 200, seconds => $opt{quick} ? 1 : 2,
                        stall => $stall, size => 1500);
            keep($stall ? 'stalled p99' : 'unstalled p99', $name,
                 ($r->{latency_p99_us} // 0) / 1000);
        }
    }
}

sub herd() {
    for my $name (sort keys %server) {
        my $r = run($name, mode => 'herd', n => $opt{quick} ? 500 : 3000);
        keep('herd', $name, defined $r->{back_p99_us}
                ? $r->{back_p99_us} / 1000 : undef);
    }
}

# What the machine could do at most: Redis alone, nginx alone.
sub physics() {
    my $sock = $t->redis->socket;
    my $n = $opt{quick} ? 20_000 : 200_000;
    my ($rc, $out) = $t->command(['redis-benchmark', '-s', $sock, '-n', $n,
        '-c', 50, '-P', 1, '--csv', 'XADD', 'bench', 'MAXLEN', '~', '10000',
        '*', 'h', 'x' x 60, 'b', 'x' x 200]);
    my ($rps) = $out =~ /^"XADD[^\n]*?","([\d.]+)"/m;
    keep('redis XADD', 'limit', $rps);

    my ($rc2, $scripts) = $t->command(
        [$^X, "$RealBin/scripts.pl", $opt{quick} ? 5000 : 40_000]);
    my ($us) = $scripts =~ /^append, batch of 8\s+[\d.]+\s+([\d.]+)/m;
    keep('redis append', 'limit', $us && 1e6 / $us);

    my $static = static($t, $opt{quick} ? 2 : 4);
    keep('nginx static', 'limit', $static);
}


# ---------------------------------------------------------------- the table

my $ours = 'ours';

sub value($figure, $name) {
    my $v = $figures{$figure}{$name} or return undef;
    return median(@$v);
}

# Ratio of medians hides which pairs belong together: the median of ratios.
sub ratio($figure, $peer) {
    my ($a, $b) = @{$figures{$figure}}{$ours, $peer};
    my $n = $a && $b ? (@$a < @$b ? @$a : @$b) : 0;
    my @r = map { $b->[$_] ? $a->[$_] / $b->[$_] : () } 0 .. $n - 1;
    return @r ? median(@r) : undef;
}

# [title, figure, unit, required, is it met?]: issue 3's table
my @rows = (
    ['private memory per idle WebSocket', 'idle', 'B', '<= 1536',
        sub ($v) { $v <= 1536 }],
    ['1:1 messages/s, 200 dialogs, p99 < 50 ms, 0 lost', 'throughput', '/s',
        '>= 20000', sub ($v) { $v >= 20_000 }],
    ['latency at 2000/s, p50', 'latency p50', 'ms', '<= 0.5',
        sub ($v) { $v <= 0.5 }],
    ['latency at 2000/s, p99', 'latency p99', 'ms', '<= 3',
        sub ($v) { $v <= 3 }],
    ['latency at 2000/s, p99.9', 'latency p999', 'ms', '', undef],
    ['processor time of workers per message at 2000/s', 'cpu per message',
        'us', '', undef],
    ['messages lost at 2000/s', 'lost', '', '0', sub ($v) { $v == 0 }],
    ['messages doubled at 2000/s', 'doubled', '', '0',
        sub ($v) { $v == 0 }],
    ['fan-out, processor time per delivery, single', 'fanout single', 'us',
        '<= 5', sub ($v) { $v <= 5 }],
    ['fan-out, the same, bursts of 16', 'fanout burst', 'us', '<= 1.5',
        sub ($v) { $v <= 1.5 }],
    ['fan-out of 20/s, p99', 'fanout p99', 'ms', '', undef],
    ['100 readers at 200/s, p99', 'unstalled p99', 'ms', '', undef],
    ['the same beside a stalled reader, p99', 'stalled p99', 'ms', '',
        undef],
    ['clients cut at once are back, p99', 'herd', 'ms', '<= 10000',
        sub ($v) { $v <= 10_000 }],
);

sub table() {
    my @peers = grep { $_ ne $ours } sort keys %server;
    my @out = ('| work | unit | ours | ' . join(' | ', @peers) . ' | '
               . join(' | ', map { "ours / $_" } @peers)
               . ' | required | met |',
               '|---' x (5 + 2 * @peers) . '|');

    for my $row (@rows) {
        my ($title, $figure, $unit, $required, $met) = @$row;
        my $v = value($figure, $ours);
        next unless defined $v;
        push @out, '| ' . join(' | ', $title, $unit, round($v),
            (map { round(value($figure, $_)) } @peers),
            (map { round(ratio($figure, $_)) } @peers), $required,
            $met ? ($met->($v) ? 'yes' : 'NO') : '') . ' |';
    }

    return join "\n", @out, '';
}

sub limits() {
    my %title = ('redis XADD' => 'redis-benchmark XADD, 50 clients',
        'redis append' => 'our append script, batches of 8, inside Redis',
        'nginx static' => 'nginx `return 200`, keepalive, 64 clients');
    return join "\n", '| limit of this machine | a second |', '|---|---|',
        (map { "| $title{$_} | " . round(value($_, 'limit')) . ' |' }
            grep { $figures{$_} } sort keys %title), '';
}

sub report() {
    my $v = versions($t);
    my ($cpu) = $t->slurp('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)$/m;
    my $cores = () = $t->slurp('/proc/cpuinfo') =~ /^processor/mg;
    my ($load) = $t->slurp('/proc/loadavg') =~ /^(.*?) \d+\//;
    my ($kernel) = $t->slurp('/proc/sys/kernel/osrelease') =~ /(\S+)/;

    return join "\n",
        '# Bench', '',
        'Written by `make bench' . ($opt{quick} ? '-quick' : '') . '`, '
            . strftime('%Y-%m-%d %H:%M UTC', gmtime $began)
            . sprintf(', %d min.', (time - $began) / 60 + 0.5), '',
        "$cores x $cpu, Linux $kernel; load averages at the end: $load.",
        "nginx $v->{nginx}, Redis $v->{redis}, nchan $v->{nchan}, "
            . "socket.io $v->{'socket.io'}.", '',
        'Everything (servers with two workers or nodes each, a Redis with '
            . '`appendfsync everysec` each, the load client) runs on this '
            . 'machine.',
        "Runs are interleaved; figures are medians of $pairs "
            . ($pairs > 1 ? 'runs' : 'run')
            . ', ratios medians of the ratios of runs made one after the '
            . 'other.',
        'Where the machine is shared, only ratios mean something: compare '
            . 'with the limits below.', '',
        table(), limits(),
        (@notes ? ('Runs that failed:', '', map { "- $_" } @notes) : ()), '';
}


# ------------------------------------------------------------------ all of it

print STDERR "# starting servers\n";
$server{ours} = ours($t);
$server{nchan} = nchan($t);
$server{'socket.io'} = socketio($t);

my @work = ([idle => \&idle], [latency => \&latency], [fanout => \&fanout],
            [throughput => \&throughput], [stalled => \&stalled],
            [herd => \&herd]);

for my $pair (1 .. $pairs) {
    if ($opt{minutes} && time - $began > 60 * $opt{minutes}) {
        $pairs = $pair - 1;
        last;
    }

    print STDERR "# pair $pair of $pairs\n";
    for (@work) {
        my ($name, $run) = @$_;
        $run->() if wanted($name);
    }
}

physics() if wanted('physics');

my $text = report();
print $text;

if (!%only) {
    open my $fh, '>', "$RealBin/" . ($opt{quick} ? 'QUICK.md' : 'RESULTS.md')
        or die $!;
    print $fh $text;
    close $fh;
}

Bench::stop($_) for values %server;
$t->allow(qr/nchan/);
$t->done;
