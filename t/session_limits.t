#!/usr/bin/env perl

# Promise: every bound of a session answers with a clear error that says
# whether and when to try again, and nothing accepted is lost by it.

use v5.36;
use lib 't/lib';

use Chat::Loop qw(now);
use Chat::Test;
use Chat::Ws;
use JSON::XS ();
use Test::More;

my $json = JSON::XS->new->utf8->canonical;

my $t = Chat::Test->new(log_level => 'info');
my $redis = $t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator'],
                         ['max', 'secret-password', 'analyst']]);
my $nginx = $t->nginx(<<'CONF', workers => 1);
%%GLOBALS%%
events { worker_connections 1024; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_drain 1s;
    chat_connections 6;
    server {
        listen %%IP%%:%%PORT%%;
        server_name shop.test;
        chat on;
        chat_rate 5 burst=10;
        location = /status { chat_status; }
    }
    server {
        listen %%IP%%:%%PORT%%;
        server_name free.test;
        chat on;
        chat_site shop.test;
        chat_rate 10000 burst=10000;
    }
    server {
        listen %%IP%%:%%PORT%%;
        server_name slow.test;
        chat on;
        chat_site shop.test;
        chat_rate 1 burst=1;
    }
    server {
        listen %%IP%%:%%PORT%%;
        server_name desk.test;
        chat_cabinet on;
        chat_rate 10000 burst=10000;
    }
}
CONF

sub metric ($name) {
    return $t->http(GET => '/status?format=json', host => 'shop.test')
        ->{json}{$name};
}

my $v = $t->visitor(host => 'shop.test', record => 1, pipeline => 40);
$v->wait_welcome;


subtest 'what is wrong is named' => sub {
    my $c = $t->visitor(host => 'free.test', origin => 'http://shop.test',
                        token => $v->{token}, reconnect => 0);
    $c->wait_welcome;

    my $say = sub ($text) {
        my $n = @{$c->{errors}};
        $c->{wire}->send($text);
        wait_for(sub { @{$c->{errors}} > $n }, 5, "error for $text");
        return $c->{errors}[-1];
    };

    is($say->('{')->{code}, 'bad_json', 'half an object');
    is($say->('[]')->{code}, 'bad_json', 'an array');
    is($say->('{"t":"fly"}')->{code}, 'unknown_command', 'unknown command');
    my $e = $say->('{"t":"post_message","n":"7","text":"x","colour":"red"}');
    is($e->{code}, 'bad_field', 'unknown field');
    is($e->{field}, 'colour', '... its name');
    is($e->{n}, '7', '... the number it was for');
    ok(defined $e->{offset}, '... and where');
    $e = $say->('{"t":"post_message","n":"7"}');
    is("$e->{code} $e->{field}", 'bad_field text', 'a field is missing');
    $e = $say->('{"t":"post_message","n":"7","text":""}');
    is("$e->{code} $e->{field}", 'bad_field text', 'an empty text');
    $e = $say->($json->encode({t => 'post_message', n => '7',
                               text => 'x' x 4001}));
    is("$e->{code} $e->{field}", 'bad_field text', 'a text too long');
    $e = $say->('{"t":"history","dialog":"0123456789abcdef","after":"0"}');
    is($e->{code}, 'not_found', 'a history that is not his');
    $e = $say->('{"t":"hello","instance":"another-one"}');
    is("$e->{code} $e->{field}", 'bad_field instance', 'another instance');
    is($say->('{"t":"take_dialog","n":"1","dialog":"0123456789abcdef"}')
       ->{code}, 'forbidden', 'an operator\'s command');
    $e = $say->('{"t":"post_message","n":"5","text":"far ahead"}');
    is($e->{code}, 'gap', 'a number too far');
    is($e->{expected}, '1', '... the right one');
    is($say->('{"t":"close_dialog","n":"1"}')->{code}, 'not_found',
       'nothing to close');
    $c->post('goes on');
    $c->wait_sent;
    $c->wait_text('goes on');
    is($c->{connects}, 1, 'none of it ended the connection');
    $c->close;
};


subtest 'before hello' => sub {
    my @texts;
    my $ws = Chat::Ws->new(ip => $t->ip, port => $t->port,
        host => 'shop.test', path => '/_chat/v1/ws',
        headers => {Origin => 'http://shop.test',
                    Authorization => "Bearer $v->{token}"},
        on_text => sub ($text) { push @texts, $json->decode($text) });
    $ws->send('{"t":"ping"}');
    wait_for(sub { @texts }, 5, 'answer');
    is($texts[0]{code}, 'expected_hello', 'hello comes first');
    $ws->send('{"t":"hello","instance":"abc"}');
    wait_for(sub { @texts == 2 }, 5, 'answer');
    is("$texts[1]{code} $texts[1]{field}", 'bad_field instance',
       'an instance too short');
    $ws->send('{"t":"hello","instance":"abcdefgh"}');
    ok(eval { wait_for(sub { $texts[-1]{t} eq 'welcome' }, 5, 'welcome') },
       'then all is well');
    $ws->close;
    wait_for(sub { $ws->{stream}{closed} }, 5, 'closed');
};


subtest 'rate' => sub {
    $v->post("fast $_") for 1 .. 20;
    $v->wait_sent(30);
    my @rate = grep { $_->{code} eq 'rate' } @{$v->{errors}};
    ok(scalar @rate, 'what is too fast is refused for now');
    ok(!grep({ !$_->{n} || !$_->{retry_ms} } @rate),
       'each refusal names the number and the time');
    $v->wait_text('fast 20');
    is_deeply([grep { /^fast/ } $v->texts], [map { "fast $_" } 1 .. 20],
              'all of it arrives in the end, once, in order');
    is(metric('rate_limited'), scalar @rate, 'rate_limited: each of them');
};


subtest 'rate of POST' => sub {
    my $before = metric('rate_limited');
    # all at once: however slow the machine is, there is no time for them
    my @res;
    Chat::Http::start('POST', '/_chat/v1/send?instance=post-1234',
            ip => $t->ip, port => $t->port,
            host => 'shop.test', body => '{"t":"ping"}',
            headers => {Origin => 'http://shop.test',
                        Authorization => "Bearer $v->{token}",
                        'Content-Type' => 'application/json'},
            on_done => sub ($r) { push @res, $r })
        for 1 .. 40;
    wait_for(sub { @res == 40 }, 30, 'answers');
    my @taken = grep { $_->{status} == 200 } @res;
    my @limited = grep { $_->{status} == 429 } @res;
    is(@taken + @limited, 40, 'each is answered');
    is($taken[0]{json}{t}, 'pong', '... some by a pong');
    ok(scalar @limited, 'others are refused');
    is($limited[0]{json}{code}, 'rate', '... with an error frame');
    ok($limited[0]{headers}{'retry-after'}, '... and Retry-After');
    is(metric('rate_limited') - $before, scalar @limited,
       'rate_limited: each of them');
};


subtest 'rate of POST, of many' => sub {
    my sub token {
        return $t->http('POST', '/_chat/v1/visitor', host => 'slow.test',
                        json => {}, headers => {Origin => 'http://shop.test'})
            ->{json}{token};
    }

    my sub ping ($token) {
        return $t->http('POST', '/_chat/v1/send?instance=post-1234',
                        host => 'slow.test', json => {t => 'ping'},
                        headers => {Origin => 'http://shop.test',
                                    Authorization => "Bearer $token"})
            ->{status};
    }

    # enough that two would share any of a thousand places
    my @tokens = map { token() } 1 .. 128;
    my (%begun, @early, %status);

    for my $token ((@tokens) x 3) {
        my $now = now();
        my $status = ping($token);
        $status{$status}++;
        next if $status != 200;
        push @early, $token if $begun{$token} && now() - $begun{$token} < 0.9;
        $begun{$token} = $now;
    }

    is($status{200} + ($status{429} // 0), 3 * 128, 'each is answered');
    is(scalar keys %begun, 128, 'each has his first');
    is(scalar @early, 0, 'nobody gets his next for what others send');
    is(ping(token()), 200, 'nor is anybody who comes then refused for it');
};


subtest 'queue of a session' => sub {
    my $c = $t->visitor(host => 'free.test', origin => 'http://shop.test',
                        pipeline => 100, record => 1);
    $c->wait_welcome;
    $c->post('first');
    $c->wait_sent;
    my $tried = metric('writes_busy');
    $redis->freeze;
    $c->post("queued $_") for 1 .. 60;
    wait_for(sub { grep { $_->{code} eq 'busy' } @{$c->{errors}} }, 10,
             'busy');
    my @busy = grep { $_->{code} eq 'busy' } @{$c->{errors}};
    ok(!grep({ !$_->{n} || !$_->{retry_ms} } @busy),
       'what has no room is refused for now');
    $redis->thaw;
    $c->wait_sent(30);
    $c->wait_text('queued 60');
    is_deeply([$c->texts], ['first', map { "queued $_" } 1 .. 60],
              'all of it arrives, once, in order');
    @busy = grep { $_->{code} eq 'busy' } @{$c->{errors}};
    is(metric('queue_full'), scalar @busy, 'queue_full: each refusal');
    is(metric('writes_busy'), $tried, '... and none of them was tried');
    $c->close;
};


subtest 'connections' => sub {
    # those of before are closed, and have left
    wait_for(sub {
        1 == metric('connections_ws');
    }, 10, 'one connection');
    my @held;

    for (1 .. 5) {
        my $c = $t->visitor(host => 'free.test',
                            origin => 'http://shop.test',
                            token => $v->{token}, reconnect => 0);
        push @held, $c;
        wait_for(sub { $c->connect; $c->{welcomed} || $c->{refusal} }, 5,
                 'an answer');
    }

    my ($welcome, $refused) = map { my $k = $_; scalar grep { $_->{$k} } @held }
        qw(welcomed refusal);
    is($welcome, 5, 'six are let in, one of them was there');
    my $before = metric('connections_refused');

    my $one = $t->visitor(host => 'free.test', origin => 'http://shop.test',
                          token => $v->{token}, reconnect => 0);
    $one->connect;
    wait_for(sub { $one->{refusal} }, 5, 'refusal');
    is($one->{refusal}{status}, 503, 'the seventh is not');
    ok($one->{refusal}{headers}{'retry-after'}, '... and is told when');
    is(metric('connections_refused') - $before, 1,
       'connections_refused: this one');
    is($t->http('POST', '/_chat/v1/visitor', host => 'shop.test', json => {},
                headers => {Origin => 'http://shop.test'})->{status}, 200,
       'requests that do not stay are served');
    $_->close for @held, $one;
};


subtest 'a reader only reads' => sub {
    my $max = $t->operator(host => 'desk.test', login => 'max',
                           password => 'secret-password');
    wait_for(sub { $max->connect; $max->{welcomed} }, 10, 'welcome');
    my $take = $max->take($v->{dialog});
    my $post = $max->post('I', dialog => $v->{dialog});
    $max->wait_sent;
    is($take->{error}{code}, 'forbidden', 'he takes nothing');
    is($post->{error}{code}, 'forbidden', 'he writes nothing');
    $max->wait_text('fast 20', $v->{dialog});
    pass('he reads');
    $max->close;
};


subtest 'a login that ends' => sub {
    my $ann = $t->operator(host => 'desk.test', login => 'ann',
                           password => 'secret-password', record => 1);
    $ann->wait_welcome;
    $ann->{reconnect} = 0;
    my $res = $t->http('POST', '/api/v1/logout', host => 'desk.test',
        json => {}, headers => {Origin => 'http://desk.test',
            Cookie => $ann->{cookie}, 'X-CSRF' => $ann->{csrf}});
    cmp_ok($res->{status}, '<', 300, 'she logs out elsewhere');
    wait_for(sub { $ann->{close_code} }, 10, 'closed');
    is($ann->{close_code}, 4001, 'her socket is closed: 4001');
    is($ann->{bye}{reason}, 'revoked', '... and she is told why');
    ok(!$ann->{bye}{resume}, '... and not to come back so');
};

$t->done;
