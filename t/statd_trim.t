# Promise: the logs never take more than their share of Redis' memory, whoever
# fills them; what is not counted yet goes last, and not without a word.

use v5.36;
use lib 't/lib';
use Chat::Store qw(header key partition);
use Chat::Test;
use Test::More;
use Time::HiRes ();

my $t = Chat::Test->new;
my $c = $t->redis->client;
$t->ctl('init');

my %of;
for my $name (qw(One Two)) {
    my $x = $t->tenant(account => $name, sites => [["$name.test"]]);
    $of{$name} = {account => $x->{account}, site => $x->{sites}{"$name.test"},
                  log => key($x->{account}, 'log'), n => 0};
}
isnt partition($of{One}{account}), partition($of{Two}{account}),
    'two accounts, two partitions';

# Messages of visitors with a kilobyte of text each, as of now.
sub fill($name, $n) {
    my $x = $of{$name};
    my $body = Chat::Store::pack_body({1 => {1 => 1}, 2 => 'x' x 1000});
    my $ms = int(Time::HiRes::time() * 1000);
    my $h = header(account => $x->{account}, site => $x->{site},
                   dialog => '0123456789abcdef', visitor => 'v' x 22,
                   event => 'message_posted');
    for my $i (1 .. $n) {
        $c->xadd($x->{log}, "$ms-" . ($x->{seq}++), h => $h, b => $body,
                 sub {});
    }
    $c->wait_all_responses;
    $x->{n} += $n;
}

sub bytes($name) { return $c->memory('USAGE', $of{$name}{log}) // 0 }

# Messages counted of a site.
sub counted($name) {
    my ($a, $s, $n) = (@{$of{$name}}{qw(account site)}, 0);
    for my $bucket ($c->zrange(key($a, "a:$a:stats"), 0, -1)) {
        $n += $c->hget(key($a, "a:$a:stat:$bucket:s:$s"), 'messages_visitor')
              // 0;
    }
    return $n;
}

sub once(@args) {
    my ($rc, undef, $err) = $t->command(["$t->{build}/chat-statd", '--once',
                                         @args]);
    is $rc, 0, 'chat-statd --once' or diag $err;
    return $err;
}

# $percent of maxmemory are $kb kilobytes
sub room($kb, $percent = 10) {
    $c->config_set('maxmemory', int($kb * 1024 * 100 / $percent));
}

$ENV{CHAT_REDIS} = $t->redis->address;

# ------------------------------------------------------ busy and quiet accounts

fill(One => 3000);
fill(Two => 100);
my $full = bytes('One');
cmp_ok $full, '>', 3_000_000, 'a log of three megabytes';

unlike once(), qr/more than their/, 'no maxmemory, no bound';
is counted($_), $of{$_}{n}, "all of $_ is counted" for qw(One Two);

room(2000);
unlike once('--share', 0), qr/more than their/, 'the bound may be waived';
is $c->xlen($of{One}{log}), 3000, '... nothing is cut';

like once(), qr/the logs take \d+ kB, more than their 2000/, 'the bound';
cmp_ok bytes('One'), '<', 2000 * 1024, 'a busy log is cut to what is left';
cmp_ok bytes('One'), '>', 1600 * 1024, '... and not more';
is $c->xlen($of{Two}{log}), 100, 'a quiet one keeps its past';
is counted('One'), 3000, 'figures stay';

# ---------------------------------------------------------- not yet counted

fill(One => 1500);
my $err = once();
cmp_ok bytes('One'), '>', 1500 * 1024, 'what is not counted is not cut';
unlike $err, qr/cut off/, '... so nothing is lost';
is counted('One'), $of{One}{n}, '... and is counted then';
once();
cmp_ok bytes('One'), '<', 2000 * 1024, 'counted, it is cut';

fill(One => 5000);
$err = once();
like $err, qr/: \d+ entries were cut off the log before they were counted/,
    'beyond twice the share nothing is waited for, but it is said';
cmp_ok bytes('One'), '<', 2000 * 1024, '... the bound holds';
cmp_ok counted('One'), '<', $of{One}{n}, '... and some are not counted';
my ($lost) = $err =~ /: (\d+) entries were cut off/;
is counted('One') + $lost, $of{One}{n}, '... as many as was said';

# ------------------------------------------------------------- a full store

# it refuses leases and figures; only the cut makes room for them again
{
    once();
    $c->xtrim($of{One}{log}, 'MAXLEN', 0);
    fill(One => 4000);
    # what waits for the disk is used, but does not count as full
    my $memory = $c->info('memory');
    my $max = int(0.95 * ($memory->{used_memory}
                          - $memory->{mem_not_counted_for_evict}));
    my $percent = int(100 * 0.7 * bytes('One') / $max);
    my $before = counted('One');

    $c->config_set('maxmemory', $max);
    my $daemon = $t->statd('--trim', 1, '--lease', 400, '--share', $percent);
    wait_for(sub { counted('One') > $before }, 30,
             'a full store comes to itself');
    like $t->slurp($daemon->{log}), qr/OOM.* cut off the log before/s,
        '... by a cut that is told';
    is $daemon->stop('TERM'), 0, 'ends well';
}

$t->done;
