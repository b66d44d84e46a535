#!/usr/bin/env perl

# Promise: an event stream that is read slowly, but read, is not cut off: what
# counts is chat_send_timeout without a byte, not how long something waits.

use v5.36;
use utf8;
use lib 't/lib';

use Chat::Loop qw(now reactor);
use Chat::Test;
use JSON::XS qw(decode_json);
use Test::More;

my $STALL = 2 * $Chat::Loop::SLOW;
my $TAKES = 2.5 * $STALL;               # to read it all

my $t = Chat::Test->new(log_level => 'info');
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']]);
my $nginx = $t->nginx(<<"CONF", workers => 1);
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 16m;
    chat_redis %%REDIS%%;
    chat_rate 10000 burst=10000;
    chat_send_timeout ${STALL}s;
    # the sockets shall not swallow what is to be seen waiting
    server {
        listen %%IP%%:%%PORT%% sndbuf=16k;
        listen %%IP%%:%%PORT_h2%% http2 sndbuf=16k;
        server_name shop.test;
        chat on;
    }
    server {
        listen %%IP%%:%%PORT%%;
        server_name limited.test;
        chat on;
        chat_site shop.test;
        chat_send_timeout 5m;
        limit_rate 1m;
    }
}
CONF

# the welcome of a stream brings 100 events of 7.8 kB
my $writer = $t->visitor(host => 'shop.test', pipeline => 8);
$writer->wait_welcome;
$writer->post("$_ " . 'ж' x 3900) for 1 .. 99;
$writer->wait_sent(60);
my %bearer = (Authorization => "Bearer $writer->{token}");
my $ALL = 780_000;

# Reads as much of a stream as is due at each time: it takes $TAKES for all.
# What came, without the framing of HTTP, and how long it took.
sub slowly($host) {
    my ($raw, $end, $start, $due) = ('', 0, now());
    my $stream;
    $stream = Chat::Stream->new(ip => $t->ip, port => $t->port,
        rcvbuf => 16384, on_close => sub { $end = 1 },
        on_read => sub ($in) {
            $raw .= $$in;
            $$in = '';
            return if length $raw < $due;
            $stream->pause(1);
        });
    my $pace = sub {
        $due = (now() - $start) / $TAKES * $ALL;
        $stream->pause(length $raw >= $due);
    };
    $pace->();
    my $timer = reactor()->recurring(0.01 => $pace);

    # HTTP/1.0 knows no chunks
    $stream->write(Chat::Http::head('GET',
        '/_chat/v1/events?instance=slowly01', host => $host,
        version => '1.0', headers => {%bearer}));
    eval { wait_for(sub { welcome($raw) || $end }, 10 * $TAKES, 'welcome') };
    reactor()->remove($timer);
    $stream->close;
    return ($raw, now() - $start);
}

sub welcome($text) {
    return $text =~ /^data: (\{"t":"welcome".*\})\n\n/m ? decode_json($1)
                                                        : undef;
}


# over HTTP/2 curl does it, meanwhile
my $out = "$t->{dir}/h2.txt";
my $begun = now();
my $curl = Chat::Process->start(log => $out, argv => ['curl', '-sN',
    '--http2-prior-knowledge', '--limit-rate', int($ALL / $TAKES),
    '-H', 'Host: shop.test', '-H', "Authorization: $bearer{Authorization}",
    'http://' . $t->ip . ':' . $t->port('h2')
        . '/_chat/v1/events?instance=slowly02']);


subtest 'one that reads slowly' => sub {
    my ($raw, $took) = slowly('shop.test');
    my $welcome = welcome($raw);
    ok($welcome, 'gets all of a long welcome')
        or diag length($raw) . " bytes in $took s";
    is(scalar @{($welcome // {})->{events} // []}, 100, '... whole');
    cmp_ok($took, '>', $STALL, "in $took s");
};


subtest 'one that does over HTTP/2' => sub {
    eval { wait_for(sub { welcome($t->slurp($out)) || !$curl->running },
                    10 * $TAKES, 'welcome') };
    my $took = now() - $begun;
    ok(welcome($t->slurp($out)), 'gets all of a long welcome')
        or diag length($t->slurp($out)) . " bytes in $took s";
    cmp_ok($took, '>', $STALL, "in $took s");
    $curl->stop('TERM');
};


subtest 'one that limit_rate makes slow' => sub {
    my $raw = '';
    my $stream = Chat::Stream->new(ip => $t->ip, port => $t->port,
        on_close => sub { }, on_read => sub ($in) { $raw .= $$in; $$in = '' });
    $stream->write(Chat::Http::head('GET',
        '/_chat/v1/events?instance=slowly03', host => 'limited.test',
        version => '1.0',
        headers => {%bearer, Origin => 'http://limited.test'}));
    wait_for(sub { welcome($raw) }, 20, 'welcome');
    $writer->post('behind it');
    ok(eval { wait_for(sub { $raw =~ /"text":"behind it"/ }, 20, 'event') },
       'gets events without waiting for a time-out');
    $stream->close;
};

$t->done;
