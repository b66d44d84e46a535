#!/usr/bin/env perl

# Promise: clients that came together (a proxy was restarted) are not pinged
# together: heartbeats of WebSockets and of event streams spread at once.

use v5.36;
use lib 't/lib';

use Chat::Loop qw(now);
use Chat::Test;
use Test::More;

my ($N, $PING) = (120, 8);

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']]);
$t->nginx(<<"CONF");
%%GLOBALS%%
events { worker_connections 1024; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_ping ${PING}s;
    chat_rate 1000 burst=1000;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
}
CONF

my $token = $t->http('POST', '/_chat/v1/visitor', host => 'shop.test')
    ->{json}{token};
my %bearer = (Authorization => "Bearer $token");
my $address = sub { (ip => $t->ip, port => $t->port, host => 'shop.test') };

# Seconds from the start to each one's first heartbeat.
my (%ws, %sse, %open);
my $start = now();

for my $i (1 .. $N) {
    my $ws;
    $ws = Chat::Ws->new($address->(), path => '/_chat/v1/ws',
        headers => {%bearer, Origin => 'http://shop.test',
                    'Sec-WebSocket-Protocol' => 'chat.v1'},
        on_open => sub ($res) {
            $ws->send(qq({"t":"hello","instance":"socket00$i"}));
        },
        on_text => sub ($text) { $open{"ws$i"} = now() },
        on_frame => sub ($opcode, $data) {
            $ws{$i} //= now() - $start if $opcode == 9;
        });
}

for my $i (1 .. $N) {
    my $in = '';
    Chat::Http::start('GET', "/_chat/v1/events?instance=stream00$i",
        $address->(), headers => {%bearer, Connection => 'keep-alive'},
        on_data => sub ($bytes) {
            $in .= $bytes;
            $open{"sse$i"} //= now() if $in =~ /welcome/;
            $sse{$i} //= now() - $start if $in =~ /^:\n/m;
        });
}

wait_for(sub { keys %open == 2 * $N }, 20, 'all are welcome');
my $opened = now() - $start;
note sprintf 'all are there after %.1f s', $opened;
wait_for(sub { keys %ws == $N && keys %sse == $N }, 3 * $PING,
         'a heartbeat for everybody');

# Of the quarter of chat_ping they are spread over, the wheel's slots of a
# second and the time of opening set apart.
for ([WebSockets => \%ws], ['event streams' => \%sse]) {
    my ($what, $first) = @$_;
    my @at = sort { $a <=> $b } values %$first;
    note sprintf '%s: %.1f to %.1f s', $what, @at[0, -1];
    cmp_ok($at[0], '>', $PING * 0.7, "$what: none too early");
    cmp_ok($at[-1], '<', $PING + $opened + 1 + $Chat::Loop::SLOW,
           "$what: none too late");

    # half of them not within half a second
    my $half = $at[$N * 0.75] - $at[$N * 0.25];
    cmp_ok($half, '>', 0.5, sprintf "$what: the middle half takes %.1f s",
           $half);
}

$t->done;
