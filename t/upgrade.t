#!/usr/bin/env perl

# Promise: a binary upgrade (USR2, then QUIT of the old master) is two nodes
# for a while: both serve, clients of the old one are told to come back, and
# no message is lost, repeated or reordered.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $t = Chat::Test->new(log_level => 'info');
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
my $nginx = $t->nginx(<<'CONF', daemon => 1);
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

my @v = map { $t->visitor(host => 'shop.test') } 1 .. 20;
my $ann = $t->operator(host => 'desk.test', login => 'ann',
                       password => 'secret-password');
$_->wait_welcome for @v, $ann;

for my $v (@v) {
    $v->post('before');
    $v->wait_sent;
    $ann->wait_text('before', $v->{dialog});
    $ann->take($v->{dialog});
}

my $old = $nginx->upgrade;
ok $old->running && $nginx->pid != $old->pid,
    'a new master runs beside the old one';

my $round = 0;

sub talk ($what) {
    $round++;
    for my $v (@v) {
        $v->post("question $round");
        $ann->post("answer $round", dialog => $v->{dialog});
    }
    for my $v (@v) {
        for my $side ($v, $ann) {
            $side->wait_text($_, $v->{dialog}, 30)
                for "question $round", "answer $round";
        }
    }
    pass $what;
}

talk('both masters: clients of the old one go on');

# clients that come now are spread over both
my $late = $t->visitor(host => 'shop.test');
$late->wait_welcome;
push @v, $late;
$late->post('before');
$late->wait_sent;
$ann->wait_text('before', $late->{dialog});
$ann->take($late->{dialog});
talk('a new client, at whichever of them');

$old->signal('QUIT');
talk('while the old one drains');
wait_for(sub { !$old->running }, 30, 'the old master is gone');
talk('the new one alone');

for my $v (@v) {
    is_deeply([$v->texts], [$ann->texts($v->{dialog})],
              'the same order for both sides')
        or last;
}
is(scalar(grep { $_->texts != 1 + 2 * ($_ == $late ? 3 : 4) } @v), 0,
   'each message once');

$nginx->stop;
ok !$nginx->{process}{stuck}, 'the new master ends well';
$t->done;
