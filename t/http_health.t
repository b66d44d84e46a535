#!/usr/bin/env perl

# Promise: health tells of the whole node, whichever worker is asked: red while
# one of them is stuck, has no way to Redis, or while nothing comes back from
# the log although Redis answers; green again by itself.

use v5.36;
use lib 't/lib';

use Chat::Http;
use Chat::Proxy;
use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
my $redis = $t->redis;
$t->ctl('init');
my $proxy = Chat::Proxy->new(path => "$t->{dir}/proxy.sock",
                             to => $redis->socket);
my $nginx = $t->nginx(<<"CONF", workers => 2);
%%GLOBALS%%
events { worker_connections 256; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis @{[$proxy->address]};
    server {
        listen %%IP%%:%%PORT%%;
        server_name shop.test;
        chat on;
        location = /health { chat_health; add_header X-Worker \$pid always; }
    }
}
CONF

# What each worker says that takes one of many connections, by its pid.
sub asked () {
    my ($n, %by) = (0);
    Chat::Http::start('GET', '/health', ip => $t->ip, port => $t->port,
        host => 'shop.test', headers => {Connection => 'close'},
        on_done => sub ($r) {
            $n++;
            push @{$by{$r->{headers}{'x-worker'}}}, $r;
        }) for 1 .. 24;
    wait_for(sub { $n == 24 }, 20, 'answers');
    return \%by;
}

# Until all the workers that can be asked say so, and no one else does.
sub all_say ($status, $workers, $what) {
    my ($by, %heard);
    ok eval {
        wait_for(sub {
            $by = asked();
            my @wrong = grep { $_->{status} != $status } map { @$_ } values %$by;
            %heard = @wrong ? () : (%heard, %$by);
            return keys %heard == $workers;
        }, 30, $what);
    }, $what or diag explain {map { $_ => $by->{$_}[0]{body} } keys %$by};
    return map { $_->[0]{json} } values %heard;
}

all_say(200, 2, 'both workers call the node healthy');

my ($stuck) = $nginx->workers;
kill STOP => $stuck;
my ($h) = all_say(503, 1, 'the other one tells of one that is stuck');
cmp_ok $h->{delivery_age_ms}, '>=', 4500, '... by how long it waits';
kill CONT => $stuck;
all_say(200, 2, 'it goes on: healthy');

# whoever loses his connection finds no other
$proxy->{mode} = 'hole';
my ($one) = grep { !$_->{chat_reads} } values %{$proxy->{open}};
$one->close;
my @say = all_say(503, 2, 'both tell of one that has no way to Redis');
is_deeply [map { $_->{redis} } @say], [('down') x 2], '... and that it is so';
$proxy->mode('pass');
all_say(200, 2, 'it is there again: healthy');

wait_for(sub { grep { $_->{chat_reads} } values %{$proxy->{open}} }, 10,
         'somebody reads the log');
$proxy->{mode} = 'hole';
$proxy->silence('reader');
@say = all_say(503, 2, 'nothing comes back from the log');
is_deeply [map { $_->{redis} } @say], [('up') x 2], '... though Redis answers';
$proxy->mode('pass');
all_say(200, 2, 'the log is read again: healthy');

$t->done;
