#!/usr/bin/env perl

# Promise: a dialog that was taken and is not answered goes back to the
# queue; an answered one that falls silent is closed; a visitor who waits for
# an answer is never closed; two nodes fire each timer once;
# timers that cannot be worked off are in nobody's way.

use v5.36;
use lib 't/lib';

use Chat::Store;
use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
my $redis = $t->redis->client;
$t->ctl('init');
my $shop = $t->tenant(account => 'Shop', sites => [['shop.test']],
    operators => [['ann', 'secret-password', 'operator']]);
my $site = $shop->{sites}{'shop.test'};
$redis->hset("chat:{g}:site:$site", accept_ms => 1500, idle_ms => 2500);

# more than are looked at together, of dialogs that cannot be read
my $tag = Chat::Store::tag(Chat::Store::partition($shop->{account}));
for my $n (1 .. 40) {
    my $id = sprintf '%016x', $n;
    $redis->set("chat:$tag:a:$shop->{account}:d:$id", 'no hash');
    $redis->zadd("chat:$tag:due", $n, "0:$shop->{account}:$id");
}

# two nodes: each looks what is due twice a second
$t->nginx(<<"CONF", name => $_) for qw(main two);
%%GLOBALS%%
events { worker_connections 256; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    server { listen %%IP%%:%%PORT_$_%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT_$_%%; server_name desk.test; chat_cabinet on; }
}
CONF

# both writes at once where she takes and answers: before the time is up
my $ann = $t->operator(host => 'desk.test', login => 'ann',
                       password => 'secret-password', pipeline => 2);
my ($v, $waits) = map { $t->visitor(host => 'shop.test') } 1, 2;
$_->wait_welcome for $ann, $v, $waits;

sub named($client, $e, $d) { grep { $_->{e} eq $e } @{$client->events($d)} }


# -- somebody waits all the time

$waits->post('Is anybody there?');
$waits->wait_sent;


# -- taken, not answered

$v->post('Hello');
$v->wait_sent;
my $d = $v->{dialog};
$ann->wait_text('Hello', $d);
$ann->take($d);
$ann->wait_sent;
wait_for(sub { named($ann, 'dialog_released', $d) }, 15, 'back in the queue');
my ($back) = named($ann, 'dialog_released', $d);
is($back->{body}{reason}, 'no_answer', 'not answered: back to the queue');
is($back->{body}{by}{kind}, 'system', '... by a rule');
is($ann->state($d), 'queued', '... for somebody else to take');


# -- answered, then silence

$ann->take($d);
$ann->post('Good morning', dialog => $d);
$ann->wait_sent;
$v->wait_text('Good morning');
wait_for(sub { $v->state($d) eq 'closed' }, 20, 'closed');
my ($closed) = named($v, 'dialog_closed', $d);
is($closed->{body}{reason}, 'idle', 'answered, then silence: closed');
is($closed->{body}{by}{kind}, 'system', '... by a rule');
is((named($v, 'dialog_released', $d)), 1,
   'after an answer there is no accept time');


# -- a message within the idle time puts it off, one after it reopens

$v->post('One more thing');
$v->wait_sent;
is($v->{dialog}, $d, 'the visitor goes on in the same dialog');
wait_for(sub { named($v, 'dialog_reopened', $d) }, 10, 'reopened');
$ann->wait_text('One more thing', $d);
$ann->take($d);
$ann->post('Yes?', dialog => $d);
$ann->wait_sent;
wait_for(sub { !grep { 2 != named($_, 'dialog_closed', $d) } $ann, $v }, 20,
         'closed again');

my ($last) = (named($ann, 'message_posted', $d))[-1];
my ($end) = (named($ann, 'dialog_closed', $d))[-1];
my ($from, $to) = map { $_->{id} =~ /^(\d+)/ } $last, $end;
cmp_ok($to - $from, '>=', 2500, 'not before the idle time was over');


# -- each once, and who waited is still in the queue

is(join(' ', map { $_->{e} =~ s/^(dialog|message)_//r } @{$v->events($d)}),
   'opened posted taken released taken posted closed'
   . ' reopened posted taken posted closed',
   'both nodes together did each thing once');
is($waits->state($waits->{dialog}), 'queued',
   'who waits for an answer was not closed');

ok(wait_for(sub {
    my $at = $redis->zscore("chat:$tag:due",
                            "0:$shop->{account}:$waits->{dialog}");
    return $at && $at > time * 1000;
}, 10, 'a time to come'), '... and will be looked at again');
is($redis->zcount("chat:$tag:due", 1, 40), 40, 'what failed is still due');

$t->done;
