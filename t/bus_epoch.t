#!/usr/bin/env perl

# Promise: whoever is told of another history of Redis is told of a whole one:
# with what other workers write again that Redis had lost, and with a cursor
# by which nothing is missed later.

use v5.36;
use lib 't/lib';

use Chat::Loop qw(now);
use Chat::Test;
use IO::Socket::INET;
use Test::More;

my $t = Chat::Test->new(log_level => 'info');
my $redis = $t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator'],
                         ['ben', 'secret-password', 'operator']]);
my $nginx = $t->nginx(<<'CONF', workers => 2);
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

sub operator ($name) {
    return $t->operator(host => 'desk.test', login => $name,
                        password => 'secret-password');
}

sub backs ($pid) {
    return scalar(() = $nginx->log =~ /$pid#\d+: .*\(commands\) is back/g);
}


# The kernel may tell of a connection only the worker that is stopped: the next
# one wakes the other.
sub welcomed_awake ($v) {
    my @more = now();
    $v->connect;
    wait_for(sub {
        push @more, IO::Socket::INET->new(PeerAddr => $t->ip,
                                          PeerPort => $t->port)
            if now() - $more[0] > 0.5 * @more;
        return $v->{welcomed};
    }, 10, 'a welcome of the other worker');
}

subtest 'a worker that lost nothing waits for one that did' => sub {
    # the other one reads the log: it knows of the new history at once
    my $other;
    wait_for(sub {
        ($other) = $nginx->log =~ /.*\] (\d+)#\d+: chat: this worker reads/s;
    }, 10, 'somebody reads it');
    my ($its) = grep { $_ != $other } $nginx->workers;
    my $first = $t->visitor(host => 'shop.test');
    $first->wait_welcome;
    $first->post('hello');
    $first->wait_sent;
    $first->close;
    $redis->flush;
    my $size = -s $redis->aof;

    # another tab; with the other worker stopped this one takes it
    kill STOP => $other;
    my $v = $t->visitor(host => 'shop.test', token => $first->{token},
                        reconnect => 0);
    welcomed_awake($v);
    kill CONT => $other;
    $v->post('written once');
    $v->wait_sent;

    my $before = backs($other);
    $redis->lose($size);
    kill STOP => $its;
    $v->drop;
    wait_for(sub { !$v->{wire} }, 10, 'cut');
    $redis->start;
    wait_for(sub { backs($other) > $before }, 10, 'one worker is back');

    $v->connect;
    my $told = now();
    wait_for(sub { $v->{welcomed} || now() - $told > 0.3 }, 5, 'a moment');
    ok !$v->{welcomed}, 'it says nothing while the other one may write';
    kill CONT => $its;
    $v->wait_welcome;
    is $v->{welcome}{n}, 1, 'what was lost is there by then';
    is $v->{resent} // 0, 0, 'and is not sent again';
    $v->wait_text('written once', $v->{dialog}, 10);
    $v->close;
};


subtest 'who missed the end of a dialog after a reset is told' => sub {
    my ($ann, $ben) = map { operator($_) } qw(ann ben);
    my $v = $t->visitor(host => 'shop.test');
    $_->wait_welcome for $ann, $ben, $v;

    for my $round (1 .. 5) {
        $v->post("question $round");
        $v->wait_sent;
        my $id = $v->{dialog};
        $_->wait_text("question $round", $id) for $ann, $ben;
        $ben->take($id);
        $ben->wait_sent;
        wait_for(sub { $ann->state($id) eq 'active' }, 10, 'taken');

        my %resets = map { $_ => $_->{resets} } $ann, $ben, $v;
        $redis->restart;
        wait_for(sub {
            !grep { $_->{resets} == $resets{$_} || !$_->{welcomed} }
                $ann, $ben, $v;
        }, 20, 'all were reset');

        unlike $_->{cursor}, qr/:0-0\./, 'a place in the log is known'
            for $ann, $ben;

        # before she has seen any event of it
        $ann->{reconnect} = 0;
        $ann->drop;
        wait_for(sub { !$ann->{wire} }, 10, 'cut');
        $ben->close_dialog($id);
        $ben->wait_sent;
        wait_for(sub { $v->state($id) eq 'closed' }, 10, 'closed');
        $ann->connect;
        $ann->wait_welcome;
        ok eval { wait_for(sub { ($ann->state($id) || 'closed') eq 'closed' },
                           3, 'closed') }, "round $round: it is over for her";
        $ann->{reconnect} = 1;
    }
};

$t->done;
