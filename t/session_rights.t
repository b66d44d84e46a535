#!/usr/bin/env perl

# Promise: who loses a right loses it on his open connections as well: those
# that have said hello, and those that have not.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Chat::Ws;
use JSON::XS ();
use Test::More;

my $json = JSON::XS->new->utf8->canonical;

my $t = Chat::Test->new;
my $redis = $t->redis;
$t->ctl('init');
my $shop = $t->tenant(account => 'Shop', sites => [['shop.test']],
    operators => [['bob', 'secret-password', 'operator'],
                  ['eve', 'secret-password', 'operator', 'shop.test'],
                  ['ann', 'secret-password', 'operator']]);

# what the store tells of a change of ann's, to be told again
my %changed = @{$redis->client->xrevrange('chat:{g}:log', '+', '-',
                                          'COUNT', 1)->[0][1]};

$t->nginx(<<'CONF', workers => 1);
%%GLOBALS%%
events { worker_connections 128; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_rate 1000 burst=1000;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

sub operator($login) {
    my $c = $t->operator(host => 'desk.test', login => $login,
        password => 'secret-password', record => 1);
    $c->wait_welcome;
    return $c;
}

sub roles(%roles) {
    my $key = "chat:{g}:operator:$shop->{operators}{ann}:roles";
    my $c = $redis->client;

    # nobody may see half of it
    $c->multi;
    $c->del($key);
    $c->hset($key, %roles) if %roles;
    $c->xadd('chat:{g}:log', '*', %changed);
    $c->exec;
}

sub outcome($item) {
    wait_for(sub { $item->{error} || $item->{done} }, 10, 'an answer');
    return $item->{error} ? $item->{error}{code} : 'done';
}

my $v = $t->visitor(host => 'shop.test');
$v->wait_welcome;
$v->post('hello');
$v->wait_sent;

my $ann = operator('ann');
is outcome($ann->take($v->{dialog})), 'done', 'she takes a dialog';
is outcome($ann->post('one', dialog => $v->{dialog})), 'done', 'and answers';


subtest 'other roles' => sub {
    my $welcomes = sub {
        return scalar grep { $_->{t} eq 'welcome' } @{$ann->{frames}};
    };
    my $told = sub ($what, %roles) {
        my $n = $welcomes->();
        roles(%roles);
        wait_for(sub { $welcomes->() > $n }, 10, $what);
    };
    my $sees = sub ($online) {
        my $what = 'the visitor sees that somebody can answer: ' . $online;
        wait_for(sub { !$v->{online} == !$online }, 10, $what);
        pass($what);
    };

    $sees->(1);
    $told->('an analyst', '*' => 'analyst');
    $sees->(0);
    is outcome($ann->post('two', dialog => $v->{dialog})), 'forbidden',
        'an analyst does not write, not even in a dialog of his own';
    is outcome($ann->close_dialog($v->{dialog})), 'forbidden', 'nor close it';

    $told->('an analyst here', '*' => 'operator',
            $shop->{sites}{'shop.test'} => 'analyst');
    is outcome($ann->post('three', dialog => $v->{dialog})), 'forbidden',
        'the role of this site counts';

    $told->('no role');
    is outcome($ann->post('four', dialog => $v->{dialog})), 'not_found',
        'without a role there is no such dialog';

    $told->('an operator here', $shop->{sites}{'shop.test'} => 'operator');
    $sees->(1);
    is outcome($ann->post('five', dialog => $v->{dialog})), 'done',
        'a role on this site is enough';

    $told->('an operator', '*' => 'operator');
    is outcome($ann->post('six', dialog => $v->{dialog})), 'done',
        'a role on all sites is, too';

    $told->('an operator elsewhere', 4711 => 'operator');
    $sees->(0);
    is outcome($ann->post('seven', dialog => $v->{dialog})), 'not_found',
        'of all sites one is left, and it is another';

    $told->('an operator', '*' => 'operator');

    $v->wait_text('six');
    is_deeply [$v->texts], ['hello', 'one', 'five', 'six'],
        'the visitor got nothing else';
};


subtest 'a login that ends before hello' => sub {
    my ($open, $code, @texts);
    my %who = (Origin => 'http://desk.test', Cookie => $ann->{cookie});
    my $ws = Chat::Ws->new(ip => $t->ip, port => $t->port,
        host => 'desk.test', path => '/api/v1/ws', headers => {%who},
        on_open => sub ($res) { $open = 1 },
        on_text => sub ($text) { push @texts, $json->decode($text) },
        on_close => sub ($close, $why) { $code = $close });
    wait_for(sub { $open }, 5, 'open');

    $ann->{reconnect} = 0;
    my $res = $t->http('POST', '/api/v1/logout', host => 'desk.test',
        json => {}, headers => {%who, 'X-CSRF' => $ann->{csrf}});
    is $res->{status}, 204, 'she logs out';
    wait_for(sub { $ann->{close_code} }, 10, 'closed');
    is $ann->{close_code}, 4001, 'what had said hello is closed';

    $ws->send('{"t":"hello","instance":"k3J9aPq1"}');
    wait_for(sub { defined $code }, 10, 'closed');
    is $code, 4001, 'so is what says it now';
    is $texts[-1]{reason}, 'revoked', 'with the reason';
};


subtest 'a login that ends by itself' => sub {
    my $eve = $t->operator(host => 'desk.test', login => 'eve',
        password => 'secret-password');
    $eve->connect;
    wait_for(sub { $eve->{identity} }, 10, 'login');

    my ($session) = @{$redis->client->zrange(
        "chat:{g}:operator:$shop->{operators}{eve}:sessions", 0, 0)};
    $redis->client->hset("chat:{g}:session:$session",
                         expires_s => int time + 2 + 2 * $Chat::Loop::SLOW);

    $eve->wait_welcome;
    $eve->{reconnect} = 0;
    ok !$eve->{close_code}, 'it is good for another moment';

    # each load of the account looks at its operators; bob's coming makes one
    wait_for(sub { time > $redis->client->hget("chat:{g}:session:$session",
                                               'expires_s') }, 20, 'the end');
    my $bob = operator('bob');
    wait_for(sub { $eve->{close_code} }, 20, 'closed');
    is $eve->{close_code}, 4001, 'an open connection does not outlive it';
    is $eve->{bye}{reason}, 'revoked', 'and is told why';
    ok !$bob->{close_code}, 'others stay';
};


subtest 'a site that is switched off before hello' => sub {
    my ($open, $code);
    my $ws = Chat::Ws->new(ip => $t->ip, port => $t->port,
        host => 'shop.test', path => '/_chat/v1/ws',
        headers => {Origin => 'http://shop.test',
                    Authorization => "Bearer $v->{token}"},
        on_open => sub ($res) { $open = 1 },
        on_close => sub ($close, $why) { $code = $close });
    wait_for(sub { $open }, 5, 'open');

    $v->{reconnect} = 0;
    $redis->client->hset("chat:{g}:site:$shop->{sites}{'shop.test'}",
        status => 'off');
    $redis->client->xadd('chat:{g}:log', '*', %changed);
    wait_for(sub { $v->{close_code} }, 10, 'closed');
    is $v->{close_code}, 4001, 'who is there leaves';

    $ws->send('{"t":"hello","instance":"k3J9aPq1"}');
    wait_for(sub { defined $code }, 10, 'closed');
    is $code, 4001, 'who says hello now, too';
};

$t->done;
