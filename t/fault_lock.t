#!/usr/bin/env perl

# Promise: a worker that dies while it holds the lock of the shared memory,
# and whose master does not know (he is dead, or a reload replaced the zone),
# holds up nobody: the next one who wants the lock takes it.

use v5.36;
use lib 't/lib';

use Chat::Test;
use POSIX ();
use Test::More;

no warnings 'portable';         # addresses have 64 bits

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']]);
my $nginx = $t->shop('', workers => 2);

my $v = $t->visitor(host => 'shop.test');
$v->wait_welcome(20);
$v->post('before');
$v->wait_text('before');

my $dead = fork // die "fork: $!";
POSIX::_exit(0) if $dead == 0;
waitpid $dead, 0;

# The zone begins with the slab pool, that with its lock.
my ($worker) = $nginx->workers;
my ($zone) = map { hex }
    map { /^(\w+)-(\w+) rw-s .*zero/ && hex($2) - hex($1) >= 8 << 20 ? $1 : () }
    split /\n/, $t->slurp("/proc/$worker/maps");
ok($zone, 'the shared memory is found') or $t->done, exit;

open my $memory, '+<:raw', "/proc/$worker/mem" or die "mem: $!";
sub lock_word () {
    sysseek $memory, $zone, 0;
    sysread $memory, my $word, 8;
    return unpack 'Q', $word;
}

sysseek $memory, $zone, 0;
is(syswrite($memory, pack 'Q', $dead), 8, 'a dead process holds the lock');
is(lock_word(), $dead, 'and it is there');

$v->post('after');
$v->wait_text('after');
is_deeply([$v->texts], ['before', 'after'], 'what is written arrives');
wait_for(sub { lock_word() != $dead }, 10, 'the lock is free');
pass('nobody is waited for that is dead');

$t->done;
