#!/usr/bin/env perl

# Promise: without chat_connections, half of worker_connections is left to
# the web sites: chat takes no more, says by every transport and to requests
# that wait for the store when to come again, and a page of the same server is
# served all the while.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $t = Chat::Test->new(log_level => 'info');
my $redis = $t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']]);
my $nginx = $t->nginx(<<'CONF', workers => 1);
%%GLOBALS%%
events { worker_connections 64; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_rate 100 burst=100;
    server {
        listen %%IP%%:%%PORT%%;
        server_name shop.test;
        root %%TESTDIR%%/html;
        chat on;
        location = /status { chat_status; }
        location = /echo { chat_echo on; }
    }
}
CONF

open my $fh, '>', "$nginx->{dir}/html/page.html" or die $!;
print $fh 'a page of the site';
close $fh;

sub status () { return $t->status }

sub held ($transport) { return status()->{"connections_$transport"} }

sub come ($transport) {
    my $c = $t->visitor(host => 'shop.test', transport => $transport,
                        reconnect => 0);
    $c->connect;
    wait_for(sub { $c->{welcomed} || $c->{refusal} }, 10,
             "$transport is answered");
    return $c;
}

# first those that come again by themselves; an eighth is left to requests
my %many = (poll => 8, sse => 8, ws => 12);
my $CALLS = 4;
my %held;

for my $transport (qw(poll sse ws)) {
    push @{$held{$transport}}, come($transport) for 1 .. $many{$transport};
    is(scalar(grep { $_->{refusal} } @{$held{$transport}}), 0,
       "there is room for $many{$transport} by $transport");
    wait_for(sub { held($transport) == $many{$transport} }, 10,
             "all of them are held by $transport");
}

# with these requests that was half of 64
for my $transport (qw(poll sse ws)) {
    my $c = come($transport);
    is($c->{refusal}{status}, 503, "one more by $transport is refused");
    like($c->{refusal}{headers}{'retry-after'}, qr/^[1-9]\d*$/,
         '... and told when to come again');
    $c->close;
}

my $echo = $t->http('GET', '/echo', host => 'shop.test', headers => {
    Connection => 'Upgrade', Upgrade => 'websocket',
    'Sec-WebSocket-Version' => 13,
    'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ=='});
is($echo->{status}, 503, 'nor is there room for an echo');
like($echo->{headers}{'retry-after'}, qr/^[1-9]\d*$/, '... nor is it for ever');

# the other half is theirs, with many at once, too
sub pages ($what) {
    my @page;
    Chat::Http::start('GET', '/page.html', ip => $t->ip, port => $t->port,
                      host => 'shop.test',
                      on_done => sub ($r) { push @page, $r }) for 1 .. 20;
    wait_for(sub { @page == 20 }, 15, 'pages');
    is(scalar(grep { $_->{status} == 200
                     && $_->{body} eq 'a page of the site' } @page), 20,
       "pages of the site are served while chat is full$what");
}

pages('');
is(held('poll') + held('sse') + held('ws'), 28,
   'all the while chat had its part');

my $v = $held{sse}[0];
$v->post('sent by a request');
$v->wait_sent;
pass('who is connected by a stream sends while there is no room');

# who waits for a silent store
my $n = 0;
my @sent;
sub send_some ($count) {
    for (1 .. $count) {
        # an instance has eight characters or more
        my $i = sprintf '%02d', $n++;
        Chat::Http::start('POST', "/_chat/v1/send?instance=waiter$i",
            ip => $t->ip, port => $t->port, host => 'shop.test',
            headers => {Authorization => "Bearer $v->{token}"},
            json => {t => 'post_message', n => '1', text => "waited $i"},
            on_done => sub ($r) { push @sent, $r });
    }
}

$redis->freeze;
send_some(20);
wait_for(sub { @sent >= 20 - $CALLS }, 10, 'refusals');
is(scalar(grep { $_->{status} == 503 && $_->{json}{code} eq 'busy'
                 && $_->{headers}{'retry-after'} } @sent), scalar @sent,
   'who has no place to wait for the store is told when to come')
    or diag(join ' ', map { $_->{status} . '=' . ($_->{json}{code} // '') } @sent);
pages(', and while the store is silent');
my $waited = 20 - @sent;
$redis->thaw;
wait_for(sub { @sent == 20 }, 15, 'answers');
is(scalar(grep { $_->{status} == 200 } @sent), $waited,
   'who waited is answered');
cmp_ok($waited, '>', 0, '... there were such');
send_some(1);
wait_for(sub { @sent == 21 }, 15, 'an answer');
is($sent[20]{status}, 200, 'and the next one is taken');

(shift @{$held{ws}})->close;
wait_for(sub { held('ws') < $many{ws} }, 10, 'one has gone');
my $next = come('ws');
ok($next->{welcomed}, 'the place of who left is free');

$t->done;
