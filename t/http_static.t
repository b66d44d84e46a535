# The bundles inside the module: types, caching, compression, policies.

use v5.36;
use lib 't/lib';
use Chat::Test;
use Compress::Zlib ();
use IO::Handle;
use Socket;
use Test::More;

my $t = Chat::Test->new;
$t->redis;

$t->nginx(<<'CONF');
%%GLOBALS%%
events { worker_connections 256; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
    server {
        listen %%IP%%:%%PORT_narrow%% sndbuf=4k;
        server_name narrow.test;
        chat_cabinet on;
    }
}
CONF

sub get($host, $path, %headers) {
    return $t->http('GET', $path, host => $host, headers => \%headers);
}

my $top = $t->{top};

# ----------------------------------------------------------------- widget

my $file = $t->slurp("$top/widget/dist/widget.js");
my $js = get('shop.test', '/_chat/widget.js');
is $js->{status}, 200, 'the widget';
ok $js->{body} eq $file, 'byte for byte';
is $js->{headers}{'content-type'}, 'text/javascript; charset=utf-8', 'type';
is $js->{headers}{'cache-control'}, 'no-cache', 'revalidated each time';
is $js->{headers}{'x-content-type-options'}, 'nosniff', 'nosniff';
is $js->{headers}{vary}, 'Accept-Encoding', 'varies by encoding';
is $js->{headers}{'content-encoding'}, undef, 'plain unless asked';

my $gz = get('shop.test', '/_chat/widget.js', 'Accept-Encoding' => 'gzip');
is $gz->{headers}{'content-encoding'}, 'gzip', 'compressed when asked';
ok Compress::Zlib::memGunzip($gz->{body}) eq $file, 'the same inside';
cmp_ok length $gz->{body}, '<', 0.9 * length $file, 'and smaller';

my $etag = $js->{headers}{etag};
like $etag, qr/^"[\w-]{22}"$/, 'a strong ETag';
my $same = get('shop.test', '/_chat/widget.js', 'If-None-Match' => $etag);
is $same->{status}, 304, 'not modified';
is $same->{body}, '', 'without a body';
is get('shop.test', '/_chat/widget.js', 'If-None-Match' => '"x"')->{status},
    200, 'modified';

my $head = $t->http('HEAD', '/_chat/widget.js', host => 'shop.test');
is $head->{status}, 200, 'HEAD';
is $head->{headers}{'content-length'}, length $file, 'with the length';

# ----------------------------------------- clients that read slowly, or not

my ($app) = glob "$top/lua-free-admin/web/dist/app-*.js";
my $whole = $t->slurp($app);

# Has asked for it; what is on its way fits into no buffer.
sub narrow() {
    socket my $s, PF_INET, SOCK_STREAM, 0 or die $!;
    setsockopt $s, SOL_SOCKET, SO_RCVBUF, 4096 or die $!;
    connect $s, sockaddr_in($t->port('narrow'), inet_aton($t->ip)) or die $!;
    my $name = $app =~ s{.*/}{}r;
    syswrite $s, "GET /$name HTTP/1.1\r\nHost: narrow.test\r\n"
        . "Connection: close\r\n\r\n";
    return $s;
}

# Connections of the workers, by inode: those of before may still be closing.
sub sockets() {
    return grep { /^socket:/ } map { readlink // '' }
        map { glob "/proc/$_/fd/*" } $t->{nginxes}[0]->workers;
}

my %before = map { $_ => 1 } sockets();
sub held() { return scalar grep { !$before{$_} } sockets() }

my @slow = map { narrow() } 1 .. 3;
wait_for(sub { held() == 3 }, 10, 'they are let in');
my $got = '';
$slow[0]->blocking(0);
wait_for(sub { my $n; 1 while $n = sysread $slow[0], $got, 2048, length $got;
               return defined $n }, 15, 'the end');
ok $got =~ s/^.*?\r\n\r\n//s && $got eq $whole,
    'who reads slowly gets all of it';
close $_ for @slow;
ok eval { wait_for(sub { !held() }, 15, 'they are gone') },
    'who leaves before the end leaves nothing behind';

is $t->redis->client->exists('chat:{g}:sites'), 0,
    'and register no site';

# ---------------------------------------------------------------- cabinet

my $index = get('desk.test', '/');
is $index->{status}, 200, 'the cabinet';
is $index->{headers}{'content-type'}, 'text/html; charset=utf-8', 'is HTML';
is $index->{headers}{'cache-control'}, 'no-cache', 'revalidated';

my $csp = $index->{headers}{'content-security-policy'};
like $csp, qr/default-src 'none'/, 'policy: nothing by default';
unlike $csp, qr/unsafe-/, 'nothing unsafe';
like $csp, qr/frame-ancestors 'none'/, "nobody's frame";
is $index->{headers}{'x-frame-options'}, 'DENY', 'for old browsers, too';
is $index->{headers}{'referrer-policy'}, 'same-origin', 'no referrer';
unlike $index->{body}, qr/<script(?![^>]*\bsrc=)[^>]*>|<style|\son\w+=/i,
    'nothing inline that the policy would refuse';

ok get('desk.test', '/dialogs/123')->{body} eq $index->{body},
    'places inside of the cabinet';
is get('desk.test', '/index.html')->{body}, $index->{body}, 'by its name';
is get('desk.test', '/nothing.js')->{status}, 404, 'no such file';
is get('desk.test', '/api/nothing')->{status}, 404, 'no such API';

my @parts = $index->{body} =~ /(?:src|href)="\/?([^":]+\.(?:js|css))"/g;
cmp_ok scalar @parts, '>', 0, 'script and style are files';

for my $part (@parts) {
    my $res = get('desk.test', "/$part");
    is $res->{status}, 200, "$part is there";
    like $res->{headers}{'cache-control'}, qr/immutable/, 'for ever'
        if $part =~ /-\w{8,}\./;
    is $res->{headers}{'x-content-type-options'}, 'nosniff', 'nosniff';
}

# the store may be away
$t->allow(qr{connect\(\) to unix:.* failed});
$t->redis->term;
is get('shop.test', '/_chat/widget.js')->{status}, 200,
    'files come without the store';
is get('desk.test', '/')->{status}, 200, 'the cabinet, too';

$t->done;
