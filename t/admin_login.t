# The cabinet's door: passwords, cookies, Origin, CSRF, sessions and their
# end, throttling.

use v5.36;
use lib 't/lib';
use Chat::Test;
use JSON::XS qw(decode_json);
use Test::More;

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
my $shop = $t->tenant(account => 'Shop', sites => [['shop.test'],
        ['second.test']],
    operators => [['ann', 'secret-password', 'operator'],
                  ['bob', 'another-password', 'operator'],
                  ['eve', 'patient-password', 'operator', 'second.test']]);

my ($rc) = $t->command(['openssl', 'req', '-x509', '-newkey', 'ec',
    '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', '/CN=desk.test', '-keyout', "$t->{dir}/key.pem",
    '-out', "$t->{dir}/cert.pem"]);
is $rc, 0, 'a certificate';

my $conf = <<'CONF';
%%GLOBALS%%
events { worker_connections 256; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    set_real_ip_from 127.0.0.0/8;
    real_ip_header X-Real-IP;
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
    server {
        listen %%IP%%:%%PORT_tls%% ssl http2;
        ssl_certificate CERT/cert.pem;
        ssl_certificate_key CERT/key.pem;
        server_name desk.test;
        chat_cabinet on;
    }
    server {
        listen %%IP%%:%%PORT%%;
        server_name shop.test;
        chat on;
        chat_cabinet on;
    }
    server {
        listen %%IP%%:%%PORT%%;
        server_name status.test;
        location / { chat_status; }
    }
}
CONF
$t->nginx($conf =~ s/CERT/$t->{dir}/gr);

sub ask($method, $path, %args) {
    my $host = $args{host} // 'desk.test';
    my %h = (Origin => "http://$host", %{$args{headers} // {}});
    return $t->http($method, $path, %args, host => $host, headers => \%h);
}

sub login($login, $password, %args) {
    return ask('POST', '/api/v1/login', %args,
        json => {login => $login, password => $password});
}

# headers of a logged in operator
sub who($res) {
    return (Cookie => Chat::Http::cookies($res),
            'X-CSRF' => $res->{json}{csrf});
}

# ---------------------------------------------------------------- passwords

my $res = login('ann', 'wrong');
is $res->{status}, 401, 'a wrong password';
is $res->{json}{code}, 'bad_credentials', 'is refused';
is_deeply $res->{set_cookie}, [], 'and gets no cookie';
my $none = login('nobody', 'wrong');
is $none->{body}, $res->{body}, 'an unknown login looks the same';

is ask('POST', '/api/v1/login', json => {login => 'ann', password => 'x',
    admin => JSON::XS::true})->{json}{field}, 'admin', 'an unknown field';
is ask('POST', '/api/v1/login', json => {login => 'ann'})->{json}{code},
    'bad_field', 'a missing field';
is ask('POST', '/api/v1/login', body => '{',
    headers => {'Content-Type' => 'application/json'})->{json}{code},
    'bad_json', 'broken JSON';

my $ann = login('ann', 'secret-password');
is $ann->{status}, 200, 'the right password';
is $ann->{json}{operator}{name}, 'ann', 'says who';
is_deeply [sort map { $_->{name} } @{$ann->{json}{sites}}],
    ['second.test', 'shop.test'], 'and the sites';
my ($cookie) = @{$ann->{set_cookie}};
like $cookie, qr/^chat=[\w-]{43};/, 'a cookie';
like $cookie, qr/; HttpOnly/, 'no script reads';
like $cookie, qr/; SameSite=Strict/, 'no other site sends';
like $cookie, qr{; Path=/;}, 'for the host';
unlike $cookie, qr/Secure|Domain/, 'on plain HTTP without Secure';
unlike $ann->{body}, qr/argon|secret/, 'nothing secret in the answer';

my @keys = $t->redis->client->keys('chat:{g}:session:*');
my ($value) = $cookie =~ /^chat=([\w-]+)/;
is scalar(grep { /\Q$value\E/ } @keys), 0, 'the store knows only its hash';

# ------------------------------------------------------------------ session

my %ann = who($ann);
my $me = ask('GET', '/api/v1/me', headers => {%ann, Origin => undef});
is $me->{status}, 200, 'a session';
is $me->{json}{csrf}, $ann->{json}{csrf}, 'with the same CSRF value';
is ask('GET', '/api/v1/me', headers => {%ann, Origin => 'http://evil.test'})
    ->{json}{code}, 'bad_origin', 'not from elsewhere';

my %send = (json => {t => 'ping'});
my $send = '/api/v1/send?instance=operator1';
is ask('POST', $send, %send, headers => {%ann})->{json}{t}, 'pong',
    'a command';
is ask('POST', $send, %send, headers => {%ann, 'X-CSRF' => undef})
    ->{json}{code}, 'bad_csrf', 'not without the CSRF header';
is ask('POST', $send, %send, headers => {%ann, 'X-CSRF' => 'x' x 43})
    ->{json}{code}, 'bad_csrf', 'nor with a wrong one';
is ask('POST', $send, %send, headers => {%ann, Origin => undef})
    ->{json}{code}, 'bad_origin', 'nor without Origin';
is ask('GET', '/api/v1/ws', headers => {%ann, Origin => undef,
    Upgrade => 'websocket', Connection => 'Upgrade',
    'Sec-WebSocket-Version' => 13,
    'Sec-WebSocket-Key' => 'AAAAAAAAAAAAAAAAAAAAAA=='})->{json}{code},
    'bad_origin', 'nor does a WebSocket';

# --------------------------------------------------------- ending a session

my $second = login('ann', 'secret-password',
    headers => {'User-Agent' => 'Second browser'});
my %second = who($second);
my $o = $t->operator(host => 'desk.test', login => 'ann',
    password => 'secret-password', reconnect => 0);
$o->wait_welcome;
my %o = (Cookie => $o->{cookie}, 'X-CSRF' => $o->{csrf});

my $list = ask('GET', '/api/v1/sessions', headers => {%second});
is scalar @{$list->{json}{sessions}}, 3, 'three sessions';
my ($mine) = grep { $_->{current} } @{$list->{json}{sessions}};
is $mine->{agent}, 'Second browser', 'one is the one that asks';
is $mine->{ip}, '127.0.0.1', 'and where from';
unlike $list->{body}, qr/\Q$value\E/, 'no cookie in the list';

my $own = ask('GET', '/api/v1/sessions', headers => {%o})->{json}{sessions};
my ($live) = map { $_->{id} } grep { $_->{current} } @$own;
is ask('DELETE', "/api/v1/sessions/$live", headers => {%second,
    'X-CSRF' => undef})->{json}{code}, 'bad_csrf', 'ending one needs CSRF';
my $del = ask('DELETE', "/api/v1/sessions/$live", headers => {%second});
is $del->{status}, 204, 'one session ends another';
is_deeply $del->{set_cookie}, [], 'and keeps its own cookie';
wait_for(sub { $o->{close_code} }, 10, 'the WebSocket closes');
is $o->{close_code}, 4001, 'its WebSocket is closed';
wait_for(sub { ask('GET', '/api/v1/me', headers => {%o})->{status} == 401 },
    5, 'unauthorized');
pass 'it is nobody any more';
is ask('DELETE', "/api/v1/sessions/$live", headers => {%second})
    ->{json}{code}, 'not_found', 'a session ends once';
is ask('DELETE', '/api/v1/sessions/..%2fx', headers => {%second})->{status},
    404, 'an odd id';

my $out = ask('POST', '/api/v1/logout', headers => {%second});
is $out->{status}, 204, 'logout';
like $out->{set_cookie}[0], qr/^chat=; Max-Age=0/, 'takes the cookie back';
wait_for(sub { ask('GET', '/api/v1/me', headers => {%second})
    ->{status} == 401 }, 5, 'unauthorized');
is ask('GET', '/api/v1/me', headers => {%ann})->{status}, 200,
    'the first session lives on';

# a switched off operator
my $bob = login('bob', 'another-password');
my %bob = who($bob);
is ask('GET', '/api/v1/me', headers => {%bob})->{status}, 200, 'bob';
$t->redis->client->hset("chat:{g}:operator:$shop->{operators}{bob}",
    status => 'off');
$t->nginx->reload;
is ask('GET', '/api/v1/me', headers => {%bob})->{status}, 401,
    'is switched off';
is login('bob', 'another-password')->{json}{code}, 'bad_credentials',
    'and cannot log in';

# -------------------------------------------------- a vhost that has chat

my $limited = login('ann', 'secret-password', host => 'shop.test');
is $limited->{status}, 200, 'login on a site of its own';
is_deeply [map { $_->{name} } @{$limited->{json}{sites}}], ['shop.test'],
    'is limited to that site';
is ask('GET', '/api/v1/me', host => 'shop.test', headers => {%ann})
    ->{status}, 401, 'a session of the account is not taken there';
is login('eve', 'patient-password', host => 'shop.test')->{json}{code},
    'forbidden', 'who has no role on it stays outside';

# ------------------------------------------------------- where passwords go

my $far = login('ann', 'secret-password',
    headers => {'X-Real-IP' => '203.0.113.5'});
is $far->{status}, 403, 'plain HTTP from elsewhere';
is $far->{json}{code}, 'insecure', 'takes no passwords';
is ask('GET', '/api/v1/me', headers => {%ann, 'X-Real-IP' => '203.0.113.5'})
    ->{status}, 401, 'nor cookies';

my @curl = ('curl', '-sk', '--connect-to',
    'desk.test:443:' . $t->ip . ':' . $t->port('tls'));
my (undef, $tls) = $t->command([@curl, '-D', '-', '-H',
    'Origin: https://desk.test', '-H', 'Content-Type: application/json',
    '-H', 'X-Real-IP: 203.0.113.5', '-d',
    '{"login":"ann","password":"secret-password"}',
    'https://desk.test/api/v1/login']);
like $tls, qr{^HTTP/2 200}, 'TLS and HTTP/2 from anywhere';
my ($secure) = $tls =~ /^set-cookie: (.*?)\r?$/mi;
like $secure, qr/^__Host-chat=[\w-]{43};.*; Secure/, 'a __Host- cookie';
my ($held) = $secure =~ /^__Host-chat=([\w-]+)/;
my (undef, $in) = $t->command([@curl, '-H', "Cookie: __Host-chat=$held",
    'https://desk.test/api/v1/me']);
is decode_json($in)->{operator}{name}, 'ann', 'lets in';
my (undef, $plain) = $t->command([@curl, '-H', "Cookie: chat=$held",
    'https://desk.test/api/v1/me']);
is decode_json($plain)->{code}, 'unauthorized', 'under that name only';

# --------------------------------------------------- many checks at a time

sub refused() {
    return $t->http(GET => '/?format=json', host => 'status.test')
        ->{json}{pwhash_busy};
}

my $refused = refused();
my @done;
Chat::Http::start('POST', '/api/v1/login', ip => $t->ip, port => $t->port,
        host => 'desk.test', headers => {Origin => 'http://desk.test'},
        json => {login => 'eve', password => 'patient-password'},
        on_done => sub ($r) { push @done, $r })
    for 1 .. 6;
wait_for(sub { @done == 6 }, 30, 'six answers');
my %by;
$by{$_->{status}}++ for @done;
is_deeply [grep { !/^(?:200|503)$/ } keys %by], [],
    'either in, or told to come back';
cmp_ok $by{200} // 0, '>=', 1, 'some are let in';
is_deeply [map { $_->{json}{code} } grep { $_->{status} == 503 } @done],
    [('busy') x ($by{503} // 0)], 'busy is the reason';
cmp_ok $by{503} // 0, '>=', 1, 'some are told to come back';
is refused() - $refused, $by{503} // 0, 'pwhash_busy: each of them';

# clients that do not wait for the check
for (1 .. 4) {
    my $gone = Chat::Http::start('POST', '/api/v1/login', ip => $t->ip,
        port => $t->port, host => 'desk.test',
        headers => {Origin => 'http://desk.test'},
        json => {login => 'eve', password => 'patient-password'});
    wait_for(sub { $gone->{opened} && !length $gone->{out} }, 5, 'sent');
    $gone->close;
}
wait_for(sub { login('eve', 'patient-password')->{status} == 200 }, 15,
    'a login');
pass 'clients that leave early do no harm';

# ---------------------------------------------------------------- throttle

my $last;
for (1 .. 14) {
    wait_for(sub { ($last = login('eve', 'guess'))->{status} != 503 }, 15,
        'a check');
    last if $last->{status} == 429;
}
is $last->{status}, 429, 'too many guesses';
is $last->{json}{code}, 'throttled', 'close the door';
cmp_ok $last->{headers}{'retry-after'}, '>', 60, 'for a while';
is login('eve', 'patient-password')->{status}, 429,
    'for the right password, too';
my %own = who(login('ann', 'secret-password'));
is ask('GET', '/api/v1/me', headers => {%own})->{status}, 200,
    'but not for others';

# ------------------------------------------------------------- a store's odds

# of a worker that knows the session: another one would ask for that first
$t->nginx->{workers} = 1;
$t->nginx->write_conf($t->nginx->{conf});
$t->nginx->reload;
is ask('GET', '/api/v1/me', headers => {%own})->{status}, 200, 'in again';

my $key = "chat:{g}:operator:$shop->{operators}{ann}";
$t->redis->client->rename($key, 'aside');
$t->redis->client->set($key, 'no hash');
my $odd = ask('GET', '/api/v1/me', headers => {%own});
is $odd->{status}, 500, 'a key of another type';
is $odd->{json}{code}, 'internal', 'is nothing the client did';
cmp_ok $odd->{headers}{'retry-after'}, '>', 0, 'he may try again';
$t->redis->client->rename('aside', $key);
is ask('GET', '/api/v1/me', headers => {%own})->{status}, 200, 'and does';

$t->done;
