#!/usr/bin/env perl

# Promise: with chat_deflate a dialog is the same for clients that compress
# and for clients that do not; idle connections cost next to nothing more;
# an echo that nobody reads holds no memory, and leaves at a reload.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Chat::Wire;
use Chat::Ws;
use JSON::XS ();
use Test::More;

my $json = JSON::XS->new->utf8->canonical;
my $frame = \&Chat::Ws::frame;

my $t = Chat::Test->new(log_level => 'info');
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
my $nginx = $t->nginx(<<'CONF', workers => 1);
%%GLOBALS%%
events { worker_connections 4096; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_drain 1s;
    # nobody here answers pings
    chat_ping 1h;
    chat_deflate on context=200k min=100;
    server {
        listen %%IP%%:%%PORT%%;
        server_name shop.test;
        chat on;
        chat_send_timeout 2s;
        location = /echo {
            chat_echo on;
            chat_echo_message 1m;
        }
        location = /plain { chat_echo on; chat_deflate off; }
        location = /pinged { chat_echo on; chat_ping 1s; }
        location = /none { chat_echo off; return 204; }
    }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

sub wire($path, @headers) {
    return Chat::Wire->new(ip => $t->ip, port => $t->port,
        host => 'shop.test', path => $path, headers => \@headers);
}

sub texts($w) { map { $json->decode($_->[1]) } grep { $_->[0] == 1 } @{$w->{events}} }
sub of($w, $kind) { grep { $_->{t} eq $kind } texts($w) }


subtest 'a dialog' => sub {
    my $o = $t->operator(host => 'desk.test', login => 'ann',
                         password => 'secret-password');
    $o->wait_welcome;

    my $token = $t->http('POST', '/_chat/v1/visitor', host => 'shop.test',
        json => {}, headers => {Origin => 'http://shop.test'})->{json}{token};

    # the same visitor three times: nothing kept, with contexts, plain
    my @tabs = map {
        my $w = wire('/_chat/v1/ws', Origin => 'http://shop.test',
            Authorization => "Bearer $token",
            $_ ? ('Sec-WebSocket-Extensions', $_) : ());
        is $w->{status}, 101, 'a tab: ' . ($_ || 'plain');
        $w;
    } 'permessage-deflate; server_no_context_takeover; '
      . 'client_no_context_takeover',
      'permessage-deflate; client_max_window_bits', '';

    for my $i (0 .. $#tabs) {
        $tabs[$i]->write($frame->(1, $json->encode(
            {t => 'hello', instance => "tab-number-$i"})));
        $tabs[$i]->until(sub { of($tabs[$i], 'welcome') }, 'welcome');
    }

    # compressed up as well: "Hello" of the first, all of it in fragments
    my $z = Compress::Raw::Zlib::Deflate->new(-WindowBits => -15,
                                              -AppendOutput => 1);
    my $packed = '';
    $z->deflate($json->encode({t => 'post_message', n => '1',
                               text => 'Hello' x 50}), $packed);
    $z->flush($packed, Compress::Raw::Zlib::Z_SYNC_FLUSH());
    substr $packed, -4, 4, '';
    $tabs[0]->write($frame->(1, substr($packed, 0, 9), fin => 0, rsv => 4)
                    . $frame->(0, substr $packed, 9));
    $tabs[0]->until(sub { of($tabs[0], 'ack') }, 'ack');

    # two events are due: the dialog was opened, the message posted
    my $all = sub ($w) { grep { ($_->{body}{text} // '') =~ /Hello/ }
                         of($w, 'event') };
    for my $i (0 .. 2) {
        $tabs[$i]->until(sub { $all->($tabs[$i]) }, "the event in tab $i");
    }
    pass 'the event is in all tabs';
    $o->wait_text('Hello' x 50, (of($tabs[0], 'event'))[0]{dialog});
    is_deeply [of($tabs[0], 'event')], [of($tabs[2], 'event')],
        'compressed or not, it is the same';
    is_deeply [of($tabs[1], 'event')], [of($tabs[2], 'event')],
        'also with a context';
    ok $tabs[0]{compressed}, 'the first got it compressed';
    ok $tabs[1]{compressed}, 'the second, too';
    ok !$tabs[2]{compressed}, 'the third as it is';
    ok $tabs[0]{saved} > 0, 'it got shorter';
    ok $tabs[1]{saved} > $tabs[0]{saved}, 'and shorter with a context';

    # what claims to be small and is not
    my $bomb = Compress::Raw::Zlib::Deflate->new(-WindowBits => -15,
                                                 -AppendOutput => 1);
    my $big = '';
    $bomb->deflate('x' x 70000, $big);
    $bomb->flush($big, Compress::Raw::Zlib::Z_SYNC_FLUSH());
    $tabs[0]->write($frame->(1, substr($big, 0, -4), rsv => 4));
    is $tabs[0]->finish('the end')->[-1][1], 1009,
        'more than chat_frame_size is 1009';
};


subtest 'memory' => sub {
    my ($pid) = $nginx->workers;
    my $private = sub {
        my ($kb) = $t->slurp("/proc/$pid/smaps_rollup")
            =~ /^Private_Dirty:\s+(\d+)/m;
        return $kb * 1024;
    };
    my $ask = 'permessage-deflate; server_no_context_takeover; '
        . 'client_no_context_takeover';
    my (%cost, @keep);

    # each one's message is compressed and comes back, and it stays: what is
    # freed would be used again by the next
    my $some = sub ($n, @args) {
        my @w = map { wire(@args) } 1 .. $n;
        for my $w (@w) {
            $w->write($frame->(1, 'x' x 200));
            $w->until(sub { @{$w->{events}} }, 'echo');
        }
        push @keep, @w;
    };

    # what is made once is not a connection's: the least of two rounds
    for my $case (['plain', '/plain'], ['deflate', '/echo',
                                        'Sec-WebSocket-Extensions', $ask])
    {
        my ($name, @args) = @$case;
        $some->(50, @args);

        for (1 .. 2) {
            my $before = $private->();
            $some->(500, @args);
            my $cost = ($private->() - $before) / 500;
            note sprintf '%s: %d bytes per idle connection', $name, $cost;
            $cost{$name} = $cost if $cost < ($cost{$name} // 'inf');
        }
    }

    $_->write($frame->(8, '')) for @keep;
    $_->finish('the end') for @keep;

    SKIP: {
        skip 'sanitizers keep memory of their own', 1 if $ENV{SAN};
        cmp_ok $cost{deflate}, '<=', 1536, 'an idle connection: 1.5 kB';
    }
};


subtest 'an echo' => sub {
    is $t->http('GET', '/none', host => 'shop.test')->{status}, 204,
        'off is off';
    is $t->http('GET', '/echo', host => 'shop.test')->{status}, 426,
        'it speaks WebSocket only';

    my $pinged = wire('/pinged');
    ok $pinged->until(sub { grep { $_->[0] == 9 } @{$pinged->{events}} },
                      'a ping'), 'it has a chat_ping of its own';

    # one that sends and does not read: the kernel's buffers, then the queue,
    # then ours stops reading, and at last the connection is closed
    my $deaf = wire('/echo');
    my $noise = join '', map { chr rand 256 } 1 .. 65536;
    my ($sent, $bytes, $other) = (0, '');
    wait_for(sub {
        while ($sent < 200) {
            $bytes = $frame->(2, $noise) if $bytes eq '';
            my $n = syswrite $deaf->{fh}, $bytes or last;
            substr $bytes, 0, $n, '';
            $sent++ if $bytes eq '';
        }

        if ($sent && !$other) {
            $other = wire('/echo');
            $other->write($frame->(1, 'meanwhile'));
            ok $other->until(sub { @{$other->{events}} }, 'echo'),
                'others are served';
        }

        return $nginx->log =~ /websocket closed: code 4008/;
    }, 30, 'the end of the deaf one');
    cmp_ok $sent, '<', 200,
        "who does not read is not read, and closed: after $sent messages";

    $nginx->reload(nowait => 1);
    is_deeply $other->finish('the reload')->[-1], [8, 1012],
        'a reload closes with 1012';
};

$t->done;
