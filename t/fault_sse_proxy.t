#!/usr/bin/env perl

# Promise: an event stream gets at once through another nginx in front that
# buffers, compresses and caches all it can; and so do WebSockets and long
# polls.

use v5.36;
use lib 't/lib';

use Chat::Loop qw(now);
use Chat::Test;
use Compress::Raw::Zlib;
use Test::More;

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
$t->nginx(<<'CONF');
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

# Everything nginx can hold back, it holds back.
$t->nginx(<<'CONF');
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    proxy_cache_path %%TESTDIR%%/cache keys_zone=c:1m;
    map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
    server {
        listen %%IP%%:%%PORT_front%%;
        gzip on;
        gzip_types *;
        gzip_min_length 0;
        gzip_proxied any;
        proxy_buffering on;
        proxy_buffers 8 64k;
        proxy_buffer_size 64k;
        proxy_cache c;
        proxy_cache_valid any 10m;
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
        location / { proxy_pass http://%%IP%%:%%PORT%%; }
    }
}
CONF

my $ann = $t->operator(host => 'desk.test', login => 'ann',
                       password => 'secret-password');
$ann->wait_welcome;

my %front = (port => $t->port('front'), host => 'shop.test');

subtest 'an event stream' => sub {
    my $token = $t->http('POST', '/_chat/v1/visitor', %front)->{json}{token};
    my ($zip, $status) = Compress::Raw::Zlib::Inflate->new(
        -WindowBits => WANT_GZIP, -AppendOutput => 1, -ConsumeInput => 1);
    my ($res, $raw, $in) = (undef, '', '');
    my $start = now();
    my $s = Chat::Http::start('GET', '/_chat/v1/events?instance=stream01',
        ip => $t->ip, %front, headers => {Authorization => "Bearer $token",
            'Accept-Encoding' => 'gzip', Connection => 'keep-alive'},
        on_head => sub ($r) { $res = $r },
        on_data => sub ($bytes) {
            $raw .= $bytes;
            $zip->inflate($raw, $in);
        });
    wait_for(sub { $in =~ /"t":"welcome"/ }, 5, 'welcome');
    cmp_ok(now() - $start, '<', 1 * $Chat::Loop::SLOW,
           sprintf 'its first event comes after %.0f ms',
           1000 * (now() - $start));
    is($res->{headers}{'content-encoding'}, 'gzip',
       'which the one in front has compressed');

    my @took;
    for my $i (1 .. 5) {
        my $from = now();
        $t->http('POST', '/_chat/v1/send?instance=writer01', %front,
            headers => {Authorization => "Bearer $token"},
            json => {t => 'post_message', n => "$i", text => "event $i"});
        wait_for(sub { $in =~ /"event $i"/ }, 5, 'event');
        push @took, now() - $from;
    }
    @took = sort { $a <=> $b } @took;
    cmp_ok($took[2], '<', 1 * $Chat::Loop::SLOW,
           sprintf 'later ones at once: %.0f ms', 1000 * $took[2]);
    $s->close;
};

for my $transport (qw(ws sse poll)) {
    subtest "a dialog over $transport" => sub {
        my $v = $t->visitor(%front, transport => $transport);
        $v->wait_welcome;
        $v->post('Hello');
        $v->wait_text('Hello');
        $ann->wait_text('Hello', $v->{dialog});
        $ann->take($v->{dialog});

        for my $i (1 .. 5) {
            $ann->post("answer $i", dialog => $v->{dialog});
            $v->wait_text("answer $i", undef, 5);
            $v->post("question $i");
            $ann->wait_text("question $i", $v->{dialog}, 5);
            $v->wait_text("question $i", undef, 5);
        }

        is_deeply([$v->texts], [$ann->texts($v->{dialog})],
                  'both sides show the same');
        is($v->{connects}, 1, 'over one connection');
    };
}

$t->done;
