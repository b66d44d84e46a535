#!/usr/bin/env perl

# Promise: the WebSocket transport keeps RFC 6455: the handshake and its
# refusals, bytes in any pieces, fragments, control frames between them, and
# the right close code for everything that is broken.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Chat::Ws;
use JSON::XS ();
use Test::More;

my $json = JSON::XS->new->utf8->canonical;

my $t = Chat::Test->new(log_level => 'info');
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']]);
my $nginx = $t->nginx(<<'CONF' =~ s/PING/$Chat::Loop::SLOW/r);
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_frame_size 64k;
    chat_rate 1000 burst=2000;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server {
        listen %%IP%%:%%PORT%%;
        server_name quick.test;
        chat on;
        chat_site shop.test;
        chat_ping PINGs;
    }
}
CONF

my $token = $t->http('POST', '/_chat/v1/visitor', host => 'shop.test',
    json => {}, headers => {Origin => 'http://shop.test'})->{json}{token};
ok($token, 'a visitor has a token');

my @base = ('Upgrade' => 'websocket', 'Connection' => 'Upgrade',
    'Sec-WebSocket-Version' => '13',
    'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ==',
    'Origin' => 'http://shop.test', 'Authorization' => "Bearer $token");

sub handshake($method, %more) {
    my %h = (@base, %more);
    delete @h{grep { !defined $h{$_} } keys %h};
    return $t->http($method, '/_chat/v1/ws', host => 'shop.test',
                    headers => \%h);
}

# A socket that said hello and was made welcome.
sub socket_of(%args) {
    my $s = {texts => [], frames => [], host => 'shop.test'};
    my $host = delete $args{site} // 'shop.test';
    my $instance = Chat::Client::random_id(12);
    my $hello = $json->encode({t => 'hello', instance => $instance});

    $s->{ws} = Chat::Ws->new(ip => $t->ip, port => $t->port, host => $host,
        path => '/_chat/v1/ws',
        headers => {Origin => "http://shop.test",
                    Authorization => "Bearer $token",
                    %{delete $args{headers} // {}}},
        on_open => sub ($res) { $s->{res} = $res },
        on_refused => sub ($res, $why) { $s->{refused} = $res || {why => $why} },
        on_text => sub ($text) { push @{$s->{texts}}, $json->decode($text) },
        on_frame => sub ($op, $data) { push @{$s->{frames}}, [$op, $data] },
        on_close => sub ($code, $reason) { $s->{closed} = [$code, $reason] },
        %args);
    return $s if exists $args{glue};
    wait_for(sub { $s->{res} }, 5, 'the handshake');
    $s->{ws}->send($hello);
    wait_for(sub { got($s, 'welcome') }, 5, 'welcome');
    return $s;
}

sub got($s, $t) { return (grep { $_->{t} eq $t } @{$s->{texts}})[0] }
sub count($s, $t) { return scalar grep { $_->{t} eq $t } @{$s->{texts}} }

sub alive($s, $what) {
    my $n = count($s, 'pong');
    $s->{ws}->send('{"t":"ping"}');
    ok(eval { wait_for(sub { count($s, 'pong') > $n }, 5, 'pong') }, $what);
}

my $frame = \&Chat::Ws::frame;


subtest 'handshake' => sub {
    is(handshake('GET', 'Sec-WebSocket-Version' => '8')->{status}, 426,
       'another version');
    is(handshake('GET', 'Sec-WebSocket-Version' => '8')
       ->{headers}{'sec-websocket-version'}, '13', '... is told ours');
    is(handshake('GET', 'Upgrade' => undef)->{status}, 426, 'no Upgrade');
    is(handshake('GET', 'Connection' => 'close')->{status}, 400,
       'no Connection: Upgrade');
    is(handshake('GET', 'Sec-WebSocket-Key' => undef)->{status}, 400,
       'no key');
    is(handshake('GET', 'Sec-WebSocket-Key' => 'c2hvcnQ=')->{status}, 400,
       'a short key');
    is(handshake('POST')->{status}, 405, 'not GET');
    is(handshake('GET', 'Authorization' => undef)->{status}, 401,
       'no identity');
    is(handshake('GET', 'Origin' => 'http://evil.test')->{status}, 403,
       'another origin');

    my $s = socket_of(headers => {
        'Connection' => 'keep-alive, Upgrade',
        'Upgrade' => 'h2c, WebSocket',
        'Sec-WebSocket-Protocol' => 'soap, chat.v1'});
    is($s->{res}{headers}{'sec-websocket-protocol'}, 'chat.v1',
       'the subprotocol is agreed upon');
    is($s->{res}{headers}{'content-length'}, undef, 'no Content-Length');
    $s->{ws}->close;

    $s = socket_of(headers => {
        'Connection' => ['keep-alive', 'Upgrade'],
        'Upgrade' => ['h2c', 'websocket'],
        'Sec-WebSocket-Protocol' => ['soap', 'chat.v1']});
    is($s->{res}{headers}{'sec-websocket-protocol'}, 'chat.v1',
       'lists may be split into lines');
    $s->{ws}->close;

    $s = socket_of(headers => {'Sec-WebSocket-Protocol' => 'soap'});
    is($s->{res}{headers}{'sec-websocket-protocol'}, undef,
       'a foreign subprotocol is not');
    $s->{ws}->close;
};


subtest 'frames that come with the handshake' => sub {
    my $hello = $json->encode({t => 'hello', instance => 'glued-123'});
    my $s = socket_of(glue => $frame->(1, $hello)
                              . $frame->(1, '{"t":"ping"}'));
    ok(eval { wait_for(sub { got($s, 'welcome') && got($s, 'pong') }, 5,
                       'answers') }, 'both are answered');
    $s->{ws}->close;

    # more than a header buffer holds: split between it and the socket
    my $text = $json->encode({t => 'post_message', n => '1',
                              text => 'x' x 3900});
    $s = socket_of(glue => $frame->(1, $json->encode(
                       {t => 'hello', instance => 'glued-456'}))
                           . $frame->(1, $text));
    ok(eval { wait_for(sub { got($s, 'ack') }, 5, 'ack') },
       'a long message is accepted');
    $s->{ws}->close;
};


subtest 'pieces' => sub {
    my $s = socket_of();
    my $bytes = $frame->(1, '{"t":"ping"}') x 2 . $frame->(9, 'between');

    # each byte in a packet and a turn of the loop of its own
    for my $at (0 .. length($bytes) - 1) {
        my $next;
        $s->{ws}->write(substr $bytes, $at, 1);
        Chat::Loop::after(0.001, sub { $next = 1 });
        wait_for(sub { $next }, 5, 'a turn');
    }

    ok(eval { wait_for(sub { count($s, 'pong') == 2
                             && grep { $_->[0] == 10 } @{$s->{frames}} },
                       5, 'pongs') }, 'byte by byte');
    is((grep { $_->[0] == 10 } @{$s->{frames}})[0][1], 'between',
       'a ping gets its own data back');

    $s->{ws}->write($frame->(1, '{"t":', fin => 0) . $frame->(9, 'x')
                    . $frame->(0, '"ping', fin => 0) . $frame->(0, '"}'));
    ok(eval { wait_for(sub { count($s, 'pong') == 3
                             && 2 == grep { $_->[0] == 10 } @{$s->{frames}} },
                       5, 'pongs') },
       'fragments with a ping between them');

    $s->{ws}->write(join '', map { $frame->(1, '{"t":"ping"}') } 1 .. 300);
    ok(eval { wait_for(sub { count($s, 'pong') == 303 }, 5, '300 pongs') },
       '300 frames at once');
    $s->{ws}->write($frame->(10, 'unasked'));
    alive($s, 'an unsolicited pong is ignored');
    $s->{ws}->close(1000, 'bye');
    wait_for(sub { $s->{closed} }, 5, 'closed');
    is($s->{closed}[0], 1000, 'our close code comes back');
};


# What breaks the protocol, and the code it must be closed with.
my @broken = (
    ['unmasked frame', $frame->(1, '{"t":"ping"}', masked => 0), 1002],
    ['RSV1', $frame->(1, '{"t":"ping"}', rsv => 4), 1002],
    ['RSV3', $frame->(1, '{"t":"ping"}', rsv => 1), 1002],
    ['unknown opcode', $frame->(3, 'x'), 1002],
    ['unknown control opcode', $frame->(11, ''), 1002],
    ['binary', $frame->(2, 'x'), 1003],
    ['bad UTF-8', $frame->(1, "\xc3\x28"), 1007],
    ['overlong UTF-8 in a fragment',
     $frame->(1, "\xe0", fin => 0) . $frame->(0, "\x80\x80"), 1007],
    ['surrogate', $frame->(1, "\xed\xa0\x80"), 1007],
    ['continuation of nothing', $frame->(0, 'x'), 1002],
    ['a message inside a message',
     $frame->(1, 'x', fin => 0) . $frame->(1, 'y'), 1002],
    ['fragmented ping', $frame->(9, 'x', fin => 0), 1002],
    ['long ping', $frame->(9, 'x' x 126), 1002],
    ['too large', $frame->(1, '{"x":"' . 'y' x 70000 . '"}'), 1009],
    ['too large in fragments',
     $frame->(1, 'y' x 40000, fin => 0) . $frame->(0, 'y' x 40000), 1009],
    ['close code 1005', $frame->(8, pack('n', 1005)), 1002],
    ['close with one byte', $frame->(8, 'x'), 1002],
    ['close reason not UTF-8', $frame->(8, pack('n', 1000) . "\xff"), 1007],
    ['claims 2 GiB', pack('CCQ>', 0x81, 0xff, 2**31) . 'abcd' . 'x' x 100,
     1009],
);

subtest 'broken frames' => sub {
    my $other = socket_of();

    for my $case (@broken) {
        my ($name, $bytes, $code) = @$case;
        my $s = socket_of();
        $s->{ws}->write($bytes);
        ok(eval { wait_for(sub { $s->{closed} }, 5, "close: $name") }, $name);
        is($s->{closed}[0], $code, "$name: $code");
    }

    alive($other, 'the neighbour noticed nothing');
    $other->{ws}->close;
};


subtest 'closing' => sub {
    for my $case ([undef, 1005], [1000, 1000], [1001, 1001], [3000, 3000],
                  [4999, 4999])
    {
        my $s = socket_of();
        $s->{ws}->close($case->[0]);
        wait_for(sub { $s->{closed} }, 5, 'closed');
        is($s->{closed}[0], $case->[1],
           'code ' . ($case->[0] // 'none') . ' is echoed');
    }

    my $s = socket_of();
    $s->{ws}->write($frame->(8, pack 'n', 1000)
                    . $frame->(1, '{"t":"ping"}'));
    wait_for(sub { $s->{closed} }, 5, 'closed');
    is(count($s, 'pong'), 0, 'what follows a close is ignored');

    $s = socket_of();
    $s->{ws}->drop;
    ok(eval { wait_for(sub { $nginx->log =~ /websocket closed: code 1006/ }, 5,
                       'log') }, 'a lost connection is logged as 1006');
};


subtest 'silence' => sub {
    my $s = socket_of(site => 'quick.test');
    ok(eval { wait_for(sub { grep { $_->[0] == 9 } @{$s->{frames}} }, 10,
                       'ping') }, 'who is silent is pinged');
    alive($s, '... and stays when he answers');

    # one that reads but never answers
    my $mute = socket_of(site => 'quick.test');
    no warnings 'redefine';
    local *Chat::Ws::write = sub { };
    ok(eval { wait_for(sub { got($mute, 'bye') }, 15, 'bye') },
       'who does not answer is told');
    is(got($mute, 'bye')->{reason}, 'idle', '... why');
    ok(got($mute, 'bye')->{resume}, '... and may come back');
};

$t->done;
