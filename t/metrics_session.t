# Promise: the metrics of frames, bytes, writes and timers are what clients
# see: each frame in and out is counted once, with the bytes it takes, by
# every transport, and an idle session costs a known number of timers.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Chat::Ws;
use JSON::XS ();
use Test::More;

my $json = JSON::XS->new->utf8->canonical;

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']]);
$t->shop;

sub status () { return $t->status }

my $was = status();

# What has grown since the last time it was asked: "<name> <by>, ..."
sub grown (@names) {
    my $now = status();
    my $text = join ', ', map { "$_ " . ($now->{$_} - $was->{$_}) } @names;
    $was = $now;
    return $text;
}

my @writes = qw(writes_acked writes_refused writes_busy);
my $token = $t->http(POST => '/_chat/v1/visitor', host => 'shop.test',
                     json => {})->{json}{token};
my %bearer = (Origin => 'http://shop.test', Authorization => "Bearer $token");


subtest 'a WebSocket' => sub {
    my (@frames, $bytes);
    $bytes = 0;
    my $ws = Chat::Ws->new(ip => $t->ip, port => $t->port,
        host => 'shop.test', path => '/_chat/v1/ws', headers => \%bearer,
        on_text => sub ($text) { push @frames, $json->decode($text) },
        on_frame => sub ($op, $data) {
            $bytes += length($data) + (length $data < 126 ? 2 : 4);
        });
    my $say = sub ($command, $answers) {
        my $n = @frames;
        $ws->send($json->encode($command));
        wait_for(sub { @frames >= $n + $answers }, 10, $command->{t});
    };

    $say->({t => 'hello', instance => 'counted1'}, 1);
    is(grown(qw(connections_ws frames_in frames_out)),
       'connections_ws 1, frames_in 1, frames_out 1', 'hello and welcome');

    # with its events: opened and posted
    $say->({t => 'post_message', n => '1', text => 'Hello'}, 3);
    is(grown(@writes), 'writes_acked 1, writes_refused 0, writes_busy 0',
       'writes_acked: a write that is taken');
    $say->({t => 'post_message', n => '1', text => 'Hello'}, 1);
    is(grown(@writes), 'writes_acked 1, writes_refused 0, writes_busy 0',
       '... and the same one again');
    $say->({t => 'post_message', n => '9', text => 'Hello'}, 1);
    is(grown(@writes), 'writes_acked 0, writes_refused 1, writes_busy 0',
       'writes_refused: a number too far');
    $say->({t => 'take_dialog', n => '2', dialog => '0123456789abcdef'}, 1);
    is(grown(@writes), 'writes_acked 0, writes_refused 0, writes_busy 0',
       '... but not what was never tried');
    $say->({t => 'ping'}, 1);

    my $s = status();
    is($s->{frames_in}, 6, 'frames_in: hello, four writes and a ping');
    is($s->{frames_out}, scalar @frames, 'frames_out: those that came');
    is($s->{bytes_out}, $bytes, 'bytes_out: the bytes of these');
    $ws->close;
    wait_for(sub { !status()->{connections_ws} }, 10, 'closed');
};


sub get ($way, %args) {
    return Chat::Http::start('GET', "/_chat/v1/$way?instance=counted2",
        ip => $t->ip, port => $t->port, host => 'shop.test',
        headers => \%bearer, %args);
}


subtest 'a long poll' => sub {
    grown();
    my $res;
    get('poll', on_done => sub ($r) { $res = $r });
    wait_for(sub { $res }, 10, 'an answer');
    my $frames = @{$res->{json}{frames}};
    is(grown(qw(frames_in frames_out bytes_out)), 'frames_in 0, '
       . "frames_out $frames, bytes_out " . length $res->{body},
       'frames_out and bytes_out: those of the answer');
};


subtest 'an event stream' => sub {
    grown();
    my $body = '';
    my $stream = get('events', on_data => sub ($bytes) { $body .= $bytes });
    wait_for(sub { $body =~ /^data: .*\n\n/m }, 10, 'welcome');
    is(grown(qw(connections_sse frames_in frames_out bytes_out)),
       'connections_sse 1, frames_in 0, frames_out 1, bytes_out '
       . length $body, 'frames_out and bytes_out: those of the stream');
    $stream->close;
    wait_for(sub { !status()->{connections_sse} }, 10, 'closed');
};


subtest 'timers' => sub {
    my @v = map { $t->visitor(host => 'shop.test') } 1 .. 10;
    $_->wait_welcome for @v;
    ok(eval { wait_for(sub { status()->{wheel_timers} == 11 }, 15, 'all') },
       'wheel_timers: one for each idle session, one for their account')
        or diag status()->{wheel_timers};
    $_->close for @v;
    ok(eval { wait_for(sub { status()->{wheel_timers} == 1 }, 15, 'one') },
       'wheel_timers: those of who left are gone')
        or diag status()->{wheel_timers};
};

$t->done;
