#!/usr/bin/env perl

# Promise: what a crowd is told is written to it in slices: others have their
# turn after 256 sockets at the latest (and the first 32, which do not wait).

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $N = 400;
my $BOUND = 256 + 32;

my $t = Chat::Test->new(log_level => 'debug');
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
my $nginx = $t->nginx(<<'CONF', workers => 1);
%%GLOBALS%%
events { worker_connections 2048; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_visitor_rate off;
    chat_redis %%REDIS%%;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

my @crowd = map { $t->visitor(host => 'shop.test') } 1 .. $N;
$_->connect for @crowd;
$_->wait_welcome(30) for @crowd;
my $before = length $nginx->log;

# every page shows that somebody is there now
my $ann = $t->operator(host => 'desk.test', login => 'ann',
                       password => 'secret-password');
$ann->wait_welcome;
wait_for(sub { !grep { !$_->{online} } @crowd }, 20, 'all see that');

my @wrote = map { scalar(() = /\] \S+: (?:\*\d+ )?(?:send: fd:|writev: )/g) }
    split /epoll timer:/, substr $nginx->log, $before;
my ($most) = sort { $b <=> $a } @wrote;
cmp_ok($most, '<=', $BOUND + 8, "a turn writes to some $BOUND of $N at most");
cmp_ok($most, '>=', 256, '... and to that many while there are so many');

$t->done;
