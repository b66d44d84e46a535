#!/usr/bin/env perl

# Promise: when many are cut at once, those who stay do not wait until all of
# these have been closed: a turn of the loop closes 16 at most.  Whoever comes
# back before finds room none the less.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $N = 200;
my $BOUND = 16;

my $t = Chat::Test->new(log_level => 'debug');
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
my $nginx = $t->nginx(<<'CONF', workers => 1);
%%GLOBALS%%
events { worker_connections 1024; multi_accept on; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_connections 202;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
    server {
        listen %%IP%%:%%PORT%%;
        server_name status.test;
        location / { chat_status; }
    }
}
CONF

my $ann = $t->operator(host => 'desk.test', login => 'ann',
                       password => 'secret-password');
my $stays = $t->visitor(host => 'shop.test');
my @cut = map { $t->visitor(host => 'shop.test', reconnect => 0) } 1 .. $N;
$_->connect for @cut;
$_->wait_welcome(30) for $ann, $stays, @cut;

# the worker is to see all of them at once
sub cut($then = sub { }) {
    my ($worker) = $nginx->workers;
    kill STOP => $worker;
    $_->drop for @cut;
    wait_for(sub { !grep { $_->{wire} } @cut }, 10, 'all are cut');
    $then->();
    kill CONT => $worker;
}

sub metric($name) {
    return $t->http('GET', '/?format=json', host => 'status.test')
        ->{json}{$name};
}

cut();

$stays->post('still here');
$_->wait_text('still here', $stays->{dialog}) for $stays, $ann;
wait_for(sub { metric('connections_ws') == 2 }, 20, 'all are closed');

my @closed = map { scalar(() = /chat websocket closed/g) }
    split /epoll timer:/, $nginx->log;
my ($most) = sort { $b <=> $a } @closed;
is($most, $BOUND, "a turn closes $BOUND of $N at most");
cmp_ok(scalar(grep { $_ == $BOUND } @closed), '>=', int($N / $BOUND) - 1,
       '... and that many while there are so many');

$_->connect for @cut;
$_->wait_welcome(30) for @cut;
cut(sub { $_->connect for @cut });
$_->wait_welcome(30) for @cut;
is(metric('connections_refused'), 0,
   'who comes back finds room, though those cut took all of it');

$t->done;
