#!/usr/bin/env perl

# Promise: nginx needs no more of Redis than the user in docs/directives.md
# may do; and when a password is wrong or a right is missing, the error log
# says which, and giving it is all that has to be done.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
my $redis = $t->redis(tcp => 1);
my $c = $redis->client;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);

my ($rules) = $t->slurp("$t->{top}/docs/directives.md")
    =~ /^user chat on >password (~.+)$/m;
my @rules = split / /, $rules;
cmp_ok(@rules, '>', 20, 'the rights are in the documentation');

# As documented, with these changes; connections of before are cut.
sub user (@changes) {
    $c->acl('SETUSER', 'chat', 'reset', 'on', '>open sesame', @rules,
            @changes);
    $c->acl('LOG', 'RESET');
    $c->client('KILL', 'USER', 'chat');
}

my $conf = <<'CONF';
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%% user=chat "password=open sesame" db=0;
    chat_drain 1s;
    server {
        listen %%IP%%:%%PORT%%;
        server_name shop.test;
        chat on;
        location / { return 200 "page\n"; }
    }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

my ($nginx, $read) = (undef, 0);
sub news () { return substr $nginx->log, $read }
sub mark () { $read = length $nginx->log }

sub logged ($re, $seconds = 10) {
    my $ok = eval { wait_for(sub { news() =~ $re }, $seconds, "$re") };
    ok($ok, "logged: $re") or diag($@, news());
}

sub back () { logged(qr/\(commands\) is back/) }

subtest 'a wrong password' => sub {
    user();
    $nginx = $t->nginx($conf =~ s/open sesame/wrong/r);
    logged(qr/\[error\] .*\(commands\): WRONGPASS invalid username-password/);
    is($t->http(GET => '/', host => 'shop.test')->{body}, "page\n",
       'the website is served');
    mark();
    $nginx->write_conf($conf =~ s/user=chat/user=nobody/r);
    $nginx->reload;
    logged(qr/WRONGPASS/);
    $nginx->write_conf($conf);
    $nginx->reload;
};

my ($v, $ann);
my $talks = 0;

sub talk () {
    my $n = ++$talks;
    $v->post("question $n");
    $v->wait_sent;
    $ann->wait_text("question $n", $v->{dialog});
    $ann->post("answer $n", dialog => $v->{dialog});
    $ann->wait_sent;
    $_->wait_text("answer $n", $v->{dialog}) for $v, $ann;
}

subtest 'what is documented is enough' => sub {
    $v = $t->visitor(host => 'shop.test');
    $ann = $t->operator(host => 'desk.test', login => 'ann',
                        password => 'secret-password');
    $_->wait_welcome(20) for $v, $ann;
    $v->post('Hello');
    $v->wait_sent;
    $ann->wait_text('Hello', $v->{dialog});
    $ann->take($v->{dialog});
    $ann->wait_sent;
    talk();
    $v->typing;
    $ann->release($v->{dialog});
    $ann->take($v->{dialog});
    $ann->close_dialog($v->{dialog});
    $ann->wait_sent;
    $v->post('one more thing');
    $v->wait_sent;
    $ann->wait_text('one more thing', $v->{dialog});
    $ann->take($v->{dialog});
    $ann->wait_sent;
    talk();

    # who comes anew is served by the store, not by the ring
    my $twin = $t->visitor(host => 'shop.test', token => $v->{token});
    $twin->wait_text('answer 2', $v->{dialog}) if $twin->wait_welcome;
    $twin->close;
    my $bob = $t->operator(host => 'desk.test', login => 'ann',
                           password => 'wrong', reconnect => 0);
    $bob->connect;
    wait_for(sub { $bob->{login_answer} }, 10, 'an answer to the login');
    $bob->close;
    is_deeply([denied()], [], 'nothing was denied');
};

sub denied () {
    my %seen;
    for my $entry ($c->acl('LOG')) {
        my %e = @$entry;
        $seen{"$e{reason} $e{object}"}++
            if $e{username} eq 'chat' && $e{reason} ne 'auth';
    }
    return sort keys %seen;
}

# The hand-shake, what scripts do, and the reader of the log.
my @needed = (
    ['-info', qr/\(commands\): NOPERM .*'info'/],
    ['-evalsha', qr/\(commands\): NOPERM .*'evalsha'/],
    ['-rpush', qr/\(commands\): NOPERM .*'rpush' command .* in a script/],
    ['resetkeys', qr/\(commands\): NOPERM .*\bkeys?\b/],
    ['-xinfo|stream', qr/\(log\): NOPERM .*'xinfo\|stream'/],
);

for my $case (@needed) {
    my ($change, $re) = @$case;

    subtest "$change: nothing is served, and it is told why" => sub {
        mark();
        user($change);
        logged($re);
        mark();
        user();
        logged(qr/\((?:commands|log)\) is back/);
        talk();
    };
}

# Taken away from open connections: they stay, what needs no such right is
# served.
subtest 'a right is taken away: writers are told to wait' => sub {
    mark();
    my $before = @{$v->{errors}};
    $c->acl('SETUSER', 'chat', '-evalsha');
    $v->post('without a right');
    logged(qr/\(commands\): NOPERM .*'evalsha'/);
    wait_for(sub { @{$v->{errors}} > $before + 1 }, 10, 'errors');
    is($v->{errors}[-1]{code}, 'store_down', 'the writer is told');
    ok($v->{errors}[-1]{retry_ms}, 'and when to try again');
    my %lines;
    $lines{$_}++ for news() =~ /(\d+#\d+: chat: redis \S+ \(\w+\): NOPERM)/g;
    is_deeply([grep { $_ > 1 } values %lines], [],
              'each connection has told it once');
    $c->acl('SETUSER', 'chat', '+evalsha');
    $ann->wait_text('without a right', $v->{dialog}, 15);
    $v->wait_sent;
};

subtest 'a right is taken away that talking does not need' => sub {
    mark();
    $c->acl('SETUSER', 'chat', '-zrangebyscore');
    logged(qr/\(commands\): NOPERM .*'zrangebyscore'/);
    talk();
    $c->acl('SETUSER', 'chat', '+zrangebyscore');
    is($_->{link}, 'up', 'no outage') for $v, $ann;
};

subtest 'a right is taken away that ends a batch: none begins' => sub {
    mark();
    $c->acl('SETUSER', 'chat', '-mset');
    $v->post('not begun');
    logged(qr/\(commands\): NOPERM .*'mset' command .* in a script/);
    $c->acl('SETUSER', 'chat', '+mset');
    $v->wait_sent(20);
    $ann->wait_text('not begun', $v->{dialog}, 15);
    my @left = grep { /not begun/ } map { join ' ', map { ref ? @$_ : $_ } @$_ }
        map { $c->xrange($_, '-', '+') } $c->keys('chat:*:log');
    is(scalar @left, 1, 'it is in the log once');
    talk();
};

# Its event is in the log then, and what belongs to it is not.
subtest 'a right is taken away from scripts: no second one stops so' => sub {
    mark();
    $c->acl('SETUSER', 'chat', '-rpush');
    $v->post('half way');
    logged(qr/\(commands\): ERR The user executing the script can't/);
    logged(qr/\(commands\): NOPERM .*'rpush' command .* in a script/);
    wait_for(sub { !grep { $_->{link} ne 'down' } $v }, 10, 'he is told');
    $c->acl('SETUSER', 'chat', '+rpush');
    $v->wait_sent(20);
    $ann->wait_text('half way', $v->{dialog}, 15);
    my @left = grep { /half way/ } map { join ' ', map { ref ? @$_ : $_ } @$_ }
        map { $c->xrange($_, '-', '+') } $c->keys('chat:*:log');
    is(scalar @left, 2, 'it was tried once without the right and once with');
    talk();
};

is_deeply([$ann->texts($v->{dialog})], [$v->texts], 'both have seen the same');
my %seen;
$seen{$_}++ for $v->texts;
is_deeply([grep { $seen{$_} > 1 } keys %seen], [], 'each message once');
unlike($nginx->log, qr/open sesame/, 'the password is never in the log');

$t->done;
