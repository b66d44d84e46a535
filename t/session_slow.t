#!/usr/bin/env perl

# Promise: a client that does not read costs a bounded amount of memory for a
# bounded time, is told why it is closed, gets what it missed when it comes
# back, and nobody else notices it.

use v5.36;
use lib 't/lib';

use Chat::Loop qw(now);
use Chat::Test;
use Test::More;

my $t = Chat::Test->new(log_level => 'info');
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
# time enough for those who read, also where they seldom get a turn
my $STALL = 2 * $Chat::Loop::SLOW;
my $nginx = $t->nginx(<<"CONF", workers => 1);
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 16m;
    chat_redis %%REDIS%%;
    chat_drain 1s;
    chat_rate 10000 burst=10000;
    chat_frame_size 16k;
    chat_send_queue 64k;
    # the socket itself shall not swallow what we want to see waiting
    server {
        listen %%IP%%:%%PORT%% sndbuf=8k;
        server_name shop.test;
        chat on;
        chat_send_timeout ${STALL}s;
    }
    server {
        listen %%IP%%:%%PORT%%;
        server_name slowly.test;
        chat on;
        chat_site shop.test;
    }
    server {
        listen %%IP%%:%%PORT%%;
        server_name timed.test;
        chat on;
        chat_site shop.test;
        chat_send_queue 16m;
        chat_send_timeout 1s;
    }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
    server {
        listen %%IP%%:%%PORT%%;
        server_name status.test;
        location / { chat_status; }
    }
}
CONF

sub waiting () {
    return $t->http(GET => '/?format=json', host => 'status.test')
        ->{json}{frames_waiting};
}

my $ann = $t->operator(host => 'desk.test', login => 'ann',
                       password => 'secret-password', pipeline => 8);
my $v = $t->visitor(host => 'shop.test', rcvbuf => 4096, record => 1);
$_->wait_welcome for $v, $ann;
$v->post('Hello');
$v->wait_text('Hello');
my $d = $v->{dialog};
$ann->wait_text('Hello', $d);
$ann->take($d);
$ann->wait_sent;

# the neighbour: another tab of the same visitor, which does read
my $tab = $t->visitor(host => 'shop.test', token => $v->{token});
$tab->wait_welcome;


subtest 'more than the queue holds' => sub {
    $v->{reconnect} = 0;
    $v->{wire}{ws}{stream}->pause(1);

    # 300 x 4 kB for a queue of 64 kB
    for (1 .. 300) {
        $ann->post("$_ " . 'x' x 3900, dialog => $d);
    }

    $ann->wait_sent(60);
    $tab->wait_events(303, $d, 30);
    pass('who reads has all of it');

    ok(eval { wait_for(sub { $nginx->log =~ /websocket closed: code 4008/ },
                       10, 'log') }, 'who does not is closed: 4008');

    # what lay in the socket can be read still, up to a torn frame or a bye
    $v->{wire}{ws}{stream}->pause(0);
    wait_for(sub { !$v->{wire} }, 10, 'the end is seen');
    my $had = @{$v->events};
    cmp_ok($had, '<', 303, "it had got $had events");

    $v->{reconnect} = 1;
    $v->connect;
    $v->wait_events(303, $d, 30);
    is_deeply([$v->texts], [$tab->texts], 'it gets the rest, once, in order');
    is($v->{dups} + $v->{disorder}, 0, 'nothing twice');
    ok(!$v->{welcome}{reset}, 'without a reset');
};


subtest 'no progress' => sub {
    my $slow = $t->visitor(host => 'timed.test', token => $v->{token},
                           origin => 'http://shop.test', rcvbuf => 4096,
                           record => 1);
    $slow->wait_welcome;
    my $n = () = $nginx->log =~ /websocket closed: code 4008/g;
    $slow->{reconnect} = 0;
    $slow->{wire}{ws}{stream}->pause(1);

    # more than socket buffers take, less than the queue of 16 MB
    my ($sent, $most, $looked) = (0, 0, 0);

    # what its kernel has taken (a few of others are in it), and when last
    my ($taken, $stuck) = (0, now());

    my $closed = eval { wait_for(sub {
        if (!@{$ann->{outbox}} && $sent < 3000) {
            $ann->post('y' x 3900, dialog => $d) for 1 .. 50;
            $sent += 50;
        }
        if (now() - $looked > 0.05) {
            $looked = now();
            my $waiting = waiting();
            my $gone = $sent - @{$ann->{outbox}} - $waiting;
            $most = $waiting if $waiting > $most;
            ($taken, $stuck) = ($gone, now())
                if $waiting > 100 && $gone > $taken;
        }
        my $now = () = $nginx->log =~ /websocket closed: code 4008/g;
        return $now > $n;
    }, 60, 'closed') };
    my $took = now() - $stuck;

    ok($closed, "closed for want of progress after $sent messages");
    cmp_ok($took, '<', 3 * $Chat::Loop::SLOW,
           sprintf 'chat_send_timeout is 1 s: %.2f s after it took nothing',
           $took);
    cmp_ok($most, '>', 100, 'what waited for it was in a metric');
    $slow->close;
    ok(eval { wait_for(sub { waiting() == 0 }, 20, 'nothing waits') },
       '... and is no more');
};


subtest 'one that reads slowly, but reads' => sub {
    my $c = $t->visitor(host => 'slowly.test', token => $v->{token},
                        origin => 'http://shop.test',
                        rcvbuf => 32768);
    $c->wait_welcome;
    my $have = @{$tab->events};
    $c->wait_events($have, $d, 60);
    $ann->post("slowly $_", dialog => $d) for 1 .. 20;
    $ann->wait_sent;
    $c->wait_text('slowly 20', $d);
    is($c->{connects}, 1, 'is left alone');
};

is($tab->{connects}, 1, 'the neighbour was never disturbed');
is($ann->{connects}, 1, 'nor was the operator');
is($tab->{dups} + $tab->{disorder}, 0, 'nor any order');

$t->done;
