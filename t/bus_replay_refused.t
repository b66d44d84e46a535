# Promise: what was refused stays refused.  A batch of writes of which some
# were refused is sent again after a loss without those: their senders were
# told so, and their numbers are free.  And what was lost, restored and lost
# once more comes back in order, too (when the second loss meets the replay is
# chance: each of the two ends must be right, whichever comes).

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
my $redis = $t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
my $nginx = $t->nginx(<<'CONF', workers => 1);
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_drain 0;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

sub visitor () { $t->visitor(host => 'shop.test') }
sub operator () {
    return $t->operator(host => 'desk.test', login => 'ann',
                        password => 'secret-password');
}

# Texts of a dialog as the store has them, in order.
sub stored ($dialog) {
    my ($key) = grep { /:d:\Q$dialog\E:pub$/ } $redis->client->keys('*:pub');
    return map { /((?:text|not mine) ?\d*)/ ? $1 : () }
        $redis->client->lrange($key // '', 0, -1);
}


subtest 'refused beside others that were taken' => sub {
    my ($v, $w, $o, $other) = (visitor(), visitor(), operator(), operator());
    $_->wait_welcome for $v, $w, $o, $other;

    $_->post('text 1') for $v, $w;
    $_->wait_sent for $v, $w;
    my $id = $v->{dialog};
    $_->wait_events(2, $id) for $o, $other;

    # the first write goes alone; what comes meanwhile is one batch
    my $read = sub (@who) {
        for my $c (@who) {
            my $before = $c->{pongs} // 0;
            $c->ping;
            $c->wait(sub { ($c->{pongs} // 0) > $before }, 10, 'read');
        }
    };
    $redis->freeze;
    $v->post('text 2');
    $read->($v);
    $w->post('text 2');
    $o->post('not mine', dialog => $id);
    $read->($w, $o);
    $redis->thaw;

    $_->wait_sent for $v, $w;
    $o->wait(sub { @{$o->{errors}} }, 10, 'refused');
    is $o->{errors}[0]{code}, 'forbidden', 'an operator whose dialog it is not';

    # now it is his, by another of his windows: the number would fit
    $other->take($id);
    $other->wait_sent;
    $redis->flush;
    $redis->restart('term');

    $v->post('text 3');
    $_->wait_text('text 3', $id) for $v, $other;
    wait_for(sub { $nginx->log =~ /acknowledged writes are sent again/ }, 10,
             'sent again');

    is_deeply [stored($id)], [map { "text $_" } 1 .. 3], 'it does not appear';
    unlike $nginx->log, qr/do not fit/, 'nor is it missed';
    is_deeply [stored($w->{dialog})], ['text 1', 'text 2'], 'the other one is';
    $_->close for $v, $w, $o, $other;
};


subtest 'lost twice' => sub {
    my $v = visitor();
    $v->wait_welcome;
    $v->post('text 1');
    $v->wait_sent;
    my $id = $v->{dialog};
    $redis->flush;
    my $size = -s $redis->aof;

    for my $i (2 .. 40) {
        $v->post("text $i");
        $v->wait_sent;
    }

    my @before = stored($id);
    is @before, 40, 'all are there';
    $v->close;

    # the second loss comes as soon as some of the first is made good
    for my $last (0, 1) {
        $redis->lose($size);
        $redis->start;

        if (!$last) {
            wait_for(sub { (my @now = stored($id)) > 1 }, 10, 'some are back');
        }
    }

    wait_for(sub { (my @now = stored($id)) >= @before }, 20, 'all are back');
    is_deeply [stored($id)], \@before, 'in order, once';
};

$t->done;
