#!/usr/bin/env perl

# Promise: the widget asks for one small file before a click, stores nothing
# until it is opened, works under the strictest CSP and over every transport,
# in several tabs, across pages, offline, on phones and by keyboard alone, and
# axe finds nothing wrong with it.

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
        location = /strict.html {
            set $csp "default-src 'none'; script-src 'nonce-n0nce'";
            set $csp "$csp; connect-src 'self'; img-src data:";
            set $csp "$csp; base-uri 'none'; trusted-types 'none'";
            set $csp "$csp; require-trusted-types-for 'script'";
            add_header Content-Security-Policy $csp;
        }
    }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

for my $name (qw(index other strict russian)) {
    open my $fh, '>:utf8', "$nginx->{dir}/html/$name.html" or die $!;
    print $fh '<!doctype html><html lang="',
        $name eq 'russian' ? 'ru' : 'en', '"><meta name="viewport" ',
        'content="width=device-width"><title>Shop</title>',
        '<link rel="icon" href="data:,"><main><h1>Shop</h1><p>Goods</p>',
        '</main><script async src="/_chat/widget.js" nonce="n0nce"></script>';
}

Chat::Browser->run($t, 'widget',
    {login => 'ann', password => 'secret-password'},
    down => sub { $redis->term; 1 },
    up => sub { $redis->start; 1 });

$t->done;
