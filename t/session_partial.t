#!/usr/bin/env perl

# Promise: an operator who comes back when more dialogs have changed than he
# is given begins anew: none stays on his screen that was closed meanwhile.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $MANY = 1001;        # dialogs_max + 1

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [map { [$_, 'secret-password', 'operator'] }
                         qw(ann bob)]);
my $nginx = $t->shop(<<'CONF');
    chat_visitor_rate off;
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
CONF

my ($ann, $bob) = map {
    $t->operator(host => 'desk.test', login => $_,
                 password => 'secret-password', reconnect => $_ eq 'bob')
} qw(ann bob);
$_->wait_welcome for $ann, $bob;

my $v = $t->visitor(host => 'shop.test');
$v->wait_welcome;
$v->post('the first');
my $d = $v->wait_text('the first') && $v->{dialog};
$_->wait_text('the first', $d) for $ann, $bob;
$ann->drop;

$bob->take($d);
$bob->close_dialog($d);
$bob->wait_sent;

for my $i (1 .. $MANY) {
    my $token = $t->http(POST => '/_chat/v1/visitor', host => 'shop.test')
        ->{json}{token};
    $t->http(POST => '/_chat/v1/send?instance=instance1',
             host => 'shop.test', headers => {Authorization => "Bearer $token"},
             json => {t => 'post_message', n => '1', text => "number $i"});
}

# the ring does not reach back to where she was
$nginx->stop;
$nginx->start;

$ann->connect;
$ann->wait_welcome(20);
ok($ann->{welcome}{reset}, 'she begins anew');
ok(!$ann->{dialogs}{$d} || $ann->state($d) eq 'closed',
   'without the dialog that was closed');
is(scalar keys %{$ann->{dialogs}}, $MANY - 1, 'and has the newest');

$t->done;
