#!/usr/bin/env perl

# Promise: in real browsers a visitor and an operator talk, and neither a
# reload of the page or of nginx, nor a restart of Redis, nor a killed worker
# loses, repeats or reorders a message.

use v5.36;
use lib 't/lib';

use Chat::Browser;
use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
my $redis = $t->redis;
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

for my $name (qw(index other)) {
    open my $fh, '>', "$nginx->{dir}/html/$name.html" or die $!;
    print $fh '<!doctype html><html lang="en"><title>Shop</title>',
        '<link rel="icon" href="data:,"><h1>Shop</h1>',
        '<script async src="/_chat/widget.js"></script>';
}

$t->allow(qr/exited on signal 9/);

Chat::Browser->run($t, 'talk',
    {login => 'ann', password => 'secret-password'},
    reload => sub { $nginx->reload; 1 },
    redis => sub { $redis->restart('term'); 1 },
    worker => sub { $nginx->kill_worker; 1 },
    down => sub { $redis->term; 1 },
    up => sub { $redis->start; 1 });

$t->done;
