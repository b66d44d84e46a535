#!/usr/bin/env perl

# Promise: over TLS a WebSocket does the same: handshake, messages of any
# size, a full queue that drains, a reload with its close code.

use v5.36;
use lib 't/lib';

use Chat::Test;
use JSON::XS ();
use Mojo::UserAgent;
use Test::More;

my $json = JSON::XS->new->utf8->canonical;

my $t = Chat::Test->new(log_level => 'info');
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']]);

my ($rc, undef, $err) = $t->command(['openssl', 'req', '-x509', '-newkey',
    'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', '/CN=shop.test', '-keyout', "$t->{dir}/key.pem",
    '-out', "$t->{dir}/cert.pem"]);
plan skip_all => "openssl: $err" if $rc;

my $nginx = $t->nginx(<<"CONF");
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 16m;
    chat_redis %%REDIS%%;
    chat_drain 1s;
    chat_rate 10000 burst=10000;
    ssl_certificate $t->{dir}/cert.pem;
    ssl_certificate_key $t->{dir}/key.pem;
    server {
        listen %%IP%%:%%PORT_tls%% ssl http2;
        listen %%IP%%:%%PORT%%;
        server_name shop.test;
        chat on;
    }
}
CONF

my $plain = $t->visitor(host => 'shop.test', origin => 'http://shop.test',
                        pipeline => 8);
$plain->wait_welcome;

my $ua = Mojo::UserAgent->new(insecure => 1)->inactivity_timeout(0)
    ->max_connections(0);

sub wss() {
    my $s = {texts => []};
    my $tx = $ua->build_websocket_tx(
        'wss://' . $t->ip . ':' . $t->port('tls') . '/_chat/v1/ws',
        {Host => 'shop.test', Origin => 'https://shop.test',
         Authorization => "Bearer $plain->{token}"}, ['chat.v1']);
    $ua->start($tx, sub ($ua, $tx) {
        $s->{done} = 1;
        $s->{tx} = $tx;
        return unless $tx->is_websocket;
        $tx->max_websocket_size(8 * 1024 * 1024);
        $tx->on(text => sub ($tx, $bytes) {
            push @{$s->{texts}}, $json->decode($bytes) });
        $tx->on(finish => sub ($tx, $code, $reason = undef) {
            $s->{closed} = $code });
    });
    wait_for(sub { $s->{done} }, 10, 'the handshake');
    return $s;
}

my $s = wss();
ok($s->{tx}->is_websocket, 'a WebSocket over TLS');
is($s->{tx}->protocol, 'chat.v1', 'with our subprotocol');

my $say = sub ($f) { $s->{tx}->send({text => $json->encode($f)}) };
my $got = sub ($name) { grep { $_->{t} eq $name } @{$s->{texts}} };

$say->({t => 'hello', instance => 'over-tls-1'});
wait_for(sub { $got->('welcome') }, 10, 'welcome');
$say->({t => 'post_message', n => '1', text => "\x{1f512} " . 'x' x 3900});
wait_for(sub { $got->('ack') && $got->('event') >= 2 }, 10, 'ack and events');
pass('a message goes there and back');

# much at once: more than TLS buffers, the queue and a socket hold
$plain->post("$_ " . 'y' x 3900) for 1 .. 300;
$plain->wait_sent(60);
wait_for(sub { $got->('event') == 302 }, 30, 'all events');
my @seq = map { $_->{seq} } $got->('event');
is_deeply(\@seq, [1 .. 302], '1.2 MB of events, once, in order');

$say->({t => 'history', dialog => $plain->{dialog}, after => '0'});
wait_for(sub { $got->('history') }, 10, 'history');
is(scalar @{($got->('history'))[0]{events}}, 100,
   'a frame of 400 kB arrives whole');

my $idle = wss();
$idle->{tx}->send({text => $json->encode({t => 'hello',
                                          instance => 'over-tls-2'})});
wait_for(sub { @{$idle->{texts}} }, 10, 'welcome');
$nginx->reload;
wait_for(sub { $s->{closed} && $idle->{closed} }, 10, 'closed');
is_deeply([$s->{closed}, $idle->{closed}], [1012, 1012],
          'a reload closes with 1012');
is($s->{texts}[-1]{t}, 'bye', '... after a bye');

$s = wss();
$say->({t => 'hello', instance => 'over-tls-1'});
wait_for(sub { $got->('welcome') }, 10, 'welcome');
is(($got->('welcome'))[0]{n}, '1', 'back again');
$s->{tx}->finish(1000);
wait_for(sub { $s->{closed} }, 10, 'closed');
is($s->{closed}, 1000, 'closed by the client');

# HTTP/2 has no WebSocket here: a clear answer instead of a broken one
my ($crc, $out) = $t->command(['curl', '-sk', '--http2', '-o', '/dev/null',
    '-w', '%{http_version} %{http_code}', '--resolve',
    'shop.test:' . $t->port('tls') . ':' . $t->ip,
    '-H', "Authorization: Bearer $plain->{token}",
    '-H', 'Origin: https://shop.test',
    'https://shop.test:' . $t->port('tls') . '/_chat/v1/ws']);
is($out, '2 426', 'over HTTP/2: 426') if $crc == 0;

$t->done;
