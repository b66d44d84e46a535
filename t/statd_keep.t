# Promise: a log is kept as long as --keep says, however long that is; what
# no option can mean is refused.

use v5.36;
use lib 't/lib';
use Chat::Store qw(header key);
use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
my $c = $t->redis->client;
$t->ctl('init');

my $x = $t->tenant(account => 'One', sites => [['one.test']]);
my $log = key($x->{account}, 'log');
my $statd = "$t->{build}/chat-statd";
$ENV{CHAT_REDIS} = $t->redis->address;

sub once(@args) { return ($t->command([$statd, '--once', @args]))[0, 2] }

# ------------------------------------------------------------------- the age

# more than a node of the stream: only whole ones are cut
$c->xadd($log, '1700000000000-*', b => Chat::Store::pack_body({}),
         h => header(account => $x->{account}, site => $x->{sites}{'one.test'},
                     event => 'dialog_opened')) for 1 .. 300;
is +(once())[0], 0, 'all is counted';

# A century ago is before the beginning of time.
is +(once('--keep', 3_153_600_000))[0], 0, '--keep a century';
is $c->xlen($log), 300, '... nothing is cut';

# They are years old, and counted.
is +(once('--keep', 0))[0], 0, '--keep 0';
cmp_ok $c->xlen($log), '<', 300, '... what is counted is cut';

# ---------------------------------------------------------------- the bounds

my $help = ($t->command([$statd, '--help']))[1];

for my $bad ([keep => '0 to 3153600000', 3_153_600_001, 9_999_999_999, ~0],
             [trim => '1 to 86400', 0, 86_401, ~0],
             [share => '0 to 100', 101, ~0],
             [lease => '100 to 600000', 99, 600_001, ~0],
             [batch => '1 to 10000', 0, 10_001, ~0]) {
    my ($name, $bounds, @values) = @$bad;
    my $told = $bounds =~ s/^0 //r;
    like $help, qr/--$name .*, $told[;,]/, "--$name: the help says $told";

    for my $value (@values) {
        my ($rc, $err) = once("--$name", $value);
        is $rc, 2, "--$name $value is refused";
        like $err, qr/--$name is $bounds, not $value$/, '... with the bounds';
    }
}

$t->done;
