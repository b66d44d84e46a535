#!/usr/bin/env perl

# Promise: a hoster who asks for the debug log sees every change of state, of
# sessions, of their transports and of the connections to Redis: each one
# begins where the one before it ended.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $t = Chat::Test->new(log_level => 'debug');
my $redis = $t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
my $nginx = $t->nginx(<<'CONF');
%%GLOBALS%%
events { worker_connections 256; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

my $ann = $t->operator(host => 'desk.test', login => 'ann',
                       password => 'secret-password');
my %v = map { $_ => $t->visitor(host => 'shop.test', transport => $_) }
    qw(ws sse poll);
$_->wait_welcome for $ann, values %v;

for my $transport (sort keys %v) {
    $v{$transport}->post("by $transport");
    $v{$transport}->wait_text("by $transport");
}

$redis->kill9;
wait_for(sub { defined $v{ws}{link} && $v{ws}{link} eq 'down' }, 20,
         'the outage is seen');
$redis->start;
wait_for(sub { $v{ws}{link} eq 'up' }, 20, 'and its end');
$_->close for $ann, values %v;

# the last state, by what has one
sub follow($log, $re) {
    my (%state, %seen, @torn);

    while ($log =~ /$re/g) {
        my ($what, $from, $to) = @+{qw(what from to)};
        push @torn, "$what: $from -> $to after " . ($state{$what} // 'nothing')
            if defined $from && $from ne ($state{$what} // 'new');
        $state{$what} = $to;
        $seen{$to}++;
    }

    return (\%state, \%seen, \@torn);
}

my $session = qr/(?<what>\d+#\d+: chat: session \w+ \((?:websocket|events|poll)\)): (?:(?<from>\w+) -> )?(?<to>\w+)/;
my ($state, $seen, $torn);
wait_for(sub {
    ($state, $seen, $torn) = follow($nginx->log, $session);
    return %$state && !grep { $_ ne 'ended' } values %$state;
}, 20, 'every session ends');
is_deeply($torn, [], 'no session changes unseen');
ok($seen->{$_}, "sessions are seen $_") for qw(new attaching live ended);
for my $transport (qw(websocket events poll)) {
    ok((grep { /\($transport\)/ } keys %$state),
       "those of $transport are among them");
}

my $way = qr/(?<what>\d+#\d+: chat: redis "[^"]+" \([^)]+\)): (?<from>\w+) -> (?<to>\w+)/;
($state, $seen, $torn) = follow($nginx->log, $way);
is_deeply([grep { !/: closed -> \w+ after nothing$/ } @$torn], [],
          'no connection to Redis changes unseen');
ok($seen->{$_}, "connections to Redis are seen $_")
    for qw(connecting auth select info role scripts rights store ready closed
           pausing);

my $log = $nginx->log;
like($log, $_->[1], $_->[0]) for
    ['a WebSocket opens', qr/chat websocket: upgraded -> open/],
    ['its peer closes it', qr/chat websocket: open -> closing by the peer/],
    ['an event stream opens', qr/chat event stream: open$/m],
    ['a poll is held', qr/chat poll: held$/m],
    ['and answered', qr/chat poll: held -> answered, \d+ frames/];

$t->done;
