#!/usr/bin/env perl

# Promise: commands that wait for the store cost the worker their text, not
# the frames they came in, and of text no more than limit session_bytes; what
# has no room is refused for now, and nothing accepted is lost.

use v5.36;
use lib 't/lib';

use Chat::Memory;
use Chat::Test;
use Chat::Ws;
use JSON::XS ();
use Test::More;

plan skip_all => 'the sanitizers have the allocator' if $ENV{SAN};

my $t = Chat::Test->new;
my $memory = Chat::Memory->new($t);
my $redis = $t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']]);
my $nginx = $t->nginx(<<'CONF', workers => 1, env => $memory->env);
%%GLOBALS%%
events { worker_connections 128; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    server {
        listen %%IP%%:%%PORT%%;
        server_name shop.test;
        chat on;
        chat_rate 10000 burst=10000;
    }
}
CONF

sub visitor {
    my $v = $t->visitor(host => 'shop.test', pipeline => 31, record => 1);
    $v->wait_welcome;
    $v->post('first');
    $v->wait_sent;
    return $v;
}

sub live { return ($memory->live($nginx->workers))[0] }


subtest 'blanks' => sub {
    my $v = visitor();
    my $text = JSON::XS->new->encode({t => 'history', after => '0',
                                      dialog => $v->{dialog}});
    my $ask = $v->{wire};
    my $pongs = sub { scalar grep { $_->{t} eq 'pong' } @{$v->{frames}} };

    # whatever is made once for a long frame is there
    $ask->send($text . ' ' x 60_000);
    wait_for(sub { grep { $_->{t} eq 'history' } @{$v->{frames}} }, 10, 'it');

    $redis->freeze;
    my $before = live();
    $ask->send($text . ' ' x 60_000) for 1 .. 30;
    $ask->send('{"t":"ping"}');
    wait_for(sub { $pongs->() }, 10, 'all are read');
    cmp_ok(live() - $before, '<', 30 * 8 * 1024, 'are not kept');
    is(scalar @{$v->{errors}}, 0, 'and take nobody\'s room');
    $redis->thaw;
    wait_for(sub {
        31 == grep { $_->{t} eq 'history' } @{$v->{frames}}
    }, 10, 'the answers');
    pass 'each is answered';
    $v->close;
};


subtest 'texts' => sub {
    my $v = visitor();
    my @texts = map { chr(0x1f600 + $_) x 4000 } 1 .. 24;   # 16 kB each

    $redis->freeze;
    $v->post($_) for @texts;
    wait_for(sub { 16 <= grep { $_->{code} eq 'busy' } @{$v->{errors}} }, 10,
             'busy');
    my ($least) = sort { $a <=> $b } map { $_->{n} } @{$v->{errors}};
    is($least, 2 + 8, 'eight of 16 kB wait, the next has no room');
    ok(!grep({ !$_->{retry_ms} } @{$v->{errors}}),
       'nor those behind it, for now');
    $redis->thaw;
    $v->wait_sent(30);
    $v->wait_text($texts[-1]);
    is_deeply([$v->texts], ['first', @texts],
              'all of it arrives, once, in order');
    $v->close;
};

$t->done;
