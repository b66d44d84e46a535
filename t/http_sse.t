# Server-sent events: headers, ids, resuming, heartbeats, bounds.

use v5.36;
use lib 't/lib';
use Chat::Test;
use JSON::XS qw(decode_json);
use Test::More;

my $t = Chat::Test->new(log_level => 'info');
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
    operators => [['ann', 'secret-password', 'operator']]);

$t->nginx(<<'CONF', workers => 1);
%%GLOBALS%%
events { worker_connections 256; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_connections 4;
    chat_ping 1s;
    chat_frame_size 8k;
    chat_send_queue 16k;
    chat_send_timeout 2s;
    chat_rate 1000 burst=1000;
    gzip on;
    gzip_types *;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT_h2%% http2; server_name shop.test; chat on; }
    server {
        listen %%IP%%:%%PORT_patient%%;
        server_name shop.test;
        chat on;
        chat_ping 1m;
    }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
    server {
        listen %%IP%%:%%PORT%%;
        server_name status.test;
        location / { chat_status; }
    }
}
CONF

sub streams {
    return $t->http('GET', '/?format=json', host => 'status.test')
        ->{json}{connections_sse};
}

# An event stream: {res, raw, events => [{id, data}]}
sub stream($query, %args) {
    my $s = {raw => '', events => []};
    my $buf = '';
    $s->{stream} = Chat::Http::start('GET', "/_chat/v1/events?$query",
        ip => $t->ip, port => $t->port, host => 'shop.test',
        headers => {Connection => 'keep-alive', %{$args{headers} // {}}},
        on_head => sub ($res) { $s->{res} = $res },
        on_data => sub ($bytes) {
            $s->{raw} .= $bytes;
            $buf .= $bytes;
            while ($buf =~ s/^(.*?)\n\n//s) {
                my $block = $1;
                my ($id) = $block =~ /^id: (.*)$/m;
                push @{$s->{events}}, {id => $id, data => decode_json($1)}
                    if $block =~ /^data: (.*)$/m;
            }
        },
        on_done => sub ($res) { $s->{done} = 1; $s->{res} //= $res });
    return $s;
}

sub token {
    return $t->http('POST', '/_chat/v1/visitor', host => 'shop.test')
        ->{json}{token};
}

my $n = 0;
sub post($token, $text) {
    return $t->http('POST', '/_chat/v1/send?instance=writer01',
        host => 'shop.test', headers => {Authorization => "Bearer $token"},
        json => {t => 'post_message', n => '' . ++$n, text => $text});
}

my $token = token();
my %bearer = (Authorization => "Bearer $token");

# ---------------------------------------------------------------- a stream

my $s = stream('instance=reader01',
    headers => {%bearer, 'Accept-Encoding' => 'gzip'});
wait_for(sub { @{$s->{events}} }, 10, 'welcome');

my $h = $s->{res}{headers};
is $s->{res}{status}, 200, 'a stream';
like $h->{'content-type'}, qr{^text/event-stream}, 'of events';
is $h->{'cache-control'}, 'no-cache, no-transform', 'not to be stored';
is $h->{'content-encoding'}, undef, 'nor compressed';
is $h->{'x-accel-buffering'}, 'no', 'nor buffered by a proxy';
like $s->{raw}, qr/^retry: \d+\n\n/, 'says when to come back';

my $welcome = $s->{events}[0];
is $welcome->{data}{t}, 'welcome', 'welcome comes first';
is $welcome->{id}, $welcome->{data}{cursor}, 'its id is the cursor';

my $ack = post($token, 'one');
is $ack->{status}, 200, 'a message is sent';
is $ack->{json}{t}, 'ack', 'and acknowledged';
is $ack->{json}{n}, '1', 'by its number';

wait_for(sub { grep { ($_->{data}{e} // '') eq 'message_posted' }
               @{$s->{events}} }, 10, 'the event');
my ($opened) = grep { ($_->{data}{e} // '') eq 'dialog_opened' }
    @{$s->{events}};
my ($posted) = grep { ($_->{data}{e} // '') eq 'message_posted' }
    @{$s->{events}};
is $posted->{data}{body}{text}, 'one', 'comes back by the stream';
is $posted->{id}, $posted->{data}{cursor}, 'with its cursor';
is $posted->{data}{seq}, $opened->{data}{seq} + 1, 'in order';

wait_for(sub { $s->{raw} =~ /^:\n\n/m }, 10, 'a comment');
pass 'a comment each chat_ping';

# ------------------------------------------------------------------ resume

$s->{stream}->close;
post($token, 'two');
post($token, 'three');

sub texts($s) {
    my @e = map { $_->{data}{t} eq 'welcome' ? @{$_->{data}{events} // []}
                : $_->{data}{t} eq 'event' ? $_->{data} : () } @{$s->{events}};
    return join ' ', map { $_->{body}{text} }
        grep { $_->{e} eq 'message_posted' } @e;
}

$s = stream('instance=reader01&cursor=' . $posted->{id}, headers => \%bearer);
wait_for(sub { texts($s) =~ /three/ }, 10, 'what was missed');
is texts($s), 'two three', 'resumes behind the cursor of the query';
my $last = $s->{events}[-1]{id};
$s->{stream}->close;

post($token, 'four');
$s = stream('instance=reader01&cursor=' . $posted->{id},
    headers => {%bearer, 'Last-Event-ID' => $last});
wait_for(sub { texts($s) =~ /four/ }, 10, 'what was missed');
is texts($s), 'four', 'Last-Event-ID is newer than the query';

my $bad = stream('instance=reader01&cursor=1.00000000.0:1-1.AAAAAAAAAAA',
    headers => \%bearer);
wait_for(sub { @{$bad->{events}} || $bad->{done} }, 10, 'an answer');
is $bad->{events}[0]{data}{code}, 'bad_cursor', 'a forged cursor is refused';
$bad->{stream}->close;

# ------------------------------------------------------------------ bounds

$s->{stream}->close;
my @four;
wait_for(sub {
    my $one = stream('instance=bounds0' . @four, headers => \%bearer);
    wait_for(sub { $one->{res} }, 10, 'an answer');
    push @four, $one if $one->{res}{status} == 200;
    return @four == 4;
}, 10, 'room');

my $fifth = stream('instance=bounds05', headers => \%bearer);
wait_for(sub { $fifth->{done} }, 10, 'a refusal');
is $fifth->{res}{status}, 503, 'no room for a fifth';
cmp_ok $fifth->{res}{headers}{'retry-after'}, '>=', 1, 'told to come back';
is decode_json($fifth->{raw})->{code}, 'busy', 'and why';
is $t->http('GET', '/_chat/v1/poll?instance=bounds06', host => 'shop.test',
            headers => \%bearer)->{status}, 503, 'nor for a poll';
is post($token, 'five')->{status}, 200, 'writing needs no room';

$_->{stream}->close for @four;
wait_for(sub {
    my $one = stream('instance=bounds07', headers => \%bearer);
    wait_for(sub { $one->{res} }, 10, 'an answer');
    my $ok = $one->{res}{status} == 200;
    $one->{stream}->close;
    return $ok;
}, 10, 'room after they left');
pass 'who leaves makes room';

# --------------------------------------------- a client that does not read

my $lazy = Chat::Stream->new(ip => $t->ip, port => $t->port('patient'),
    rcvbuf => 2048, on_read => sub ($in) { }, on_close => sub { });
$lazy->write(Chat::Http::head('GET', '/_chat/v1/events?instance=lazy0001',
    host => 'shop.test', headers => {%bearer, Connection => 'keep-alive'}));
wait_for(sub { $lazy->{in} =~ /"welcome"/ }, 10, 'welcome');
$lazy->pause(1);

my $big = 'x' x 3900;
wait_for(sub {
    post($token, $big);
    return $t->nginx->log =~ /client does not read its events/;
}, 60, 'it is cut off');
pass 'a client that does not read is cut off';
$lazy->close;

# Little waits for another one that does not read: the kernel holds it, so
# nginx has nothing to wait for.  Nor would it for a client that vanished,
# which cannot be had on one machine; the same clock of the kernel ends both.
my $mute = Chat::Stream->new(ip => $t->ip, port => $t->port, rcvbuf => 2048,
    on_read => sub ($in) { }, on_close => sub { });
$mute->write(Chat::Http::head('GET', '/_chat/v1/events?instance=mute0001',
    host => 'shop.test', headers => {%bearer, Connection => 'keep-alive'}));
wait_for(sub { $mute->{in} =~ /"welcome"/ && streams() == 1 }, 10, 'welcome');
pass 'a stream is open';
$mute->pause(1);
my $slow = () = $t->nginx->log =~ /client does not read its events/g;

post($token, $big) for 1 .. 4;
wait_for(sub { streams() == 0 }, 20, 'it is given up');
pass 'one whose kernel takes nothing is given up';
is scalar(() = $t->nginx->log =~ /client does not read its events/g), $slow,
    '... though nothing waited in nginx';
$mute->close;

# ------------------------------------------------------------------ HTTP/2

my $other = token();
my $out = "$t->{dir}/h2.txt";
my $curl = Chat::Process->start(log => $out, argv => ['curl', '-sN',
    '--http2-prior-knowledge', '-H', 'Host: shop.test', '-H',
    "Authorization: Bearer $other", '-D', "$out.head",
    'http://' . $t->ip . ':' . $t->port('h2')
        . '/_chat/v1/events?instance=h2reader']);
wait_for(sub { $t->slurp($out) =~ /"t":"welcome"/ }, 10, 'welcome over HTTP/2');
like $t->slurp("$out.head"), qr{^HTTP/2 200}, 'HTTP/2';

$n = 0;
post($other, "message $_ $big") for 1 .. 30;
wait_for(sub { $t->slurp($out) =~ /message 30 / }, 20, 'all events');
my @got = $t->slurp($out) =~ /"text":"message (\d+) /g;
is_deeply \@got, [1 .. 30], 'a stream over HTTP/2, all of it, in order';
$curl->stop('TERM');

$t->done;
