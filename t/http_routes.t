# Addresses: what is ours and what is not, and a precise error for every
# kind of wrong request.  The vhost has all that a CMS brings along.

use v5.36;
use lib 't/lib';
use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Multi', sites => [['one.multi.test'],
    ['two.multi.test']]);
$t->tenant(account => 'Shop', sites => [['shop.test']],
    operators => [['ann', 'secret-password', 'operator']]);

# each worker asks the store for itself: one, that the end tells which asked
$t->nginx(<<'CONF', workers => 1);
%%GLOBALS%%
events { worker_connections 256; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;

    server {
        listen %%IP%%:%%PORT%%;
        server_name shop.test www.shop.test;
        chat on;
        auth_basic "closed";
        auth_basic_user_file %%TESTDIR%%/none;
        if ($uri = /_chat/v1/poll) { return 301 /elsewhere; }
        error_page 403 404 405 413 /error.html;
        location / { try_files $uri =418; }
        location /_chat/ { return 301 http://elsewhere.test/; }
    }

    server {
        listen %%IP%%:%%PORT%%;
        server_name new.test alias.test;
        chat on;
        chat_path /talk/;
        location / { return 204; }
    }

    server {
        listen %%IP%%:%%PORT%%;
        server_name *.multi.test;
        chat on;
        chat_site $host;
        location / { return 204; }
    }

    server {
        listen %%IP%%:%%PORT%%;
        server_name any.test;
        chat on;
        chat_site $arg_site;
        location / { return 204; }
    }

    server {
        listen %%IP%%:%%PORT%%;
        server_name fresh.test one.multi.test;
        chat on;
        location / { return 204; }
    }

    server {
        listen %%IP%%:%%PORT%%;
        server_name moved.test;
        chat on;
        return 301 http://elsewhere.test/;
    }

    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }

    server {
        listen %%IP%%:%%PORT%%;
        server_name off.test;
        location / { return 204; }
    }
}
CONF

sub ask($method, $host, $path, %args) {
    return $t->http($method, $path, host => $host, %args);
}

my $id = ask('POST', 'shop.test', '/_chat/v1/visitor');
is $id->{status}, 200, 'chat is reached before auth, rewrite and try_files';
my %bearer = (Authorization => "Bearer $id->{json}{token}");
my $poll = '/_chat/v1/poll?instance=abcdefgh';
my $send = '/_chat/v1/send?instance=abcdefgh';
my $ping = {t => 'ping'};

my @ws = (Connection => 'Upgrade', 'Sec-WebSocket-Version' => 13,
          'Sec-WebSocket-Key' => 'AAAAAAAAAAAAAAAAAAAAAA==');

# what, method, host, path, args => status, code
my @table = (
    ['nothing there', GET => 'shop.test', '/_chat/v1/nothing', {},
        404, 'not_found'],
    ['no such file', GET => 'shop.test', '/_chat/nothing.js', {},
        404, 'not_found'],
    ['prefix alone', GET => 'shop.test', '/_chat/', {}, 404, 'not_found'],
    ['above the prefix', GET => 'shop.test', '/_chat/../x', {}, 401, undef],
    ['not a prefix', GET => 'shop.test', '/_chatter', {}, 401, undef],
    ['encoded path', POST => 'shop.test', '/%5fchat/v1/visito%72', {},
        200, undef],

    ['method of visitor', GET => 'shop.test', '/_chat/v1/visitor', {},
        405, 'method'],
    ['method of events', POST => 'shop.test', '/_chat/v1/events',
        {json => {}}, 405, 'method'],
    ['method of send', GET => 'shop.test', $send, {}, 405, 'method'],
    ['HEAD of poll', HEAD => 'shop.test', $poll, {}, 405, undef],
    ['unknown method', BREW => 'shop.test', $send, {}, 405, 'method'],

    ['no token', GET => 'shop.test', $poll, {}, 401, 'unauthorized'],
    ['broken token', GET => 'shop.test', $poll,
        {headers => {Authorization => 'Bearer v1.1.1.x.1.2.y'}},
        401, 'unauthorized'],
    ['forged token', GET => 'shop.test', $poll,
        {headers => {Authorization => "$bearer{Authorization}A"}},
        401, 'unauthorized'],
    ['other scheme', GET => 'shop.test', $poll,
        {headers => {Authorization => 'Basic eDp5'}}, 401, 'unauthorized'],
    ['token in the URL', GET => 'shop.test',
        "$poll&token=$id->{json}{token}", {}, 401, 'unauthorized'],
    ['token of another site', GET => 'new.test',
        '/talk/v1/poll?instance=abcdefgh', {headers => {%bearer}},
        401, 'unauthorized'],

    ['not JSON', POST => 'shop.test', $send,
        {headers => {%bearer, 'Content-Type' => 'text/plain'}, body => '{}'},
        415, 'media_type'],
    ['no type', POST => 'shop.test', $send,
        {headers => {%bearer}, body => '{}'}, 415, 'media_type'],
    ['type that begins so', POST => 'shop.test', $send,
        {headers => {%bearer, 'Content-Type' => 'application/jsonx'},
         body => '{}'}, 415, 'media_type'],
    ['type with a charset', POST => 'shop.test', $send,
        {headers => {%bearer,
             'Content-Type' => 'application/json; charset=utf-8'},
         body => '{"t":"ping"}'}, 200, undef],
    ['too long', POST => 'shop.test', $send,
        {headers => {%bearer}, json => {t => 'ping', x => 'x' x 70000}},
        413, 'too_large'],
    ['without length', POST => 'shop.test', $send,
        {headers => {%bearer, 'Content-Type' => 'application/json',
             'Transfer-Encoding' => 'chunked', 'Content-Length' => undef},
         body => "2\r\n{}\r\n0\r\n\r\n"}, 411, 'length'],
    ['no instance', POST => 'shop.test', '/_chat/v1/send',
        {headers => {%bearer}, json => $ping}, 400, 'bad_field'],
    ['odd instance', POST => 'shop.test', '/_chat/v1/send?instance=a%20b',
        {headers => {%bearer}, json => $ping}, 400, 'bad_field'],
    ['malformed JSON', POST => 'shop.test', $send,
        {headers => {%bearer, 'Content-Type' => 'application/json'},
         body => '{"t":'}, 400, 'bad_json'],
    ['empty body', POST => 'shop.test', $send,
        {headers => {%bearer, 'Content-Type' => 'application/json'},
         body => ''}, 400, 'bad_json'],
    ['unknown command', POST => 'shop.test', $send,
        {headers => {%bearer}, json => {t => 'dance'}},
        400, 'unknown_command'],
    ['unknown field', POST => 'shop.test', $send,
        {headers => {%bearer}, json => {t => 'ping', colour => 'red'}},
        400, 'bad_field'],
    ['command of operators', POST => 'shop.test', $send,
        {headers => {%bearer}, json => {t => 'take_dialog', n => '1',
                                        dialog => '0' x 16}},
        403, 'forbidden'],

    ['foreign origin', POST => 'shop.test', '/_chat/v1/visitor',
        {headers => {Origin => 'https://evil.test'}}, 403, 'bad_origin'],
    ['null origin', POST => 'shop.test', '/_chat/v1/visitor',
        {headers => {Origin => 'null'}}, 403, 'bad_origin'],
    ['origin that begins so', POST => 'shop.test', '/_chat/v1/visitor',
        {headers => {Origin => 'https://shop.test.evil.test'}},
        403, 'bad_origin'],
    ['origin of another scheme', POST => 'shop.test', '/_chat/v1/visitor',
        {headers => {Origin => 'ftp://shop.test'}}, 403, 'bad_origin'],
    ['own origin', POST => 'shop.test', '/_chat/v1/visitor',
        {headers => {Origin => 'https://shop.test'}}, 200, undef],
    ['own origin with a port', POST => 'shop.test', '/_chat/v1/visitor',
        {headers => {Origin => 'http://shop.test:8080'}}, 200, undef],
    ['alias as origin', POST => 'www.shop.test', '/_chat/v1/visitor',
        {headers => {Origin => 'http://www.shop.test'}}, 200, undef],
    ['foreign host', POST => 'unknown.test', '/_chat/v1/visitor', {},
        421, 'misdirected'],

    ['site made by its name', POST => 'new.test', '/talk/v1/visitor', {},
        200, undef],
    ['its other name', POST => 'alias.test', '/talk/v1/visitor',
        {headers => {Origin => 'http://new.test'}}, 200, undef],
    ['default path elsewhere', POST => 'new.test', '/_chat/v1/visitor', {},
        204, undef],
    ['registered by name', POST => 'two.multi.test', '/_chat/v1/visitor', {},
        200, undef],
    ['variables create nothing', POST => 'three.multi.test',
        '/_chat/v1/visitor', {}, 421, 'misdirected'],

    ['a site that is not of this host', POST => 'any.test',
        '/_chat/v1/visitor?site=shop.test', {}, 421, 'misdirected'],
    ['no site at all', POST => 'any.test', '/_chat/v1/visitor', {},
        421, 'misdirected'],
    ['a name that is none', POST => 'any.test',
        '/_chat/v1/visitor?site=' . 'x' x 300, {}, 421, 'misdirected'],
    ['an alias that is somebody else\'s', POST => 'fresh.test',
        '/_chat/v1/visitor', {}, 200, undef],

    ['a vhost that only redirects', POST => 'moved.test',
        '/_chat/v1/visitor', {}, 200, undef],
    ['and does', GET => 'moved.test', '/', {}, 301, undef],

    ['chat is off', POST => 'off.test', '/_chat/v1/visitor', {}, 204, undef],

    ['not an upgrade', GET => 'shop.test', '/_chat/v1/ws',
        {headers => {%bearer}}, 426, 'upgrade'],
    ['old version', GET => 'shop.test', '/_chat/v1/ws',
        {headers => {%bearer, Upgrade => 'websocket', @ws,
             'Sec-WebSocket-Version' => 8}}, 426, 'upgrade'],
    ['broken key', GET => 'shop.test', '/_chat/v1/ws',
        {headers => {%bearer, Upgrade => 'websocket', @ws,
             'Sec-WebSocket-Key' => 'short'}}, 400, 'bad_field'],
    ['upgrade without a token', GET => 'shop.test', '/_chat/v1/ws',
        {headers => {Upgrade => 'websocket', @ws}}, 401, 'unauthorized'],
    ['upgrade from elsewhere', GET => 'shop.test', '/_chat/v1/ws',
        {headers => {%bearer, Upgrade => 'websocket', @ws,
             Origin => 'https://evil.test'}}, 403, 'bad_origin'],

    ['cabinet: nothing there', GET => 'desk.test', '/api/v1/nothing', {},
        404, 'not_found'],
    ['cabinet: method', GET => 'desk.test', '/api/v1/login', {},
        405, 'method'],
    ['cabinet: method of a session', POST => 'desk.test',
        '/api/v1/sessions/x', {}, 405, 'method'],
    ['cabinet: nobody', GET => 'desk.test', '/api/v1/me', {},
        401, 'unauthorized'],
    ['cabinet: odd cookie', GET => 'desk.test', '/api/v1/me',
        {headers => {Cookie => 'chat=nothing'}}, 401, 'unauthorized'],
    ['cabinet: unknown cookie', GET => 'desk.test', '/api/v1/me',
        {headers => {Cookie => 'chat=' . 'A' x 43}}, 401, 'unauthorized'],
    ['cabinet: login without origin', POST => 'desk.test', '/api/v1/login',
        {json => {login => 'ann', password => 'x'}}, 403, 'bad_origin'],
    ['cabinet: login from elsewhere', POST => 'desk.test', '/api/v1/login',
        {json => {login => 'ann', password => 'x'},
         headers => {Origin => 'http://shop.test'}}, 403, 'bad_origin'],
    ['cabinet: login of another scheme', POST => 'desk.test',
        '/api/v1/login', {json => {login => 'ann', password => 'x'},
         headers => {Origin => 'https://desk.test'}}, 403, 'bad_origin'],
    ['cabinet: visitors have no business', POST => 'desk.test',
        '/_chat/v1/visitor', {}, 405, undef],
);

for my $row (@table) {
    my ($what, $method, $host, $path, $args, $status, $code) = @$row;
    my $res = ask($method, $host, $path, %$args);
    is $res->{status}, $status, "$what: $status";
    next unless defined $code;
    is $res->{json}{code}, $code, "$what: $code"
        or diag $res->{body};
    is $res->{json}{t}, 'error', "$what: an error frame";
    is $res->{headers}{'cache-control'}, 'no-store', "$what: not cached";
}

is ask('GET', 'shop.test', '/_chat/v1/visitor')->{headers}{allow}, 'POST',
    'Allow names the method';
is ask('GET', 'shop.test', '/_chat/v1/ws', headers => {%bearer})
    ->{headers}{'sec-websocket-version'}, 13, '426 names the version';
is $t->redis->client->hget('chat:{g}:site:'
        . $t->redis->client->hget('chat:{g}:sites', 'fresh.test'), 'hosts'),
    'fresh.test', 'a site takes no name that is taken';
is ask('GET', 'off.test', '/')->{status}, 204, 'other vhosts are untouched';

# keep-alive goes on after a refused body
my $twice = '';
my $stream = Chat::Stream->new(ip => $t->ip, port => $t->port,
    on_read => sub ($in) { $twice .= $$in; $$in = '' },
    on_close => sub { });
$stream->write(Chat::Http::head('POST', $send, host => 'shop.test',
        json => $ping, headers => {Connection => 'keep-alive'})
    . Chat::Http::head('POST', $send, host => 'shop.test', json => $ping,
        headers => {%bearer, Connection => 'close'}));
wait_for(sub { $twice =~ /HTTP.*HTTP.*pong/s }, 10, 'two answers');
like $twice, qr{^HTTP/1.1 401.*HTTP/1.1 200}s,
    'a refused body does not spoil the connection';

# a switched off site, and Redis away
$t->redis->client->hset("chat:{g}:site:"
    . $t->redis->client->hget('chat:{g}:sites', 'new.test'),
    status => 'off');
$t->nginx->reload;
my $off = ask('POST', 'new.test', '/talk/v1/visitor');
is $off->{status}, 403, 'a site that is switched off';
is $off->{json}{code}, 'suspended', 'says so';

is ask('POST', 'shop.test', '/_chat/v1/visitor')->{status}, 200,
    'a known site';
$t->allow(qr{connect\(\) to unix:.* failed});
$t->redis->term;
is ask('POST', 'shop.test', '/_chat/v1/visitor')->{status}, 200,
    'goes on without the store';
$t->nginx->reload;
my $down = ask('POST', 'new.test', '/talk/v1/visitor', timeout => 30);
is $down->{status}, 503, 'an unknown one has to wait for it';
is $down->{json}{code}, 'store_down', 'and is told why';
cmp_ok $down->{headers}{'retry-after'}, '>=', 1, 'and when to try again';

$t->done;
