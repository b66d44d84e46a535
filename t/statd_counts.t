# chat-statd counts what is in the log: once, whatever happens to it.
#
# The log is written here, by hand and by a fixed script of what happened, so
# that the truth is known; then the daemon is killed, frozen, doubled, and
# Redis restarted under it.

use v5.36;
use lib 't/lib';
use Chat::Loop qw(now);
use Chat::Store qw(header key partition tag);
use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
my $r = $t->redis->client;
is +($t->ctl('init'))[0], 0, 'init';

# two accounts in different partitions, three sites
my @names = qw(One Two);
my (%account, %site);
for my $name (@names) {
    my $x = $t->tenant(account => $name, sites => [["$name.test"]],
        operators => [["ann$name", 'secret-password']]);
    $account{$name} = $x->{account};
    $site{$name} = $x->{sites}{"$name.test"};
}
isnt partition($account{One}), partition($account{Two}),
    'two accounts, two partitions';

# ---------------------------------------------------------------- the truth

my (%truth, %ids);

sub add($name, $stat, $n = 1) { $truth{$name}{$stat} += $n }

# Appends one event at a time of its own; counts by METRICS, not by our code.
sub append($name, $ms, %e) {
    my $seq = $ids{"$name $ms"}++;
    my $body = Chat::Store::pack_body($e{body} // {});
    $t->redis->client->xadd(key($account{$name}, 'log'), "$ms-$seq",
        h => header(account => $account{$name}, site => $site{$name},
                    dialog => '0123456789abcdef', visitor => 'v' x 22, %e),
        b => $body);
}

my %operator = map { $_ => 1 } @names;

# One episode: opened and asked at $ms, taken, answered, thanked, closed.
sub episode($name, $ms, $take_after, $answer_after) {
    my ($v, $o) = ({1 => {1 => 1}, 2 => 'Q'}, {1 => {1 => 2, 2 => 7}, 2 => 'A'});
    append($name, $ms, event => 'dialog_opened');
    append($name, $ms, event => 'message_posted', body => $v);
    append($name, $ms + $take_after, event => 'dialog_taken', owner => 7,
           wait => $ms, body => {1 => {1 => 2, 2 => 7}});
    append($name, $ms + $answer_after, event => 'message_posted', owner => 7,
           wait => $ms, start => $ms, body => $o);
    append($name, $ms + $answer_after + 1, event => 'message_posted',
           owner => 7, body => $v);
    append($name, $ms + $answer_after + 2, event => 'probe');
    append($name, $ms + $answer_after + 3, event => 'dialog_closed',
           owner => 7, body => {1 => {1 => 1}, 2 => 1});
    add($name, $_) for qw(requests taken answered messages_operator closed);
    add($name, messages_visitor => 2);
    add($name, first_response => $answer_after);
    add($name, response => $answer_after);
    add($name, queue_wait => $take_after);
}

# What is stored, added up over buckets; sums of histograms and their counts.
sub stored($name, $who = "s:$site{$name}") {
    my $c = $t->redis->client;
    my %sum;
    my $a = $account{$name};
    for my $bucket ($c->zrange(key($a, "a:$a:stats"), 0, -1)) {
        my %h = $c->hgetall(key($a, "a:$a:stat:$bucket:$who"));
        for my $field (keys %h) {
            my ($stat, $index) = split /:/, $field;
            defined $index ? ($sum{n}{$stat} += $h{$field})
                           : ($sum{$stat} += $h{$field});
        }
    }
    delete $sum{n} unless %{$sum{n} // {}};
    return \%sum;
}

sub expected($name) {
    my %e = %{$truth{$name} // {}};
    $e{n} = {map { $_ => $e{requests} } qw(first_response response queue_wait)};
    return \%e;
}

# Everything in the log is counted.
sub caught_up() {
    my $c = $t->redis->client;
    for my $name (@names) {
        my ($last) = eval { $c->xrevrange(key($account{$name}, 'log'),
                                          '+', '-', 'COUNT', 1) } or return 0;
        my $pos = $c->hget(key($account{$name}, 'statd'), 'pos') // '';
        return 0 if $pos ne $last->[0];
    }
    return 1;
}

sub check($what) {
    wait_for(sub { eval { caught_up() } }, 30, "all is counted: $what");
    is_deeply stored($_), expected($_), "$what: $_ exactly" for @names;
}

my $clock = 1_700_000_000_000;

sub load($n) {
    for my $i (1 .. $n) {
        $clock += 70_000 + int rand 400_000;
        episode($names[rand @names], $clock, int rand 5000,
                5000 + int rand 60_000);
    }
}

# ------------------------------------------------------------------- plainly

$ENV{CHAT_REDIS} = $t->redis->address;
my @keep = ('--keep', 10 * 365 * 86400, '--lease', 400);

load(40);
is +($t->command(["$t->{build}/chat-statd", '--once', @keep]))[0], 0,
    '--once counts and ends';
check('once');
is_deeply [@{stored('One', "o:7:$site{One}")}{qw(taken messages_operator)}],
    [@{expected('One')}{qw(taken messages_operator)}],
    "the operator's own";
is stored('One', "o:7:$site{One}")->{requests}, undef,
    'requests are nobody\'s';

my ($rc, $out, $err) = $t->ctl('stats', 'replay');
is $rc, 0, 'stats replay agrees' or diag $out, $err;
like $err, qr/ 0 different/, 'and says so';

my $rows = $t->ctl_json('stats', '--from', '2023-11-01', '--to',
                        '2033-01-01', '--site', 'One.test');
is $rows->[0]{requests}, expected('One')->{requests}, 'chatctl stats';
is $rows->[0]{first_response_n}, expected('One')->{requests},
    'percentiles are of all of them';
cmp_ok $rows->[0]{first_response_p50}, '>=', 4900, 'and plausible';
cmp_ok $rows->[0]{first_response_p90}, '>=', $rows->[0]{first_response_p50},
    'in order';

# --------------------------------------------------------------------- kills

{
    my $daemon = $t->statd(@keep, '--batch', 7);
    my $kills = 0;

    for my $i (1 .. 25) {
        load(8);
        # at any point of its work: sometimes before it has connected
        my $until = now() + rand 0.06;
        wait_for(sub { now() > $until }, 5);
        $daemon->stop('KILL');
        $kills++;
        $daemon = $t->statd(@keep, '--batch', 7);
    }

    check("killed $kills times");
    is $daemon->stop('TERM'), 0, 'SIGTERM ends it well';
}

# ------------------------------------------------- two of them, one is frozen

{
    # a lease's record outlives it: a new owner is known by the fence
    my $fence = sub {
        return $t->redis->client->hget(key($account{One}, 'statd'), 'fence')
            // 0;
    };
    my $before = $fence->();
    my $first = $t->statd(@keep);
    wait_for(sub { $fence->() > $before }, 10, 'the lease');
    my $second = $t->statd(@keep);
    load(20);
    check('a second stands by');

    $first->signal('STOP');
    load(20);
    check('the second takes over from a frozen first');

    $first->signal('CONT');
    load(20);
    check('the first wakes up');
    wait_for(sub { $t->slurp($first->{log}) =~ /taken over/ }, 30,
             'it notices');
    pass 'and says that it was overtaken';
    $_->stop('TERM') for $first, $second;
}

# ------------------------------------------------------------- Redis restarts

{
    my $daemon = $t->statd(@keep);
    load(20);
    $t->redis->restart;
    load(20);
    check('Redis restarted');
    $t->redis->flush;
    $t->redis->restart('kill9');
    load(20);
    check('Redis was killed');
    ok $daemon->running, 'the daemon lives through it';
    like $t->slurp($daemon->{log}), qr/Redis at unix:/, 'and says what it saw';
    is $daemon->stop('TERM'), 0, 'ends well';
}

# ------------------------------------------------------------ damaged entries

{
    my $c = $t->redis->client;
    $c->xadd(key($account{One}, 'log'), ($clock += 100_000_000) . '-0',
             h => 'nonsense', b => '');
    $c->xadd(key($account{One}, 'log'), ($clock += 1) . '-0', x => 'y');
    append('One', $clock + 1, event => 'message_posted', body => 'no map');
    load(5);
    my ($rc, undef, $err) = $t->command(["$t->{build}/chat-statd", '--once',
                                         @keep]);
    is $rc, 0, 'entries that cannot be read are passed';
    is 2, scalar(() = $err =~ /damaged/g), 'and named';
    check('damaged entries');
}

($rc, $out, $err) = $t->ctl('stats', 'replay');
is $rc, 0, 'after all this the log says the same' or diag $out, $err;

# ------------------------------------------------------------------- the cut

{
    my $c = $t->redis->client;
    my $log = key($account{One}, 'log');
    load(60);
    my $daemon = $t->statd('--keep', 1, '--trim', 1, '--lease', 400);
    wait_for(sub { $c->xlen($log) < 150 }, 20, 'the log is cut');
    check('cut');
    my ($rest) = $c->xrange($log, '-', '+', 'COUNT', 1);
    ok $rest, 'not to nothing';
    $daemon->stop('TERM');

    my ($rc, $out, $err) = $t->ctl('stats', 'replay');
    is $rc, 0, 'replay compares what the log still holds' or diag $out, $err;
}

# Somebody else cuts more than was counted: no figure can be had from nothing,
# but it is said.
{
    load(60);
    my $c = $t->redis->client;
    my $log = key($account{One}, 'log');
    my $added = {@{[$c->xinfo('STREAM', $log)]}};
    my $folded = $c->hget(key($account{One}, 'statd'), 'folded');
    $c->xtrim($log, 'MAXLEN', 0);
    my ($rc, undef, $err) = $t->command(["$t->{build}/chat-statd", '--once',
                                         @keep]);
    my $lost = $added->{'entries-added'} - $folded;
    cmp_ok $lost, '>', 0, 'uncounted entries are cut off';
    like $err, qr/: $lost entries were cut off the log before they were/,
        'their number is told';
}

# ---------------------------------------------------------- who must not write

{
    my $c = $t->redis->client;
    $c->hset('chat:{g}:store', major => 1);
    my ($rc, undef, $err) = $t->command(["$t->{build}/chat-statd", '--once']);
    is $rc, 1, 'a store of another version is refused';
    like $err, qr/another version/, 'with the reason';
    $c->hset('chat:{g}:store', major => 2);
}

is +($t->command(["$t->{build}/chat-statd", '--frob']))[0], 2,
    'an unknown option';
is +($t->command(["$t->{build}/chat-statd", '--once', '--redis',
                  "unix:$t->{dir}/nowhere"]))[0], 1, 'no Redis';

$t->done;
