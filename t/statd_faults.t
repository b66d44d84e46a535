# Promise: what Redis refuses is told and tried again, with a pause; it is
# never taken for a log without entries.

use v5.36;
use lib 't/lib';
use Chat::Loop qw(now);
use Chat::Proxy ();
use Chat::Store qw(header key);
use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
my $c = $t->redis->client;
$t->ctl('init');

my $x = $t->tenant(account => 'One', sites => [['one.test']]);
my ($account, $site) = ($x->{account}, $x->{sites}{'one.test'});
my $log = key($account, 'log');
my ($posted, $clock) = (0, 1_700_000_000_000);

sub post($n) {
    my $body = Chat::Store::pack_body({1 => {1 => 1}, 2 => 'Q'});
    my $h = header(account => $account, site => $site, visitor => 'v' x 22,
                   dialog => '0123456789abcdef', event => 'message_posted');
    $c->xadd($log, $clock++ . '-0', h => $h, b => $body) for 1 .. $n;
    $posted += $n;
}

# Keys of the figures, and the messages counted in them.
sub figures() {
    return map { key($account, "a:$account:stat:$_:s:$site") }
        $c->zrange(key($account, "a:$account:stats"), 0, -1);
}

sub counted() {
    my $n = 0;
    $n += eval { $c->hget($_, 'messages_visitor') } // 0 for figures();
    return $n;
}

# A Redis user of its own: chat-statd may do everything but this.
sub forbid(@commands) {
    $c->acl('SETUSER', 'statd', 'reset', 'on', '>secret', '~*', '&*', '+@all',
            map { "-$_" } @commands);
}

sub once(@args) {
    my ($rc, undef, $err) = $t->command(["$t->{build}/chat-statd", '--once',
                                         @args]);
    return ($rc, $err);
}

sub lines($daemon) { return split /\n/, $t->slurp($daemon->{log}) }

@ENV{qw(CHAT_REDIS CHAT_REDIS_USER CHAT_REDIS_PASSWORD)} =
    ($t->redis->address, 'statd', 'secret');
forbid();

# ------------------------------------------------------- a lost connection

{
    post(1);
    my $daemon = $t->statd('--lease', 600_000);
    wait_for(sub { counted() == $posted }, 10, 'the first is counted');
    $c->client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    post(1);
    wait_for(sub { counted() == $posted }, 20, 'a connection that was cut');
    pass 'a lease of its own does not keep it from counting on';
    is scalar(grep { /another chat-statd/ } lines($daemon)), 0,
        '... nor does it take itself for another';
    is $daemon->stop('TERM'), 0, 'ends well';
}

# ---------------------------------------------------- an answer that refuses

# XREADs that were tried in vain
sub refused() {
    my ($n) = ($c->info('commandstats')->{cmdstat_xread} // '')
        =~ /rejected_calls=(\d+)/;
    return $n // 0;
}

forbid('xread');
post(1);

{
    my ($rc, $err) = once();
    is $rc, 1, '--once fails when it may not read';
    like $err, qr/NOPERM.*xread/, "... in Redis' words";
}

{
    $c->set(key($account + 1, 'log'), 'not a log');
    forbid();
    my ($rc, $err) = once();
    is $rc, 1, '--once fails at a log that is none';
    like $err, qr/WRONGTYPE/, "... in Redis' words";
    $c->del(key($account + 1, 'log'));
}

{
    forbid('xread');
    my ($before, $start) = (refused(), now());
    my $daemon = $t->statd;
    wait_for(sub { refused() >= $before + 6 }, 30, 'six tries');

    # 50 + 100 + 200 + 400 + 800 ms between them
    cmp_ok now() - $start, '>=', 1.5, 'longer pauses between the tries';
    my @lines = lines($daemon);
    cmp_ok scalar @lines, '<=', refused() - $before, '... a line for each'
        or diag join "\n", @lines;

    forbid();
    wait_for(sub { counted() == $posted }, 20, 'it may read again');
    pass 'allowed again, it counts what came meanwhile';
    is $daemon->stop('TERM'), 0, 'ends well';
}

# What passes: nothing to read (nil) is turned into LOADING, twice.
{
    my $left = 2;
    my $proxy = Chat::Proxy->new(path => "$t->{dir}/proxy.sock",
        to => $t->redis->socket);
    $proxy->mode('edit', edit => sub ($bytes) {
        return $bytes unless $bytes eq "*-1\r\n" && $left && $left--;
        return "-LOADING Redis is loading the dataset in memory\r\n";
    });

    my $daemon = $t->statd('--redis', $proxy->address);
    wait_for(sub { !$left }, 20, 'twice LOADING');
    post(1);
    wait_for(sub { counted() == $posted }, 20, 'counting goes on');
    pass 'what passes is waited for';
    is scalar(grep { /LOADING/ } lines($daemon)), 2, '... and told each time';
    is $daemon->stop('TERM'), 0, 'ends well';
}

# ----------------------------------------------- a figure that is no figure

# Redis does the rest of such a transaction
{
    my ($figures) = figures();
    $c->rename($figures, 'aside');
    $c->set($figures, 'not a hash');
    post(1);
    my ($rc, $err) = once();
    is $rc, 1, '--once fails when a figure cannot be written';
    like $err, qr/partition \d+: not counted: Redis: WRONGTYPE/,
        "... in Redis' words";
    is $c->hget(key($account, 'statd'), 'folded'), $posted,
        '... the rest is done: the entry is not counted again';

    $c->rename('aside', $figures);
    $posted--;
    is +(once())[0], 0, 'mended, it goes on';
    is counted(), $posted, '... with what it had';
}

# ----------------------------------------------------- a cut without knowledge

{
    forbid('xinfo');
    post(1);
    my ($rc, $err) = once('--keep', 0);
    is $rc, 0, 'who may not ask how long a log is counts as ever';
    is counted(), $posted, '... all';
    like $err, qr/\A.*chat:\{\w+\}:log: Redis: NOPERM.*xinfo.*\n\z/,
        '... and says once why nothing is cut';
    forbid();
    is +(once())[1], '', 'a log that is not there yet is nothing to tell';
}

# A gap is found whenever a partition is taken, which is before each try.
{
    post(1);
    $c->xtrim($log, 'MAXLEN', 0);
    $posted--;
    forbid('xread');
    my $before = refused();
    my $daemon = $t->statd;
    wait_for(sub { refused() >= $before + 4 }, 30, 'four tries');
    is scalar(grep { /: 1 entries were cut off/ } lines($daemon)), 1,
        'a gap in the log is told once, not with each try';
    is $daemon->stop('TERM'), 0, 'ends well';
}

$t->done;
