# Promise: messages that a client writes without waiting for answers do not
# wait for each other either: they go to Redis together, in order, and are
# acknowledged in order.  If the first of them turns out to need more than an
# append (it opens a closed dialog again), the others wait for it, and nobody
# has to write them twice.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
my $redis = $t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
$t->nginx(<<'CONF', workers => 1);
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_rate 1000 burst=1000;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

my $v = $t->visitor(host => 'shop.test', pipeline => 24, record => 1);
my $o = $t->operator(host => 'desk.test', login => 'ann',
                     password => 'secret-password', pipeline => 24,
                     record => 1);
$_->wait_welcome for $v, $o;
$v->post('Hello');
$v->wait_sent;
my $id = $v->{dialog};
$o->wait_text('Hello', $id);
$o->take($id);
$o->wait_sent;

sub scripts () {
    my $stats = $redis->client->info('commandstats');
    my $text = ref $stats ? $stats->{cmdstat_evalsha} : $stats;
    return $text =~ /calls=(\d+)/ ? $1 : 0;
}

# Numbers of the acknowledgements since then, in the order they came.
sub acks ($c) {
    my @n = map { $_->{t} eq 'ack' ? $_->{n} : () } @{$c->{frames}};
    $c->{frames} = [];
    return @n;
}

for my $c ($v, $o) {
    my $who = $c == $v ? 'visitor' : 'operator';
    my $from = $c->{texts_from} = scalar(my @all = $c->texts($id));

    subtest "$who: together" => sub {
        acks($c);
        my $before = scripts();
        $redis->freeze;
        $c->post("$who $_", $c == $o ? (dialog => $id) : ()) for 1 .. 20;
        $c->ping;
        my $pongs = $c->{pongs} // 0;
        $c->wait(sub { ($c->{pongs} // 0) > $pongs }, 10, 'all are read');
        $redis->thaw;
        $_->wait_text("$who 20", $id) for $v, $o;
        $c->wait_sent;

        cmp_ok scripts() - $before, '<=', 4, 'few scripts for 20 messages';
        my @n = acks($c);
        is_deeply \@n, [map { $n[0] + $_ } 0 .. 19], 'answered in order';
        is_deeply [(my @texts = $_->texts($id))[$from .. $from + 19]],
            [map { "$who $_" } 1 .. 20], 'in order' for $v, $o;
        is @{$c->{errors}}, 0, 'no errors';
    };
}

subtest 'the first one opens the dialog again' => sub {
    acks($v);
    $o->close_dialog($id);
    $o->wait_sent;
    $v->post("again $_") for 1 .. 12;
    $_->wait_text('again 12', $id) for $v, $o;
    $v->wait_sent;

    my @n = acks($v);
    is_deeply \@n, [map { $n[0] + $_ } 0 .. 11], 'answered in order';
    is_deeply [(my @texts = $_->texts($id))[-12 .. -1]],
        [map { "again $_" } 1 .. 12], 'in order' for $v, $o;
    is @{$v->{errors}}, 0, 'and none had to be written twice';
};

is $_->{dups} + $_->{disorder} + $_->{broken}, 0, 'nothing twice' for $v, $o;

$t->done;
