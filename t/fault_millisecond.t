#!/usr/bin/env perl

# Promise: order and resuming do not hang on the clock: of many messages to
# one dialog within one millisecond each has its place, the same for
# everybody, and a cursor between any two of them brings exactly the rest.

use v5.36;
use lib 't/lib';

use Chat::Store qw(key);
use Chat::Test;
use Test::More;

my ($TABS, $EACH) = (8, 100);

my $t = Chat::Test->new;
my $redis = $t->redis;
$t->ctl('init');
my $shop = $t->tenant(account => 'Shop', sites => [['shop.test']],
                      operators => [['ann', 'secret-password', 'operator']]);
$t->nginx(<<'CONF');
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_rate 10000 burst=10000;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

my $ann = $t->operator(host => 'desk.test', login => 'ann',
                       password => 'secret-password');
my $v = $t->visitor(host => 'shop.test', record => 1);
$_->wait_welcome for $v, $ann;
$v->post('Hello');
$v->wait_text('Hello');
my $d = $v->{dialog};
$ann->wait_text('Hello', $d);
$ann->take($d);
$ann->wait_sent;

# on both workers, with as many writes out as a session takes
my @tabs = map {
    $t->visitor(host => 'shop.test', token => $v->{token}, pipeline => 16)
} 1 .. $TABS;
$_->wait_welcome for @tabs;

# the log is ahead of the clock: all that comes now has the same millisecond,
# on a slow machine, too
my $ahead = 1000 * (3600 + time);
$redis->client->xsetid(key($shop->{account}, 'log'), "$ahead-0");

for my $i (1 .. $EACH) {
    $tabs[$_]->post("tab $_ $i") for 0 .. $#tabs;
}

my $all = $TABS * $EACH + 1;
wait_for(sub { !grep { $_->texts($d) < $all } @tabs, $v, $ann }, 30,
         'all is read');

my @same = grep { $_->{id} =~ /^$ahead-/ } @{$v->events};
is(scalar @same, $all - 1, @same . ' messages within one millisecond');

my $ids = join ' ', map { $_->{id} } @{$v->events};
is(scalar(grep { join(' ', map { $_->{id} } @{$_->events($d)}) ne $ids }
          @tabs, $ann), 0, 'one order for everybody');

my @wrong = grep {
    my $tab = $_;
    my @own = grep { /^tab $tab / } $v->texts;
    "@own" ne join ' ', map { "tab $tab $_" } 1 .. $EACH;
} 0 .. $#tabs;
is_deeply(\@wrong, [], 'each writer in the order he wrote');
is(join(' ', map { $_->{seq} } @{$v->events}),
   join(' ', 1 .. @{$v->events}), 'numbered without a hole');

# a cursor behind some of them, one behind the other
my %cursor = map { $_->{id} => $_->{cursor} }
    grep { $_->{t} eq 'event' } @{$v->{frames}};
my @events = @{$v->events};
my $bad = 0;
my $tried = 0;

for my $e (@same[$EACH .. $EACH + 4]) {
    my $cursor = $cursor{$e->{id}} or next;
    my @rest = map { $_->{id} } grep { $_->{seq} > $e->{seq} } @events;

    for my $transport (qw(ws sse poll)) {
        my $c = $t->visitor(host => 'shop.test', token => $v->{token},
            transport => $transport, cursor => $cursor, record => 1);
        $c->connect;
        my @got;
        wait_for(sub {
            @got = map { $_->{id} } grep { defined $_->{seq} }
                map { $_->{t} eq 'welcome' ? @{$_->{events} // []}
                      : $_->{t} eq 'event' ? $_ : () } @{$c->{frames}};
            return @got >= @rest;
        }, 10, "the rest over $transport");
        $tried++;
        $bad++ if "@got" ne "@rest";
        $c->close;
    }
}

cmp_ok($tried, '>=', 12, "$tried clients came with such cursors");
is($bad, 0, 'each got the rest, and nothing else');
is(scalar(grep { $_->{dups} + $_->{disorder} + $_->{gaps} + $_->{broken} }
          @tabs, $v, $ann), 0, 'nothing twice, nothing given up');

$t->done;
