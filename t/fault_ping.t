#!/usr/bin/env perl

# Promise: a crowd whose pings are due in the same second is pinged in slices:
# others have their turn after 64 of them at the latest.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $N = 400;
my $BOUND = 64;

my $t = Chat::Test->new(log_level => 'debug');
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']]);
my $nginx = $t->nginx(<<'CONF', workers => 1);
%%GLOBALS%%
events { worker_connections 2048; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_visitor_rate off;
    chat_ping 2s;
    chat_redis %%REDIS%%;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
}
CONF

# stopped when all are due, it finds all of them in one tick
my @crowd = map { $t->visitor(host => 'shop.test') } 1 .. $N;
$_->connect for @crowd;
$_->wait_welcome(30) for @crowd;

my $before = length $nginx->log;
my ($worker) = $nginx->workers;
kill STOP => $worker;
sleep 3;
kill CONT => $worker;

my @fired;
wait_for(sub {
    @fired = map { scalar(() = /chat websocket timer:/g) }
        split /epoll timer:/, substr $nginx->log, $before;
    my $all = 0;
    $all += $_ for @fired;
    return $all >= $N;
}, 20, 'every one is pinged');

my ($most) = sort { $b <=> $a } @fired;
is($most, $BOUND, "a turn has $BOUND timers of $N at most");
cmp_ok(scalar(grep { $_ == $BOUND } @fired), '>=', int($N / $BOUND) - 1,
       '... and that many while there are so many');

$crowd[0]->post('still here');
$crowd[0]->wait_text('still here');
is(scalar(grep { $_->{connects} != 1 } @crowd), 0, 'nobody is lost by it');

$t->done;
