# Promise: the metrics of the ring, of resumes and of the replay tail count
# each thing once: what was read from the ring is what the logs have, and of
# acknowledged writes each is kept for a replay or was pushed out.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
my $redis = $t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']]);
$t->shop;

sub status () { return $t->status }

# Until it is so and, for who only believes what stays: once more.
sub becomes ($what, $want, $get) {
    my $got = -1;
    eval { wait_for(sub { ($got = $get->(status())) == $want
                          && $get->(status()) == $want }, 15, $what) };
    is($got, $want, $what);
}

# Entries that were ever added to the logs, probes among them.
sub added () {
    my $sum = 0;
    for my $key ($redis->client->keys('chat:*:log')) {
        my %info = $redis->client->xinfo('STREAM', $key);
        $sum += $info{'entries-added'};
    }
    return $sum;
}

sub resumes ($s) { return "$s->{resume_ring} $s->{resume_store}" }

my $v = $t->visitor(host => 'shop.test', pipeline => 8);
$v->wait_welcome;
is(resumes(status()), '0 0', 'who comes for the first time resumes nothing');

$v->post('Hello');
$v->wait_text('Hello');
# what else is in it: the ring's own marks
my $marks;
wait_for(sub {
    my $before = added();
    $marks = status()->{ring_entries} - $before;
    return added() == $before;
}, 10, 'a moment without a probe');
$v->post("message $_") for 1 .. 50;
$v->wait_text('message 50');
becomes('ring_entries: each entry of the logs once', $marks,
        sub ($s) { $s->{ring_entries} - added() });

# the client comes back with its cursor
sub again ($meanwhile) {
    $v->{reconnect} = 0;
    $v->drop;
    wait_for(sub { !$v->{wire} }, 5, 'gone');
    $meanwhile->();
    $v->{reconnect} = 1;
    $v->wait_welcome;
}

again(sub { });
is(resumes(status()), '1 0', 'resume_ring: he missed nothing');

# another tab of his: 16 kB each, more than is looked for in the ring
my $tab = $t->visitor(host => 'shop.test', pipeline => 8,
                      token => $v->{token});
$tab->wait_welcome;

sub write_much ($n) {
    $tab->post(chr(0x1f600) x 4000) for 1 .. $n;
    $tab->wait_sent(60);
}

again(sub { write_much(80) });
is(resumes(status()), '1 1', 'resume_store: he missed too much');

is(status()->{replay_dropped}, 0, 'replay_dropped: nothing so far');
becomes('replay_tail: all that was acknowledged', 131,
        sub ($s) { $s->{replay_tail} });

# the tail has 8 MB
write_much(480);
is(status()->{writes_acked}, 611, 'writes_acked: one for each message');
becomes('replay_tail and replay_dropped: each of them is kept or was dropped',
        611, sub ($s) { $s->{replay_tail} + $s->{replay_dropped} });
my $s = status();
cmp_ok($s->{replay_dropped}, '>=', 611 - 8 * 1024 * 1024 / 16_000,
       "replay_dropped: what is beyond the bound ($s->{replay_dropped})");
cmp_ok($s->{replay_tail}, '>=', 480,
       "replay_tail: and no more than that ($s->{replay_tail})");
is(resumes($s), '1 1', 'nobody resumed meanwhile');
is($s->{ring_laps}, 0, 'ring_laps: nobody was overtaken');

$t->done;
