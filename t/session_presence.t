#!/usr/bin/env perl

# Promise: who comes and goes while a client's queue is full is not passed by:
# it is told when there is room again.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test'], ['b.test']],
           operators => [['ann', 'secret-password', 'operator', 'shop.test'],
                         ['sue', 'secret-password', 'operator', 'shop.test'],
                         ['bob', 'secret-password', 'operator', 'b.test']]);
$t->nginx(<<'CONF', workers => 1);
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 16m;
    chat_redis %%REDIS%%;
    chat_rate 10000 burst=10000;
    chat_frame_size 16k;
    chat_send_queue 64k;
    chat_send_timeout 10m;
    # the socket itself shall not swallow what we want to see waiting
    server {
        listen %%IP%%:%%PORT%% sndbuf=8k;
        server_name shop.test;
        chat on;
    }
    server { listen %%IP%%:%%PORT%%; server_name b.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

my %op = (host => 'desk.test', password => 'secret-password');
my %stalls = (rcvbuf => 4096, record => 1);

my ($sue, $bob) = map { $t->operator(%op, login => $_, pipeline => 8) }
    qw(sue bob);
my $ann = $t->operator(%op, login => 'ann', %stalls);
my $v = $t->visitor(host => 'shop.test');
my $b = $t->visitor(host => 'b.test', %stalls);
my $tab = $t->visitor(host => 'b.test', token => $b->{token});
$_->wait_welcome for $sue, $bob, $ann, $v, $b, $tab;

sub there($who, $whom) {
    my ($p) = grep { $_->{name} =~ /^$whom/i } values %{$who->{people}};
    return $p && $p->{online};
}

wait_for(sub { there($ann, 'bob') && there($sue, 'bob') && $b->{online} }, 10,
         'they see Bob');

# more than sockets and queues hold, of which the ring keeps the rest
$_->{wire}{ws}{stream}->pause(1) for $ann, $b;

for ([$v, $sue], [$tab, $bob]) {
    my ($from, $reader) = @$_;
    $from->post("$_ " . 'x' x 3900) for 1 .. 40;
    $from->wait_sent(60);
    $reader->wait_text('40 ' . 'x' x 3900, $from->{dialog}, 30);
}

$bob->close;
wait_for(sub { !there($sue, 'bob') && !$tab->{online} }, 30,
         'the others see that Bob is gone');
ok(there($ann, 'bob') && $b->{online}, 'who does not read still sees him');

$_->{wire}{ws}{stream}->pause(0) for $ann, $b;
wait_for(sub { !there($ann, 'bob') }, 10, 'a colleague sees it');
pass('an operator is told of it when he reads again');
wait_for(sub { !$b->{online} }, 10, 'the visitor sees it');
pass('so is a visitor');
is($_->{connects}, 1, 'without a new connection') for $ann, $b;

$t->done;
