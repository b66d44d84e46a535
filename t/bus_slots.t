# Promise: a worker that gets no wake-up (here: there are descriptors for two
# of four) is told of in the log and in the metrics, and delivers all the same.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);

my $nginx = $t->nginx_conf(<<'CONF', workers => 4);
%%GLOBALS%%
worker_rlimit_nofile 1024;
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    server {
        listen %%IP%%:%%PORT%%;
        server_name shop.test;
        chat on;
        location = /status { chat_status; }
    }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

{
    # one for each eight descriptors of the master
    my $argv = \&Chat::Nginx::argv;
    no warnings 'redefine';
    local *Chat::Nginx::argv = sub (@args) {
        return ['sh', '-c', 'ulimit -Sn 23; exec "$0" "$@"',
                @{$argv->(@args)}];
    };
    $nginx->start;
}

wait_for(sub {
    my @warned = $nginx->log =~ /no wake-up is left in chat_zone "main"/g;
    return @warned == 2;
}, 10, 'a warning of two of four workers');
pass('two of four workers have none');

my @v = map { $t->visitor(host => 'shop.test') } 1 .. 9;
my $o = $t->operator(host => 'desk.test', login => 'ann',
                     password => 'secret-password');
$_->wait_welcome for @v, $o;

for my $v (@v) {
    $v->post('hello');
    $v->wait_sent;
    $o->wait_text('hello', $v->{dialog});
    $o->take($v->{dialog});
    $o->post('hello to you', dialog => $v->{dialog});
}

$_->wait_text('hello to you') for @v;
pass('all nine have their answer');

my $res = $t->http(GET => '/status', host => 'shop.test');
like $res->{body}, qr/^\w*no_slot(?:\{[^}]*\})? 2$/m, 'the metric says two';

$t->done;
