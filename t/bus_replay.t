# Promise: what Redis had acknowledged and then lost (it was killed between
# two fsyncs) is written again by the workers, in order and once, even if the
# clients that wrote it are gone.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
my $redis = $t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
my $nginx = $t->nginx(<<'CONF');
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_drain 0;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
    server {
        listen %%IP%%:%%PORT%%;
        server_name status.test;
        location / { chat_status; }
    }
}
CONF

sub visitor () { $t->visitor(host => 'shop.test') }
sub operator () {
    return $t->operator(host => 'desk.test', login => 'ann',
                        password => 'secret-password');
}

sub replayed () {
    return $t->http(GET => '/?format=json', host => 'status.test')
        ->{json}{replayed};
}

# Public events of a dialog as the store has them: "<event> <seq>"
sub stored ($dialog) {
    my ($key) = grep { /:d:\Q$dialog\E:pub$/ } $redis->client->keys('*:pub');
    return unless defined $key;
    # facts and body in turn
    my %elt = $redis->client->lrange($key, 0, -1);
    return map { join ' ', (split / /)[1, 2] }
        sort { (split / /, $a)[2] <=> (split / /, $b)[2] } keys %elt;
}

# A visitor's last words before he goes: the dialog, where the file ends that
# does not have them, and what the store has with them.
sub remembered () {
    my $v = visitor();
    $v->wait_welcome;
    $v->post('hello');
    $v->wait_sent;
    my $id = $v->{dialog};

    $redis->client->set('here', 1);
    my $size = -s $redis->aof;
    $v->post('remember me');
    $v->wait_sent;
    $v->close;
    return ($id, $size, stored($id));
}

# All of them, in their order.
sub restored ($id, @before) {
    return eval { wait_for(sub { "@{[stored($id)]}" eq "@before" }, 15,
                           'there') };
}


subtest 'a dialog of two workers loses its second half' => sub {
    my ($v, $o) = (visitor(), operator());
    $_->wait_welcome for $v, $o;

    $v->post('hello');
    $v->wait_sent;
    my $id = $v->{dialog};
    $o->wait_events(2, $id);
    $o->take($id);
    $o->wait_sent;

    $redis->client->config('SET', 'appendfsync', 'always');
    $redis->client->set('here', 1);
    my $size = -s $redis->aof;

    for my $i (1 .. 10) {
        my ($who, @to) = $i % 2 ? ($v) : ($o, dialog => $id);
        $who->post("message $i", @to);
        $who->wait_sent;
    }

    my @before = stored($id);
    is @before, 13, 'opened, hello, taken, ten messages';
    is replayed(), 0, 'replayed: nothing so far';
    $_->close for $v, $o;

    $redis->lose($size);
    $redis->start;
    wait_for(sub { (my @now = stored($id)) == @before }, 15,
             'all are there again');
    is_deeply [stored($id)], \@before, '... in the order they had';

    # each worker says so after it has written its last one
    my $restored;
    my $all = eval { wait_for(sub {
        $restored = 0;
        $restored += $_
            for $nginx->log =~ /(\d+) acknowledged writes restored/g;
        return $restored >= 10;
    }, 15, 'said by the workers') };
    ok $all && $restored == 10, '... ten of them were lost' or diag $restored;
    is replayed(), 10, 'replayed: each of these';
};


subtest 'its worker is about to leave' => sub {
    my ($id, $size, @before) = remembered();

    $redis->lose($size);
    my @old = $nginx->workers;
    $nginx->reload;
    ok !eval { wait_for(sub { !grep { kill 0, $_ } @old }, 0.5, 'all gone') },
        'who has acknowledged what is lost stays';

    $redis->start;
    wait_for(sub { (my @now = stored($id)) == @before }, 15,
             'what it had acknowledged is there again');
    is_deeply [stored($id)], \@before, 'and writes it again';
    wait_for(sub { !grep { kill 0, $_ } @old }, 15, 'then it leaves');
};


subtest 'a dialog that was lost from its first message on' => sub {
    my ($v, $o) = (visitor(), operator());
    $_->wait_welcome for $v, $o;
    my $size = -s $redis->aof;

    $v->post('hello');
    $v->wait_sent;
    my $id = $v->{dialog};
    $o->wait_events(2, $id);
    $o->take($id);
    $o->wait_sent;
    $o->post('what may I do for you?', dialog => $id);
    $o->wait_sent;
    $v->post('nothing');
    $v->wait_sent;
    $v->close_dialog;
    $v->wait_sent;

    my @before = stored($id);
    $_->close for $v, $o;

    $redis->lose($size);
    $redis->start;
    wait_for(sub { (my @now = stored($id)) == @before }, 15,
             'the whole dialog is there again');
    is_deeply [stored($id)], \@before, 'opened, talked, closed';
};


subtest 'the store that comes back is full for longer than a replay lasts' => sub {
    my ($id, $size, @before) = remembered();

    $redis->{conf} = ['maxmemory 1'];
    $redis->lose($size);
    $redis->start;
    $redis->{conf} = [];
    # more than NGX_HTTP_CHAT_REPLAY_AGE
    ok !eval { wait_for(sub { (my @now = stored($id)) == @before }, 7,
                        'there') }, 'it takes nothing';
    $redis->client->config('SET', 'maxmemory', 0);
    ok restored($id, @before), 'what was lost is written then';
};


subtest 'the store is away for longer than writes are kept' => sub {
    plan skip_all => 'takes a minute: only with CHAT_LONG=1'
        unless $ENV{CHAT_LONG};
    my ($id, $size, @before) = remembered();

    $redis->lose($size);
    # more than NGX_HTTP_CHAT_TAIL_AGE
    eval { wait_for(sub { 0 }, 35, 'a long outage') };
    $redis->start;
    ok restored($id, @before), 'what was lost is written again';
};


subtest 'nothing was lost: nothing is doubled' => sub {
    my ($v, $o) = (visitor(), operator());
    $_->wait_welcome for $v, $o;
    $v->post('hello');
    $v->wait_sent;
    my $id = $v->{dialog};
    $o->wait_events(2, $id);
    $o->take($id);
    $o->wait_sent;
    $v->post("message $_") for 1 .. 20;
    $v->wait_sent;
    my @before = stored($id);

    $redis->restart('kill9');
    $v->post('after');
    $_->wait_text('after', $id) for $v, $o;

    is_deeply [(stored($id))[0 .. $#before]], \@before, 'as it was';
    is_deeply [$o->texts($id)], [$v->texts], 'both sides see the same';
    is $_->{dups} + $_->{disorder} + $_->{broken}, 0, 'nothing twice'
        for $v, $o;
};

$t->done;
