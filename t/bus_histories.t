#!/usr/bin/env perl

# Promise: after Redis came back with another history nobody is given anything
# of that before he has been told of it, even if the worker asks it already
# while the log's reader is not through yet, or while it reads what to tell,
# or another worker does, which he asks by POST.

use v5.36;
use lib 't/lib';

use Chat::Proxy;
use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
my $redis = $t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']]);
my $proxy = Chat::Proxy->new(path => "$t->{dir}/proxy.sock",
                             to => $redis->socket);
my $nginx = $t->nginx(<<'CONF' =~ s/PROXY/$proxy->address/er, workers => 1);
%%GLOBALS%%
events { worker_connections 256; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis PROXY;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
}
CONF

my $v = $t->visitor(host => 'shop.test', record => 1);
$v->wait_welcome;
$v->post('hello');
$v->wait_text('hello');
my $id = $v->{dialog};

# what a client was told since, by name
sub told ($c) { return map { $_->{t} } @{$c->{frames}} }

# the reader gets no further than to ask where the log begins
$proxy->{hush} = qr/XINFO/;
$redis->restart('kill9');
wait_for(sub { $v->{link} eq 'down' }, 20, 'Redis has gone');
wait_for(sub { $v->{link} eq 'up' }, 20, 'the worker has it again');

@{$v->{frames}} = ();
$v->_ask($id);
wait_for(sub { grep { $_->{t} eq 'error' } @{$v->{frames}} }, 20,
         'an answer');
my ($error) = grep { $_->{t} eq 'error' } @{$v->{frames}};
is($error->{code}, 'store_down', 'a history is not to be had now');
ok($error->{retry_ms}, '... but later');

my $new = $t->visitor(host => 'shop.test', record => 1);
$new->connect;
$v->_ask($id);
wait_for(sub { 2 <= grep { $_ eq 'error' } told($v) }, 20, 'and again');
is_deeply([grep { /^(?:history|event|welcome)$/ } told($v)], [],
          'nothing of the other history comes');
is_deeply([grep { $_ eq 'welcome' } told($new)], [], 'nobody is welcome');

delete $proxy->{hush};
wait_for(sub { grep { $_->{t} eq 'welcome' } @{$v->{frames}} }, 30,
         'the reader is through');
my ($first) = grep { $_->{t} =~ /^(?:history|event|welcome)$/ }
    @{$v->{frames}};
is($first->{t}, 'welcome', 'the first of it is a welcome');
ok($first->{reset}, '... that says so');
$v->wait_text('hello');
$new->wait_welcome(20);
pass('and others are welcome');


# He asks while his state is being read, which takes longer than a history.
@{$v->{frames}} = ();
$proxy->{said} = '';
$proxy->{hold} = qr/\r\nGET\r\n[^\n]+\n\S+:v:/;
$redis->restart('kill9');
wait_for(sub { $proxy->{said} }, 30, 'his state is being read');
$v->_ask($id);
wait_for(sub { $proxy->{said} =~ /LRANGE/ }, 20, 'a history behind it');
$proxy->release;
wait_for(sub { grep { $_ eq 'welcome' } told($v) }, 30, 'a welcome');
is((grep { /^(?:history|event|welcome)$/ } told($v))[0], 'welcome',
   'a history does not come before the welcome');


# A worker that is ahead of the one that holds his stream: all it has of him is
# the cursor of a POST.
sub asks ($cursor) {
    return $t->http('POST', "/_chat/v1/send?instance=$v->{instance}"
            . "&cursor=$cursor", host => 'shop.test',
        headers => {Authorization => "Bearer $v->{token}"},
        json => {t => 'history', dialog => $id, after => '0'});
}

my $before = $v->{cursor};
is(asks($before)->{json}{t}, 'history', 'by POST, of what he has seen');
@{$v->{frames}} = ();
$redis->restart('kill9');
wait_for(sub { grep { $_ eq 'welcome' } told($v) }, 30, 'a welcome');
my $res = asks($before);
is($res->{status}, 503, 'by POST, of another history than he has seen');
is($res->{json}{code}, 'store_down', '... he is told so');
ok($res->{json}{retry_ms}, '... and to ask again');
is(asks($v->{cursor})->{json}{t}, 'history', '... with a newer cursor');

$t->done;
