# Promise: "chatctl stats replay" tells what is different, and nothing else,
# whatever chat-statd does meanwhile.

use v5.36;
use lib 't/lib';
use Chat::Proxy ();
use Chat::Store qw(header key);
use Chat::Test;
use JSON::XS ();
use Test::More;

use constant BUCKET => 900_000;

my $t = Chat::Test->new;
my $c = $t->redis->client;
$t->ctl('init');

my $x = $t->tenant(account => 'One', sites => [['one.test']]);
my ($account, $site) = ($x->{account}, $x->{sites}{'one.test'});
my ($log, $record) = map { key($account, $_) } qw(log statd);
my $clock = BUCKET * 2_000_000;

# Messages of a visitor, a millisecond each.
sub post($n) {
    my $h = header(account => $account, site => $site, visitor => 'v' x 22,
                   dialog => '0123456789abcdef', event => 'message_posted');
    my $body = Chat::Store::pack_body({1 => {1 => 1}, 2 => 'Q'});
    $c->xadd($log, $clock++ . '-0', h => $h, b => $body, sub { }) for 1 .. $n;
    $c->wait_all_responses;
}

sub next_bucket() { $clock = BUCKET * (1 + int $clock / BUCKET) }

# The figures of the bucket so many before the current one.
sub figures($back = 0) {
    my $bucket = int(($clock - 1) / BUCKET) - $back;
    return key($account, "a:$account:stat:$bucket:s:$site");
}

# To be called while somebody waits: does not run the loop.
sub count() {
    local %ENV = (%ENV, %{$t->san_env('program')});
    my $rc = system "$t->{build}/chat-statd", '--once', '--redis',
        $t->redis->address, '--keep', 3_153_600_000;
    die "chat-statd: $rc" if $rc;
}

# Between chatctl and Redis; $meanwhile is called once, when the answer that
# is like $re has been given but has not arrived.
my ($re, $meanwhile);
my $proxy = Chat::Proxy->new(path => "$t->{dir}/proxy.sock",
    to => $t->redis->socket);
$proxy->mode('edit', edit => sub ($bytes) {
    if ($meanwhile && $bytes =~ $re) {
        my $code = $meanwhile;
        undef $meanwhile;
        $code->();
    }
    return $bytes;
});

sub replay($answer, $code) {
    ($re, $meanwhile) = ($answer, $code);
    my ($rc, $out, $err) = $t->ctl('stats', 'replay', '--account', $account,
        '--json', '--redis', $proxy->address);
    ok !$meanwhile, 'it happened meanwhile';
    return ($rc, JSON::XS->new->utf8->decode($out), $err);
}

# The answer to the first question: the position.
sub position() {
    my $pos = $c->hget($record, 'pos');
    return qr/\A\$\d+\r\n\Q$pos\E\r\n\z/;
}

# --------------------------------------------------- chat-statd is counting

post(30);
next_bucket();
post(30);
count();

my ($rc, $rows, $err) = replay(position(), sub { post(5); count() });
is $rc, 0, 'what is counted meanwhile is no difference';
is_deeply $rows, [], '... and none is shown';
like $err, qr/^60 entries, 1 figures, 0 different\n1 more are being counted/,
    '... but what was left out is told';

($rc, $rows, $err) = replay(position(), sub { next_bucket(); post(5); count() });
is $rc, 0, 'nor is what goes into the next bucket';

$c->hincrby(figures(2), 'messages_visitor', 3);
($rc, $rows, $err) = replay(position(), sub { post(5); count() });
is $rc, 1, 'a difference in an older bucket is told';
is_deeply [map { [@$_{qw(figure stored counted)}] } @$rows],
    [['messages_visitor', 33, 30]], '... this one, and no other';
$c->hincrby(figures(2), 'messages_visitor', -3);

$c->hincrby(figures(), 'messages_visitor', 3);
($rc, $rows, $err) = replay(position(), sub { post(5) });
is $rc, 1, 'one in the current bucket, too, when nobody counts';
is_deeply [map { [@$_{qw(figure stored counted)}] } @$rows],
    [['messages_visitor', 13, 10]], '... this one';

# ------------------------------------------------------ the log is being cut

$c->hincrby(figures(), 'messages_visitor', -3);
post(2000);
next_bucket();
post(30);
count();
$c->hincrby(figures(), 'messages_visitor', 3);

# the first thousand was read, half of the second is gone
($rc, $rows, $err) = replay(qr/\A\*1000\r\n/,
    sub { $c->xtrim($log, 'MAXLEN', 530) });
is $rc, 1, 'a cut below the reader';
is_deeply [map { [@$_{qw(figure stored counted)}] } @$rows],
    [['messages_visitor', 33, 30]],
    '... a difference is told where the log is whole, and only there';

$t->done;
