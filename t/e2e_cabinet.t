#!/usr/bin/env perl

# Promise: the cabinet says what happens, loses nothing an operator wrote,
# and can be used by keyboard, by a screen reader and on a phone.

use v5.36;
use lib 't/lib';

use Chat::Browser;
use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
my $redis = $t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator'],
                        ['bob', 'secret-password', 'operator'],
                        ['eve', 'patient-password', 'operator']]);
$t->nginx(<<'CONF');
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_drain 1s;
    # a crowd comes from one address
    chat_visitor_rate off;
    server {
        listen %%IP%%:%%PORT%%;
        server_name shop.test;
        root %%TESTDIR%%/html;
        chat on;
    }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF
$t->statd;

Chat::Browser->run($t, 'cabinet',
    {login => 'ann', password => 'secret-password'},
    down => sub { $redis->term; 1 },
    up => sub { $redis->start; 1 });

$t->done;
