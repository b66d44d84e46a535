#!/usr/bin/env perl

# Promise: a binary upgrade to another build of the module, and back again,
# is two nodes of one store for a while: visitors and operators of either
# talk to each other, and no message is lost, repeated or reordered.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Cwd qw(abs_path);
use Test::More;

# the other build: the first one of the store's version that this one has.
# Put the last commit here whose scripts take and give other values than
# today's, as soon as there is one: then Redis hears two scripts at once.
my $BEFORE = 'c2506678333a';

plan(skip_all => 'builds another commit: only with CHAT_LONG=1')
    unless $ENV{CHAT_LONG};
plan(skip_all => 'the other build is not sanitized') if $ENV{SAN};
plan(skip_all => "no git history that has commit $BEFORE")
    if system("git cat-file -e '$BEFORE^{commit}' 2>/dev/null") != 0;

my $t = Chat::Test->new(log_level => 'info');
my $src = abs_path($t->{dir}) . '/src';
mkdir $src or die $!;
is(system("git archive $BEFORE | tar -x -C '$src'"), 0, 'the other sources');

my %so = (now => "$t->{build}/ngx_http_chat_module.so",
          before => "$src/build/ngx_http_chat_module.so");

# with none of what a make above us was told
my ($rc, undef, $err) = $t->command(['env', '-i', "PATH=$ENV{PATH}", 'make',
    '-j1', '-C', $src, "B=$src/build", $so{before}], timeout => 900);
is($rc, 0, 'the other build') or die $err;

$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
    operators => [map { [$_, 'secret-password', 'operator'] }
                  qw(ann bob cid)]);

# Beside the port of all, each master has one of its own.
my $conf = <<'CONF';
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_drain 1s;
    server {
        listen %%IP%%:%%PORT%%;
        listen %%IP%%:%%PORT_OWN%%;
        server_name shop.test;
        chat on;
    }
    server {
        listen %%IP%%:%%PORT%%;
        listen %%IP%%:%%PORT_OWN%%;
        server_name desk.test;
        chat_cabinet on;
    }
}
CONF

# What a package does: another file at the path of load_module.
my $module = "$t->{dir}/module.so";

sub put ($build) {
    symlink $so{$build}, "$module.new" or die $!;
    rename "$module.new", $module or die $!;
}

# The build that a master has in its memory.
sub has ($pid) {
    my $maps = $t->slurp("/proc/$pid/maps");
    return join ' ', grep { $maps =~ /\Q$so{$_}\E$/m } sort keys %so;
}

put('before');
my $nginx = $t->nginx($conf =~ s/OWN/one/gr, module => $module, daemon => 1);
is(has($nginx->pid), 'before', 'nginx starts with the other build');

my (@v, @ops, %owner, %rounds);
my ($round, $turn) = (0, 0);

sub operator ($own, $login) {
    my $o = $t->operator(host => 'desk.test', login => $login,
        password => 'secret-password', port => $t->port($own));
    $o->wait_welcome;
    push @ops, $o;
    return $o;
}

# Visitors at one master; the operators take them in turns.
sub visitors ($own, @takers) {
    for (1 .. 2 * @takers) {
        my $v = $t->visitor(host => 'shop.test', port => $t->port($own));
        my $o = $owner{$v} = $takers[$turn++ % @takers];
        $v->wait_welcome;
        $v->post('hello');
        $v->wait_sent;
        $o->wait_text('hello', $v->{dialog});
        $o->take($v->{dialog});
        push @v, $v;
    }
}

sub talk ($what) {
    $round++;
    for my $v (@v) {
        $rounds{$v}++;
        $v->post("question $round");
        $owner{$v}->post("answer $round", dialog => $v->{dialog});
    }
    for my $v (@v) {
        for my $side ($v, $owner{$v}) {
            $side->wait_text($_, $v->{dialog}, 30)
                for "question $round", "answer $round";
        }
    }
    pass($what);
}

my $here = operator('one', 'ann');
visitors('one', $here);
talk('before the upgrade');

for ([now => 'two', 'bob', 'the upgrade'],
     [before => 'three', 'cid', 'the way back'])
{
    my ($build, $own, $login, $what) = @$_;
    my $last = $own eq 'two' ? 'one' : 'two';

    put($build);
    $nginx->write_conf($conf =~ s/OWN/$own/gr);
    my $old = $nginx->upgrade;
    is(has($nginx->pid), $build, "$what: the new master has its build");
    isnt(has($old->pid), $build, '... the old one has the other');

    # who comes to either is taken by operators of both
    my $there = operator($own, $login);
    visitors($_, $here, $there) for $last, $own;
    talk("$what: from either to either") for 1 .. 3;

    # who is sent away comes back at the port of all
    $_->{port} = $t->port
        for grep { $_->{port} == $t->port($last) } @v, @ops;
    $old->signal('QUIT');
    talk("$what: while the old master drains");
    wait_for(sub { !$old->running }, 30, 'the old master is gone');
    talk("$what: the new master alone");
    $here = $there;
}

# talk() has waited for the owners only
sub unlike_by ($o) {
    return map { {$o->{login} => [$o->texts($_->{dialog})],
                  visitor => [$_->texts]} }
        grep { "@{[$_->texts]}" ne "@{[$o->texts($_->{dialog})]}" } @v;
}
eval { wait_for(sub { !map { unlike_by($_) } @ops }, 20, 'all of it') };
is_deeply([map { unlike_by($_) } @ops], [],
          'the same order for each visitor and all operators');
is(scalar(grep { $_->texts != 1 + 2 * $rounds{$_} } @v), 0,
   'nothing was lost');
is(scalar(grep { my %n; $n{$_}++ for $_->texts; grep { $_ > 1 } values %n }
          @v), 0, 'nothing was doubled');
is($_->{dups} + $_->{disorder} + $_->{broken} + $_->{refused}, 0,
   'nor was anything for a client to put right') for @ops;
is(scalar(grep { $_->{dups} + $_->{disorder} + $_->{broken} } @v), 0,
   '... of the visitors, too');

$nginx->stop;
ok !$nginx->{process}{stuck}, 'the last master ends well';
$t->done;
