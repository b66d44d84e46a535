# Promise: whatever is cut off the log before a node has read it, the clients
# of the node are not without it, and a login that ended has ended there.

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
           operators => [['ann', 'secret-password', 'operator'],
                         ['bob', 'secret-password', 'operator']]);
my $proxy = Chat::Proxy->new(path => "$t->{dir}/proxy.sock",
                             to => $redis->socket);

my $conf = <<'CONF';
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis REDIS;
    chat_drain 1s;
    server { listen %%IP%%:%%PORT_NODE%%; server_name shop.test; chat on; }
    server {
        listen %%IP%%:%%PORT_NODE%%;
        server_name desk.test;
        chat_cabinet on;
    }
}
CONF

# The operators' node is far from Redis, the visitor's one is not.
sub node ($name, $address) {
    return $t->nginx($conf =~ s/PORT_NODE/PORT_$name/gr
                           =~ s/REDIS/$address/r, workers => 1);
}

my $far = node(far => $proxy->address);
my $near = node(near => $redis->address);

sub operator ($login) {
    my $c = $t->operator(host => 'desk.test', port => $t->port('far'),
        login => $login, password => 'secret-password', record => 1);
    $c->wait_welcome;
    return $c;
}

# What becomes of the logs: everything that is in them is cut off.
sub trim () {
    my $c = $redis->client;
    $c->xtrim($_, 'MAXLEN', 0) for $c->keys('chat:*:log');
}

my $v = $t->visitor(host => 'shop.test', port => $t->port('near'));
my ($ann, $bob) = (operator('ann'), operator('bob'));
$v->wait_welcome;
$v->post('hello');
$v->wait_sent;
my $d = $v->{dialog};
$_->wait_text('hello', $d) for $ann, $bob;

sub welcomes () {
    return scalar grep { $_->{t} eq 'welcome' } @{$ann->{frames}};
}


# Every text so far, in order; nothing more is said, which would tell the
# client that something is missing.
sub has_all ($what) {
    my @want = $v->texts;
    ok eval { wait_for(sub { "@{[$ann->texts($d)]}" eq "@want" }, 15,
                       'all of it') }, $what
        or diag join '|', $ann->texts($d);
}


subtest 'a link that was cut, a log that was not' => sub {
    my $before = welcomes();
    $proxy->mode('shut');
    $v->post("while away $_") for 1 .. 3;
    $v->wait_sent;
    $proxy->mode('pass');
    has_all('goes on where it was');
    is welcomes(), $before, '... without a word';
};

subtest 'the log was cut meanwhile' => sub {
    $proxy->mode('shut');
    $v->post("never read $_") for 1 .. 3;
    $v->wait_sent;
    trim();
    $proxy->mode('pass');
    has_all('comes from the store');
    is $ann->{resets}, 1, '... as what is missing, not as a new beginning';
};

subtest 'the reader slept meanwhile' => sub {
    my ($pid) = $far->workers;
    kill STOP => $pid;
    my $since = now();
    $v->post("asleep $_") for 1 .. 3;
    $v->wait_sent;
    trim();
    # as long as others would take for dead
    wait_for(sub { now() - $since > 2.5 }, 5, 'some time');
    kill CONT => $pid;
    has_all('comes from the store');
};

subtest 'the end of a login was cut off' => sub {
    $bob->{reconnect} = 0;
    $proxy->mode('shut');
    my $res = $t->http('POST', '/api/v1/logout', host => 'desk.test',
        port => $t->port('near'), json => {},
        headers => {Origin => 'http://desk.test', Cookie => $bob->{cookie},
                    'X-CSRF' => $bob->{csrf}});
    is $res->{status}, 204, 'he logs out at another node';
    trim();
    $proxy->mode('pass');
    ok eval { wait_for(sub { $bob->{close_code} }, 15, 'closed') },
        'he is out here, too';
    is $bob->{close_code}, 4001, '... and told so';
};

is $_->{dups} + $_->{disorder} + $_->{broken}, 0, 'nothing twice'
    for $ann, $v;

$t->done;
