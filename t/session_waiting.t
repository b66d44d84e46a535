#!/usr/bin/env perl

# Promise: whoever waits while others are being given their state is given his
# when they have gone before Redis answered them.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $AT_ONCE = 16;       # ATTACH_MAX

my $t = Chat::Test->new(log_level => 'debug');
my $redis = $t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']]);
my $nginx = $t->shop;

# the account is loaded
$t->visitor(host => 'shop.test')->wait_welcome;

# Visitors who have said hello.
sub come($n) {
    my $was = $t->status->{frames_in};
    my @v = map { $t->visitor(host => 'shop.test', reconnect => 0) } 1 .. $n;
    $_->connect for @v;
    wait_for(sub { $t->status->{frames_in} == $was + $n }, 10,
             'they are heard');
    return @v;
}

sub asked_for() { return scalar(() = $nginx->log =~ /op attach: begin$/gm) }

$redis->freeze;
my $before = asked_for();
my @first = come($AT_ONCE);
my @then = come(8);
is(asked_for() - $before, $AT_ONCE, 'so many are asked for at once');

$_->drop for @first;
ok(eval { wait_for(sub { asked_for() - $before == $AT_ONCE + @then }, 10,
                   'their places') }, '... and when they go, those behind them');
$redis->thaw;
$_->wait_welcome for @then;

$t->done;
