#!/usr/bin/env perl

# Promise: a WebSocket that is open, but through which nothing passes any
# more (a phone has left its network), is told goodbye by the server after
# two chat_ping at most and gone after the 5 s for a closing handshake, a long
# poll after its own time; a client that comes back meanwhile gets everything
# once.
# (The other way round, a client that hears nothing: t/web/session.test.ts.)

use v5.36;
use lib 't/lib';

use Chat::Loop qw(now);
use Chat::Proxy;
use Chat::Test;
use Test::More;

my ($N, $PING) = (20, 3);

my $t = Chat::Test->new(log_level => 'info');
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
my $nginx = $t->nginx(<<"CONF");
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_ping ${PING}s;
    chat_poll_timeout 4s;
    server {
        listen %%IP%%:%%PORT%%;
        server_name shop.test;
        chat on;
        location = /status { chat_status; }
    }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

my $proxy = Chat::Proxy->new(
    listen => {address => $t->ip, port => $t->port('far')},
    to => {address => $t->ip, port => $t->port});

sub status () { return $t->status }

my $ann = $t->operator(host => 'desk.test', login => 'ann',
                       password => 'secret-password');
$ann->wait_welcome;
my $phone = $t->visitor(host => 'shop.test', port => $t->port('far'));
$phone->wait_welcome;
$phone->post('Hello');
$phone->wait_text('Hello');
my $d = $phone->{dialog};
$ann->wait_text('Hello', $d);
$ann->take($d);
$ann->wait_sent;

my %far = (host => 'shop.test', port => $t->port('far'), reconnect => 0,
           token => $phone->{token});
my @ws = map { $t->visitor(%far) } 1 .. $N;
my @poll = map { $t->visitor(%far, transport => 'poll') } 1 .. 5;
$_->wait_welcome for @ws, @poll;

my $mute = Chat::Ws->new(ip => $t->ip, port => $t->port('far'),
    host => 'shop.test', path => '/_chat/v1/ws',
    headers => {Authorization => "Bearer $phone->{token}",
                Origin => 'http://shop.test',
                'Sec-WebSocket-Protocol' => 'chat.v1'});
wait_for(sub { $mute->{opened} }, 5, 'a socket without hello');
my $s;
wait_for(sub {
    $s = status();
    return $s->{connections_poll} == @poll && $s->{connections_ws} == $N + 3;
}, 10, 'polls wait, all are counted');
is($s->{connections_ws}, $N + 3, 'all are counted');

$proxy->silence;
my $start = now();
$ann->post('Are you there?', dialog => $d);
$ann->wait_sent;

# the phone is in another network before the old connection is noticed
$phone->{port} = $t->port;
delete($phone->{wire})->{over} = 1;
$phone->{welcomed} = 0;
$phone->connect;
$phone->wait_text('Are you there?');
$phone->post('Yes');
$ann->wait_text('Yes', $d);
is($phone->{dups} + $phone->{disorder}, 0, 'who comes back gets it once');

wait_for(sub {
    my $s = status();
    return $s->{connections_ws} == 2 && !$s->{connections_poll};
}, 30, 'they are noticed');
my $took = now() - $start;

# a ping's time, an answer's, a closing handshake's: each rounded up by the
# wheel, which turns by seconds
cmp_ok($took, '<', (2 * $PING + 5 + 3) * $Chat::Loop::SLOW,
       sprintf 'all are gone %.1f s after the silence began', $took);

# the phone's first, the silent ones and the mute one; a gauge is no log yet
my @codes;
wait_for(sub {
    @codes = sort { $a <=> $b }
        $nginx->log =~ /websocket closed: code (\d+)/g;
    return @codes >= $N + 2;
}, 10, 'all of them in the log');

# the phone's own old one is replaced where the new one meets the same worker
shift @codes if $codes[0] == 1000;
is_deeply([grep { $_ != 1001 } @codes], [], 'closed for silence');
cmp_ok(scalar @codes, '>=', $N + 1, 'all others');
is($ann->{connects}, 1, 'who answers pings stays');

$t->done;
