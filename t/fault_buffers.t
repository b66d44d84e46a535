#!/usr/bin/env perl

# Promise: with the smallest socket buffers, messages of 1 to 4000 characters
# reach a client that reads by fits and starts: whole, once, in order, and
# without cutting it off, over WebSocket and as an event stream.

use v5.36;
use utf8;
use lib 't/lib';

use Chat::Loop qw(after now reactor);
use Chat::Test;
use Test::More;

my $MESSAGES = 400;

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
my $nginx = $t->nginx(<<'CONF');
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 16m;
    chat_redis %%REDIS%%;
    chat_rate 10000 burst=10000;
    server {
        listen %%IP%%:%%PORT%% sndbuf=4k rcvbuf=4k;
        server_name shop.test;
        chat on;
    }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

# The smallest the kernel gives, for every client of this test.
my $new = \&Chat::Stream::new;
no warnings 'redefine';
*Chat::Stream::new = sub ($class, %args) {
    return $new->($class, %args, rcvbuf => 2048);
};

my $ann = $t->operator(host => 'desk.test', login => 'ann',
                       password => 'secret-password', pipeline => 8);
my $v = $t->visitor(host => 'shop.test', pipeline => 4);
$_->wait_welcome for $v, $ann;
$v->post('Hello');
$v->wait_text('Hello');
my $d = $v->{dialog};
$ann->wait_text('Hello', $d);
$ann->take($d);
$ann->wait_sent;

my @readers = map {
    $t->visitor(host => 'shop.test', token => $v->{token}, transport => $_)
} qw(ws ws sse sse);
$_->wait_welcome for @readers;

sub stream ($c) {
    my $wire = $c->{wire} or return;
    return $wire->{ws} ? $wire->{ws}{stream} : $wire->{stream};
}

# Each stops to read for up to a fifth of a second, again and again.
my $pauses = 0;
my $pauser = reactor()->recurring(0.02 => sub {
    my $stream = stream($readers[rand @readers]) or return;
    return if $stream->{closed} || $stream->{paused};
    $pauses++;
    $stream->pause(1);
    after(rand 0.2, sub { $stream->pause(0) unless $stream->{closed} });
});

my @kinds = ('x', 'ж', '你', '👍', "\"\\\n");
my @sizes = (1, 2, 125, 126, 127, 1000, 1459, 1460, 4000);
my %said;

sub text ($n) {
    my $size = $n % 3 ? $sizes[rand @sizes] : 1 + int rand 4000;
    my $text = substr "$n " . $kinds[rand @kinds] x 4000, 0, $size;
    $text =~ s/\s+\z/./;
    $said{$text}++;
    return $text;
}

# With so little room a window may come to open by the kernel's persist timer
# only, 4 kB a second (seen by ss): then there are fewer messages.
my ($n, $until) = (0, now() + 15);
wait_for(sub {
    $MESSAGES = $n if $n >= 40 && now() > $until;
    while ($n < $MESSAGES && @{$ann->{outbox}} < 8) {
        $n++;
        $n % 4 ? $ann->post(text($n), dialog => $d) : $v->post(text($n));
    }
    return $n >= $MESSAGES && !@{$ann->{outbox}} && !@{$v->{outbox}};
}, 60, 'all is written');

my $all = $n + 1;
wait_for(sub { !grep { $_->texts($d) < $all } $v, @readers, $ann }, 60,
         'all is read');
reactor()->remove($pauser);
note "$pauses pauses";
cmp_ok($pauses, '>', 20, 'they did stop to read');

my @want = $v->texts;
my %got;
$got{$_}++ for grep { $_ ne 'Hello' } @want;
is_deeply(\%got, \%said, 'whole and once');

for my $c (@readers, $ann) {
    my @texts = $c->texts($d);
    ok("@texts" eq "@want", "$c->{kind} over $c->{transport}: in order");
    is($c->{connects}, 1, '... and never cut off');
    is($c->{dups} + $c->{disorder}, 0, '... nothing again');
}

$t->done;
