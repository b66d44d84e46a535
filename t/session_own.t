# Promise: what a client has written itself, and has the ack of, costs no write
# of its own: its event leaves with the next frame, in its turn; and within a
# moment if there is none.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Socket qw(IPPROTO_TCP);
use Test::More;

use constant {ROUNDS => 20, MESSAGES => 30, TCP_INFO => 11};

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
$t->nginx(<<'CONF', workers => 2);
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_rate 10000 burst=10000;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

my $v = $t->visitor(host => 'shop.test', record => 1);
my $o = $t->operator(host => 'desk.test', login => 'ann',
                     password => 'secret-password', record => 1);
$_->wait_welcome for $v, $o;
$v->post('Hello');
$v->wait_sent;
my $id = $v->{dialog};

# nobody says anything behind it
$v->wait_text('Hello');
pass('his own message comes, if nothing else does');

$o->wait_text('Hello', $id);
$o->take($id);
$o->wait_sent;

# Segments with data that came to a client.
sub segments ($c) {
    my $info = getsockopt($c->{wire}{ws}{stream}{fh}, IPPROTO_TCP, TCP_INFO)
        or die "TCP_INFO: $!";
    return unpack 'x152 L', $info;
}

# Of a machine that is too slow to answer in time each is one; it is not so
# slow all the time.
for my $c ($v, $o) {
    my ($who, $other) = $c == $v ? ('visitor', $o) : ('operator', $v);
    my $least = 'inf';

    for my $round (1 .. ROUNDS) {
        my $before = segments($c);
        for my $n (1 .. MESSAGES) {
            $c->post("$who $round.$n", dialog => $id);
            $c->wait_sent;
            # by now the event has been to every worker, as a rule
            $other->wait_text("$who $round.$n", $id);
        }
        $c->wait_text("$who $round." . MESSAGES, $id);
        my $n = segments($c) - $before;
        $least = $n if $n < $least;
        last if $least < MESSAGES + 3;
    }

    note "$who: $least segments for ${\MESSAGES} messages";
    cmp_ok($least, '<', MESSAGES + 3,
           "$who: fewer writes than acks and events");
}

is_deeply([$v->texts($id)], [$o->texts($id)], 'both have seen the same');

# An instance's name is shown to everybody: who takes it delays nobody.
my ($name) = map { $_->{sender} =~ /^(\S+):\d+$/ ? $1 : () }
    grep { ($_->{sender} // '') =~ /:/ && ($_->{body}{text} // '') =~ /^oper/ }
    $v->events($id)->@*;
ok($name, 'an operator\'s instance is known to the visitor');
my $w = $t->visitor(host => 'shop.test');
$w->{instance} = $name;
$w->wait_welcome;
$w->post('it is me');
$w->wait_sent;
$o->wait_text('it is me', $w->{dialog});
pass('and what he writes comes to that operator');

$t->done;
