#!/usr/bin/env perl

# Promise: a frame that is longer than chat_send_queue may take its time.  Who
# reads it slowly may go on sending pings and questions meanwhile, or say
# nothing and be pinged behind it; who sends hundreds of questions and reads
# nothing is still closed.

use v5.36;
use utf8;
use lib 't/lib';

use Chat::Loop qw(now);
use Chat::Test;
use Chat::Ws;
use JSON::XS ();
use Test::More;

my $json = JSON::XS->new->utf8->canonical;

my $t = Chat::Test->new(log_level => 'info');
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test'], ['far.test']]);
my $nginx = $t->nginx(<<'CONF', workers => 1);
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 16m;
    chat_redis %%REDIS%%;
    chat_rate 10000 burst=10000;
    chat_frame_size 16k;
    chat_send_queue 64k;
    server {
        listen %%IP%%:%%PORT%% sndbuf=8k;
        server_name shop.test;
        chat on;
        chat_send_timeout 2m;
    }
    server {
        listen %%IP%%:%%PORT%%;
        server_name far.test;
        chat on;
        chat_ping 3s;
        chat_send_timeout 2m;
    }
    server {
        listen %%IP%%:%%PORT%%;
        server_name status.test;
        location / { chat_status; }
    }
}
CONF

sub metric($name) {
    return $t->http('GET', '/?format=json', host => 'status.test')
        ->{json}{$name};
}

# Has written 100 events of 7.8 kB: a frame twelve times as long as the queue.
sub writer($host) {
    my $writer = $t->visitor(host => $host, pipeline => 8);
    $writer->wait_welcome;
    $writer->post("$_ " . 'ж' x 3900) for 1 .. 99;
    $writer->wait_sent(60);
    return $writer;
}

my $writer = writer('shop.test');

# A socket of the writer's that has sent these commands.
sub busy($writer, @commands) {
    my $s = {texts => [], frames => []};
    $s->{ws} = Chat::Ws->new(ip => $t->ip, port => $t->port,
        host => $writer->{host}, path => '/_chat/v1/ws', rcvbuf => 4096,
        headers => {Origin => "http://$writer->{host}",
                    Authorization => "Bearer $writer->{token}"},
        on_open => sub ($res) { $s->{open} = 1 },
        on_text => sub ($text) { push @{$s->{texts}}, $json->decode($text) },
        on_frame => sub ($op, $data) { push @{$s->{frames}}, [$op, $data] },
        on_close => sub ($code, $reason) { $s->{closed} = $code });
    wait_for(sub { $s->{open} }, 10, 'the handshake');
    $s->{ws}->write(join '', map { Chat::Ws::frame(1, $json->encode($_)) }
        {t => 'hello', instance => Chat::Client::random_id(12)}, @commands);
    return $s;
}

sub history($writer) {
    return {t => 'history', dialog => $writer->{dialog}, after => '0'};
}

sub got($s, $t) { return (grep { $_->{t} eq $t } @{$s->{texts}})[0] }

# The first bytes of a long frame are there: the rest waits.
sub hold($s) {
    wait_for(sub { length $s->{ws}{stream}{in} > 2000 }, 10,
             'a long frame begins');
    $s->{ws}{stream}->pause(1);
}

sub ask($s, $n) {
    my $was = metric('frames_in');
    $s->{ws}->ping("number $_") for 1 .. $n;
    $s->{ws}->send('{"t":"ping"}');
    wait_for(sub { metric('frames_in') > $was || metric('slow_closed') }, 10,
             'they are read');
}

sub answered($s) {
    $s->{ws}{stream}->pause(0);
    return eval { wait_for(sub { $s->{closed} || got($s, 'pong') }, 60,
                           'pong') } && !$s->{closed};
}


subtest 'a history' => sub {
    my $s = busy($writer);
    wait_for(sub { got($s, 'welcome') }, 10, 'welcome');
    $s->{ws}->send($json->encode(history($writer)));
    hold($s);
    ask($s, 3);
    ok(answered($s), 'pings on the way are answered')
        or diag 'closed: ' . ($s->{closed} // '');
    is(scalar @{(got($s, 'history') // {})->{events} // []}, 100,
       'behind all of it');
    is(join(' ', map { $_->[1] } grep { $_->[0] == 10 } @{$s->{frames}}),
       'number 1 number 2 number 3', 'in order');
    $s->{ws}->close;
};


subtest 'a welcome, and a history behind it' => sub {
    my $s = busy($writer, history($writer));
    hold($s);
    ask($s, 3);
    ok(answered($s), 'pings on the way are answered')
        or diag 'closed: ' . ($s->{closed} // '');
    ok(eval { wait_for(sub { got($s, 'welcome') && got($s, 'history') }, 60,
                       'both') }, 'both are whole') or diag $@;
    $s->{ws}->close;
};


subtest 'a ping behind a history' => sub {
    my $far = writer('far.test');
    $far->close;
    my $s = busy($far, history($far));
    hold($s);

    # some bytes now and then, until three answers to a ping would be late
    my $stream = $s->{ws}{stream};
    my $until = now() + 3 * 3;
    while (now() < $until && !$s->{closed} && !$stream->{closed}) {
        my $read = length $stream->{in};
        $stream->pause(0);
        wait_for(sub { length $stream->{in} != $read || $stream->{closed} },
                 10, 'some more comes');
        $stream->pause(1);
        select undef, undef, undef, 0.3;
    }
    ok(!got($s, 'history'), 'half of it is read');

    $stream->pause(0);
    wait_for(sub { $s->{closed} || $stream->{closed}
                   || grep { $_->[0] == 9 } @{$s->{frames}} }, 60, 'the ping');
    ok(got($s, 'history'), 'the rest comes, and the ping behind it');
    $s->{ws}->send('{"t":"ping"}') if !$stream->{closed};
    ok(answered($s), 'nobody took it for dead')
        or diag 'closed: ' . ($s->{closed} // $stream->{closed} // '');
    $s->{ws}->close;
};


subtest 'more questions than can be answered' => sub {
    is(metric('slow_closed'), 0, 'nobody was closed so far');
    my $s = busy($writer);
    hold($s);
    ask($s, 1000);
    ok(!answered($s), 'who only asks is closed');
    is(metric('slow_closed'), 1, '... for being slow');
};

$t->done;
