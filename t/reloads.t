#!/usr/bin/env perl

# Promise: ten reloads within a minute, one of them with another size of the
# zone, lose and repeat nothing; old workers are gone at their deadline even
# if a client does not let go; no alert is left in the log.

use v5.36;
use lib 't/lib';

use Chat::Loop qw(now);
use Chat::Test;
use Test::More;

my $t = Chat::Test->new(log_level => 'info');
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);

my $conf = <<'CONF';
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main ZONE;
    chat_redis %%REDIS%%;
    chat_drain 1s;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF
# nginx's own deadline is far away: it is not what ends old workers
my $nginx = $t->nginx($conf =~ s/ZONE/8m/r, shutdown => '10m');

my @v = map { $t->visitor(host => 'shop.test') } 1 .. 30;
my $ann = $t->operator(host => 'desk.test', login => 'ann',
                       password => 'secret-password');
$_->wait_welcome for @v, $ann;

for my $v (@v) {
    $v->post('begin');
    $v->wait_sent;
    $ann->wait_text('begin', $v->{dialog});
    $ann->take($v->{dialog});
}

# one that answers nothing and does not close
my $mute = $t->visitor(host => 'shop.test', reconnect => 0);
$mute->wait_welcome;
$mute->{wire}{ws}{stream}->pause(1);

my %gone = map { $_ => 1 } $nginx->workers;
my $start = now();

for my $i (1 .. 10) {
    $nginx->write_conf($conf =~ s/ZONE/$i >= 5 ? '16m' : '8m'/er);
    $_->post("visitor $i") for @v;
    $nginx->reload;
    $gone{$_} = 1 for $nginx->workers;
    $ann->post("operator $i", dialog => $_->{dialog}) for @v;
}

my $last = now();
cmp_ok($last - $start, '<', 60 * $Chat::Loop::SLOW,
       'ten reloads within a minute');

for my $v (@v) {
    my $d = $v->{dialog};
    $v->wait(sub { $v->texts == 21 }, 60, 'all of a visitor');
    $ann->wait(sub { $ann->texts($d) == 21 }, 60, 'all at the operator');
}

is(scalar(grep { "@{[$_->texts]}" ne "@{[$ann->texts($_->{dialog})]}" } @v),
   0, 'the same order for both sides');

my @wrong = grep {
    my $v = $_;
    my %seen;
    $seen{$_}++ for $v->texts;
    grep { $_ != 1 } values %seen
} @v;
is(scalar @wrong, 0, 'each message once');

delete @gone{$nginx->workers};
wait_for(sub { !grep { kill 0, $_ } keys %gone }, 30,
         'old workers are gone at the deadline');
# chat_drain, the last close, answers under way
cmp_ok(now() - $last, '<', 14 * $Chat::Loop::SLOW,
       keys(%gone) . ' old workers are gone at the deadline');

# a new zone is a new node: it starts from the log, not from nothing
my $late = $t->visitor(host => 'shop.test');
$late->wait_welcome;
$late->post('after all of it');
$ann->wait(sub { grep { $_ eq 'after all of it' }
                 $ann->texts($late->{dialog} // '') }, 20, 'the last one');
pass('the last node serves');

$t->done;
