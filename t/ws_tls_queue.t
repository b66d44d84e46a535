#!/usr/bin/env perl

# Promise: what waits in the record buffer of a TLS connection is not lost,
# neither when the request is left behind, nor when the client has ended its
# direction after the closing handshake.

use v5.36;
use lib 't/lib';

use Chat::Test;
use IO::Socket::INET;
use IO::Socket::SSL;
use Net::SSLeay ();
use Socket qw(SOL_SOCKET SO_RCVBUF inet_aton pack_sockaddr_in);
use Test::More;

my $t = Chat::Test->new(log_level => 'info');
$t->redis;
$t->ctl('init');

my ($rc, undef, $err) = $t->command(['openssl', 'req', '-x509', '-newkey',
    'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', '/CN=shop.test', '-keyout', "$t->{dir}/key.pem",
    '-out', "$t->{dir}/cert.pem"]);
plan skip_all => "openssl: $err" if $rc;

my $nginx = $t->nginx(<<"CONF", workers => 1);
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    ssl_certificate $t->{dir}/cert.pem;
    ssl_certificate_key $t->{dir}/key.pem;
    client_header_buffer_size 256k;
    server {
        # the smallest there is
        listen %%IP%%:%%PORT%% ssl sndbuf=2k rcvbuf=256k;
        listen %%IP%%:%%PORT_plain%%;
        server_name shop.test;
        location = /echo { chat_echo on; chat_echo_message 1k; }
        location = /long { chat_echo on; chat_echo_message 1m; }
        location = /empty { return 204; }
    }
}
CONF

my ($worker) = $nginx->workers;

sub head($path) {
    return Chat::Http::head('GET', $path, host => 'shop.test', headers => {
        Upgrade => 'websocket', Connection => 'Upgrade',
        'Sec-WebSocket-Version' => 13,
        'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ=='});
}

# Blocking; takes little without being read from.
sub connected() {
    my $fh = IO::Socket::INET->new(Proto => 'tcp') or die "socket: $!";
    setsockopt $fh, SOL_SOCKET, SO_RCVBUF, 2048;
    connect $fh, pack_sockaddr_in($t->port, inet_aton($t->ip))
        or die "connect: $!";
    return IO::Socket::SSL->start_SSL($fh, SSL_verify_mode => 0,
        Timeout => 10 * $Chat::Loop::SLOW) || die $IO::Socket::SSL::SSL_ERROR;
}

# Bytes on their way to the other kernel (SIOCOUTQ).
sub outq($s) {
    my $n = pack 'i', 0;
    ioctl $s, 0x5411, $n or die "ioctl: $!";
    return unpack 'i', $n;
}

# Adds what comes up to its end, or until there is $n of it.
sub more($s, $in, $n) {
    my $ssl = $s->_get_ssl_object;
    local $SIG{ALRM} = sub { die "timed out\n" };
    alarm 20 * $Chat::Loop::SLOW;
    eval {
        while (length $$in < $n) {
            my $bytes = Net::SSLeay::read($ssl, 65536);
            last unless defined $bytes && length $bytes;
            $$in .= $bytes;
        }
    };
    alarm 0;
    diag $@ if $@;
}


subtest 'behind the handshake' => sub {
    # the queue of this echo takes 66 kB; what makes it flush while it leaves
    # HTTP is 6 kB more, which the sockets do not take
    my @n = map { sprintf '%0125d', $_ } 1 .. 66 * 1024 / 127 + 50;
    my $want = join '', map { pack('CC', 0x8a, 125) . $_ } @n;
    my $s = connected();

    # it shall come in one piece: all of it is there before it is read
    kill 'STOP', $worker;
    $s->print(head('/echo') . join '', map { Chat::Ws::frame(9, $_) } @n);
    my $left = eval { wait_for(sub { !outq($s) }, 5, 'all has arrived') };
    kill 'CONT', $worker;
    ok($left, 'all came at once');

    my $in = '';
    more($s, \$in, 1);
    my $head = index($in, "\r\n\r\n") + 4;
    more($s, \$in, $head + length $want);
    $in = substr $in, $head;
    ok($in eq $want, 'each ping has its pong')
        or diag length($in) . ' of ' . length($want) . ' bytes';
    close $s;
};


subtest 'after the closing handshake' => sub {
    for my $kb (16 .. 40) {
        next if $kb % 4;
        my $text = 'x' x ($kb * 1024);
        my $want = pack('CCn', 0x81, 126, length $text) . $text
            . pack('CCn', 0x88, 2, 1000);
        my $s = connected();
        $s->print(head('/long') . Chat::Ws::frame(1, $text)
                  . Chat::Ws::frame(8, pack 'n', 1000));
        my $in = '';
        more($s, \$in, 200);
        my $head = index($in, "\r\n\r\n") + 4;

        # "nothing more will come", while it does not read
        Net::SSLeay::shutdown($s->_get_ssl_object);
        $t->http('GET', '/empty', host => 'shop.test',
                 port => $t->port('plain'));

        more($s, \$in, $head + length $want);
        ok(substr($in, $head) eq $want, "$kb kB are all there")
            or diag length($in) - $head . ' of ' . length($want) . ' bytes';
        close $s;
    }
};

$t->done;
