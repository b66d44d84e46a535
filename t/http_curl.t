# docs/protocol.md with nothing but curl: a whole dialog.

use v5.36;
use utf8;
use lib 't/lib';
use Chat::Test;
use JSON::XS ();
use Test::More;

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
    operators => [['ann', 'secret-password', 'operator']]);

$t->nginx(<<'CONF');
%%GLOBALS%%
events { worker_connections 256; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_poll_timeout 5s;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

my $json = JSON::XS->new->utf8;
my $to = $t->ip . ':' . $t->port;
my @shop = ('--connect-to', "shop.test:80:$to", '-b', "$t->{dir}/shop.jar",
            '-c', "$t->{dir}/shop.jar");
my @desk = ('--connect-to', "desk.test:80:$to", '-b', "$t->{dir}/desk.jar",
            '-c', "$t->{dir}/desk.jar");

sub curl(@args) {
    my ($rc, $out, $err) = $t->command(['curl', '-sS', @args]);
    is $rc, 0, "curl $args[-1]" or diag $err;
    return $json->decode($out);
}

sub post($data, @args) {
    return curl('-H', 'Content-Type: application/json',
                '-d', $json->encode($data), @args);
}

# the visitor: identity, first poll, a message
my $id = curl(@shop, '-X', 'POST', 'http://shop.test/_chat/v1/visitor');
is length $id->{visitor}, 22, 'a visitor';
like $id->{token}, qr/^v1\./, 'with a token';
cmp_ok $id->{expires_ms} / 1000, '>', time + 170 * 86400, 'for half a year';

my $renewed = curl(@shop, '-X', 'POST', 'http://shop.test/_chat/v1/visitor');
is $renewed->{visitor}, $id->{visitor}, 'the cookie keeps who he is';

my $v = 'http://shop.test/_chat/v1';
my $poll = curl(@shop, "$v/poll?instance=curl0001");
my $welcome = $poll->{frames}[0];
is $welcome->{t}, 'welcome', 'welcome';
is $welcome->{n}, '0', 'nothing written yet';

my $ack = post({t => 'post_message', n => '1', text => 'Есть доставка?'},
    @shop, "$v/send?instance=curl0001");
is $ack->{t}, 'ack', 'the question is stored';
my $dialog = $ack->{dialog};

# the operator: login, queue, take, answer
my $me = post({login => 'ann', password => 'secret-password'}, @desk,
    '-H', 'Origin: http://desk.test', 'http://desk.test/api/v1/login');
is $me->{operator}{name}, 'ann', 'logged in';
is $me->{sites}[0]{name}, 'shop.test', 'for the shop';

my $o = 'http://desk.test/api/v1';
my $queue = curl(@desk, "$o/poll?instance=curl0002");
my $view = $queue->{frames}[0]{dialogs}[0];
is $view->{id}, $dialog, 'the dialog';
is $view->{state}, 'queued', 'waits';
is $view->{text}, 'Есть доставка?', 'with its text';

my @unsafe = ('-H', 'Origin: http://desk.test', '-H', "X-CSRF: $me->{csrf}");
is post({t => 'take_dialog', n => '1', dialog => $dialog}, @desk, @unsafe,
    "$o/send?instance=curl0002")->{t}, 'ack', 'taken';
is post({t => 'post_message', n => '2', dialog => $dialog,
    text => 'Да, завтра.'}, @desk, @unsafe, "$o/send?instance=curl0002")
    ->{t}, 'ack', 'answered';

# the visitor reads it, from his cursor
my ($cursor, @seen) = ($poll->{cursor});
wait_for(sub {
    my $p = curl(@shop, "$v/poll?instance=curl0001&cursor=$cursor");
    $cursor = $p->{cursor};
    push @seen, map { $_->{t} eq 'welcome' ? @{$_->{events} // []}
                    : $_->{t} eq 'event' ? $_ : () } @{$p->{frames}};
    return grep { ($_->{body}{text} // '') eq 'Да, завтра.' } @seen;
}, 30, 'the answer');
is_deeply [map { $_->{e} } @seen],
    [qw(dialog_opened message_posted dialog_taken message_posted)],
    'events in order';
is_deeply [map { $_->{seq} } @seen], [1 .. 4], 'without a gap';

# both end it, by events this time
my ($rc, $stream) = $t->command(['curl', '-sSN', '--max-time',
    2 * $Chat::Loop::SLOW, @shop,
    '-H', "Last-Event-ID: $cursor", "$v/events?instance=curl0003"]);
is $rc, 28, 'an event stream does not end by itself';
like $stream, qr/^id: .+\ndata: \{"t":"welcome".*\}$/m, 'an event';

is post({t => 'close_dialog', n => '2'}, @shop,
    "$v/send?instance=curl0001")->{t}, 'ack', 'the visitor closes it';
my $history = post({t => 'history', dialog => $dialog, after => '4'}, @desk,
    @unsafe, "$o/send?instance=curl0002");
is $history->{events}[0]{e}, 'dialog_closed', 'history says so';
is $history->{events}[0]{body}{reason}, 'visitor', 'and who';

my ($out) = ($t->command(['curl', '-sS', '-o', '/dev/null', '-w',
    '%{http_code}', @desk, @unsafe, '-X', 'POST', "$o/logout"]))[1];
is $out, '204', 'logged out';

$t->done;
