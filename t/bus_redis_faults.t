# Promise: whatever Redis does, nginx says once what is wrong, goes on serving
# websites, tries again with pauses, and takes up the work by itself; what
# clients wrote meanwhile arrives once.

use v5.36;
use lib 't/lib';

use Chat::Loop qw(now);
use Chat::Proxy;
use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
my $redis = $t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
my $proxy = Chat::Proxy->new(path => "$t->{dir}/proxy.sock",
                             to => $redis->socket);

my $conf = <<"CONF";
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis @{[$proxy->address]};
    chat_outbox 128k;
    chat_drain 1s;
    server {
        listen %%IP%%:%%PORT%%;
        server_name shop.test;
        chat on;
        location / { return 200 "page\\n"; }
    }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

# New lines of the error log since the last call.
my $read = 0;
my $nginx;
sub news () {
    my $log = substr $nginx->log, $read;
    return $log;
}

sub mark () { $read = length $nginx->log }

sub logged ($re, $seconds = 10) {
    my $ok = eval { wait_for(sub { news() =~ $re }, $seconds, "$re") };
    ok $ok, "logged: $re" or diag $@, news();
}

sub back () { logged(qr/\(commands\) is back/) }

sub page () {
    my $res = $t->http(GET => '/', host => 'shop.test');
    is $res->{body}, "page\n", 'the website is served';
}

my ($v, $o);
sub talks ($text) {
    $v->post("$text?");
    $o->wait_text("$text?", $v->{dialog}, 15);
    $o->post("$text!", dialog => $v->{dialog});
    $_->wait_text("$text!", $v->{dialog}, 15) for $v, $o;
    $_->wait_sent for $v, $o;
    pass("they talk: $text");
}


subtest 'nginx starts while Redis is away' => sub {
    $proxy->mode('shut');
    $nginx = $t->nginx($conf);
    logged(qr/\[error\] .*chat: redis "unix:\S+proxy.sock" \(commands\): (?:closed the connection|connection is broken \(\d+: \w+)/);
    page();
    mark();
    $proxy->mode('pass');
    back();

    $v = $t->visitor(host => 'shop.test');
    $o = $t->operator(host => 'desk.test', login => 'ann',
                      password => 'secret-password');
    $_->wait_welcome for $v, $o;
    $v->post('hello');
    $v->wait_sent;
    $o->wait_events(2, $v->{dialog});
    $o->take($v->{dialog});
    $o->wait_sent;
    talks('first');
};

subtest 'answers come byte by byte' => sub {
    mark();
    $proxy->mode('bytes');
    back();
    talks('slow');
};

my @refusals = (
    ['too many clients', 'say', "-ERR max number of clients reached\r\n",
     qr/max number of clients reached/],
    ['loading', 'answer', "-LOADING Redis is loading the dataset in memory\r\n",
     qr/LOADING/],
    ['no password', 'answer', "-NOAUTH Authentication required.\r\n",
     qr/NOAUTH/],
    ['not Redis at all', 'answer', "HTTP/1.1 400 Bad Request\r\n\r\n",
     qr/does not speak the protocol/],
    ['INFO is a number', 'answer', ":1\r\n", qr/unexpected answer to INFO/],
    ['a bulk string of 2 GiB', 'say', "\$2147483647\r\n",
     qr/closed the connection|speak the protocol|unasked/],
    ['an array of 200 million', 'answer', "*200000000\r\n",
     qr/does not speak the protocol/],
    ['arrays within arrays, 4 million each', 'answer', "*4000000\r\n" x 7,
     qr/does not speak the protocol/],
    ['nobody there', 'shut', '', qr/closed the connection|is broken/],
);

for my $case (@refusals) {
    my ($name, $mode, $text, $re) = @$case;

    subtest $name => sub {
        mark();
        my ($before, $start) = ($proxy->{accepted}, now());
        $proxy->mode($mode, text => $text);
        logged($re);
        page();
        wait_for(sub { $v->{link} eq 'down' }, 10, 'clients are told');
        mark();
        $proxy->mode('pass');
        back();
        talks($name);
        # of three connections each: 50 ms, doubled at each attempt up to 1 s
        cmp_ok $proxy->{accepted} - $before, '<',
            3 * (10 + 2 * (now() - $start)), 'it did not hammer';
    };
}

subtest 'no worker took the memory that was announced' => sub {
    for my $pid ($nginx->workers) {
        my ($kb) = $t->slurp("/proc/$pid/status") =~ /^VmHWM:\s+(\d+)/m;
        cmp_ok $kb, '<', 512 * 1024, "worker $pid: $kb kB at most";
    }
};

subtest 'no answer' => sub {
    mark();
    $redis->freeze;
    $v->post('into the frozen store');
    logged(qr/\(commands\): does not answer/);
    page();
    mark();
    $redis->thaw;
    back();
    $o->wait_text('into the frozen store', $v->{dialog}, 15);
    talks('thawed');
};

subtest 'connected, but what is written does not come back' => sub {
    wait_for(sub { grep { $_->{chat_reads} } values %{$proxy->{open}} }, 10,
             'somebody reads the log');
    mark();
    my $start = now();
    $proxy->silence('reader');
    logged(qr/\(log\): what is written does not come back/, 15);
    my $took = now() - $start;
    cmp_ok $took, '<', 5 * $Chat::Loop::SLOW,
        sprintf 'noticed after %.2f s', $took;
    logged(qr/\(log\) is back/);
    talks('heard again');
};

subtest 'a replica' => sub {
    mark();
    $proxy->mode('edit', edit => sub ($bytes) {
        return $bytes =~ s/role:master/role:slave!/r;
    });
    logged(qr/is not a master/);
    mark();
    $proxy->mode('pass');
    back();
};

# While it loads a big file Redis answers INFO, and says so there.
subtest 'its data are being loaded' => sub {
    mark();
    my $loading = 0;
    $proxy->mode('edit', edit => sub ($bytes) {
        $loading += $bytes =~ s/^loading:0/loading:1/m;
        return $bytes;
    });
    logged(qr/is loading its data/);
    page();
    wait_for(sub { $v->{link} eq 'down' }, 10, 'clients are told');
    mark();
    $proxy->mode('pass');
    back();
    ok $loading, 'INFO said so';
    talks('loaded');
};

# Whichever of our connections comes to know of it first.
for my $which (0 .. 2) {
    subtest 'another history behind open connections' => sub {
        my $c = $redis->client;
        my ($old) = $nginx->log =~ /.*epoch ([0-9A-F]{8})/s;
        wait_for(sub { keys %{$proxy->{open}} == 3 }, 10,
                 'two workers, one of them reads the log');
        mark();
        $c->replicaof('127.0.0.1', 1);      # nobody is there
        $c->replicaof('NO', 'ONE');
        my @open = sort { $a <=> $b } map { $_->handle->fileno }
            values %{$proxy->{open}};
        $_->close for grep { $_->handle->fileno == $open[$which] }
            values %{$proxy->{open}};
        wait_for(sub { news() =~ /epoch (?!$old)[0-9A-F]{8}/ }, 15,
                 'the ring has another epoch');
        talks('another history');
        wait_for(sub {
            my %seen = map { $_ => 1 } news() =~
                /(\d+)#\d+: chat: redis \S+ \(commands\) is back/g;
            return keys %seen == 2;
        }, 15, 'both workers know it');
        pass('both workers know it');
    };
}

subtest 'another store' => sub {
    my $c = $redis->client;
    my ($key) = $c->keys('*:store');
    my %store = $c->hgetall($key);

    for ([[major => 99], qr/another major version: use the programs that made it/],
         [[partitions => 8], qr/another number of partitions/],
         [[partitions => 'x'], qr/cannot be read/])
    {
        my ($set, $re) = @$_;
        mark();
        $c->hset($key, @$set);
        $proxy->drop;
        logged($re);
        mark();
        $c->hset($key, %store);
        back();
    }

    mark();
    $c->rename($key, 'elsewhere');
    $proxy->drop;
    logged(qr/holds no store yet: run "chatctl init"/);
    mark();
    $c->rename('elsewhere', $key);
    back();
    talks('the old store again');
};

subtest 'scripts are gone' => sub {
    mark();
    $redis->client->script('FLUSH');
    $v->post('without a script');
    logged(qr/NOSCRIPT/);
    $o->wait_text('without a script', $v->{dialog}, 15);
    $v->wait_sent;
};

subtest 'no room in the store' => sub {
    my $c = $redis->client;
    $c->config('SET', 'maxmemory', '1mb');
    my $before = @{$v->{errors}};
    $v->post('too much');
    wait_for(sub { @{$v->{errors}} > $before }, 10, 'an error');
    is $v->{errors}[-1]{code}, 'store_full', 'told so';
    ok $v->{errors}[-1]{retry_ms}, 'and when to try again';
    $c->config('SET', 'maxmemory', '0');
    $o->wait_text('too much', $v->{dialog}, 20);
    $v->wait_sent;
};

# min-replicas-to-write: what is refused now may be taken in a minute
subtest 'no replica in time' => sub {
    my $c = $redis->client;
    mark();
    $c->config('SET', 'min-replicas-to-write', '1');
    $v->post('is there a copy');
    logged(qr/\(commands\): NOREPLICAS/);
    wait_for(sub { $v->{link} eq 'down' }, 10, 'clients are told');
    logged(qr/\(commands\): has no replica in time/);
    my $ups = () = news() =~ /\(commands\) is back/g;
    is $ups, 0, 'it does not come and go';
    page();
    $c->config('SET', 'min-replicas-to-write', '0');
    $o->wait_text('is there a copy', $v->{dialog}, 15);
    $v->wait_sent;
    back();
};

subtest 'a password' => sub {
    mark();
    $redis->client->config('SET', 'requirepass', 'open sesame');
    $proxy->drop;
    logged(qr/NOAUTH/);
    mark();
    $nginx->write_conf($conf =~ s/(chat_redis \S+);/$1 "password=wrong";/r);
    $nginx->reload;
    logged(qr/WRONGPASS/);
    mark();
    open my $fh, '>', "$nginx->{dir}/secret" or die $!;
    print $fh "open sesame\n";
    close $fh;
    $nginx->write_conf($conf =~ s/(chat_redis \S+);/$1 password_file=secret;/r);
    $nginx->reload;
    talks('authenticated');
    unlike $nginx->log, qr/open sesame/, 'never in the log';
};

is_deeply [$o->texts($v->{dialog})], [$v->texts], 'both have seen the same';
is $_->{dups} + $_->{disorder} + $_->{broken}, 0, 'nothing twice' for $v, $o;

$t->done;
