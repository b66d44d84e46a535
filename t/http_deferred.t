#!/usr/bin/env perl

# Promise: with "listen ... deferred", too, a client that leaves is noticed at
# once, whether it polls or has an event stream.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']]);
$t->nginx(<<'CONF', workers => 1);
%%GLOBALS%%
events { worker_connections 256; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_poll_timeout 5m;
    chat_ping 5m;
    server {
        listen %%IP%%:%%PORT%%;
        listen %%IP%%:%%PORT_deferred%% deferred;
        server_name shop.test;
        chat on;
    }
    server {
        listen %%IP%%:%%PORT%%;
        server_name status.test;
        location / { chat_status; }
    }
}
CONF

my $visitor = $t->visitor(host => 'shop.test');
$visitor->wait_welcome;

sub metric($name) {
    return $t->http('GET', '/?format=json', host => 'status.test')
        ->{json}{$name};
}

for my $way ('poll', 'events') {
    my $metric = {poll => 'connections_poll', events => 'connections_sse'}
        ->{$way};
    # a poll without a cursor would be answered at once
    my $stream = Chat::Http::start('GET', "/_chat/v1/$way?instance=leaving1"
            . "&cursor=$visitor->{cursor}",
        ip => $t->ip, port => $t->port('deferred'), host => 'shop.test',
        headers => {Authorization => "Bearer $visitor->{token}"});
    wait_for(sub { metric($metric) == 1 }, 10, "$way is open");
    $stream->close;
    ok(eval { wait_for(sub { metric($metric) == 0 }, 10, 'noticed') },
       "$way: it is noticed that the client left");
}

$t->done;
