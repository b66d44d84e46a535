#!/usr/bin/env perl

# Promise: without chat_connections, half of worker_connections is left to
# the web sites: chat takes no more, says by every transport when to come
# again, and a page of the same server is served all the while.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $t = Chat::Test->new(log_level => 'info');
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']]);
my $nginx = $t->nginx(<<'CONF', workers => 1);
%%GLOBALS%%
events { worker_connections 64; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    server {
        listen %%IP%%:%%PORT%%;
        server_name shop.test;
        root %%TESTDIR%%/html;
        chat on;
        location = /status { chat_status; }
    }
}
CONF

open my $fh, '>', "$nginx->{dir}/html/page.html" or die $!;
print $fh 'a page of the site';
close $fh;

sub status () {
    return $t->http(GET => '/status?format=json', host => 'shop.test')
        ->{json};
}

sub held ($transport) { return status()->{"connections_$transport"} }

sub come ($transport) {
    my $c = $t->visitor(host => 'shop.test', transport => $transport,
                        reconnect => 0);
    $c->connect;
    wait_for(sub { $c->{welcomed} || $c->{refusal} }, 10,
             "$transport is answered");
    return $c;
}

# first those that come again by themselves
my %many = (poll => 10, sse => 10, ws => 12);
my %held;

for my $transport (qw(poll sse ws)) {
    push @{$held{$transport}}, come($transport) for 1 .. $many{$transport};
    is(scalar(grep { $_->{refusal} } @{$held{$transport}}), 0,
       "there is room for $many{$transport} by $transport");
    wait_for(sub { held($transport) == $many{$transport} }, 10,
             "all of them are held by $transport");
}

# that was half of 64
for my $transport (qw(poll sse ws)) {
    my $c = come($transport);
    is($c->{refusal}{status}, 503, "one more by $transport is refused");
    like($c->{refusal}{headers}{'retry-after'}, qr/^[1-9]\d*$/,
         '... and told when to come again');
    $c->close;
}

# the other half is theirs, with many at once, too
my @page;
Chat::Http::start('GET', '/page.html', ip => $t->ip, port => $t->port,
                  host => 'shop.test', on_done => sub ($r) { push @page, $r })
    for 1 .. 20;
wait_for(sub { @page == 20 }, 15, 'pages');
is(scalar(grep { $_->{status} == 200 && $_->{body} eq 'a page of the site' }
          @page), 20, 'pages of the site are served while chat is full');
is(held('poll') + held('sse') + held('ws'), 32,
   'all the while chat had its half');

(shift @{$held{ws}})->close;
wait_for(sub { held('ws') < $many{ws} }, 10, 'one has gone');
my $next = come('ws');
ok($next->{welcomed}, 'the place of who left is free');

$t->done;
