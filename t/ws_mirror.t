#!/usr/bin/env perl

# Promise: where a "mirror" has a hand in it nothing becomes a WebSocket, and
# the log says why: a subrequest may not be left without its request.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']]);
my $nginx = $t->nginx(<<'CONF', workers => 1);
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    server {
        listen %%IP%%:%%PORT%%;
        server_name shop.test;
        location = /echo { chat_echo on; }
        location = /mirrored { mirror /copy; chat_echo on; }
        location = /headers {
            mirror /copy;
            mirror_request_body off;
            chat_echo on;
        }
        location = /other { mirror /echo; empty_gif; }
        location = /copy { proxy_pass http://%%IP%%:%%PORT_copies%%; }
    }
    server { listen %%IP%%:%%PORT_copies%%; return 204; }
}
CONF

my ($worker) = $nginx->workers;

sub upgrade($path) {
    my $res;
    my $stream = Chat::Http::start('GET', $path, ip => $t->ip,
        port => $t->port, host => 'shop.test', headers => {
            Upgrade => 'websocket', Connection => 'Upgrade',
            'Sec-WebSocket-Version' => 13,
            'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ=='},
        on_head => sub ($r) { $res = $r }, on_done => sub ($r) { $res //= $r });
    wait_for(sub { $res }, 10, $path);
    $stream->close;
    return $res->{status};
}

is(upgrade('/echo'), 101, 'an echo');

for my $path ('/mirrored', '/headers') {
    is(upgrade($path), 500, "$path: not with a mirror");
}

my $n = () = $nginx->log =~ /cannot become a WebSocket.*"mirror"/g;
is($n, 2, '... and why is in the log');

# the other way round: what is mirrored goes to the echo
is(upgrade('/other'), 200, 'who is mirrored into an echo gets his answer');
ok(eval { wait_for(sub {
    3 == (() = $nginx->log =~ /cannot become a WebSocket/g) }, 10, 'refusal') },
   '... while the copy is refused');

is(upgrade('/echo'), 101, 'an echo as before');
is_deeply([$nginx->workers], [$worker], 'by the same worker');

$t->done;
