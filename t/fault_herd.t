#!/usr/bin/env perl

# Promise: when a whole crowd of clients is cut at once, it resumes without
# a stampede on Redis (no history is read, tokens ask nothing), nobody of it
# misses or repeats anything, and who was not cut goes on talking meanwhile.
# (How long a larger crowd takes, beside peers: bench, "herd".)

use v5.36;
use lib 't/lib';

use Chat::Loop qw(now);
use Chat::Test;
use Test::More;

my ($CROWD, $PAIRS) = (400, 4);

my $t = Chat::Test->new;
my $redis = $t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
$t->nginx(<<'CONF');
%%GLOBALS%%
worker_rlimit_nofile 4096;
events { worker_connections 2048; }
http {
    %%GLOBALS_HTTP%%
    access_log off;
    chat_zone main 16m;
    chat_redis %%REDIS%%;
    chat_rate 10000 burst=10000;
    chat_visitor_rate off;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

my $ann = $t->operator(host => 'desk.test', login => 'ann',
                       password => 'secret-password', pipeline => 8);
$ann->wait_welcome;

my @talkers = map { $t->visitor(host => 'shop.test') } 1 .. $PAIRS;

for my $v (@talkers) {
    $v->wait_welcome;
    $v->post('Hello');
    $v->wait_text('Hello');
    $ann->wait_text('Hello', $v->{dialog});
    $ann->take($v->{dialog});
}
$ann->wait_sent;

# the crowd: tabs of one more visitor, so that all have something to miss
my $host = $t->visitor(host => 'shop.test');
$host->wait_welcome;
$host->post('Hello');
$host->wait_text('Hello');
my $d = $host->{dialog};
$ann->wait_text('Hello', $d);
$ann->take($d);
$ann->wait_sent;

my @crowd = map {
    $t->visitor(host => 'shop.test', token => $host->{token}, identity => 1,
                record => 1)
} 1 .. $CROWD;
$_->connect for @crowd;
# opened, asked, taken
wait_for(sub { !grep { !$_->{welcomed} || @{$_->events($d)} < 3 } @crowd }, 30,
         'the crowd is there');

# Calls of Redis by command.
sub calls () {
    my $stats = $redis->client->info('commandstats');
    my %n;
    for (ref $stats ? map { "$_:$stats->{$_}" } keys %$stats
                    : split /\r?\n/, $stats)
    {
        $n{lc $1} = $2 if /^cmdstat_([^:]+):calls=(\d+)/;
    }
    return \%n;
}

my $before = calls();

# Cut, all of them, and not back before they have missed something.
for my $c (@crowd) {
    $c->{reconnect} = 0;
    $c->{frames} = [];
    $c->drop;
}
wait_for(sub { !grep { $_->{wire} } @crowd }, 10, 'all are cut');
$ann->post("missed $_", dialog => $d) for 1 .. 3;
$ann->wait_sent;

my $start = now();
my (%back, @talk, $asked, $n);
$_->{reconnect} = 1, $_->connect for @crowd;

wait_for(sub {
    # who was not cut talks on, one question after the other
    if (!$asked || $talkers[0]->texts >= 1 + $n) {
        push @talk, now() - $asked if $asked;
        $asked = now();
        $n++;
        $ann->post("answer $n", dialog => $_->{dialog}) for @talkers;
    }

    $back{$_} //= now() - $start
        for grep { !$back{$_} && $_->texts($d) >= 4 } @crowd;
    return keys %back == @crowd;
}, 30, 'the crowd is back and has what it missed');

my @took = sort { $a <=> $b } values %back;
my $p99 = $took[@took * 0.99];
cmp_ok($p99, '<', 10 * $Chat::Loop::SLOW,
       sprintf '%d clients are back, p99 %.2f s', $CROWD, $p99);

$ann->wait_sent;
$_->wait_text("answer $n") for @talkers;
@talk = sort { $a <=> $b } @talk;
note sprintf '%d rounds of talk meanwhile, the longest %.0f ms',
    scalar @talk, 1000 * ($talk[-1] // 0);
is(scalar(grep { $_->{connects} != 1 } @talkers, $ann), 0,
   'who was not cut stayed');
is(scalar(grep { $_->{dups} + $_->{disorder} + $_->{broken} }
          @talkers, $ann, @crowd), 0, 'nothing twice, nothing given up');

is(scalar(grep { $_->{resets} > 1 } @crowd), 0, 'nobody began anew');
my @events = map { scalar grep { $_->{t} eq 'event' } @{$_->{frames}} }
    @crowd;
is(scalar(grep { $_ != 3 } @events), 0, 'each was given the three it missed');
is(scalar(grep { grep { $_->{t} eq 'history' } @{$_->{frames}} } @crowd), 0,
   'and asked for no history');

my $after = calls();
my %more = map { $_ => $after->{$_} - ($before->{$_} // 0) } keys %$after;
note join ', ', map { "$_ $more{$_}" } grep { $more{$_} } sort keys %more;
# (a few may be anybody's: presence, accounts)
cmp_ok($more{$_} // 0, '<', $CROWD / 20, "no $_ for it")
    for qw(lrange xrange hgetall hget);
# and those who talked meanwhile: how often, is the machine's affair
cmp_ok(($more{get} // 0) - 3 - $PAIRS * $n, '<=', $CROWD + 30,
       'its last number and its dialog');
cmp_ok(($more{mget} // 0) - 3 - $PAIRS * $n, '<=', $CROWD + 30,
       '... and where that ends, no more');

$t->done;
