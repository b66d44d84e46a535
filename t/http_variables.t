#!/usr/bin/env perl

# Promise: each variable that docs/directives.md names has the value it says,
# in the access log and in the rest of a configuration.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my @NAMES = qw(chat_role chat_account chat_site chat_route chat_node
               chat_connections chat_delivery_age);
my $all = join '|', map { "\$$_" } @NAMES;

my $t = Chat::Test->new;
my $redis = $t->redis;
$t->ctl('init');

# another one before, so that account and site are not both 1
$t->tenant(account => 'First', sites => [['first.test'], ['second.test']]);
my $shop = $t->tenant(account => 'Shop', sites => [['shop.test']],
    operators => [['ann', 'secret-password', 'operator'],
                  ['bea', 'secret-password', 'operator']]);

my $nginx = $t->nginx(<<'CONF' =~ s/ALL/$all/gr, workers => 1);
%%GLOBALS%%
events { worker_connections 256; }
http {
    %%GLOBALS_HTTP%%
    log_format all 'ALL';
    access_log %%TESTDIR%%/logs/all.log all;
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    server {
        listen %%IP%%:%%PORT%%;
        server_name shop.test;
        chat on;
        location = /all { return 200 'ALL'; }
    }
    server {
        listen %%IP%%:%%PORT%%;
        server_name both.test;
        chat on;
        chat_site shop.test;
        chat_cabinet on;
    }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

my @documented = map { /^\| `\$(chat_\w+)`/ ? $1 : () }
    split /\n/, $t->slurp("$t->{top}/docs/directives.md");
is_deeply([sort @NAMES], [sort @documented], 'all of them are looked at');

# The values in a configuration, for a request that is not the chat's.
sub now_is () {
    my $body = $t->http(GET => '/all', host => 'shop.test')->{body};
    my %is;
    @is{@NAMES} = split /\|/, $body, -1;
    return \%is;
}

my $none = now_is();
is_deeply([@$none{qw(chat_role chat_account chat_site chat_route)}],
          [('') x 4], 'empty for who is not the chat\'s');
like($none->{chat_node}, qr/^(?!0{16})[0-9a-f]{16}$/, 'the node has a name');
is($none->{chat_connections}, 0, 'nobody is connected');

my $v = $t->visitor(host => 'shop.test');
my $ann = $t->operator(host => 'desk.test', login => 'ann',
                       password => 'secret-password');
my $bea = $t->operator(host => 'both.test', login => 'bea',
                       password => 'secret-password');
$_->wait_welcome for $v, $ann, $bea;

my $held = now_is();
is($held->{chat_connections}, 3, 'three clients are held');
is($held->{chat_node}, $none->{chat_node}, 'the node keeps its name');

# it counts from the last one that got through: a probe each 2 s at least
sub age ($is, $what) {
    wait_for(sub {
        my $age = now_is()->{chat_delivery_age};
        return $age =~ /^\d+$/ && $is->($age);
    }, 20, $what);
    pass($what);
}

age(sub ($ms) { $ms < 3000 }, 'messages get through: the age is small');
$redis->freeze;
age(sub ($ms) { $ms > 4000 }, 'they do not: it grows');
$redis->thaw;
age(sub ($ms) { $ms < 3000 }, 'they do again: it is small again');

$_->close for $v, $ann, $bea;
wait_for(sub { now_is()->{chat_connections} == 0 }, 10, 'all have gone');
pass('all have gone');

# a line is written when its connection has ended
sub logged ($who, $what) {
    my $line = qr/^\Q$who\E\|$none->{chat_node}\|\d+\|\d+$/m;
    ok(eval { wait_for(sub { $t->slurp("$nginx->{dir}/logs/all.log") =~ $line },
                       10, $what) }, $what);
}

my ($account, $site) = ($shop->{account}, $shop->{sites}{'shop.test'});
isnt($account, $site, 'account and site are told apart');
logged("visitor|$account|$site|v1/ws", 'a visitor: account and site');
logged("operator|$account|-|api/v1/ws", 'an operator: the account');
logged("operator|$account|$site|api/v1/ws",
       'who logged in at a site: it, too');
logged('-|-|-|-', 'anything else: nobody');

$t->done;
