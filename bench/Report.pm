package Report;

# Figures of the bench and the table they make: issue 3's.

use v5.36;

use Bench qw($DRAIN $STALL);
use POSIX qw(strftime);

my $OURS = 'ours';

# [title, figure, unit, required, is it met?, its ratio to the peers' figures
# in the issue, which were taken on another machine, the limit of this machine
# that may lie beyond what is required]; a line of text: a heading
my @ROWS = (
    'Cost',
    ['private memory per idle WebSocket', 'idle', 'B', '<= 1536',
        sub ($v) { $v <= 1536 },
        {nchan => 1536 / 10_400, 'socket.io' => 1536 / 6100}],
    ['the same under TLS', 'idle tls', 'B', '', undef],
    ['processor time of workers per message at 2000/s', 'cpu per message',
        'us', '', undef],
    ['fan-out to 1000, processor time per delivery, single', 'fanout single',
        'us', '<= 5', sub ($v) { $v <= 5 }, {nchan => 5 / 5.25},
        'writev 350'],
    ['the same, bursts of 16', 'fanout burst', 'us', '<= 1.5',
        sub ($v) { $v <= 1.5 }, {nchan => 1.5 / 5.25}],
    ['the same, single, each delivery wakes its reader', 'fanout woken',
        'us', '', undef],

    'Speed',
    ['1:1 messages/s, 200 dialogs, p99 < 50 ms, 0 lost', 'throughput', '/s',
        '>= 20000', sub ($v) { $v >= 20_000 },
        {nchan => -20_000 / 5000, 'socket.io' => -20_000 / 7000}],
    ['latency at 2000/s, p50', 'latency p50', 'ms', '<= 0.5',
        sub ($v) { $v <= 0.5 }, {nchan => 0.5 / 0.6, 'socket.io' => 1}],
    ['latency at 2000/s, p99', 'latency p99', 'ms', '<= 3',
        sub ($v) { $v <= 3 }, {nchan => 3 / 4, 'socket.io' => 3 / 14}],
    ['latency at 2000/s, p99.9', 'latency p999', 'ms', '', undef],
    ['latency at 2000/s under TLS, p50', 'tls p50', 'ms', '', undef],
    ['latency at 2000/s under TLS, p99', 'tls p99', 'ms', '', undef],
    ['latency at 2000/s, processors may sleep, p50', 'asleep p50', 'ms', '',
        undef],
    ['latency at 2000/s, processors may sleep, p99', 'asleep p99', 'ms', '',
        undef],
    ['messages lost at 2000/s', 'lost', '', '0', sub ($v) { $v == 0 }],
    ['messages doubled at 2000/s', 'doubled', '', '0',
        sub ($v) { $v == 0 }],
    ['fan-out to 1000, 20/s, p99', 'fanout p99', 'ms', '', undef],

    'A reader that stalls for 3 s beside 50 others, 200/s of 3500 bytes',
    ['p99 of the others without it', 'stall without', 'ms', '', undef],
    ['p99 of the others with it / without it', 'stall ratio', '', '<= 1.10',
        sub ($v) { $v <= 1.1 }],
    ["it is closed: it took nothing for $STALL s", 'stall closed', '%',
        '100', sub ($v) { $v >= 100 }],
    ['messages lost, to it and to the others, after it came back',
        'stall lost', '', '0', sub ($v) { $v == 0 }],

    "Reload with 100 dialogs at 2000/s, chat_drain of $DRAIN s",
    ['messages lost', 'reload lost', '', '0', sub ($v) { $v == 0 }],
    ['messages doubled', 'reload doubled', '', '0', sub ($v) { $v == 0 }],
    ['closes with a close frame', 'reload told', '%', '100',
        sub ($v) { $v == 100 }],
    ['from the first to the last close', 'reload spread', 's',
        "$DRAIN, about",
        sub ($v) { $v > 0.7 * $DRAIN && $v < 1.3 * $DRAIN }],
    ['longest time a member got nothing', 'reload silence', 'ms', '', undef],

    'kill -9 of one of two workers, 100 dialogs at 2000/s',
    ['deaf members afterwards, of 200', 'kill deaf', '', '0',
        sub ($v) { $v == 0 }],
    ['longest time a member got nothing', 'kill silence', 'ms', '< 1000',
        sub ($v) { $v < 1000 }],
    ['messages lost', 'kill lost', '', '0', sub ($v) { $v == 0 }],
    ['messages doubled', 'kill doubled', '', '0', sub ($v) { $v == 0 }],
    ['shared memory lost: slots of workers', 'kill slots', '', '0',
        sub ($v) { $v == 0 }],

    "HERD idle clients (of socket.io: 5000) cut at once, back after a "
        . "random part of $DRAIN s (chat_drain), beside 100 dialogs at 500/s",
    ['they are back, p99', 'herd', 'ms', '< 10000',
        sub ($v) { $v < 10_000 }],
    ['processor time of workers for each of them', 'herd cpu', 'us', '',
        undef],
    ['p99 of the dialogs before', 'herd before', 'ms', '', undef],
    ['p99 of the dialogs meanwhile', 'herd meanwhile', 'ms', '', undef],
    ['p99 of the dialogs meanwhile / before', 'herd others', '', '< 2',
        sub ($v) { $v < 2 }],
    ['messages lost', 'herd lost', '', '0', sub ($v) { $v == 0 }],
    ['commands Redis did for each: GET of its last number and dialog',
        'herd asked', '', '', undef],
    ['all others: to check tokens', 'herd redis', '', '0',
        sub ($v) { $v < 0.01 }],
    ['all at once instead, within 0.5 s: they are back, p99', 'rush', 'ms',
        '', undef],
    ['... p99 of the dialogs meanwhile / before', 'rush others', '', '',
        undef],
    ['... messages lost', 'rush lost', '', '0', sub ($v) { $v == 0 }],
    ['each has a dialog (three runs at the end): they are back, p99',
        'talkers', 'ms', '< 10000', sub ($v) { $v < 10_000 }],
    ['... processor time of workers for each of them', 'talkers cpu', 'us',
        '', undef],
    ['... commands Redis did for each', 'talkers asked', '', '', undef],
    ['... p99 of the dialogs meanwhile / before', 'talkers others', '',
        '< 2', sub ($v) { $v < 2 }],
    ['... messages lost', 'talkers lost', '', '0', sub ($v) { $v == 0 }],

    'Conformance',
    ['t/ws_conformance.t: cases', 'conformance', '', '', undef],
    ['of them failed', 'conformance failed', '', '0', sub ($v) { $v == 0 }],
    ['the Autobahn suite, when it was last run (AUTOBAHN.md): cases',
        'autobahn', '', '', undef],
    ['of them failed', 'autobahn failed', '', '0', sub ($v) { $v == 0 }],
);

my @LIMITS = (
    ['nginx `return 200`, keepalive, 64 clients', 'nginx static', '/s'],
    ['redis-benchmark XADD, 50 clients', 'redis XADD', '/s'],
    ['our append script, batches of 8, inside Redis', 'redis append', '/s'],
    ['writev of 350 bytes to each of 1000 sockets, nobody woken, 20/s, '
        . 'measured after the fan-outs', 'writev 350', 'us'],
    ['the same of 3500 bytes', 'writev 3500', 'us'],
    ['of the time of a processor, what its host takes away in pieces of more '
        . 'than 1 ms, measured after the latencies', 'gaps', '%'],
);


sub new($class) { return bless {figures => {}}, $class }

# Of one turn, in which every server was measured or some were not.
sub keep($self, $figure, $server, $value, $turn) {
    $self->{figures}{$figure}{$server}{$turn} = $value;
}

sub median(@v) {
    @v = sort { $a <=> $b } @v;
    return @v % 2 ? $v[@v / 2] : ($v[@v / 2 - 1] + $v[@v / 2]) / 2;
}

sub round($v) {
    return '-' unless defined $v;
    return $v == int $v ? $v : $v >= 100 ? sprintf('%.0f', $v)
        : $v >= 10 ? sprintf('%.1f', $v) : sprintf('%.2f', $v);
}

sub value($self, $figure, $server) {
    my $v = $self->{figures}{$figure}{$server} or return undef;
    return median(values %$v);
}

# Ratio of medians hides which pairs belong together: the median of ratios.
sub ratio($self, $figure, $peer) {
    my ($a, $b) = @{$self->{figures}{$figure}}{$OURS, $peer};
    my @r = map { $a->{$_} / $b->{$_} }
        grep { defined $a->{$_} && $b->{$_} } keys %{$a // {}};
    return @r ? median(@r) : undef;
}


sub table($self, %arg) {
    my @peers = @{$arg{peers}};
    my @cells = ('work', 'unit', $OURS, @peers, (map { "ours / $_" } @peers),
                 'required', 'met', 'as a ratio');
    my @out = ('| ' . join(' | ', @cells) . ' |', '|---' x @cells . '|');
    my $heading;

    for my $row (@ROWS) {
        if (!ref $row) {
            $heading = $row =~ s/HERD/$arg{herd}/r;
            next;
        }

        my ($title, $figure, $unit, $required, $met, $ratios, $limit) = @$row;
        my $v = $self->value($figure, $OURS);
        next unless defined $v;

        push @out, "| **$heading** |" . ' |' x (@cells - 1) if $heading;
        $heading = undef;
        push @out, '| ' . join(' | ', $title, $unit, round($v),
            (map { round($self->value($figure, $_)) } @peers),
            (map { round($self->ratio($figure, $_)) } @peers), $required,
            !$met ? '' : $met->($v) ? 'yes' : $self->unmet($row),
            join('; ', map { $self->as_ratio($figure, $_, $ratios->{$_}) }
                 grep { $ratios->{$_} } @peers)) . ' |';
    }

    return join "\n", @out, '';
}

# Nobody could, where the limit itself is not enough: there the ratio to nchan
# counts (docs/architecture.md).
sub unmet($self, $row) {
    my (undef, $figure, undef, undef, $met, $ratios, $limit) = @$row;
    my $v = $limit && $self->value($limit, 'limit');
    return 'NO' if !$v || $met->($v);

    my $ratio = $self->ratio($figure, 'nchan');
    return ($ratio && $ratio <= $ratios->{nchan} ? 'as a ratio' : 'NO')
        . ': the limit is ' . round($v);
}

# Required is at most $r, or, if that is negative, at least -$r.
sub as_ratio($self, $figure, $peer, $r) {
    my $v = $self->ratio($figure, $peer) // return ();
    my $met = $r < 0 ? $v >= -$r : $v <= $r;
    return sprintf '%s %s %s: %s', $peer, $r < 0 ? '>=' : '<=',
        round(abs $r), $met ? 'yes' : 'NO';
}

sub limits($self) {
    return join "\n", '| limit of this machine | unit | |', '|---|---|---|',
        (map { "| $_->[0] | $_->[2] | "
               . round($self->value($_->[1], 'limit')) . ' |' }
            grep { $self->{figures}{$_->[1]} } @LIMITS), '';
}

sub slurp($path) {
    open my $fh, '<', $path or die "$path: $!\n";
    local $/;
    return scalar <$fh>;
}

# args: versions, began, pairs, command, herd, awake, notes, peers
sub text($self, %arg) {
    my $v = $arg{versions};
    my ($cpu) = slurp('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)$/m;
    my $cores = () = slurp('/proc/cpuinfo') =~ /^processor/mg;
    my ($load) = slurp('/proc/loadavg') =~ /^(.*?) \d+\//;
    my ($kernel) = slurp('/proc/sys/kernel/osrelease') =~ /(\S+)/;
    my @notes = @{$arg{notes}};

    return join "\n",
        '# Bench', '',
        "Written by `$arg{command}`, "
            . strftime('%Y-%m-%d %H:%M UTC', gmtime $arg{began})
            . sprintf(', %d min.', (time - $arg{began}) / 60 + 0.5), '',
        "$cores x $cpu, Linux $kernel; load averages at the end: $load.",
        "nginx $v->{nginx}, Redis $v->{redis}, nchan $v->{nchan}, "
            . "socket.io $v->{'socket.io'}.", '',
        'Everything (servers with two workers or nodes each, a Redis with '
            . '`appendfsync everysec` each, the load client) runs on this '
            . 'machine.',
        "Servers are measured in turns, $arg{pairs} times (TLS, "
            . 'sleeping processors and the herds of others in every second '
            . 'one, our herds twice in each); '
            . 'figures are medians, ratios medians of the ratios of runs '
            . 'made one after the other.',
        'Where the machine is shared, only ratios mean something: compare '
            . 'with the limits below. "As a ratio" is what is required, '
            . 'divided by the figures of the peers in the issue, which were '
            . 'measured on another machine of two processors.',
        $arg{awake}
            ? 'Where it is about time, processors that have nothing to do '
                . 'stay awake (a request of 0 us to `/dev/cpu_dma_latency`, '
                . 'as with `cyclictest`), for all servers alike: a virtual '
                . 'processor that sleeps is given away by its host and back '
                . 'milliseconds later. Two rows show what that is; memory '
                . 'and fan-out are measured without it, too.'
            : 'Processors that have nothing to do sleep: '
                . '`/dev/cpu_dma_latency` could not be written to.', '',
        'Readers of the fan-out look for messages once a millisecond, as '
            . 'behind a network card that gathers interrupts. Where each '
            . 'delivery wakes a reader on the same machine, the server pays '
            . 'for waking it (in a virtual machine several microseconds), '
            . 'which no reader elsewhere costs: that is a row of its own. '
            . 'For the highest rate the client sends and reads so, too.',
        'Clients that are cut at once are a process of their own '
            . '(`SCHED_IDLE`): they would be on other machines, and give way '
            . 'to the servers, Redis and those who talk on.',
        'nchan and socket.io come back without a memory of what they had '
            . '(socket.io has an optional one, not used here); a "reload" '
            . 'of socket.io is a rolling restart.', '',
        $self->table(%arg), $self->limits,
        (@notes ? ('Runs that failed:', '', map { "- $_" } @notes) : ()), '';
}


1;
