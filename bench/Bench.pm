package Bench;

# The servers under test, each with a Redis of its own, and the load client.
# A server is {peer, ports, pids => sub, redis_pid}; all of them live at the
# same time and are measured in turn.

use v5.36;

use Chat::Http ();
use Chat::Loop qw(wait_for);
use Chat::Process ();
use Chat::Redis ();
use Chat::Test;
use Exporter 'import';
use FindBin qw($RealBin);
use IO::Socket::INET ();
use JSON::XS ();

our @EXPORT = qw(ours nchan socketio load static versions);

my $ACCOUNTS = 20;

# a rewrite of the append-only file in the middle of a run is its own load
my @REDIS = ('auto-aof-rewrite-percentage 0');


# Our nginx: 20 accounts, each with a site and an operator who is logged in.
sub ours($t) {
    $t->redis(conf => [@REDIS]);
    $t->ctl('init');

    for my $i (0 .. $ACCOUNTS - 1) {
        $t->tenant(account => "Bench $i", sites => [["s$i.test"]],
                   operators => [["op$i", 'secret-password', 'operator']]);
    }

    my $nginx = $t->nginx(<<'CONF');
%%GLOBALS%%
events { worker_connections 30000; }
http {
    %%GLOBALS_HTTP%%
    access_log off;
    keepalive_timeout 5s;
    chat_zone main 32m;
    chat_redis %%REDIS%%;
    chat_connections 28000;
    chat_rate 10000 burst=10000;
    chat_visitor_rate off;
    server {
        listen %%IP%%:%%PORT%% backlog=4096;
        server_name ~^s\d+\.test$;
        chat on;
        chat_site $host;
    }
    server {
        listen %%IP%%:%%PORT%%;
        server_name desk.test;
        chat_cabinet on;
    }
    server {
        listen %%IP%%:%%PORT%%;
        server_name static.test;
        location / { return 200 "hello\n"; }
    }
}
CONF

    open my $fh, '>', "$t->{dir}/cookies" or die $!;

    for my $i (0 .. $ACCOUNTS - 1) {
        my $res = $t->http('POST', '/api/v1/login', host => 'desk.test',
            headers => {Origin => 'http://desk.test'},
            json => {login => "op$i", password => 'secret-password'});
        die "login: $res->{status} $res->{body}\n" if $res->{status} != 200;
        say $fh "s$i.test ", Chat::Http::cookies($res);
    }

    close $fh;

    return {
        peer => 'chat', name => 'ours', ip => $t->ip, ports => $t->port,
        pids => sub { $nginx->workers }, redis => $t->redis->pid,
        fresh => sub { renew($nginx, 2) },
        more => ["cookies=$t->{dir}/cookies"],
    };
}


# Debian's nchan in an nginx of its own: the two modules would not mix.
sub nchan($t) {
    my $dir = "$t->{dir}/nchan";
    mkdir $dir;
    mkdir "$dir/$_" for qw(logs tmp);
    my ($port, $store) = ($t->port('nchan'), $t->port('nchan_redis'));

    # it takes no unix socket
    my $redis = Chat::Process->start(
        argv => ['redis-server', '--port', $store, '--bind', $t->ip,
                 '--unixsocket', '', '--dir', $dir, '--appendonly', 'yes',
                 '--appendfsync', 'everysec', '--save', '',
                 map { split } map { "--$_" } @REDIS],
        log => "$dir/redis.log");
    listens($t->ip, $store);

    my $user = $> == 0 ? 'user root root;' : '';
    my $temp = join ' ', map { "${_}_temp_path $dir/tmp/$_;" }
        qw(client_body fastcgi proxy uwsgi scgi);

    open my $fh, '>', "$dir/nginx.conf" or die $!;
    print $fh <<"CONF";
load_module /usr/lib/nginx/modules/ngx_nchan_module.so;
$user
pid $dir/nginx.pid;
error_log $dir/logs/error.log warn;
worker_processes 2;
daemon off;
events { worker_connections 30000; }
http {
    $temp
    access_log off;
    nchan_shared_memory_size 256m;
    upstream store { nchan_redis_server @{[$t->ip]}:$store; }
    server {
        listen @{[$t->ip]}:$port backlog=4096;
        location ~ ^/ps/(\\w+)\$ {
            nchan_pubsub websocket;
            nchan_channel_id \$1;
            nchan_redis_pass store;
            nchan_message_buffer_length 50;
            nchan_subscriber_first_message newest;
        }
    }
}
CONF
    close $fh;

    # a reload leaves its workers in a state that crashes them soon after:
    # it is started anew each time
    my $nginx = bless {}, 'Chat::Nginx';
    my $fresh = sub {
        $nginx->{process}->stop('TERM', 20) if $nginx->{process};
        $nginx->{process} = Chat::Process->start(
            argv => ['/usr/sbin/nginx', '-p', "$dir/", '-c',
                     "$dir/nginx.conf", '-e', "$dir/logs/error.log"],
            log => "$dir/stderr.log");
        listens($t->ip, $port);
        wait_for(sub { 2 == (() = $nginx->workers) }, 10, 'nchan starts');
    };

    $fresh->();

    return {
        peer => 'nchan', name => 'nchan', ip => $t->ip, ports => $port,
        pids => sub { $nginx->workers }, redis => $redis->pid, more => [],
        fresh => $fresh,
        stop => sub { $_->stop('TERM', 20) for $nginx->{process}, $redis },
    };
}


# Two nodes, as there are two workers.
sub socketio($t) {
    my $dir = "$t->{dir}/sio";
    my $redis = Chat::Redis->new(dir => $dir, build => $t->{build},
                                 conf => [@REDIS]);
    my @ports = map { $t->port("sio$_") } 1, 2;
    my @nodes;

    my $fresh = sub {
        $_->stop('TERM', 10) for @nodes;
        @nodes = map {
            Chat::Process->start(
                argv => ['node', "$RealBin/node.mjs", $t->ip, $_,
                         $redis->socket],
                log => "$dir/node$_.log")
        } @ports;
        listens($t->ip, $_) for @ports;
    };

    $fresh->();

    return {
        peer => 'socket.io', name => 'socket.io', ip => $t->ip,
        ports => join(',', @ports), pids => sub { map { $_->pid } @nodes },
        redis => $redis->pid, more => [], fresh => $fresh,
        stop => sub { $_->stop('TERM', 10) for @nodes, $redis->{process} },
    };
}


# Workers that have served nobody yet; waits until the old ones are gone.
sub renew($nginx, $n) {
    my %old = map { $_ => 1 } $nginx->workers;
    kill 'HUP', $nginx->pid;
    wait_for(sub { !grep { kill 0, $_ } keys %old }, 60, 'old workers end');
    wait_for(sub { $n == (() = $nginx->workers) }, 20, 'new workers');
}


sub listens($ip, $port) {
    wait_for(sub {
        IO::Socket::INET->new(PeerAddr => $ip, PeerPort => $port,
                              Timeout => 1)
    }, 20, "port $port listens");
}


# One run: {name => figure}; {failed => why} if the client gave up.
sub load($t, $server, %opt) {
    my @pids = $server->{pids}->();
    push @pids, $server->{redis} if delete $opt{with_redis};

    my ($rc, $out, $err) = $t->command(["$t->{build}/bench/load",
        "peer=$server->{peer}", "ip=$server->{ip}",
        "ports=$server->{ports}", 'pids=' . join(',', @pids),
        @{$server->{more}}, map { "$_=$opt{$_}" } sort keys %opt],
        timeout => 180);

    my %res = $out =~ /^(\w+) (\S+)$/mg;
    $res{failed} = $err || "exit $rc" if $rc;
    $res{said} = $err if $err;
    return \%res;
}


# Ours is the harness' to stop.
sub stop($server) {
    $server->{stop}->() if $server->{stop};
}


# Answers a second of a static location: 64 keepalive clients of one process,
# one request at a time each.
sub static($t, $seconds) {
    my ($rc, $out) = $t->command(["$t->{build}/bench/load", 'mode=static',
        'ip=' . $t->ip, 'ports=' . $t->port, "seconds=$seconds", 'n=64']);
    return $out =~ /^answers_per_second (\S+)$/m ? $1 : undef;
}


sub versions($t) {
    my $cmd = sub (@argv) { join '', ($t->command(\@argv))[1, 2] };
    my ($nginx) = $cmd->('/usr/sbin/nginx', '-v') =~ m{nginx/(\S+)};
    my ($redis) = $cmd->('redis-server', '-v') =~ /v=(\S+)/;
    my ($nchan) = $cmd->('dpkg-query', '-W', 'libnginx-mod-nchan')
        =~ /\s(\S+)/;
    my $lock = JSON::XS->new->decode($t->slurp("$RealBin/package-lock.json"));
    my ($sio, $adapter) = map { $lock->{packages}{"node_modules/$_"}{version} }
        'socket.io', '@socket.io/redis-streams-adapter';
    chomp(my $node = $cmd->('node', '-v'));
    return {nginx => $nginx, redis => $redis, nchan => $nchan,
            'socket.io' => "$sio (streams adapter $adapter, node $node)"};
}


1;
