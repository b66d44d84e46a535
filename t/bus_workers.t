# Promise: whichever worker goes, however it goes, the rest of the node goes
# on delivering, and what its own clients had is resumed: every message once,
# in the same order for both sides.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Test::More;

my $t = Chat::Test->new(log_level => 'info');
my $redis = $t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);

my $conf = <<'CONF';
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_drain 1s;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF
my $nginx = $t->nginx($conf, workers => 3);

# Pairs on all workers: connections spread by chance.
my @v = map { $t->visitor(host => 'shop.test') } 1 .. 12;
my $o = $t->operator(host => 'desk.test', login => 'ann',
                     password => 'secret-password');
$_->wait_welcome for @v, $o;

my $round = 0;

sub all_talk ($what) {
    $round++;
    $_->post("question $round") for @v;
    $_->wait_sent(20) for @v;

    for my $v (@v) {
        $o->wait_text("question $round", $v->{dialog}, 20);
        $o->take($v->{dialog}) if $round == 1;
        $o->post("answer $round", dialog => $v->{dialog});
    }

    $o->wait_sent(20);
    for my $v (@v) {
        $_->wait_text("answer $round", $v->{dialog}, 20) for $v, $o;
    }
    pass("all $round rounds after $what");
}

sub leader () { return $nginx->reader }

all_talk('the start');

subtest 'the reader of the log is killed' => sub {
    for (1 .. 3) {
        my $pid = wait_for(sub { leader() }, 10, 'a leader');
        $nginx->kill_worker($pid);
        ok wait_for(sub { leader() && leader() != $pid }, 10,
                    'another leader'), 'another one reads';
        all_talk("kill -9 of the leader");
    }
};

subtest 'the reader of the log hangs' => sub {
    my $pid = wait_for(sub { leader() }, 10, 'a leader');
    kill STOP => $pid;
    ok wait_for(sub { leader() && leader() != $pid }, 10, 'another leader'),
        'another one reads';
    kill CONT => $pid;
    wait_for(sub { $nginx->log =~ /$pid#\d+: chat: this worker does not read/ },
             10, 'the old one sees it');
    all_talk('a leader that slept');
};

subtest 'any other worker is killed' => sub {
    for (1 .. 3) {
        my $leader = wait_for(sub { leader() }, 10, 'a leader');
        my ($pid) = grep { $_ != $leader } $nginx->workers;
        $nginx->kill_worker($pid);
        all_talk('kill -9 of a worker');
    }
};

subtest 'reloads, the next one before the last one is done' => sub {
    my %connects = map { $_ => $_->{connects} } @v;

    for my $n (1 .. 5) {
        $nginx->reload;
        $_->post("reload $n") for @v;
    }

    all_talk('reloads');
    # within the second of chat_drain
    ok wait_for(sub { !grep { $_->{connects} == $connects{$_} } @v }, 20,
                'all have moved'), 'all have moved to new workers';
    is_deeply [grep { $_ != 1012 && $_ != 503 } map { $_->{close_code} } @v],
        [], '... told so by a close with 1012, or by 503 before the upgrade';
    wait_for(sub {
        my @old = $nginx->log =~ /start worker process (\d+)/g;
        return 3 == grep { kill 0, $_ } @old;
    }, 20, 'old workers are gone');
};

subtest 'the zone grows at a reload: a new ring, the old one drains' => sub {
    $nginx->write_conf($conf =~ s/main 8m/main 16m/r);
    $nginx->reload;
    all_talk('another zone');
};

subtest 'more workers than before' => sub {
    $nginx->{workers} = 5;
    $nginx->write_conf($conf =~ s/main 8m/main 16m/r);
    $nginx->reload;
    all_talk('more workers');
};

for my $v (@v) {
    is_deeply [$o->texts($v->{dialog})], [$v->texts], 'the same on both sides';
    my %n;
    $n{$_}++ for $v->texts;
    is_deeply [grep { $_ != 1 } values %n], [], '... each message once';
}
is $_->{dups} + $_->{disorder} + $_->{broken}, 0, 'nothing twice' for @v, $o;


$t->done;
