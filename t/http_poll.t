# Long polls: at once if there is something, else within the time-out.

use v5.36;
use lib 't/lib';
use Chat::Test;
use Test::More;

# seconds a poll is held
my $HELD = 4 * $Chat::Loop::SLOW;

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
    operators => [['ann', 'secret-password', 'operator']]);

$t->nginx(<<"CONF", workers => 1);
%%GLOBALS%%
events { worker_connections 256; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_connections 3;
    chat_poll_timeout ${HELD}s;
    chat_rate 1000 burst=1000;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

my $token = $t->http('POST', '/_chat/v1/visitor', host => 'shop.test')
    ->{json}{token};
my %bearer = (Authorization => "Bearer $token");

sub poll($cursor, %args) {
    my $q = 'instance=' . ($args{instance} // 'reader01')
        . (defined $cursor ? "&cursor=$cursor" : '');
    my $p = {started => Chat::Loop::now()};
    $p->{stream} = Chat::Http::start('GET', "/_chat/v1/poll?$q",
        ip => $t->ip, port => $t->port, host => 'shop.test',
        headers => \%bearer, on_done => sub ($res) {
            $p->{res} = $res;
            $p->{took} = Chat::Loop::now() - $p->{started};
        });
    return $p;
}

sub answer($p) {
    wait_for(sub { $p->{res} }, 15, 'an answer');
    return $p->{res}{json};
}

my $n = 0;
sub post($text) {
    my $res = $t->http('POST', '/_chat/v1/send?instance=writer01',
        host => 'shop.test', headers => \%bearer,
        json => {t => 'post_message', n => '' . ++$n, text => $text});
    is $res->{json}{t}, 'ack', "$text is acknowledged" or diag $res->{body};
    return $res->{json};
}

sub texts($json) {
    return join ' ', map { $_->{body}{text} }
        grep { ($_->{e} // '') eq 'message_posted' }
        map { $_->{t} eq 'welcome' ? @{$_->{events} // []} : $_ }
        @{$json->{frames}};
}

# ------------------------------------------------------------------- first

my $p = poll(undef);
my $json = answer($p);
is $p->{res}{status}, 200, 'the first poll';
is $p->{res}{headers}{'cache-control'}, 'no-store', 'is not stored';
cmp_ok $p->{took}, '<', $HELD - 0.5, 'answers at once';
is $json->{frames}[0]{t}, 'welcome', 'with a welcome';
is $json->{cursor}, $json->{frames}[0]{cursor}, 'and its cursor';

# ----------------------------------------------------------------- nothing

my $cursor = $json->{cursor};
$p = poll($cursor);
$json = answer($p);
cmp_ok $p->{took}, '>', $HELD - 0.2, 'a poll with nothing to tell is held';
cmp_ok $p->{took}, '<', $HELD + 10 * $Chat::Loop::SLOW, 'but not for ever';
is_deeply $json->{frames}, [], 'and answers nothing';
is $json->{cursor}, $cursor, 'with the cursor it was given';

# --------------------------------------------------------------- something

$p = poll($cursor);
post('one');
$json = answer($p);
cmp_ok $p->{took}, '<', $HELD - 0.2, 'news end a poll';
$cursor = $json->{cursor};

# dialog_opened and the message may come by two answers
if (texts($json) eq '') {
    $json = answer(poll($cursor));
    $cursor = $json->{cursor};
}
is texts($json), 'one', 'with what is new';

# acknowledged is not yet read from the log: another reader says when it is
post($_) for qw(two three four);
my ($other, $seen) = ($cursor, '');
wait_for(sub {
    my $json = answer(poll($other, instance => 'reader02'));
    $other = $json->{cursor};
    return ($seen .= texts($json)) =~ /four/;
}, 15, 'the last one');
$p = poll($cursor);
$json = answer($p);
is texts($json), 'two three four', 'what came between two polls';
cmp_ok $p->{took}, '<', $HELD - 0.5, 'comes at once';

my $again = answer(poll($cursor));
is texts($again), 'two three four', 'and again for the same cursor';

# ------------------------------------------------------------------- wrong

my $bad = poll('1.00000000.0:1-1.AAAAAAAAAAA');
is answer($bad)->{frames}[0]{code}, 'bad_cursor', 'a forged cursor';
my $odd = poll('%22%7B%5C');
is $t->http('GET', '/_chat/v1/poll?instance=a', host => 'shop.test',
    headers => \%bearer)->{json}{code}, 'bad_field', 'an odd instance';
is answer($odd)->{frames}[0]{t}, 'error', 'an odd cursor';

# -------------------------------------------------- clients that go away

$cursor = $json->{cursor};
for my $round (1 .. 4) {
    my @polls = map { poll($cursor, instance => "leaver0$_") } 1 .. 3;
    wait_for(sub { !grep { !$_->{stream}{opened} } @polls }, 5, 'connections');
    $_->{stream}->close for @polls;
}
wait_for(sub {
    my $p = poll(undef);
    return answer($p)->{frames} && $p->{res}{status} == 200;
}, 10, 'room');
pass 'polls that were left make room';

# the operator's side
my $o = $t->operator(host => 'desk.test', transport => 'poll', login => 'ann',
    password => 'secret-password');
$o->wait_welcome;
my ($dialog) = keys %{$o->{dialogs}};
$o->take($dialog);
wait_for(sub { !@{$o->{outbox}} }, 10, 'taken');
$o->post('answer', dialog => $dialog);
wait_for(sub { !@{$o->{outbox}} }, 10, 'sent');
my $read = '';
wait_for(sub {
    my $json = answer(poll($cursor));
    $cursor = $json->{cursor};
    $read .= texts($json);
    return $read =~ /answer/;
}, 15, 'the answer');
pass 'a dialog by polls';

# an outage, then a lone visitor whose polls begin before the end of it
$o->close;
my $lone = $t->http('POST', '/_chat/v1/visitor', host => 'shop.test')
    ->{json}{token};
my @before = $t->nginx->workers;
$t->nginx->reload;
wait_for(sub { !grep { kill 0, $_ } @before }, 30, 'a new worker alone');
# it knows the site then, and nothing of the account
$t->http('POST', '/_chat/v1/visitor', host => 'shop.test');
sub lonely() {
    return $t->http('GET', '/_chat/v1/poll?instance=lonely01',
        host => 'shop.test', headers => {Authorization => "Bearer $lone"});
}
$t->redis->term;
is lonely()->{status}, 200, 'a poll during an outage' for 1, 2;
$t->redis->start;
ok eval { wait_for(sub { grep { $_->{t} eq 'welcome' }
                             @{lonely()->{json}{frames} // []} }, 25,
                   'a welcome') }, 'polls of one visitor see the end of an outage';

# reload: a held poll is answered
$p = poll($cursor);
wait_for(sub { $p->{stream}{opened} }, 5, 'connection');
$t->nginx->reload;
answer($p);
is $p->{res}{status}, 200, 'a reload answers held polls';

$t->done;
