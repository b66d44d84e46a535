#!/usr/bin/env perl

# Promise: a worker that slept while the ring went round under it gives its
# clients from the store what they missed, once and in order.

use v5.36;
use lib 't/lib';

use Chat::Test;
use JSON::PP ();
use POSIX ();
use Test::More;

my $t = Chat::Test->new(log_level => 'info');
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
my $nginx = $t->nginx(<<'CONF');
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_drain 1s;
    chat_rate 10000 burst=10000;
    server {
        listen %%IP%%:%%PORT%%;
        server_name shop.test;
        chat on;
        location = /status { chat_status; }
    }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF
$t->allow(qr/the ring overtook this worker/);

sub metric ($name) {
    return $t->http(GET => "/status?format=json", host => "shop.test")
        ->{json}{$name};
}

my @ops = map { $t->operator(host => 'desk.test', login => 'ann',
                             password => 'secret-password') } 1 .. 4;
my @vis = map { $t->visitor(host => 'shop.test', pipeline => 8) } 1 .. 12;
$_->wait_welcome for @ops, @vis;

for my $v (@vis) {
    $v->post('Hello');
    $v->wait_text('Hello');
}

# one who never wrote leaves, and comes back when the ring is long past him
my $silent = $t->visitor(host => 'shop.test');
$silent->wait_welcome;
$silent->{reconnect} = 0;
$silent->drop;

# who hangs on the worker that is stopped does not answer
my ($asleep) = $nginx->workers;
kill 'STOP', $asleep;

my $pongs = sub { map { $_->{pongs} // 0 } @_ };
my @before = $pongs->(@vis);
my @waiting = $pongs->(@ops);
$_->ping for @vis, @ops;
my $asked = Chat::Loop::now();
wait_for(sub { Chat::Loop::now() - $asked > 1 }, 5, 'pongs');
my @now = $pongs->(@vis);
my @heard = $pongs->(@ops);
my $asleep_ops = grep { $heard[$_] == $waiting[$_] } 0 .. $#ops;
my @awake = map { $now[$_] > $before[$_] ? $vis[$_] : () } 0 .. $#vis;
my @sleep = map { $now[$_] > $before[$_] ? () : $vis[$_] } 0 .. $#vis;

SKIP: {
    if (!@awake || !@sleep) {
        kill 'CONT', $asleep;
        skip 'all clients are on one worker', 8;
    }

    note sprintf '%d clients awake, %d asleep', scalar @awake, scalar @sleep;
    # half as much again as the ring of 8m holds, however few write it
    my $rounds = POSIX::ceil(12e6 / (6 * 3900 * @awake));
    for my $round (1 .. $rounds) {
        for my $v (@awake) {
            $v->post("$round " . 'z' x 3900) for 1 .. 6;
        }
        $_->wait_sent(60) for @awake;
    }

    # acknowledged is not yet in the ring: its reader may be who sleeps
    $_->wait_events(6 * $rounds + 2, undef, 60) for @awake;
    kill 'CONT', $asleep;
    ok(eval { wait_for(sub { $nginx->log =~ /the ring overtook this worker/ },
                       10, 'lap') }, 'the ring went round');
    my $laps = () = $nginx->log =~ /the ring overtook this worker/g;
    ok(eval { wait_for(sub { metric('ring_laps') == $laps }, 5, 'laps') },
       "ring_laps: $laps") or diag metric('ring_laps');

    for my $v (@awake) {
        my $d = $v->{dialog};
        $v->post('the end');
        $v->wait_sent(20);
        $_->wait_text('the end', $d, 60) for $v, @ops;
    }

    my @wrong = grep {
        my $v = $_;
        my $ids = join ' ', map { $_->{id} } @{$v->events};
        grep { join(' ', map { $_->{id} } @{$_->events($v->{dialog})})
               ne $ids } @ops;
    } @awake;
    is(scalar @wrong, 0, 'every operator has every dialog whole');

    for my $v (@sleep) {
        $v->post('I slept');
        $v->wait_sent(20);
        $v->wait_text('I slept');
    }

    pass('who slept goes on');

    my $stored = metric('resume_store');
    # visitors missed nothing, which needs no more than their number
    ok(!$asleep_ops || $stored,
       "$asleep_ops operators who slept were served from the store");
    $silent->{reconnect} = 1;
    $silent->connect;
    $silent->wait_welcome;
    is($silent->{welcome}{reset}, JSON::PP::false, 'nothing is begun anew');
    is(metric('resume_store'), $stored, '... nor read for who had no dialog');
    $silent->post('now I speak');
    $silent->wait_text('now I speak');
    $_->wait_text('now I speak', $silent->{dialog}) for @ops;
    is((grep { $_->{dups} + $_->{disorder} + $_->{broken} } @ops, @vis), 0,
       'once and in order');
}

$t->done;
