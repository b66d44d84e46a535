#!/usr/bin/env perl

# Promise: several nginx, each at an address of its own, share one Redis: the
# same order everywhere, presence and typing across nodes, and when a whole
# node dies its clients go on at another one.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator'],
                         ['bob', 'secret-password', 'operator']]);

my $conf = <<'CONF';
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    server { listen %%IP_NODE%%:%%PORT%%; server_name shop.test; chat on; }
    server {
        listen %%IP_NODE%%:%%PORT%%;
        server_name desk.test;
        chat_cabinet on;
    }
}
CONF

my %node;
for my $name (qw(east west)) {
    $node{$name} = $t->nginx($conf =~ s/IP_NODE/IP_$name/gr);
}

sub visitor ($name) {
    return $t->visitor(host => 'shop.test', ip => $t->ip($name),
                       record => 1);
}

sub operator ($name, $login) {
    return $t->operator(host => 'desk.test', ip => $t->ip($name),
        login => $login, password => 'secret-password', record => 1);
}

# Frames of a kind that a client was given.
sub got ($client, $kind, $cond) {
    return grep { $_->{t} eq $kind && $cond->($_) } @{$client->{frames}};
}

my $v = visitor('east');
my $ann = operator('west', 'ann');
$_->wait_welcome for $v, $ann;

wait_for(sub {
    got($v, 'presence', sub ($f) { $f->{online} })
        || $v->{welcome}{online};
}, 15, 'an operator at one node is there for a visitor at the other');
pass('presence crosses nodes');

my $bob = operator('east', 'bob');
$bob->wait_welcome;
wait_for(sub {
    got($ann, 'presence', sub ($f) {
        grep { $_->{name} =~ /bob/i && $_->{online} }
            @{$f->{operators} // []}
    });
}, 15, 'colleagues see each other across nodes');
pass('colleagues see each other across nodes');

$v->post('Hello from the east');
$v->wait_sent;
my $d = $v->{dialog};
$ann->wait_text('Hello from the east', $d);
$ann->take($d);
$ann->wait_sent;

$ann->typing($d);
wait_for(sub { got($v, 'typing', sub ($f) { $f->{dialog} eq $d }) }, 10,
         'the visitor sees that the operator types');
pass('typing crosses nodes: to the visitor');

$v->typing;
wait_for(sub { got($ann, 'typing', sub ($f) { $f->{dialog} eq $d }) }, 10,
         'the operator sees that the visitor types');
pass('... and to the operator');

# both sides at once, unordered by anything but the log
my $n = 40;
for my $i (1 .. $n) {
    $v->post("east $i");
    $ann->post("west $i", dialog => $d);
}

$_->wait(sub { $_->texts($d) == 2 * $n + 1 }, 30, 'all messages')
    for $v, $ann, $bob;
my @want = $v->texts($d);
is_deeply([$ann->texts($d)], \@want, 'the same order at both nodes');
is_deeply([$bob->texts($d)], \@want, 'and for a third one');
is(scalar(grep { /^east/ } @want), $n, 'each message once');

# a whole node dies: the master first, or it has new workers before its turn
my @dead = ($node{east}->pid, $node{east}->workers);
kill 'KILL', @dead;
$node{east}{process}->stop('KILL');

$ann->post('Is anybody there?', dialog => $d);
$ann->wait_sent;

# the balancer in front sends the visitor to the node that lives
$v->{ip} = $t->ip('west');
$v->wait_text('Is anybody there?', undef, 30);
$v->post('Yes, I am');
$_->wait_text('Yes, I am', $d) for $ann, $v;
is_deeply([$v->texts($d)], [$ann->texts($d)],
          'what a node had is resumed at another');

wait_for(sub {
    got($ann, 'presence', sub ($f) {
        grep { $_->{name} =~ /bob/i && !$_->{online} }
            @{$f->{operators} // []}
    });
}, 60, 'operators of the dead node are gone');
pass('operators of the dead node are gone within their time');

$t->done;
