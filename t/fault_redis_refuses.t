#!/usr/bin/env perl

# Promise: a Redis that is there and does not serve us (its data are being
# loaded, it has no connection left, no memory, none of our scripts, another
# password, a right is missing) is told by chat_health within five seconds,
# costs all workers together less than a hundredth of a processor while one of
# four clients waits with a message, and the first of these is delivered
# within two seconds after it serves us again.

use v5.36;
use lib 't/lib';

use Chat::Http;
use Chat::Loop qw(now reactor);
use Chat::Test;
use Test::More;

my ($WORKERS, $VISITORS, $WINDOW) = (4, 40, 2.5);
# `make times`, and `make test`, which allows twice as long; `make times` alone
my ($TIMED, $ALONE) = ($ENV{CHAT_SLOW}, ($ENV{CHAT_SLOW} // 0) == 1);

my $t = Chat::Test->new;
# while it loads it answers after each kilobyte
my $redis = $t->redis(conf => ['loading-process-events-interval-bytes 1024']);
my $c = $redis->client;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);

# reuseport: the kernel spreads the clients, so that no worker has none
my $conf = <<'CONF';
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_drain 1s;
    server {
        listen %%IP%%:%%PORT%% reuseport;
        server_name shop.test;
        chat on;
        location = /health { chat_health; }
        location = /status { chat_status; }
    }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF
my $nginx = $t->nginx($conf, workers => $WORKERS);

my @v = map { $t->visitor(host => 'shop.test') } 1 .. $VISITORS;
my $ann = $t->operator(host => 'desk.test', login => 'ann',
                       password => 'secret-password');
$_->wait_welcome(20) for @v, $ann;
my $v = $v[0];
my @writers = grep { state $n++ % 4 == 0 } @v;
my @said = 'Hello';
$_->post('Hello') for @writers;
$_->wait_sent for @writers;
$ann->wait_text('Hello', $v->{dialog});
$ann->take($v->{dialog});
$ann->wait_sent;

# Seconds of processor time the workers have had.
sub cpu () {
    my $ns = 0;
    $ns += (split / /, $t->slurp("/proc/$_/schedstat"))[0]
        for $nginx->workers;
    return $ns / 1e9;
}

# Asks any worker until the answer is so.
sub asked ($path, $is, $what) {
    my ($waits, $ok);
    wait_for(sub {
        Chat::Http::start('GET', $path, ip => $t->ip, port => $t->port,
            host => 'shop.test', headers => {Connection => 'close'},
            on_done => sub ($r) { ($waits, $ok) = (0, $is->($r)) })
            unless $ok || $waits++;
        return $ok;
    }, 20, $what);
    return $ok;
}

sub health ($status, $redis) {
    asked('/health', sub ($r) {
        return $r->{status} == $status && $r->{json}{redis} eq $redis;
    }, "health: $status, Redis $redis");
}

sub errors () {
    return asked('/status?format=json', sub ($r) {
        return 1 + $r->{json}{redis_errors};
    }, 'status') - 1;
}

sub timely ($took, $most, $what) {
    my $name = sprintf "$what %.2f s", $took;
    return $TIMED ? cmp_ok($took, '<', $most * $Chat::Loop::SLOW, $name)
                  : pass($name);
}

# From a refusal that $go brings until $come has ended it and everything that
# was written meanwhile is delivered.
sub outage ($what, $go, $come, %more) {
    subtest $what => sub {
        my ($read, $had) = (length $nginx->log, errors());
        my $start = now();
        $go->();
        $_->post("into it: $what") for @writers;
        push @said, "into it: $what";

        if ($more{unseen}) {
            wait_for(sub { errors() > $had }, 15, 'a metric tells it');
        } else {
            ok(health(503, $more{is} // 'down'), 'health tells it');
        }

        timely(now() - $start, 5, 'it is told after');
        my $log = sub { substr $nginx->log, $read };
        ok(eval { wait_for(sub { $log->() =~ $more{log} }, 10, 'a line') },
           "logged: $more{log}") or diag($log->());

        if ($ALONE) {
            # those who wait have been told to try again, and do
            wait_for(sub { !grep { !@{$_->{errors}} } @writers }, 20, 'told')
                unless $more{taken};
            my ($cpu, $from) = (cpu(), now());
            wait_for(sub { now() - $from >= $WINDOW }, $WINDOW + 5, 'a while');
            my $share = 100 * (cpu() - $cpu) / (now() - $from);
            cmp_ok($share, '<', 1, sprintf 'all workers take %.2f %%', $share);
        }

        # from the last moment it refuses us
        my $back = $come->() // now();
        $ann->wait_text("into it: $what", $v->{dialog}, 20);
        timely(now() - $back, 2, 'the first delivery comes after');
        $_->wait_sent(20) for @writers;
        wait_for(sub { !grep { $_->{link} ne 'up' } @v, $ann }, 15, 'links');
        ok(health(200, 'up'), 'and it is told that it is over');
        $_->{errors} = [] for @writers;
    };
}

# Connections of before are cut, but not ours.
sub cut () { $c->client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes') }

# some seconds of loading, were it not for their end
$c->debug('POPULATE', 50_000, 'filler', 10);
$c->bgrewriteaof;
wait_for(sub { !$c->info('persistence')->{aof_rewrite_in_progress} }, 30,
         'all of it is in the file');

outage('its data are being loaded', sub {
    $redis->term;
    $redis->{conf}[1] = 'key-load-delay 1000';
    $redis->begin;
}, sub {
    $c = $redis->client;
    is($c->info('persistence')->{loading}, 1, 'it was at it until now');
    $c->config('SET', 'key-load-delay', '0');
    wait_for(sub { !$c->info('persistence')->{loading} }, 20, 'loaded');
    return now();
}, log => qr/\(commands\): is loading its data/);

outage('no connection is left', sub {
    $c->config('SET', 'maxclients', '1');
    cut();
}, sub { $c->config('SET', 'maxclients', '1000'); return },
    log => qr/\(commands\): ERR max number of clients reached/);

outage('no memory is left', sub { $c->config('SET', 'maxmemory', '1mb') },
       sub { $c->config('SET', 'maxmemory', '0'); return },
       log => qr/\(commands\): OOM/, is => 'refuses');

# A worker that meets it makes it good at once: it takes somebody who does it
# again and again, and no message waits for his end.
my $flush;
outage('scripts are gone', sub {
    $c->script('FLUSH');
    $flush = reactor()->recurring(0.005 => sub { $c->script('FLUSH') });
}, sub { reactor()->remove($flush); return },
    log => qr/\(commands\): NOSCRIPT/, unseen => 1, taken => 1);

outage('a password is asked for', sub {
    $c->config('SET', 'requirepass', 'open sesame');
    cut();
}, sub { $c->config('SET', 'requirepass', ''); return },
    log => qr/\(commands\): NOAUTH/);

# who is known only since the restart
my ($rules) = $t->slurp("$t->{top}/docs/directives.md")
    =~ /^user chat on >password (~.+)$/m;
sub user (@changes) { $c->acl('SETUSER', 'chat', @changes) }
user('on', '>open sesame', split / /, $rules);
$nginx->write_conf($conf =~ s/(chat_redis \S+);/$1 user=chat "password=open sesame";/r);
$nginx->reload;
wait_for(sub { !grep { $_->{connects} < 2 || !$_->{welcomed} } @v, $ann }, 20,
         'new workers');
ok(health(200, 'up'), 'with a user of its own');

outage('the password is another one', sub {
    user('resetpass', '>another one');
    cut();
}, sub { user('resetpass', '>open sesame'); return },
    log => qr/\(commands\): WRONGPASS/);

outage('a right is missing', sub { user('-info'); cut() },
       sub { user('+info'); return },
       log => qr/\(commands\): NOPERM .*'info'/);

outage('a right is taken away from open connections', sub { user('-evalsha') },
       sub { user('+evalsha'); return },
       log => qr/\(commands\): NOPERM .*'evalsha'/, is => 'refuses');

outage('a right is taken away from the reader of the log',
       sub { user('-xread') }, sub { user('+xread'); return },
       log => qr/\(log\): NOPERM .*'xread'/, is => 'up', taken => 1);

$v->wait_text($said[-1]);
is_deeply([$_->texts($v->{dialog})], \@said, 'each message once, in order')
    for $v, $ann;
is(scalar(grep { $_->{connects} != 2 || $_->{refused} } @v, $ann), 0,
   'nobody had to connect again, nothing was refused for good');
is(scalar(grep { $_->{dups} + $_->{disorder} + $_->{broken} } @v, $ann), 0,
   'nothing twice');

$t->done;
