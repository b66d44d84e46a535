#!/usr/bin/env perl

# Promise: while Redis is away, refused or silent, a worker tries again at
# most twice a second, costs next to no processor time however many clients
# it has, cuts none of them off, and delivers within two seconds after Redis
# came back what was written meanwhile.  For a minute with CHAT_LONG=1.

use v5.36;
use lib 't/lib';

use Chat::Loop qw(now);
use Chat::Proxy;
use Chat::Test;
use Test::More;

my ($WORKERS, $WINDOW) = (4, $ENV{CHAT_LONG} ? 60 : 5);

my $t = Chat::Test->new;
my $redis = $t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
my $proxy = Chat::Proxy->new(path => "$t->{dir}/proxy.sock",
                             to => $redis->socket);

my $nginx = $t->nginx(<<"CONF", workers => $WORKERS);
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis @{[$proxy->address]};
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

my @v = map { $t->visitor(host => 'shop.test') } 1 .. 40;
my $ann = $t->operator(host => 'desk.test', login => 'ann',
                       password => 'secret-password');
$_->wait_welcome(20) for @v, $ann;
my $v = $v[0];
$v->post('Hello');
$v->wait_text('Hello');
$ann->wait_text('Hello', $v->{dialog});
$ann->take($v->{dialog});
$ann->wait_sent;

# Seconds of processor time the workers have had.
sub cpu () {
    my $ns = 0;
    $ns += (split / /, $t->slurp("/proc/$_/schedstat"))[0]
        for $nginx->workers;
    return $ns / 1e9;
}

my $round = 0;

for my $case ([shut => 'refused', 2], [hole => 'no answer', 2]) {
    my ($mode, $what, $most) = @$case;

    subtest $what => sub {
        $round++;
        my ($cpu, $tries, $start) = (cpu(), $proxy->{accepted}, now());
        $proxy->mode($mode);
        wait_for(sub { !grep { $_->{link} ne 'down' } @v, $ann }, 15,
                 'everybody is told');

        # written into the outage, it waits at the client
        $v->post("into outage $round");

        # a minute counts as a whole, a short while from the longest pause
        # on: 50 ms, doubled at each attempt of each of the workers'
        # connections and of that one which reads the log
        if (!$ENV{CHAT_LONG}) {
            my $from = $proxy->{accepted};
            wait_for(sub { $proxy->{accepted} >= $from + 7 * ($WORKERS + 1) },
                     20, 'attempts') if $mode eq 'shut';
            ($cpu, $tries, $start) = (cpu(), $proxy->{accepted}, now());
        }

        wait_for(sub { now() - $start >= $WINDOW }, $WINDOW + 5, 'a while');
        my $seconds = now() - $start;
        my $each = ($proxy->{accepted} - $tries) / $seconds / $WORKERS;
        my $share = 100 * (cpu() - $cpu) / $seconds / $WORKERS;

        cmp_ok($each, '<=', $most,
               sprintf 'a worker tries %.2f times a second', $each);
        cmp_ok($share, '<', 1,
               sprintf 'and takes %.2f %% of a processor', $share);

        my $back = now();
        $proxy->mode('pass');
        $ann->wait_text("into outage $round", $v->{dialog}, 15);
        my $took = now() - $back;
        cmp_ok($took, '<', 2 * $Chat::Loop::SLOW,
               sprintf 'the first delivery comes %.2f s after Redis', $took);
        wait_for(sub { !grep { $_->{link} ne 'up' } @v, $ann }, 15,
                 'everybody is told');
    };
}

is(scalar(grep { $_->{connects} != 1 } @v, $ann), 0,
   'nobody had to connect again');
$v->wait_text("into outage $round");
is(scalar(grep { $_ =~ /^into/ } $v->texts), 2, 'each message once');
is(scalar(grep { $_->{dups} + $_->{disorder} + $_->{broken} } @v, $ann), 0,
   'nothing twice');

$t->done;
