#!/usr/bin/perl

# Memory and descriptors stay flat, however long it runs:
#
#     bench/soak.pl [--rounds 6] [--messages 4000] [--clients 200]
#
# A round: clients of all transports come, talk and go; what workers keep for
# a replay runs out; then every worker is read: what it has allocated and not
# freed (exactly), its private memory as the system sees it, its open files.
# The first two rounds warm up.  After them nothing may stay allocated but
# what has a bound of its own: the cache of logins (4096; each round logs in,
# some 2.6 kB in each worker), nodes that lie ready for the next calls, and
# buffers of up to 256k that had to hold more than ever before.  What the
# system sees has a limit, too: the allocator keeps what a round needs, and
# rounds differ, but the second half may not need more than the first.

use v5.36;
use FindBin;
use lib "$FindBin::Bin/../t/lib";
use Chat::Memory;
use Chat::Test;
use Getopt::Long;
use JSON::XS ();
use List::Util qw(max);
use Test::More;

chdir "$FindBin::Bin/.." or die $!;

my %opt = (rounds => 6, messages => 4000, clients => 200);
GetOptions(\%opt, map { "$_=i" } keys %opt) or die "see the head of $0\n";
$opt{rounds} >= 6 or die "--rounds must be 6 or more: two only warm up\n";

my $BYTES = 512 * 1024;         # of all workers and rounds
my $BLOCKS = 400;
my $PRIVATE = 1.3;              # of the first half's most
my $json = JSON::XS->new;

my $t = Chat::Test->new;
my $memory = Chat::Memory->new($t);
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
my $nginx = $t->nginx(<<'CONF', env => $memory->env);
%%GLOBALS%%
events { worker_connections 2048; }
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

my @transports = qw(ws ws sse poll);
my @workers;
wait_for(sub { (@workers = $nginx->workers) == 2 }, 20, 'the workers');
my (@bytes, @blocks, @private, @files);

$| = 1;

for my $round (1 .. $opt{rounds}) {
    talk($round);
    wait_for(sub {
        my $s = $json->decode($t->http(GET => '/status?format=json',
                                       host => 'shop.test')->{body});
        return !$s->{replay_tail} && !$s->{connections_ws}
            && !$s->{connections_sse} && !$s->{connections_poll};
    }, 90, 'all have gone and nothing is kept for a replay');

    my ($bytes, $blocks) = $memory->live(@workers);
    push @bytes, $bytes;
    push @blocks, $blocks;
    push @private, $memory->private_kb(@workers);
    push @files, $memory->files(@workers);
    say "# round $round: $bytes bytes in $blocks blocks,",
        " $private[-1] kB private, $files[-1] files";
}

my $half = int(@private / 2);

cmp_ok($blocks[-1] - $blocks[1], '<=', $BLOCKS, 'no block is kept');
cmp_ok($bytes[-1] - $bytes[1], '<=', $BYTES, 'buffers have a bound');
cmp_ok(max(@private[$half .. $#private]), '<=',
       $PRIVATE * max(@private[1 .. $half - 1]),
       'private memory has found its limit');
cmp_ok($files[-1], '<=', $files[1], 'open files do not grow');
is_deeply([$nginx->workers], \@workers, 'no worker was replaced');
$t->done;


# Everybody comes, writes his share, reads what the operator answers, goes.
sub talk ($round) {
    my $ann = $t->operator(host => 'desk.test', login => 'ann',
                           password => 'secret-password');
    my @v = map { $t->visitor(host => 'shop.test',
                              transport => $transports[$_ % @transports]) }
        1 .. $opt{clients};
    $_->wait_welcome(60) for $ann, @v;

    $_->post("first of round $round") for @v;
    $_->wait_sent(60) for @v;
    for my $v (@v) {
        $ann->wait(sub { $ann->state($v->{dialog}) }, 60, 'the dialog');
        $ann->take($v->{dialog});
    }
    $ann->wait_sent(60);

    my $each = int($opt{messages} / $opt{clients} / 2) || 1;
    for my $i (1 .. $each) {
        for my $v (@v) {
            $v->post("visitor's $i " . 'x' x 150);
            $ann->post("operator's $i " . 'y' x 150, dialog => $v->{dialog});
        }
        $_->wait_sent(60) for $ann, @v;
    }

    $_->wait(sub { $_->texts == 1 + 2 * $each }, 60, 'all messages') for @v;
    $_->close_dialog for @v;
    $_->wait_sent(60) for @v;
    $_->close for $ann, @v;
}
