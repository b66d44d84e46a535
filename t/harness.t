# The harness itself: Redis and its abuse, waiting, addresses.

use v5.36;
use lib 't/lib';
use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
my $redis = $t->redis;

is $redis->client->ping, 'PONG', 'a private redis answers';
$redis->client->set(key => 'value');
$redis->restart;
is $redis->client->get('key'), 'value', 'kept over a restart';
$redis->restart('kill9');
is $redis->client->get('key'), 'value', 'and over kill -9';

like $t->ip, qr/^127\./, 'an address on loopback';
isnt $t->port('a'), $t->port('b'), 'ports by name';
is $t->port('a'), $t->port('a'), 'the same each time';

my $start = Chat::Loop::now();
ok !eval { wait_for(sub { 0 }, 0.2, 'nothing'); 1 }, 'a deadline passes';
like $@, qr/timed out .* nothing/, 'and says what for';
ok wait_for(sub { Chat::Loop::now() - $start > 0.1 }, 5), 'a condition holds';

my ($rc, $out, $err) = $t->command(['sh', '-c', 'cat; echo err >&2; exit 3'],
                                   stdin => 'in');
is_deeply [$rc, $out, $err], [3, 'in', "err\n"], 'a program runs to its end';

$t->done;
