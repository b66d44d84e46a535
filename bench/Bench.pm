package Bench;

# The servers under test, each with a Redis of its own, and the load client.
# A server is {peer, ports, tls (a port), pids => sub, fresh => sub (workers
# that have served nobody), reload and kill => sub (a process, its signal),
# watch => sub (brings back what died)}; all of them live at the same time and
# are measured in turn.

use v5.36;

use Chat::Http ();
use Chat::Loop qw(reactor wait_for);
use Chat::Process ();
use Chat::Redis ();
use Chat::Test;
use Exporter 'import';
use FindBin qw($RealBin);
use IO::Socket::INET ();
use JSON::XS ();

our @EXPORT = qw(ours nchan socketio load limit status versions awake $DRAIN
                 $STALL);

our $DRAIN = 8;         # seconds of chat_drain
our $STALL = 1;         # and of chat_send_timeout
my $ACCOUNTS = 20;
my $FILES = 40_000;

# a rewrite of the append-only file in the middle of a run is its own load
my @REDIS = ('auto-aof-rewrite-percentage 0', 'latency-tracking no');


# As many files as the crowd needs, or as one may have.
sub files() {
    my ($most) = slurp('/proc/self/limits') =~ /^Max open files +\d+ +(\d+)/m;
    $most = $FILES if !$most || $most > $FILES;
    return "worker_rlimit_nofile $most;";
}


sub slurp($path) {
    open my $fh, '<', $path or die "$path: $!\n";
    local $/;
    return scalar <$fh>;
}


# Whether processors stay awake while they have nothing to do, as cyclictest
# and DPDK have them: a request of 0 us to /dev/cpu_dma_latency
# (Documentation/power/pm_qos_interface.rst) holds as long as the file is open.
# A virtual processor that halts is given away by its host, and back when the
# host can: up to ten milliseconds later, which no server is to blame for.
# Returns false where it cannot be asked for.
sub awake($on) {
    state $request;
    $request = undef;
    return 1 unless $on;
    return open($request, '+<', '/dev/cpu_dma_latency')
        && syswrite($request, pack 'l', 0);
}


# A certificate that nobody checks.
sub certificate($t) {
    return if -e "$t->{dir}/cert.pem";
    my ($rc, undef, $err) = $t->command(['openssl', 'req', '-x509',
        '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
        '-days', '2', '-subj', '/CN=bench.test', '-keyout',
        "$t->{dir}/key.pem", '-out', "$t->{dir}/cert.pem"]);
    die "openssl: $err\n" if $rc;
}


# Our nginx: 20 accounts, each with a site and an operator who is logged in.
sub ours($t) {
    certificate($t);
    $t->redis(conf => [@REDIS]);
    $t->ctl('init');

    for my $i (0 .. $ACCOUNTS - 1) {
        $t->tenant(account => "Bench $i", sites => [["s$i.test"]],
                   operators => [["op$i", 'secret-password', 'operator']]);
    }

    my ($files, $dir) = (files(), $t->{dir});
    my $nginx = $t->nginx(<<"CONF");
%%GLOBALS%%
$files
events { worker_connections 30000; }
http {
    %%GLOBALS_HTTP%%
    access_log off;
    keepalive_timeout 5s;
    ssl_certificate $dir/cert.pem;
    ssl_certificate_key $dir/key.pem;
    chat_zone main 32m;
    chat_redis %%REDIS%%;
    chat_connections 28000;
    chat_rate 10000 burst=10000;
    chat_visitor_rate off;
    chat_drain ${DRAIN}s;
    chat_send_timeout ${STALL}s;
    server {
        listen %%IP%%:%%PORT%% backlog=4096;
        listen %%IP%%:%%PORT_tls%% backlog=4096 ssl;
        server_name ~^s\\d+\\.test\$;
        chat on;
        chat_site \$host;
    }
    server {
        listen %%IP%%:%%PORT%%;
        listen %%IP%%:%%PORT_tls%% ssl;
        server_name desk.test;
        chat_cabinet on;
    }
    server {
        listen %%IP%%:%%PORT%%;
        server_name static.test;
        location / { return 200 "hello\\n"; }
        location = /status { chat_status; }
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
        tls => $t->port('tls'), pids => sub { $nginx->workers },
        redis => $t->redis->socket, fresh => sub { renew($nginx, 2) },
        reload => sub { ($nginx->pid, 1) },
        kill => sub { (($nginx->workers)[0], 9) },
        more => ["cookies=$t->{dir}/cookies"],
    };
}


# Debian's nchan in an nginx of its own: the two modules would not mix.
sub nchan($t) {
    certificate($t);
    my $dir = "$t->{dir}/nchan";
    mkdir $dir;
    mkdir "$dir/$_" for qw(logs tmp);
    my ($port, $tls, $store) = map { $t->port($_) }
        qw(nchan nchan_tls nchan_redis);

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
@{[files()]}
events { worker_connections 30000; }
http {
    $temp
    access_log off;
    ssl_certificate $t->{dir}/cert.pem;
    ssl_certificate_key $t->{dir}/key.pem;
    nchan_shared_memory_size 256m;
    upstream store { nchan_redis_server @{[$t->ip]}:$store; }
    server {
        listen @{[$t->ip]}:$port backlog=4096;
        listen @{[$t->ip]}:$tls backlog=4096 ssl;
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
        wait_for(sub { upgrades($t->ip, $port) }, 20, 'nchan has its Redis');
    };

    $fresh->();

    return {
        peer => 'nchan', name => 'nchan', ip => $t->ip, ports => $port,
        tls => $tls, pids => sub { $nginx->workers }, more => [],
        fresh => $fresh, reload => sub { ($nginx->pid, 1) },
        kill => sub { (($nginx->workers)[0], 9) },
        stop => sub { $_->stop('TERM', 20) for $nginx->{process}, $redis },
    };
}


# Two nodes, as there are two workers.  What a supervisor would do is done
# here: who died is started anew; a restart ("reload") is rolling.
sub socketio($t) {
    my $dir = "$t->{dir}/sio";
    my $redis = Chat::Redis->new(dir => $dir, build => $t->{build},
                                 conf => [@REDIS]);
    my @ports = map { $t->port("sio$_") } 1, 2;
    my (@nodes, $rolling);

    my $node = sub ($port) {
        return Chat::Process->start(log => "$dir/node$port.log",
            argv => ['node', "$RealBin/node.mjs", $t->ip, $port,
                     $redis->socket]);
    };

    my $fresh = sub {
        $_->stop('TERM', 10) for @nodes;
        @nodes = map { $node->($_) } @ports;
        listens($t->ip, $_) for @ports;
    };

    my $watch = sub {
        for my $i (0, 1) {
            $nodes[$i] = $node->($ports[$i]) unless $nodes[$i]->running;
        }

        if ($rolling && $nodes[0]->pid != $rolling
            && IO::Socket::INET->new(PeerAddr => $t->ip, Timeout => 1,
                                     PeerPort => $ports[0]))
        {
            $rolling = undef;
            $nodes[1]->signal('TERM');
        }
    };

    $fresh->();

    return {
        peer => 'socket.io', name => 'socket.io', ip => $t->ip,
        ports => join(',', @ports), pids => sub { map { $_->pid } @nodes },
        more => [], fresh => $fresh, watch => $watch,
        reload => sub { ($rolling = $nodes[0]->pid, 15) },
        kill => sub { ($nodes[0]->pid, 9) },
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


# Until it has its Redis nchan answers 503.
sub upgrades($ip, $port) {
    my $s = IO::Socket::INET->new(PeerAddr => $ip, PeerPort => $port,
                                  Timeout => 1) or return 0;
    print $s "GET /ps/c0 HTTP/1.1\r\nHost: bench.test\r\n",
        "Upgrade: websocket\r\nConnection: Upgrade\r\n",
        "Sec-WebSocket-Version: 13\r\n",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    return ((<$s> // '') =~ / 101 /);
}


# One run: {name => figure}; {failed => why} if the client gave up.
sub load($t, $server, %opt) {
    my $fault = delete $opt{fault};
    my @args;

    if ($fault) {
        my ($pid, $signal) = $server->{$fault}->();
        push @args, "kill=$pid", "signal=$signal";

    } else {
        push @args, 'pids=' . join ',', $server->{pids}->();
    }

    my $watch = $server->{watch}
        && reactor()->recurring(0.01 => $server->{watch});

    my ($rc, $out, $err) = $t->command(["$t->{build}/bench/load",
        "peer=$server->{peer}", "ip=$server->{ip}",
        'ports=' . ($opt{tls} ? $server->{tls} : $server->{ports}), @args,
        @{$server->{more}}, map { "$_=$opt{$_}" } sort keys %opt],
        timeout => 180);

    reactor()->remove($watch) if $watch;

    my %res = $out =~ /^(\w+) (\S+)$/mg;
    $res{failed} = $err || "exit $rc" if $rc;
    $res{said} = $err if $err;
    return \%res;
}


# Ours is the harness' to stop.
sub stop($server) {
    $server->{stop}->() if $server->{stop};
}


# What the client finds out about the machine itself.
sub limit($t, $figure, %opt) {
    my ($rc, $out) = $t->command(["$t->{build}/bench/load",
        'ip=' . $t->ip, 'ports=' . $t->port,
        map { "$_=$opt{$_}" } sort keys %opt]);
    return $out =~ /^$figure (\S+)$/m ? $1 : undef;
}


# Our metrics.
sub status($t) {
    return JSON::XS->new->decode($t->http(GET => '/status?format=json',
        host => 'static.test')->{body});
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
