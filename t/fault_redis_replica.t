#!/usr/bin/env perl

# Promise: a master that becomes a replica in the middle of a chat refuses
# what is written (READONLY) and costs nobody a word: clients are told, even
# where nobody writes, keep what they wrote, and once it is a master again all
# of that is in the log, once and in order.

use v5.36;
use lib 't/lib';

use Chat::Loop qw(now);
use Chat::Test;
use JSON::XS ();
use Test::More;

my $VISITORS = 12;

my $t = Chat::Test->new;
my $c = $t->redis->client;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);

my $nginx = $t->nginx(<<'CONF');
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    server {
        listen %%IP%%:%%PORT%% reuseport;
        server_name shop.test;
        chat on;
    }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

my @v = map { $t->visitor(host => 'shop.test') } 1 .. $VISITORS;
my $ann = $t->operator(host => 'desk.test', login => 'ann',
                       password => 'secret-password');
$_->wait_welcome(20) for @v, $ann;

for my $i (0 .. $#v) {
    $v[$i]->post("Hello $i");
    $v[$i]->wait_sent;
    $ann->wait_text("Hello $i", $v[$i]{dialog});
    $ann->take($v[$i]{dialog});
}
$ann->wait_sent;

# What each of them writes in a round, and ann to the first one.
my @said;
sub say_all ($round) {
    push @said, $round;
    $v[$_]->post("$round $_") for 0 .. $#v;
}

my $read = length $nginx->log;
sub news () { return substr $nginx->log, $read }

# its master is a port where nobody listens
$c->replicaof($t->ip, 1);
my $start = now();
say_all('refused');
$ann->post('and from me', dialog => $v[0]{dialog});

wait_for(sub { !grep { $_->{link} ne 'down' } @v, $ann }, 15,
         'everybody is told');
my $took = now() - $start;
cmp_ok($took, '<', 5 * $Chat::Loop::SLOW,
       sprintf 'everybody is told within %.2f s', $took);

# what they ran into is the refusal of a write, not a look at INFO
my %first;
for (split /\n/, news()) {
    $first{$1} //= $2 if /(\d+)#\d+: .*\(commands\): (\S+)/;
}
is_deeply([values %first], [('READONLY') x keys %first],
          'each worker ran into READONLY');
is(scalar(keys %first), scalar(my @w = $nginx->workers), 'none did not');
wait_for(sub { news() =~ /\(commands\): is not a master/ }, 10,
         'INFO is understood');
pass('and then the log says that it is not a master');

say_all('kept');
wait_for(sub { !grep { !$_->{temporary} } @v }, 15, 'the server gives up');
my %codes = map { $_->{code} => 1 } map { @{$_->{errors}} } @v, $ann;
is_deeply([grep { !/^(?:store_down|busy)$/ } keys %codes], [],
          'they are told why');
is(scalar(grep { !$_->{retry_ms} } map { @{$_->{errors}} } @v, $ann), 0,
   'and when to try again');
is(scalar(grep { @{$_->{outbox}} != 2 } @v), 0, 'nothing is acknowledged');

$start = now();
$c->replicaof('NO', 'ONE');
$ann->wait_text('refused 0', $v[0]{dialog}, 15);
$took = now() - $start;
cmp_ok($took, '<', 2 * $Chat::Loop::SLOW,
       sprintf 'the first delivery comes %.2f s after it', $took);

$_->wait_sent(20) for @v, $ann;
for my $i (0 .. $#v) {
    $_->wait_text("kept $i", $v[$i]{dialog}, 15) for $v[$i], $ann;
}
$v[0]->wait_text('and from me');
$ann->wait_text('and from me', $v[0]{dialog});

for my $i (1 .. $#v) {
    is_deeply([$v[$i]->texts], ["Hello $i", map { "$_ $i" } @said],
              "visitor $i: once, in order");
    is_deeply([$ann->texts($v[$i]{dialog})], [$v[$i]->texts],
              'ann has seen the same');
}

my %seen;
$seen{$_}++ for $v[0]->texts;
is_deeply(\%seen, {map { $_ => 1 } 'Hello 0', 'and from me',
                       map { "$_ 0" } @said}, 'visitor 0: once');
is_deeply([$ann->texts($v[0]{dialog})], [$v[0]->texts],
          'ann has seen the same');

# the log itself: who has it twice there would see it twice elsewhere
my $log = JSON::XS->new->latin1->encode(
    [map { [$c->xrange($_, '-', '+')] } $c->keys('chat:*:log')]);
my @count = map { my $text = $_; scalar(() = $log =~ /\Q$text\E\b/g) }
    'and from me', map { my $i = $_; map { "$_ $i" } @said } 0 .. $#v;
is_deeply([grep { $_ != 1 } @count], [], 'the log has each of them once');

# nobody writes, and most workers have nothing to ask
$c->replicaof($t->ip, 1);
$start = now();
wait_for(sub { !grep { $_->{link} ne 'down' } @v, $ann }, 15,
         'those who only listen are told');
$took = now() - $start;
cmp_ok($took, '<', 5 * $Chat::Loop::SLOW,
       sprintf 'those who only listen are told within %.2f s', $took);
$c->replicaof('NO', 'ONE');
wait_for(sub { !grep { $_->{link} ne 'up' } @v, $ann }, 15,
         'they are told of its end');
pass('... and of its end');

is(scalar(grep { $_->{connects} != 1 || $_->{refused} } @v, $ann), 0,
   'nobody had to connect again, nothing was refused for good');
is(scalar(grep { $_->{dups} + $_->{disorder} + $_->{broken} } @v, $ann), 0,
   'nothing twice');

$t->done;
