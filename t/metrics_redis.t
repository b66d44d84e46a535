# Promise: the metrics of the way to Redis agree with what Redis itself has
# counted: calls, errors, connections made anew; and with what clients were
# told: what waits for it, and what is refused since there is no room.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
my $redis = $t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']]);
$redis->client->config_resetstat;
$t->shop('chat_outbox 128k;');

sub status () { return $t->status }

sub becomes ($what, $name, $want) {
    my $got;
    eval { wait_for(sub { ($got = status()->{$name}) == $want }, 15, $what) };
    is($got, $want, "$name: $what");
}

sub visitors ($n) {
    my @v = map { $t->visitor(host => 'shop.test', record => 1,
                              pipeline => 40) } 1 .. $n;
    $_->wait_welcome for @v;
    $_->post('first') for @v;
    $_->wait_sent for @v;
    return @v;
}

# A write that goes alone: whatever comes later is in another batch.
sub on_its_way ($who) {
    my $before = $who->{pongs} // 0;
    $who->post('on its way');
    $who->ping;
    wait_for(sub { ($who->{pongs} // 0) > $before }, 10, 'it is read');
}

# Errors that Redis has answered to anybody: our own client gets none.
sub errors () {
    my $stats = $redis->client->info('errorstats');
    my $sum = 0;
    $sum += s/^count=//r for values %$stats;
    return $sum;
}

my ($v) = visitors(1);


subtest 'calls' => sub {
    # commands of scripts are not counted apart: nobody writes meanwhile, and
    # the harness's own are an INFO each, with the PING before it
    my $asked = sub {
        $redis->client->info('stats')->{total_commands_processed};
    };
    my $first = status()->{redis_calls};
    my $before = $asked->();
    my $inner = status()->{redis_calls};
    my $last;
    wait_for(sub { ($last = status()->{redis_calls}) - $inner >= 60 }, 20,
             'the worker looks for what is due');
    my $done = $asked->() - $before - 2;
    my $outer = status()->{redis_calls} - $first;

    # one of them waits for news
    cmp_ok($done, '>=', $last - $inner - 1, 'redis_calls: Redis got them');
    cmp_ok($done, '<=', $outer + 1, 'redis_calls: and no others');

    my $s = status();
    cmp_ok($s->{redis_trips}, '<', $s->{redis_calls},
           'redis_trips: those that wait for news are left out');
};


subtest 'errors' => sub {
    is(status()->{redis_errors}, 0,
       'redis_errors: that a log is not there yet is none');
    $redis->client->config('RESETSTAT');
    my ($before, $busy) = @{status()}{qw(redis_errors writes_busy)};

    $redis->client->config('SET', 'maxmemory', '1mb');
    $v->post('too much');
    wait_for(sub { @{$v->{errors}} }, 10, 'an error');
    $redis->client->config('SET', 'maxmemory', 0);
    $v->wait_sent;

    cmp_ok(status()->{redis_errors}, '>', $before,
           'redis_errors: a store that is full');
    becomes('as many as Redis counts', 'redis_errors', errors());
    is(status()->{writes_busy} - $busy, scalar @{$v->{errors}},
       'writes_busy: each time the client was told to come back');
};


subtest 'connections' => sub {
    is(status()->{redis_reconnects}, 0, 'redis_reconnects: none so far');

    # that of commands, and that which reads the log
    $redis->client->client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    becomes('each connection once', 'redis_reconnects', 2);
    $v->post('again');
    $v->wait_sent(20);
    is(status()->{redis_reconnects}, 2, 'redis_reconnects: they stay');
};


subtest 'what waits' => sub {
    my @many = visitors(6);
    becomes('nothing', 'outbox', 0);

    $redis->freeze;
    on_its_way($many[0]);
    $_->post('behind it') for @many[1 .. 5];
    becomes('what is under way, and what waits behind it', 'outbox', 6);
    $redis->thaw;
    $_->wait_sent(20) for @many;
    becomes('nothing any more', 'outbox', 0);
    $_->close for @many;
};


subtest 'no room' => sub {
    my ($first, @many) = visitors(13);
    my ($full, $busy) = @{status()}{qw(outbox_full writes_busy)};
    is($full, 0, 'outbox_full: nobody so far');

    # one is under way, 64 make a batch of 1 MB, and the outbox has 128 kB
    $redis->freeze;
    on_its_way($first);
    for my $i (1 .. 8) {
        $_->post(chr(0x1f600) x 4000) for @many;
    }
    wait_for(sub { grep { @{$_->{errors}} } @many }, 10, 'busy');
    becomes('one, the batch, and who made it full', 'outbox', 1 + 64 + 1);
    $redis->thaw;
    $_->wait_sent(30) for $first, @many;

    my @told = grep { $_->{code} eq 'busy' } map { @{$_->{errors}} } @many;
    my $s = status();
    cmp_ok($s->{outbox_full}, '>=', 31, 'outbox_full: all that came then');
    # who tries again meanwhile may find his session's queue full
    is($s->{outbox_full} + $s->{queue_full}, scalar @told,
       'outbox_full and queue_full: as often as clients were told');
    is($s->{writes_busy} - $busy, $s->{outbox_full},
       'writes_busy: what the outbox refused');
};

$t->done;
