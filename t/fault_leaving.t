#!/usr/bin/env perl

# Promise: a worker that is to leave (reload, upgrade) first answers who
# waits for the store, even if the store is silent at that moment; none of
# its connections is left behind with an alert.

use v5.36;
use lib 't/lib';

use Chat::Loop qw(now);
use Chat::Stream;
use Chat::Test;
use Test::More;

my $t = Chat::Test->new(log_level => 'info');
my $redis = $t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']]);
my $nginx = $t->shop('chat_drain 1s;');

my ($old) = $nginx->workers;
$redis->freeze;

my $res;
my $first = Chat::Http::start('POST', '/_chat/v1/visitor', ip => $t->ip,
    port => $t->port, host => 'shop.test', json => {},
    on_done => sub ($r) { $res = $r });
wait_for(sub { $first->{opened} && !length $first->{out} }, 5, 'sent');

# the only worker answers this one after it has read the other
is($t->http(GET => '/status', host => 'shop.test')->{status}, 200,
   'the worker serves');
is($res, undef, 'the first request waits for the store');

$nginx->reload(nowait => 1);
wait_for(sub { $nginx->log =~ /$old#\d+: gracefully shutting down/ }, 10,
         'the worker is to leave');

my $told = now();
wait_for(sub { !kill(0, $old) || now() - $told > 0.5 }, 5, 'half a second');
ok(kill(0, $old), 'it stays');

$redis->thaw;
wait_for(sub { $res }, 15, 'an answer');
is($res->{status}, 200, 'and answers');
ok($res->{json}{token}, '... with what was asked for');
wait_for(sub { !kill 0, $old }, 15, 'then it leaves');
pass('then it leaves');

# one that has connected before, and asks when nobody waits any more
my ($next) = $nginx->workers;
my $in = '';
my $late = Chat::Stream->new(ip => $t->ip, port => $t->port,
    on_read => sub ($bytes) { $in .= $$bytes; $$bytes = '' });
wait_for(sub { $late->{opened} }, 5, 'connected');
is($t->http(GET => '/status', host => 'shop.test')->{status}, 200,
   'the worker has taken both connections');

$nginx->reload(nowait => 1);
wait_for(sub { $nginx->log =~ /$next#\d+: gracefully shutting down/ }, 10,
         'the next worker is to leave');
$told = now();
wait_for(sub { now() - $told > 0.5 }, 5, 'half a second');
ok(kill(0, $next), 'it stays for who may ask');

$redis->freeze;
$late->write(Chat::Http::head('POST', '/_chat/v1/visitor',
                              host => 'shop.test', json => {}));
wait_for(sub { !length $late->{out} }, 5, 'sent');
$told = now();
wait_for(sub { now() - $told > 0.3 }, 5, 'a moment');
$redis->thaw;
wait_for(sub { $late->{closed} }, 15, 'the end of it');
like($in, qr{^HTTP/1.1 200 .*"token"}s, 'who asks late has his answer, too');
wait_for(sub { !kill 0, $next }, 15, 'then it leaves');

$t->done;
