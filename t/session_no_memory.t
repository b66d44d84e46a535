#!/usr/bin/env perl

# Promise: a worker that gets no memory for an event ends the sessions it is
# for, each with a bye that asks it to come back, and lives on; nothing is
# lost by it.

use v5.36;
use lib 't/lib';

use Chat::Memory;
use Chat::Test;
use Test::More;

plan skip_all => 'the sanitizers have the allocator' if $ENV{SAN};

my $t = Chat::Test->new;
my $memory = Chat::Memory->new($t);
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);

my $conf = <<'CONF';
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    server { listen %%IP%%:%%PORT_NODE%%; server_name shop.test; chat on; }
    server {
        listen %%IP%%:%%PORT_NODE%%;
        server_name desk.test;
        chat_cabinet on;
    }
}
CONF

# what is written comes from a node that has memory for it
my %node = (
    poor => $t->nginx($conf =~ s/PORT_NODE/PORT_poor/gr, workers => 1,
                      env => $memory->env),
    rich => $t->nginx($conf =~ s/PORT_NODE/PORT_rich/gr, workers => 1),
);
my ($worker) = $node{poor}->workers;

my $v = $t->visitor(host => 'shop.test', port => $t->port('rich'));
$v->wait_welcome;
$v->post('Hello');
$v->wait_sent;

my @tabs = map {
    $t->visitor(host => 'shop.test', port => $t->port('poor'),
                token => $v->{token}, transport => $_)
} qw(ws ws ws sse);
my @screens = map {
    $t->operator(host => 'desk.test', port => $t->port('poor'),
                 login => 'ann', password => 'secret-password',
                 transport => $_)
} qw(ws sse);

# in Redis a byte each, in a frame six: no other request is of that size
my $text = "\x01" x 3000;

$_->wait_welcome for @tabs, @screens;
$_->wait_text('Hello', $v->{dialog}) for @tabs, @screens;
$t->allow(qr{malloc\(1[89]\d{3}\) failed});
$memory->none(18_000, 19_500, $worker);
$v->post($text);
$v->wait_sent;
wait_for(sub {
    return "@{[$node{poor}->workers]}" ne $worker
        || !grep { !$_->{bye} } @tabs, @screens;
}, 20, 'the ends');
is_deeply [$node{poor}->workers], [$worker], 'the worker lives';
is_deeply [map { "$_->{bye}{reason} $_->{bye}{resume}" } @tabs, @screens],
    [('limit 1') x (@tabs + @screens)],
    'each session is told to come back';

$memory->none(0, 0, $worker);
$_->wait_text($text, $v->{dialog}) for @tabs, @screens;
pass 'and all have it then';

$v->post('Goodbye');
$_->wait_text('Goodbye', $v->{dialog}) for @tabs, @screens;
is_deeply [$node{poor}->workers], [$worker], 'the same worker serves on';

$t->done;
