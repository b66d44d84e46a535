#!/usr/bin/env perl

# Promise: over WebSocket a visitor and an operator hold a dialog from the
# first message to its end; each sees every event once, in order; others of
# the account see what they may, other accounts see nothing.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
my $shop = $t->tenant(account => 'Shop', sites => [['shop.test'], ['b.test']],
    operators => [['ann', 'secret-password', 'operator'],
                  ['bob', 'secret-password', 'operator', 'b.test'],
                  ['sue', 'secret-password', 'supervisor']]);
$t->tenant(account => 'Rival', sites => [['rival.test']],
    operators => [['eve', 'secret-password', 'owner']]);
my $nginx = $t->nginx(<<'CONF');
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_drain 1s;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name b.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name rival.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

my %op = (host => 'desk.test', password => 'secret-password', record => 1);
my $v = $t->visitor(host => 'shop.test', record => 1,
                    page => 'http://shop.test/cheese');
$v->wait_welcome;
ok(!$v->{online}, 'nobody is there yet');
is($v->{welcome}{n}, '0', 'a new instance begins with number 0');
is($v->{welcome}{limits}{text_max}, 4000, 'the limits are told');

my ($ann, $bob, $sue, $eve) = map { $t->operator(%op, login => $_) }
    qw(ann bob sue eve);
$_->wait_welcome for $ann, $bob, $sue, $eve;
is_deeply([map { $_->{name} } @{$ann->{welcome}{sites}}],
          ['shop.test', 'b.test'], 'ann works on both sites');
is_deeply([map { $_->{name} } @{$bob->{welcome}{sites}}], ['b.test'],
          'bob on one');
is($ann->{welcome}{operator}{id}, $shop->{operators}{ann},
   'she is told who she is');
is(scalar @{$ann->{welcome}{colleagues}}, 3, 'and who works with her');

wait_for(sub { $v->{online} }, 10, 'the visitor sees that somebody is there');
pass('presence reaches the visitor');
wait_for(sub { 3 == grep { $_->{online} } values %{$ann->{people}} }, 10,
         'ann sees three people');
pass('presence reaches the colleagues');


# -- the dialog

$v->post('Good morning');
$v->post('Do you deliver on Sundays?');
$v->wait_sent;
my $d = $v->{dialog};
ok($d, 'the dialog has an id');
$ann->wait_text('Do you deliver on Sundays?', $d);

my ($first) = grep { ($_->{e} // '') eq 'dialog_opened' } @{$ann->{frames}};
is($first->{view}{id}, $d, 'its first event brings a view');
is($first->{view}{state}, 'queued', '... of a queued dialog');
is($first->{view}{site}, $shop->{sites}{'shop.test'}, '... of the site');
is($first->{view}{visitor}, $v->{visitor}, '... of the visitor');
ok(!grep({ $_->{view} } @{$v->{frames}}), 'the visitor gets no views');

my $take = $ann->take($d);
my $late = $sue->take($d);
$_->wait_sent for $ann, $sue;
is((grep { $_->{error} } $take, $late), 1, 'one of two takes it');
my ($owner, $other) = $take->{error} ? ($sue, $ann) : ($ann, $sue);
wait_for(sub { $v->state($d) eq 'active' }, 10, 'taken');

$owner->post('Yes, from ten o\'clock.', dialog => $d);
$owner->wait_sent;
$v->wait_text('Yes, from ten o\'clock.');
$other->wait_text('Yes, from ten o\'clock.', $d);


# -- typing

$v->typing for 1 .. 6;
wait_for(sub { $owner->{typed}{$d} }, 10, 'the operator sees typing');
is($owner->{typed}{$d}{from}{kind}, 'visitor', 'the visitor types');
$owner->typing($d);
wait_for(sub { $v->{typed}{$d} }, 10, 'the visitor sees typing');
is($v->{typed}{$d}{from}{kind}, 'operator', 'the operator types');
ok(!$owner->{typed}{$d}{from}{id}, 'nobody sees himself typing');

# the operator's came after all of the visitor's
is((grep { $_->{t} eq 'typing' } @{$owner->{frames}}), 1,
   'typing is told once in two seconds');


# -- what is refused

my $foreign = $eve->post('mine now', dialog => $d);
my $siteless = $bob->post('mine now', dialog => $d);
my $none = $owner->post('lost', dialog => '0123456789abcdef');
$_->wait_sent for $eve, $bob, $owner;
is($foreign->{error}{code}, 'not_found', 'another account does not see it');
is($siteless->{error}{code}, 'not_found', 'nor does who has no role there');
is($none->{error}{code}, 'not_found', 'a dialog that is not there');
$v->say({t => 'take_dialog', n => '9', dialog => $d});
wait_for(sub { grep { $_->{code} eq 'forbidden' } @{$v->{errors}} }, 10,
         'error');
pass('a visitor takes nothing');

my $eve_sees = grep { $_->{t} eq 'event' || $_->{t} eq 'typing' }
    @{$eve->{frames}};
is($eve_sees, 0, 'the rival got no event');
is((grep { $_->{t} eq 'event' } @{$bob->{frames}}), 0,
   'who has no role on the site got no event');


# -- back to the queue, closed, reopened

$owner->release($d);
$owner->wait_sent;
wait_for(sub { $sue->state($d) eq 'queued' }, 10, 'released');
$sue->take($d);
$sue->wait_sent;
$sue->close_dialog($d);
$sue->wait_sent;
wait_for(sub { $v->state($d) eq 'closed' }, 10, 'closed');
$v->post('One more thing');
$v->wait_sent;
$_->wait_text('One more thing', $d) for $ann, $sue, $v;
is($v->{dialog}, $d, 'it goes on in the same dialog');
my ($again) = grep { ($_->{e} // '') eq 'dialog_reopened' } @{$ann->{frames}};
is($again->{view}{state}, 'queued', 'reopening brings a view, too');
is($again->{view}{$_}, $first->{view}{$_}, "... with the dialog's $_")
    for qw(page opened_ms visitor);
is($again->{view}{rev}, $first->{view}{rev} + 5, '... and its revision');


# -- everybody saw the same

my @seen = map { $_->{id} } @{$v->events};
is_deeply([map { $_->{id} } @{$_->events($d)}], \@seen,
          "$_->{login} saw what the visitor saw") for $ann, $sue;
is($_->{dups} + $_->{disorder}, 0, 'each event once, in order')
    for $v, $ann, $sue;

# a late operator gets it from the store
my $late_sue = $t->operator(%op, login => 'sue');
$late_sue->wait_welcome;
$late_sue->wait_events(scalar @seen, $d);
is_deeply([map { $_->{id} } @{$late_sue->events($d)}], \@seen,
          'who comes later sees the same');

# a second tab of the visitor as well
my $tab = $t->visitor(host => 'shop.test', token => $v->{token});
$tab->wait_welcome;
$tab->wait_events(scalar @seen);
$tab->post('from the other tab');
$tab->wait_sent;
$_->wait_text('from the other tab') for $v, $tab;
is_deeply([$tab->texts], [$v->texts], 'both tabs show the same');

# leaving is seen after a moment of grace
$_->close for $ann, $sue, $late_sue;
wait_for(sub { !$v->{online} }, 15, 'the visitor sees that nobody is there');
pass('nobody is there any more');

$t->done;
