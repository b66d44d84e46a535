#!/usr/bin/env perl

# Promise: Redis may be on another machine.  Over TCP visitors and operators
# talk as over the socket, and a restart, a silent Redis and a way on which
# everything is lost are noticed and made good in the same times.

use v5.36;
use lib 't/lib';

use Chat::Loop qw(now);
use Chat::Proxy;
use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
my $redis = $t->redis(tcp => 1);
like($redis->address, qr/^127\.[\d.]+:\d+$/, 'Redis listens on a port');
is(($t->ctl('init'))[0], 0, 'chatctl comes there');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);

my $conf = <<'CONF';
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_drain 1s;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF
my $nginx = $t->nginx($conf);

my $v = $t->visitor(host => 'shop.test');
my $ann = $t->operator(host => 'desk.test', login => 'ann',
                       password => 'secret-password');
$_->wait_welcome for $v, $ann;

my @said;
sub talk ($text) {
    $v->post("$text?");
    $v->wait_sent;
    $ann->wait_text("$text?", $v->{dialog});
    $ann->post("$text!", dialog => $v->{dialog});
    $ann->wait_sent;
    $_->wait_text("$text!", $v->{dialog}) for $v, $ann;
    push @said, "$text?", "$text!";
}

# From a loss that $go brings until $come has made it good; returns seconds.
sub outage ($what, $go, $come) {
    my $start = now();
    $go->();
    wait_for(sub { !grep { $_->{link} ne 'down' } $v, $ann }, 15,
             'both are told');
    my $told = now() - $start;
    cmp_ok($told, '<', 5 * $Chat::Loop::SLOW,
           sprintf 'both are told after %.2f s', $told);

    $v->post("into it: $what");
    push @said, "into it: $what";
    $come->();
    my $back = now();
    $ann->wait_text("into it: $what", $v->{dialog}, 15);
    my $took = now() - $back;
    cmp_ok($took, '<', 2 * $Chat::Loop::SLOW,
           sprintf 'the first delivery comes %.2f s after Redis', $took);
    $v->wait_sent;
    wait_for(sub { !grep { $_->{link} ne 'up' } $v, $ann }, 15,
             'both are told');
    talk("after $what");
}

subtest 'they talk' => sub {
    $v->post('Hello');
    $v->wait_sent;
    push @said, 'Hello';
    $ann->wait_text('Hello', $v->{dialog});
    $ann->take($v->{dialog});
    $ann->wait_sent;
    talk('first');
    my %way = map { /\baddr=(\S+) laddr=(\S+)/ ? ($1 => $2) : () }
        split /\n/, $redis->client->client('LIST');
    is(scalar(grep { $_ eq $redis->address } values %way), 3,
       'two workers, one of them reads the log, all over TCP');
};

subtest 'Redis is restarted' => sub {
    my $refused = qr/cannot connect \(111: Connection refused\)/;
    outage('a restart', sub { $redis->term }, sub {
        wait_for(sub { $nginx->log =~ $refused }, 10, 'a refusal');
        $redis->start;
    });
};

subtest 'Redis is silent' => sub {
    outage('silence', sub { $redis->freeze }, sub { $redis->thaw });
    like($nginx->log, qr/\(commands\): does not answer/, 'the log says so');
};

subtest 'a hole on the way' => sub {
    my $proxy = Chat::Proxy->new(
        listen => {address => $t->ip, port => $t->port('proxy')},
        to => $redis->{tcp});
    $nginx->write_conf($conf =~ s/%%REDIS%%/$proxy->address/er);
    $nginx->reload;
    wait_for(sub { !grep { $_->{connects} < 2 || !$_->{welcomed} } $v, $ann },
             20, 'both are with new workers');
    talk('through the proxy');
    outage('a hole', sub { $proxy->silence }, sub { $proxy->mode('pass') });
};

is_deeply([$v->texts], \@said, 'each message once, in order');
is_deeply([$ann->texts($v->{dialog})], \@said, 'ann has seen the same');
is($_->{dups} + $_->{disorder} + $_->{broken}, 0, 'nothing twice')
    for $v, $ann;

$t->done;
