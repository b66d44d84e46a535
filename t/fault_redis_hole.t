#!/usr/bin/env perl

# Promise: whoever is connected hears within five seconds that Redis does not
# answer any more, on each worker, also where nobody writes: when Redis was
# stopped, and when what is sent over open connections is lost on the way.
# Nobody is cut off, and what was written meanwhile is delivered within two
# seconds after the answers come again.

use v5.36;
use lib 't/lib';

use Chat::Loop qw(after now);
use Chat::Proxy;
use Chat::Test;
use Test::More;

my ($WORKERS, $VISITORS) = (4, 60);

my $t = Chat::Test->new;
my $redis = $t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
my $proxy = Chat::Proxy->new(path => "$t->{dir}/proxy.sock",
                             to => $redis->socket);

# reuseport: the kernel spreads the clients, so that no worker has none
my $nginx = $t->nginx(<<"CONF", workers => $WORKERS);
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis @{[$proxy->address]};
    server {
        listen %%IP%%:%%PORT%% reuseport;
        server_name shop.test;
        chat on;
    }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

sub files ($pid) {
    my @files = glob "/proc/$pid/fd/*";
    return scalar @files;
}

my %own = map { $_ => files($_) } $nginx->workers;
my @v = map { $t->visitor(host => 'shop.test') } 1 .. $VISITORS;
my $ann = $t->operator(host => 'desk.test', login => 'ann',
                       password => 'secret-password');
$_->wait_welcome(20) for @v, $ann;

# two of its files may be the way to Redis
is(scalar(grep { files($_) - $own{$_} < 3 } keys %own), 0,
   'each worker has clients');

my $v = $v[0];
$v->post('Hello');
$v->wait_text('Hello');
$ann->wait_text('Hello', $v->{dialog});
$ann->take($v->{dialog});
$ann->wait_sent;

my @cases = (
    ['Redis is stopped', sub { $redis->freeze }, sub { $redis->thaw }],
    ['open connections lose everything', sub { $proxy->silence },
     sub { $proxy->mode('pass') }],
);

for my $case (@cases) {
    my ($what, $go, $come) = @$case;

    subtest $what => sub {
        # at any moment between two pings of a worker
        my $go_on;
        after(rand 1, sub { $go_on = 1 });
        wait_for(sub { $go_on }, 5, 'a moment');

        my ($start, %told) = (now());
        $go->();
        wait_for(sub {
            $told{$_} //= now() - $start for grep { $_->{link} eq 'down' }
                @v, $ann;
            return keys %told == @v + 1;
        }, 15, 'everybody is told');

        my ($first, $last) = (sort { $a <=> $b } values %told)[0, -1];
        cmp_ok($last, '<', 5 * $Chat::Loop::SLOW, sprintf
               'the first is told after %.2f s, the last after %.2f s',
               $first, $last);

        $v->post("into it: $what");
        my $back = now();
        $come->();
        $ann->wait_text("into it: $what", $v->{dialog}, 15);
        my $took = now() - $back;
        cmp_ok($took, '<', 2 * $Chat::Loop::SLOW,
               sprintf 'the first delivery comes %.2f s after Redis', $took);
        wait_for(sub { !grep { $_->{link} ne 'up' } @v, $ann }, 15,
                 'everybody is told');
    };
}

is(scalar(grep { $_->{connects} != 1 } @v, $ann), 0,
   'nobody had to connect again');
$v->wait_text("into it: $cases[-1][0]");
is_deeply([$v->texts], ['Hello', map { "into it: $_->[0]" } @cases],
          'each message once');
is(scalar(grep { $_->{dups} + $_->{disorder} + $_->{broken} } @v, $ann), 0,
   'nothing twice');

$t->done;
