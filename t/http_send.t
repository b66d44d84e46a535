# POST v1/send: one command, one answer, its status; numbers; bounds; clients
# that leave.

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
    operators => [['ann', 'secret-password', 'operator'],
                  ['ben', 'another-password', 'analyst']]);

$t->nginx(<<'CONF');
%%GLOBALS%%
events { worker_connections 256; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_rate 1000 burst=1000;
    client_body_buffer_size 1k;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

my $token = $t->http('POST', '/_chat/v1/visitor', host => 'shop.test')
    ->{json}{token};
my %bearer = (Authorization => "Bearer $token");

sub visitor($command, %args) {
    return $t->http('POST', '/_chat/v1/send?instance='
            . ($args{instance} // 'visitor1'),
        host => 'shop.test', headers => \%bearer, json => $command, %args);
}

# ----------------------------------------------------------------- numbers

my $first = visitor({t => 'post_message', n => '1', text => 'Здравствуйте 👋'});
is $first->{status}, 200, 'a first message';
is $first->{json}{t}, 'ack', 'is acknowledged';
my $dialog = $first->{json}{dialog};
like $dialog, qr/^[0-9a-f]{16}$/, 'and opened a dialog';

my $again = visitor({t => 'post_message', n => '1', text => 'Здравствуйте 👋'});
is $again->{status}, 200, 'the same number again';
ok $again->{json}{already}, 'had been accepted';
is $again->{json}{id}, $first->{json}{id}, 'as that event';

my $gap = visitor({t => 'post_message', n => '5', text => 'too far'});
is $gap->{status}, 409, 'a number too far';
is $gap->{json}{code}, 'gap', 'is a gap';
is $gap->{json}{expected}, '2', 'from 2';

my $history = visitor({t => 'history', dialog => $dialog, after => '0'});
is $history->{status}, 200, 'history';
is_deeply [map { $_->{e} } @{$history->{json}{events}}],
    [qw(dialog_opened message_posted)], 'of the dialog';
is $history->{json}{events}[1]{body}{text}, 'Здравствуйте 👋',
    'letter by letter';
is visitor({t => 'ping'})->{json}{t}, 'pong', 'ping';
is visitor({t => 'typing'})->{status}, 200, 'typing';

# a body that nginx keeps in a file
my $long = 'щ' x 4000;
my $big = visitor({t => 'post_message', n => '2', text => $long});
is $big->{status}, 200, 'a body in a file';
is visitor({t => 'history', dialog => $dialog, after => '2'})
    ->{json}{events}[0]{body}{text}, $long, 'came as it was';
is visitor({t => 'post_message', n => '3', text => "${long}x"})
    ->{json}{code}, 'bad_field', '4001 characters';
is visitor({t => 'post_message', n => '3', text => ''})->{json}{code},
    'bad_field', 'none';
is visitor({t => 'post_message', n => '3', text => 'after refusals'})
    ->{json}{t}, 'ack', 'a refused number is free';
is visitor({t => 'hello', instance => 'visitor1'})->{status}, 400,
    'hello has no business here';

# slowly, in pieces
my ($slow, $answer) = ('', undef);
my $body = JSON::XS->new->utf8->encode(
    {t => 'post_message', n => '4', text => 'in pieces'});
my $stream = Chat::Stream->new(ip => $t->ip, port => $t->port,
    on_read => sub ($in) { $slow .= $$in; $$in = '' }, on_close => sub { });
my $bytes = Chat::Http::head('POST', '/_chat/v1/send?instance=visitor1',
    host => 'shop.test', body => $body, headers => {%bearer,
        'Content-Type' => 'application/json', Connection => 'close'});
for my $byte (split //, $bytes) {
    $stream->write($byte);
    wait_for(sub { $stream->{opened} && !length $stream->{out} }, 5, 'sent');
}
wait_for(sub { $slow =~ /"ack"/ }, 10, 'an acknowledgement');
pass 'byte by byte';

# ------------------------------------------------------------ the operator

my $login = $t->http('POST', '/api/v1/login', host => 'desk.test',
    headers => {Origin => 'http://desk.test'},
    json => {login => 'ann', password => 'secret-password'});
my %ann = (Cookie => Chat::Http::cookies($login),
    'X-CSRF' => $login->{json}{csrf}, Origin => 'http://desk.test');

sub operator($command, %args) {
    return $t->http('POST', '/api/v1/send?instance=operator',
        host => 'desk.test', headers => $args{headers} // \%ann,
        json => $command);
}

my $take = operator({t => 'take_dialog', n => '1', dialog => $dialog});
is $take->{status}, 200, 'a dialog is taken';
is operator({t => 'take_dialog', n => '2', dialog => $dialog})->{status}, 409,
    'once';
is operator({t => 'post_message', n => '2', dialog => $dialog,
    text => 'Hello'})->{json}{t}, 'ack', 'answered';
is operator({t => 'post_message', n => '3', dialog => 'x' x 16,
    text => 'Hello'})->{status}, 404, 'a dialog that is none';
is operator({t => 'close_dialog', n => '3', dialog => $dialog})->{status},
    200, 'closed';
is operator({t => 'post_message', n => '4', dialog => $dialog,
    text => 'more'})->{json}{code}, 'closed', 'is closed';

my $ben = $t->http('POST', '/api/v1/login', host => 'desk.test',
    headers => {Origin => 'http://desk.test'},
    json => {login => 'ben', password => 'another-password'});
my %ben = (%ann, Cookie => Chat::Http::cookies($ben),
    'X-CSRF' => $ben->{json}{csrf});
is operator({t => 'history', dialog => $dialog, after => '0'},
    headers => \%ben)->{json}{t}, 'history', 'an analyst reads';
is visitor({t => 'post_message', n => '5', text => 'again'})->{status}, 200,
    'the visitor opens it again';
is operator({t => 'take_dialog', n => '1', dialog => $dialog},
    headers => \%ben)->{json}{code}, 'forbidden', 'an analyst only reads';

# ------------------------------------------------------------ what was seen

sub seen($command, $cursor, $path = '/_chat/v1', %args) {
    return $t->http('POST', "$path/send?instance=visitor2&cursor=$cursor",
        host => 'shop.test', headers => \%bearer, json => $command, %args);
}

my %question = (t => 'history', dialog => $dialog, after => '0');
my $poll = $t->http('GET', '/_chat/v1/poll?instance=visitor2',
    host => 'shop.test', headers => \%bearer);
my $cursor = $poll->{json}{cursor};
is seen(\%question, $cursor)->{json}{t}, 'history', 'of what was seen';
is seen(\%question, 'x' . $cursor)->{json}{code}, 'bad_cursor',
    'a damaged cursor';
is seen({t => 'post_message', n => '1', text => 'said'},
    'x' . $cursor)->{json}{t}, 'ack', 'no write is refused for it';

# -------------------------------------------- clients that leave, the store

for my $n (1 .. 20) {
    my $gone = Chat::Http::start('POST', '/_chat/v1/send?instance=leaver00',
        ip => $t->ip, port => $t->port, host => 'shop.test',
        headers => \%bearer, json => {t => 'history', dialog => $dialog,
                                      after => '0'});
    wait_for(sub { $gone->{opened} && !length $gone->{out} }, 5, 'sent');
    $gone->close;
}
is visitor({t => 'ping'})->{json}{t}, 'pong', 'clients that leave';

$t->redis->freeze;
my $asked;
Chat::Http::start('POST', '/_chat/v1/send?instance=visitor1',
    ip => $t->ip, port => $t->port, host => 'shop.test', headers => \%bearer,
    json => {t => 'post_message', n => '6', text => 'patience'},
    on_done => sub ($res) { $asked = $res });
my $short = Chat::Http::start('POST', '/_chat/v1/send?instance=leaver00',
    ip => $t->ip, port => $t->port, host => 'shop.test', headers => \%bearer,
    json => {t => 'history', dialog => $dialog, after => '0'});
wait_for(sub { $short->{opened} && !length $short->{out} }, 5, 'sent');
$short->close;
$t->redis->thaw;
wait_for(sub { $asked }, 15, 'an answer');
is $asked->{status}, 200, 'a store that was slow';

$t->redis->client->config_set(maxmemory => 1000);
my $full = visitor({t => 'post_message', n => '7', text => 'no room'});
is $full->{status}, 503, 'a full store';
is $full->{json}{code}, 'store_full', 'says so';
is $full->{headers}{'retry-after'}, $full->{json}{retry_ms} / 1000,
    'the header says the same time as the answer';
$t->redis->client->config_set(maxmemory => 0);

$t->allow(qr{connect\(\) to unix:.* failed});
$t->redis->term;
wait_for(sub {
    my $res = visitor({t => 'post_message', n => '7', text => 'lost'},
                      timeout => 30);
    return $res->{status} == 503 && $res;
}, 60, 'a temporary refusal');
my $down = visitor({t => 'post_message', n => '7', text => 'lost'},
                   timeout => 30);
is $down->{status}, 503, 'the store is away';
like $down->{json}{code}, qr/^(?:store_down|busy)$/, 'says so';
cmp_ok $down->{json}{retry_ms}, '>', 0, 'and when to come back';
cmp_ok $down->{headers}{'retry-after'}, '>=', 1, 'in the header, too';

$t->redis->start;
my $back;
wait_for(sub {
    $back = visitor({t => 'post_message', n => '7', text => 'not lost'});
    return $back->{status} == 200;
}, 30, 'the store is back');
is $back->{json}{t}, 'ack', 'and it goes on with the same number';

$t->done;
