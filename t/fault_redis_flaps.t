#!/usr/bin/env perl

# Promise: a Redis that takes our connection and fails it at once, again and
# again (here: the reader of the log lacks a right), is told in the error log
# a few times, not with each attempt; and that it is over when it stays.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
my $redis = $t->redis(tcp => 1);
my $c = $redis->client;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']]);

my ($rules) = $t->slurp("$t->{top}/docs/directives.md")
    =~ /^user chat on >password (~.+)$/m;
sub user (@changes) { $c->acl('SETUSER', 'chat', @changes) }
user('on', '>open sesame', split / /, $rules);

my $nginx = $t->nginx(<<'CONF', workers => 1);
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%% user=chat "password=open sesame";
    server {
        listen %%IP%%:%%PORT%%;
        server_name shop.test;
        chat on;
    }
}
CONF

my $v = $t->visitor(host => 'shop.test');
$v->wait_welcome(20);

sub attempts () { $c->info('stats')->{total_connections_received} }
sub lines ($re) { my @found = $nginx->log =~ /$re/g; return scalar @found }

user('-xread');
my $had = attempts();
wait_for(sub { attempts() >= $had + 10 }, 30, 'ten attempts');
my $told = lines(qr/\(log\): NOPERM .*'xread'/);
ok($told >= 1 && $told <= 4, "it is told $told times");
cmp_ok(lines(qr/\(log\) is back/), '<', $told, 'and not that it is over');

user('+xread');
$v->post('Hello');
$v->wait_text('Hello', undef, 20);
wait_for(sub { lines(qr/\(log\) is back after \d+ms/) == $told }, 30,
         'that it is over is told when it stays');
pass('told once more when it stays');

user('-xread');
$c->client('KILL', 'USER', 'chat');
wait_for(sub { lines(qr/\(log\): NOPERM .*'xread'/) > $told }, 30,
         'the next outage is told again');
pass('the next outage is told again');

$t->done;
