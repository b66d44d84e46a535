#!/usr/bin/env perl

# Promise: a hoster sees every metric of the node as Prometheus text and as
# JSON, health that goes red when messages do not get through and green again
# by itself, and who asked for what in the access log.

use v5.36;
use lib 't/lib';

use Chat::Test;
use JSON::XS ();
use Test::More;

my $json = JSON::XS->new->utf8;
my $t = Chat::Test->new;
my $redis = $t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
my $nginx = $t->nginx(<<'CONF');
%%GLOBALS%%
events { worker_connections 256; }
http {
    %%GLOBALS_HTTP%%
    log_format chat '$chat_role|$chat_account|$chat_site|$chat_route|$chat_node|$status';
    access_log %%TESTDIR%%/logs/chat.log chat;
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    server {
        listen %%IP%%:%%PORT%%;
        server_name shop.test;
        chat on;
        location = /status { chat_status; }
        location = /health { chat_health; }
    }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

sub status { return $t->status }
sub health { return $t->http(GET => '/health', host => 'shop.test') }

# each worker tells of its own way to Redis
sub answers ($status, $what) {
    my $res;
    wait_for(sub { ($res = health())->{status} == $status }, 20, $what);
    return $json->decode($res->{body});
}

my $h = answers(200, 'the node is healthy');
is($h->{redis}, 'up', 'health names the way to Redis');
cmp_ok($h->{delivery_age_ms}, '<', 5000, 'and a measured age');

my $before = status();
is($before->{workers}, 2, 'both workers are counted');

my $v = $t->visitor(host => 'shop.test');
my $o = $t->operator(host => 'desk.test', login => 'ann',
                     password => 'secret-password');
$_->wait_welcome for $v, $o;
$v->post('Hello');
$v->wait_sent;
$o->wait_text('Hello', $v->{dialog});

my $after;
wait_for(sub {
    $after = status();
    return $after->{connections_ws} == 2
        && $after->{writes_acked} > $before->{writes_acked};
}, 10, 'gauges and counters');
is($after->{connections_ws}, 2, 'two WebSockets are open');
is($after->{writes_acked} - $before->{writes_acked}, 1, 'one write acked');
cmp_ok($after->{frames_out}, '>', $before->{frames_out}, 'frames went out');
cmp_ok($after->{time_ms}, '>', $before->{time_ms}, '... by a clock: a rate');

my ($trips, $us) = map { $after->{$_} - $before->{$_} }
    qw(redis_trips redis_trips_us);
cmp_ok($trips, '>', 0, 'round trips to Redis are counted');
cmp_ok($us, '>', 0, '... and how long they took');
cmp_ok($us, '<', 1e6 * $trips, '... which is no waiting for news');

my $text = $t->http(GET => '/status', host => 'shop.test');
like($text->{headers}{'content-type'}, qr{^text/plain; version=0\.0\.4},
     'Prometheus text by default');
my @bad = grep { !/^(?:# (?:HELP|TYPE) chat_\w+ .+|chat_\w+(?:\{[^}]+\})? -?\d+)$/ }
    split /\n/, $text->{body};
is_deeply(\@bad, [], 'every line is of the exposition format');

my %named = $text->{body} =~ /^# TYPE chat_(\w+?)(?:_total)? (gauge|counter)$/mg;
open my $fh, '<', "$t->{top}/schema/chat.schema" or die $!;
my @schema = map { /^metric (\w+)/ ? $1 : () } <$fh>;
is_deeply([grep { !$named{$_} } @schema], [], 'every metric of the schema');
is_deeply([grep { !exists $after->{$_} } @schema], [], 'in JSON, too');

is($t->http(POST => '/status', host => 'shop.test')->{status}, 405,
   'status only reads');
ok(wait_for(sub { $t->http(HEAD => '/health', host => 'shop.test')
                  ->{status} == 200 }, 20, 'HEAD'), 'HEAD works');

$redis->freeze;
is(answers(503, 'unhealthy')->{healthy}, JSON::XS::false,
   'a silent Redis makes the node unhealthy, and the body says so');
$redis->thaw;
is(answers(200, 'healthy')->{healthy}, JSON::XS::true,
   'healthy again by itself');

my $slow = status()->{redis_trips_slow};
wait_for(sub {
    $redis->client->client_pause(500, 'ALL');
    my $w = $t->visitor(host => 'shop.test');
    $w->wait_welcome;
    $w->close;
    return status()->{redis_trips_slow} > $slow;
}, 20, 'a slow answer is seen as one');

$o->close;
$v->close;
wait_for(sub { status()->{connections_ws} == 0 }, 10, 'gauges come back');

# a reload leaves free slots before its own: the next worker takes another
$nginx->reload;
wait_for(sub { !status()->{draining} }, 20, 'the old workers have gone');
$nginx->kill_worker(($nginx->workers)[0]);
is(eval { wait_for(sub { my $n = status()->{workers}; $n == 2 && $n }, 10,
                   'two workers') }, 2, 'who was killed is not counted');

# a line is written after the connection was counted off
sub logged ($re, $what) {
    ok(eval { wait_for(sub { $t->slurp("$nginx->{dir}/logs/chat.log") =~ $re },
                       10, $what) }, $what);
}
logged(qr{^operator\|1\|-\|api/v1/ws\|[0-9a-f]{16}\|101$}m,
       'an operator in the access log');
logged(qr{^visitor\|1\|1\|v1/ws\|[0-9a-f]{16}\|101$}m,
       'a visitor in the access log');
logged(qr{^-\|-\|-\|-\|[0-9a-f]{16}\|200$}m, 'others are nobody');

$t->done;
