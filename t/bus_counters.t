# Promise: what a worker has counted outlives it, however it goes: each thing
# is counted once, and no sum ever goes back.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']]);
my $nginx = $t->shop('chat_drain 1s;', workers => 2);

# A new connection falls to any worker that lives.
sub acked () { return $t->status->{writes_acked} }

my $sent = 0;

sub talk () {
    for (1 .. 4) {
        my $v = $t->visitor(host => 'shop.test');
        $v->wait_welcome;
        $v->post("message $_") for 1 .. 5;
        $v->wait_sent;
        $sent += 5;
        $v->close;
    }
}

sub is_right ($what) { is acked(), $sent, $what }

talk();
is_right('every write is counted');

for (1 .. 4) {
    $nginx->kill_worker;
    is_right('a worker was killed');
    talk();
    is_right('... its successor counts on');
}

$nginx->reload;
is_right('all were told to leave');
talk();
is_right('... their successors count on');

$t->done;
