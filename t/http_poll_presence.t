#!/usr/bin/env perl

# Promise: who comes or goes between two polls is told by the second of them,
# at once; a poll that knows who is there is held.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'analyst'],
                         ['bob', 'secret-password', 'operator']]);
$t->shop(<<'CONF');
    chat_poll_timeout 2s;
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
CONF

my $token = $t->http(POST => '/_chat/v1/visitor', host => 'shop.test')
    ->{json}{token};
my $login = $t->http(POST => '/api/v1/login', host => 'desk.test',
    headers => {Origin => 'http://desk.test'},
    json => {login => 'ann', password => 'secret-password'});
my ($cookie) = $login->{headers}{'set-cookie'} =~ /^([^;]+)/;

my %reader = (
    visitor => {host => 'shop.test', path => '/_chat/v1',
                headers => {Authorization => "Bearer $token"}},
    operator => {host => 'desk.test', path => '/api/v1',
                 headers => {Cookie => $cookie}});

# Polls from where that one is; what he is told of others.
sub poll($r, %args) {
    my $q = join '', map { "&$_=$args{$_}" } sort keys %args;
    my $json = $t->http(GET => "$r->{path}/poll?instance=poller01$q",
        host => $r->{host}, headers => $r->{headers})->{json};
    @$r{qw(cursor presence)} = @$json{qw(cursor presence)};
    return [map { $_->{t} eq 'presence' ? there($_) : $_->{t} }
            @{$json->{frames}}];
}

# 1 or 0, if it is about Bob: is_deeply() does not like everywhere what JSON's
# true is made of.
sub there ($presence) {
    my ($bob) = exists $presence->{online} ? $presence
        : grep { $_->{name} =~ /^bob/i } @{$presence->{operators}};
    return $bob ? $bob->{online} ? 1 : 0 : ();
}

sub follow($r) {
    return poll($r, map { $_ => $r->{$_} } qw(cursor presence));
}

# who tells us what the worker has heard
my $seer = $t->visitor(host => 'shop.test');
$seer->wait_welcome;

is_deeply(poll($_), ['welcome'], 'a welcome') for values %reader;
is_deeply(follow($reader{visitor}), [], 'nobody came since');

my $bob = $t->operator(host => 'desk.test', login => 'bob',
                       password => 'secret-password');
$bob->wait_welcome;
wait_for(sub { $seer->{online} }, 10, 'Bob is there');

for my $kind (sort keys %reader) {
    my $r = $reader{$kind};
    is_deeply(poll($r, cursor => $r->{cursor}), [],
              "$kind: not told who does not say what he knows");
}
$_->{presence} = '0' for values %reader;
is_deeply(follow($reader{$_}), [1], "$_: who knows nothing is told")
    for sort keys %reader;
is_deeply(follow($reader{$_}), [], "$_: ... once") for sort keys %reader;

my %then = map { $_ => $reader{$_}{presence} } keys %reader;
$bob->close;
wait_for(sub { !$seer->{online} }, 20, 'Bob is not there');

for my $kind (sort keys %reader) {
    my $r = $reader{$kind};
    is_deeply(follow($r), [0], "$kind: told that he went");
    isnt($r->{presence}, $then{$kind}, '... and knows it now');
}

is($t->http(GET => '/_chat/v1/poll?instance=poller01&presence=123456789',
            host => 'shop.test', headers => $reader{visitor}{headers})
       ->{json}{code}, 'bad_field', 'it has a length');

$t->done;
