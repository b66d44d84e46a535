# Promise: nobody becomes thousands of visitors from one address, and an
# office behind one address does not notice that there is a limit.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']]);
$t->tenant(account => 'Many', sites => [['strict.test'], ['off.test']]);

$t->nginx(<<'CONF', workers => 2);
%%GLOBALS%%
events { worker_connections 256; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    set_real_ip_from 127.0.0.0/8;
    real_ip_header X-Real-IP;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server {
        listen %%IP%%:%%PORT%%;
        server_name strict.test;
        chat on;
        chat_visitor_rate 1 burst=3;
    }
    server {
        listen %%IP%%:%%PORT%%;
        server_name off.test;
        chat on;
        chat_visitor_rate off;
    }
    server {
        listen %%IP%%:%%PORT%%;
        server_name status.test;
        location / { chat_status; }
    }
}
CONF

sub visitor($host, $from, %headers) {
    return $t->http(POST => '/_chat/v1/visitor', host => $host,
                    headers => {'X-Real-IP' => $from, %headers});
}

sub limited {
    return $t->http(GET => '/?format=json', host => 'status.test')
        ->{json}{visitors_limited};
}

# ------------------------------------------------------------- one address

my @first = map { visitor('strict.test', '203.0.113.1') } 1 .. 3;
is_deeply [map { $_->{status} } @first], [200, 200, 200], 'a burst';
isnt $first[0]{json}{visitor}, $first[1]{json}{visitor}, 'of several visitors';

my $no = visitor('strict.test', '203.0.113.1');
is $no->{status}, 429, 'then no more';
is $no->{json}{t}, 'error', 'an error';
is $no->{json}{code}, 'rate', '... that says why';
cmp_ok $no->{json}{retry_ms}, '>', 1000, '... and until when';
cmp_ok $no->{json}{retry_ms}, '<=', 60_000, '... which is not long';
cmp_ok abs($no->{headers}{'retry-after'} - $no->{json}{retry_ms} / 1000), '<=',
    1, '... as the header';
is $no->{headers}{'set-cookie'}, undef, 'and no identity';
is limited(), 1, 'it is counted';

is visitor('strict.test', '203.0.113.1',
           Authorization => "Bearer $first[0]{json}{token}")->{status}, 200,
    'who is a visitor already stays one';
is visitor('strict.test', '203.0.113.1',
           Authorization => 'Bearer nonsense')->{status}, 429,
    'who says so only is none';

is visitor('strict.test', '203.0.113.2')->{status}, 200, 'a neighbour may';

# ------------------------------------------------------------------- IPv6

is visitor('strict.test', "2001:db8::$_")->{status}, 200, "2001:db8::$_"
    for 1 .. 3;
is visitor('strict.test', '2001:db8::4:4:4:4')->{status}, 429,
    'a /64 is one address';
is visitor('strict.test', '2001:db8:0:1::1')->{status}, 200, 'the next is not';
is visitor('strict.test', '::ffff:203.0.113.1')->{status}, 429,
    'an IPv4 address by another name';

# --------------------------------------------------------- whom it must not

is scalar(grep { visitor('shop.test', '198.51.100.1')->{status} != 200 }
          1 .. 200), 0, 'an office of 200 by default';
is scalar(grep { visitor('off.test', '198.51.100.2')->{status} != 200 }
          1 .. 20), 0, 'without a limit';

$t->done;
