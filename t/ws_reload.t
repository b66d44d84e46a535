#!/usr/bin/env perl

# Promise: a reload ends every connection with a word, spread over
# chat_drain; each client comes back by its cursor, and nothing is lost,
# repeated or left behind in the log.

use v5.36;
use lib 't/lib';

use Chat::Loop qw(now);
use Chat::Test;
use Test::More;

my $N = 24;                # so few that whole ones per tick would be too fast

# seconds; what a loaded machine does to the spread is little beside it
my $DRAIN = 2 * $Chat::Loop::SLOW;
my $drain = int(1000 * $DRAIN) . 'ms';

my $t = Chat::Test->new(log_level => 'info');
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
# nginx's own deadline is far away: old workers end by themselves
my $nginx = $t->nginx(<<'CONF' =~ s/DRAIN/$drain/r, shutdown => '10m');
%%GLOBALS%%
events { worker_connections 1024; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_drain DRAIN;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

my $ann = $t->operator(host => 'desk.test', login => 'ann',
                       password => 'secret-password', record => 1);
my $v = $t->visitor(host => 'shop.test', record => 1);
$_->wait_welcome for $ann, $v;

# How often the talkers asked for a history.
sub histories () {
    return scalar grep { $_->{t} eq 'history' }
        map { @{$_->{frames}} } $v, $ann;
}

# idle ones, of each transport
my %many = (ws => $N, sse => 10, poll => 10);
my @idle = map {
    my $transport = $_;
    map { $t->visitor(host => 'shop.test', transport => $transport) }
        1 .. $many{$transport}
} qw(ws sse poll);
$_->connect for @idle;
wait_for(sub { !grep { !$_->{welcomed} } @idle }, 30, 'all are welcome');

$v->post('before');
$v->wait_text('before');
my $d = $v->{dialog};
$ann->wait_text('before', $d);
$ann->take($d);
$ann->wait_sent;

# when each one was told
my (%told, %code, %resets);
$resets{$_} = $_->{resets} for @idle, $v, $ann;
my $histories = histories();
my @old = $nginx->workers;
my $start = now();
$nginx->reload(nowait => 1);

# both sides go on writing all the while
my $n = 0;
my $writing = 1;
wait_for(sub {
    for my $c (@idle) {
        $told{$c} //= now() - $start if $c->{bye};
        $code{$c} //= $c->{close_code} if defined $c->{close_code};
    }
    if (!@{$v->{outbox}} && !@{$ann->{outbox}} && $n < 400) {
        $n++;
        $v->post("visitor $n");
        $ann->post("operator $n", dialog => $d);
    }
    return !grep { !$told{$_} || $_->{transport} eq 'ws' && !$code{$_} } @idle;
}, 20, 'all are told and closed');

my @when = sort { $a <=> $b } map { $told{$_} // () } @idle;
is(scalar(grep { $told{$_} && $_->{transport} eq 'ws' } @idle), $N,
   'every WebSocket is told');
is((grep { ($code{$_} // 0) == 1012 } grep { $_->{transport} eq 'ws' } @idle),
   $N, '... and closed with 1012');
is_deeply([grep { $_->{bye} && $_->{bye}{reason} ne 'reload' } @idle], [],
          'the reason is the reload');
cmp_ok($when[-1], '>=', $DRAIN, sprintf 'the last one at the end of '
       . 'chat_drain, after %.1f s', $when[-1]);
cmp_ok($when[-1], '<', $DRAIN + 4 * $Chat::Loop::SLOW,
       '... and not much later');

# evenly, it would be three quarters and a half: one quarter is for noise
cmp_ok($when[-1] - $when[@when / 4], '>=', $DRAIN / 2,
       'a quarter has gone half of chat_drain before the last one');
cmp_ok($when[-1] - $when[@when / 2], '>=', $DRAIN / 4,
       '... and half of them a quarter before');

# who was told need not wait longer than who was cut without a word
is_deeply([map { $_->{bye}{after_ms} }
           grep { $_->{bye}{after_ms} !~ /^\d+$/
                  || $_->{bye}{after_ms} > $_->{welcome}{limits}{return_ms} }
           @idle], [], 'each is told within what time to come back');
is_deeply([grep { !$_->{bye}{resume} } @idle], [], '... and to resume');

wait_for(sub { !grep { !$_->{welcomed} } @idle, $v, $ann }, 20,
         'all are back');
pass('all are back');
is_deeply([grep { $_->{resets} != $resets{$_} } @idle, $v, $ann], [],
          'nobody was reset: the cursor was enough');

$_->wait_sent(20) for $v, $ann;
$v->post('the end');
$v->wait_sent(20);
$_->wait_text('the end', $d) for $v, $ann;
is_deeply([$v->texts], [$ann->texts($d)], 'both sides show the same');
is(scalar($v->texts), 2 * $n + 2, "all of $n pairs of messages");
is($v->{dups} + $v->{disorder} + $ann->{dups} + $ann->{disorder}, 0,
   'once and in order');
is(histories(), $histories, '... and nobody had to ask for what was missed');

wait_for(sub { !grep { kill 0, $_ } @old }, 20, 'the old workers end');
pass('the old workers end');

# three at once: generations overlap
$nginx->reload for 1 .. 3;
$v->post('after three');
$v->wait_sent(20);
$_->wait_text('after three', $d, 20) for $v, $ann;
pass('three reloads in a row');
is($v->{broken} + $ann->{broken}, 0, 'nothing was given up');

$t->done;
