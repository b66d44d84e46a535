#!/usr/bin/env perl

# Promise: a client that comes back with its cursor misses nothing and sees
# nothing twice: from the ring, from the store when the ring has forgotten,
# from another worker, after a reload, after Redis lost its memory.

use v5.36;
use lib 't/lib';

use Chat::Store qw(key);
use Chat::Test;
use Test::More;
use Time::HiRes ();

my $t = Chat::Test->new(log_level => 'info');
my $redis = $t->redis;
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
    chat_drain 1s;
    chat_rate 10000 burst=10000;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

my @all;
sub visitor(%more) {
    my $v = $t->visitor(host => 'shop.test', record => 1, %more);
    push @all, $v;
    return $v;
}
my $ann = $t->operator(host => 'desk.test', login => 'ann',
    password => 'secret-password', record => 1, pipeline => 8);
push @all, $ann;

# Gone, and not back before it is told so.
sub away($c) {
    $c->{reconnect} = 0;
    $c->drop;
    wait_for(sub { !$c->{wire} }, 5, 'gone');
    $c->{frames} = [];
}

sub back($c) {
    $c->{reconnect} = 1;
    $c->wait_welcome;
    wait_for(sub { grep { $_->{t} eq 'welcome' } @{$c->{frames}} }, 5,
             'welcome');
    return (grep { $_->{t} eq 'welcome' } @{$c->{frames}})[0];
}

# How often events of dialogs were read.
sub pages () {
    my $lrange = $redis->client->info('commandstats')->{cmdstat_lrange};
    return ($lrange // '') =~ /^calls=(\d+)/ ? $1 : 0;
}

my $v = visitor();
$_->wait_welcome for $v, $ann;
$v->post('one');
$v->wait_sent;
my $d = $v->{dialog};
$ann->wait_text('one', $d);
$ann->take($d);
$ann->wait_sent;
$v->wait_events(3);


subtest 'from the ring' => sub {
    away($v);
    $ann->post("missed $_", dialog => $d) for 1 .. 20;
    $ann->wait_sent;
    my $welcome = back($v);
    ok(!$welcome->{reset}, 'no reset');
    ok(!$welcome->{events}, 'the welcome itself brings no events');
    is($welcome->{n}, '1', 'it tells how far the writes came');
    $v->wait_text('missed 20');
    is((grep { $_->{t} eq 'event' } @{$v->{frames}}), 20,
       'what was missed comes as events');
};


# Thousands of others may have talked since: the ring is not walked for it.
subtest 'a visitor who missed nothing' => sub {
    away($v);
    my $before = pages();
    my $welcome = back($v);
    ok(!$welcome->{reset} && !$welcome->{dialog}, 'a short welcome');
    is(pages(), $before, 'no event is read for it');

    delete $ann->{typed};
    $v->typing;
    ok(eval { wait_for(sub { $ann->{typed}{$d} }, 10, 'typing') },
       'he is seen typing, though he has said nothing yet');
};


# An old dialog below a thousand newer ones, which are not there any more: a
# welcome cannot have it.
subtest 'an operator who has not got all dialogs' => sub {
    my $old = visitor();
    $old->wait_welcome;
    $old->post('an old one');
    $old->wait_sent;
    my $dialog = $old->{dialog};
    my $open = key(1, 'a:1:open');
    my $ms = int(1000 * Time::HiRes::time()) + 3_600_000;
    $redis->client->zadd($open, map { ($ms, sprintf '%016x', $_) } 1 .. 1001);

    my $bob = $t->operator(host => 'desk.test', login => 'ann',
        password => 'secret-password', record => 1);
    push @all, $bob;
    $bob->wait_welcome;
    is($bob->{dialogs}{$dialog}, undef, 'his welcome is cut');

    my $seen = sub ($text) {
        $old->post($text);
        $old->wait_sent;
        wait_for(sub { grep { ($_->{body}{text} // '') eq $text }
                       @{$bob->{frames}} }, 10, 'the event');
        my ($e) = grep { ($_->{body}{text} // '') eq $text } @{$bob->{frames}};
        is($e->{view} && $e->{view}{id}, $dialog, "$text: its event has a view");
    };

    $seen->('while he is here');
    away($bob);
    my $welcome = back($bob);
    ok(!$welcome->{reset}, 'he comes back by the ring');
    $seen->('after he came back');

    $redis->client->zremrangebyscore($open, $ms, $ms);
    $bob->close;
};


subtest 'a write whose answer was lost' => sub {
    my $n = $v->{n};
    away($v);
    # the client never learned that this one was accepted
    my $twin = visitor(token => $v->{token}, instance => $v->{instance},
                       n => $n);
    $twin->wait_welcome;
    $twin->post('sent once');
    $twin->wait_sent;
    $twin->close;
    back($v);
    is($v->{n}, $n + 1, 'welcome counts it');
    $v->wait_text('sent once');
    $v->post('the next');
    $v->wait_sent;
    is((grep { $_ eq 'sent once' } $v->texts), 1, 'it is there once');
};


subtest 'from another worker, after a crash, after a reload' => sub {
    away($v);
    $ann->post('before the crash', dialog => $d);
    $ann->wait_sent;
    $nginx->kill_worker for 1 .. 2;
    back($v);
    $v->wait_text('before the crash');
    ok(!$v->{welcome}{reset}, 'no reset after both workers were killed');

    away($v);
    $ann->post('before the reload', dialog => $d);
    $ann->wait_sent;
    $nginx->reload;
    back($v);
    $v->wait_text('before the reload');
    ok(!$v->{welcome}{reset}, 'no reset after a reload');
    $ann->post('after it', dialog => $d);
    $v->wait_text('after it');
};


subtest 'from the store, when the ring has forgotten' => sub {
    my $silent = visitor();
    $silent->wait_welcome;
    $silent->post('I was here');
    $silent->wait_sent;
    $silent->wait_text('I was here');
    my $own = $silent->{dialog};
    $ann->wait_text('I was here', $own);
    away($silent);
    away($v);

    # several times what the ring holds goes through it
    my @noise = map { visitor(pipeline => 8, record => 0) } 1 .. 4;
    $_->wait_welcome for @noise;

    for my $round (1 .. 20) {
        $_->post("$round " . 'n' x 3900) for (@noise) x 30;
        $_->wait_sent(60) for @noise;
    }

    $ann->take($own);
    $ann->post('a late answer', dialog => $own);
    $ann->wait_sent(30);
    my $welcome = back($silent);
    ok(!$welcome->{reset}, 'no reset');
    is(scalar @{$welcome->{events} // []}, 2, 'the welcome brings two events');
    $silent->wait_text('a late answer');
    is_deeply([$silent->texts], ['I was here', 'a late answer'],
              'all is there');

    $welcome = back($v);
    ok(!$welcome->{reset}, 'no reset for who missed nothing of his own');
    is(scalar @{$welcome->{events} // []}, 0, '... and nothing again');
    $_->close for @noise, $silent;
    @all = grep { !$_->{closed} } @all;
};


subtest 'cursors that are not ours' => sub {
    for my $bad ('nonsense', substr($v->{cursor}, 0, -1) . '_',
                 $v->{cursor} =~ s/(\d)-/($1 ^ 1) . '-'/er)
    {
        my $c = visitor(cursor => $bad, reconnect => 0);
        $c->connect;
        ok(eval { wait_for(sub { grep { $_->{code} eq 'bad_cursor' }
                                 @{$c->{errors}} }, 5, 'error') },
           'refused: ' . substr $bad, 0, 20);
        $c->{cursor} = '';
        $c->say({t => 'hello', instance => $c->{instance}});
        ok(eval { wait_for(sub { $c->{welcomed} }, 5, 'welcome') },
           '... and welcome without it');
        $c->close;
    }

    @all = grep { !$_->{closed} } @all;
};


subtest 'the same instance twice' => sub {
    # one worker must see both: the others of this page are other instances
    my $first = visitor(reconnect => 0);
    $first->wait_welcome;
    my @second = map {
        my $c = visitor(token => $first->{token}, reconnect => 0,
                        instance => $first->{instance});
        $c->wait_welcome;
        $c;
    } 1 .. 8;
    my @told;
    wait_for(sub { @told = grep { $_->{bye} } $first, @second; @told >= 7 },
             10, 'a word to each');
    cmp_ok(scalar @told, '>=', 7, 'the older ones are told to go');
    is_deeply([map { $_->{bye}{reason} } @told],
              [('replaced') x @told], '... why');
    ok(!grep({ $_->{bye}{resume} } @told), '... and not to come back');
    $_->close for $first, @second;
    @all = grep { !$_->{closed} } @all;
};


subtest 'Redis goes and comes' => sub {
    my $new = visitor();
    # an operator whom a worker sends away now could not log in again
    wait_for(sub { !$nginx->leaving && $v->{welcomed} && $ann->{welcomed} },
             20, 'who drains is gone');
    $redis->term;
    wait_for(sub { $v->{link} eq 'down' && $ann->{link} eq 'down' }, 10,
             'clients are told');
    $new->connect;
    wait_for(sub { $new->{link} eq 'down' }, 10,
             'who comes now is told, too');
    ok(!$new->{welcomed}, 'there is no welcome without the store');
    $redis->start;
    $new->wait_welcome(20);
    $new->post('finally');
    $new->wait_sent;
    $v->post('still here');
    $v->wait_sent(20);
    $ann->wait_text('still here', $d, 20);
    ok(wait_for(sub { $v->{resets} >= 2 }, 20, 'a reset'),
       'a new epoch is a reset');
    is($v->{broken} + $ann->{broken}, 0, 'no write was given up');
};


subtest 'nobody saw anything twice' => sub {
    for my $c (@all) {
        is($c->{dups} + $c->{disorder}, 0,
           "$c->{kind} $c->{instance}: once and in order");
    }

    $_->wait_text('still here', $d) for $v, $ann;
    is_deeply([$v->texts], [$ann->texts($d)], 'both sides are equal');
};

$t->done;
