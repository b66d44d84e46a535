#!/usr/bin/perl

# Nothing is kept of who has gone, by the exact count of what the worker has
# allocated and not freed: not of connections, nor of dialogs or messages,
# nor after what is kept for a replay has run out.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/lib";
use Chat::Loop qw(now);
use Chat::Memory;
use Chat::Test;
use Test::More;

plan skip_all => 'the sanitizers have the allocator: they find leaks at exit'
    if $ENV{SAN};

my $CLIENTS = 20;
my $TURNS = 25;                 # so many times new ones come
my $TALK = 40;                  # messages of each side of the last ones

# A block for each connection or dialog would be 500, for each message 2100,
# less the 150 or so that wait for a replay when counting begins; what lies
# ready for the next time depends on how calls came together.
my $BLOCKS = 100;
my $BYTES = 8 * 1024;

my @transports = qw(ws ws sse poll);

my $t = Chat::Test->new;
my $memory = Chat::Memory->new($t);

$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
my $nginx = $t->nginx(<<'CONF', workers => 1, env => $memory->env);
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    access_log off;
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_rate 1000;
    chat_visitor_rate off;
    server {
        listen %%IP%%:%%PORT%%;
        server_name shop.test;
        chat on;
        location = /status { chat_status; }
    }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

my $worker;
wait_for(sub { ($worker) = $nginx->workers }, 20, 'the worker');

# a small one first: what is made once, and then kept, is made by it
talk(2);
gone(0);
my ($bytes, $blocks) = live();
my $files = $memory->files($worker);
my $tail = status()->{replay_tail};
ok($bytes > 100_000 && $blocks > 100, "is counted: $bytes bytes, $blocks");

my $posted = 0;

for (2 .. $TURNS) {
    $posted += talk(0);
}

$posted += talk($TALK);

my ($peak) = $memory->live($worker);
gone(1);
my ($bytes_after, $blocks_after) = live();

diag(sprintf '%d connections, %d messages: %+d bytes, %+d blocks'
         . ' (%d kB while kept for a replay)', $CLIENTS * $TURNS, $posted,
     $bytes_after - $bytes, $blocks_after - $blocks, $peak / 1024);

cmp_ok($tail, '<', 150, 'little was kept for a replay at the beginning');
cmp_ok($peak - $bytes, '>', $posted * 200, 'and much more then');
cmp_ok($bytes_after - $bytes, '<=', $BYTES, 'all bytes were given back');
cmp_ok($blocks_after - $blocks, '<=', $BLOCKS, 'and all blocks');
# the worker closes its side of what asked for the status a turn later
ok(wait_for(sub { $memory->files($worker) <= $files }, 10, 'descriptors'),
   'no descriptor is left open');
is_deeply([$nginx->workers], [$worker], 'by the same worker');
$t->done;


# Everybody comes, asks, talks, closes the dialog, goes: messages posted.
sub talk ($each) {
    my $ann = $t->operator(host => 'desk.test', login => 'ann',
                           password => 'secret-password');
    my @v = map { $t->visitor(host => 'shop.test',
                              transport => $transports[$_ % @transports]) }
        1 .. $CLIENTS;
    $_->wait_welcome(30) for $ann, @v;

    $_->post('hello') for @v;
    $_->wait_sent(30) for @v;

    for my $v ($each ? @v : ()) {
        $ann->wait(sub { $ann->state($v->{dialog}) }, 30, 'the dialog');
        $ann->take($v->{dialog});
    }

    for my $i (1 .. $each) {
        for my $v (@v) {
            $v->post("visitor's $i " . 'x' x 150);
            $ann->post("operator's $i " . 'y' x 150, dialog => $v->{dialog});
        }
        $_->wait_sent(30) for $ann, @v;
    }

    $_->wait(sub { $_->texts == 1 + 2 * $each }, 30, 'all messages') for @v;
    $_->close_dialog for @v;
    $_->wait_sent(30) for @v;
    $_->close for $ann, @v;

    return $CLIENTS * (1 + 2 * $each);
}

# Until all have gone and, if asked for, nothing is kept for a replay.
sub gone ($all) {
    wait_for(sub {
        my $s = status();
        return !$s->{connections_ws} && !$s->{connections_sse}
            && !$s->{connections_poll} && !($all && $s->{replay_tail});
    }, 60, 'all have gone');
}

# What is in use: without the blocks that the worker keeps for the next time.
# It tells of them once a second.
sub live () {
    my ($spare, $since) = ({spare_bytes => -1}, 0);

    wait_for(sub {
        my $s = status();
        $since = now() if $s->{spare_bytes} != $spare->{spare_bytes};
        $spare = $s;
        return now() - $since > 3;
    }, 20, 'nothing moves');

    my ($b, $n) = $memory->live($worker);
    return ($b - $spare->{spare_bytes}, $n - $spare->{spare_blocks});
}

sub status () { return $t->status }
