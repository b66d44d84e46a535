package Chat::Nginx;

# Debian's own nginx with our module, run from a template that stands in the
# test:
#
#     %%GLOBALS%%        load_module, user, pid, error_log, thread_pool
#     %%GLOBALS_HTTP%%   temporary paths, access_log
#     %%REDIS%%          address for chat_redis
#     %%IP%%             this test's own address in 127.0.0.0/8; %%IP_x%% more
#                        of them, by any name
#     %%PORT%%           its first port; %%PORT_x%% more of them, by any name
#     %%TESTDIR%%        the temporary prefix

use v5.36;

use Chat::Loop qw(wait_for);
use Chat::Process;
use IO::Socket::INET;

my $NGINX = '/usr/sbin/nginx';


# args: test => Chat::Test, conf => template, workers, env;
# shutdown => worker_shutdown_timeout, module => another file to load,
# daemon => 1: has no parent, as USR2 needs it (the test starts and ends it)
sub new($class, %args) {
    my $self = bless {workers => 2, shutdown => '10s', %args}, $class;
    my $t = $self->{test};
    $self->{module} //= "$t->{build}/ngx_http_chat_module.so";
    $self->{dir} = "$t->{dir}/$args{name}";
    mkdir $self->{dir};
    mkdir "$self->{dir}/$_" for qw(logs tmp html);
    $self->{error_log} = "$self->{dir}/logs/error.log";
    $self->write_conf($self->{conf});
    return $self;
}


sub write_conf($self, $conf) {
    my $t = $self->{test};

    my $globals = join "\n",
        "load_module $self->{module};",
        ($> == 0 ? 'user root root;' : ()),
        "pid $self->{dir}/nginx.pid;",
        'error_log ' . $self->{error_log} . ' ' . ($t->{log_level}) . ';',
        "worker_processes $self->{workers};",
        # a new binary (USR2) gets only what is named
        (map { "env $_;" } sort keys %{$t->san_env('nginx')}),
        "worker_shutdown_timeout $self->{shutdown};",
        'thread_pool default threads=4 max_queue=64;',
        ($self->{daemon} ? () : 'daemon off;'), '';

    my $http = join "\n",
        (map { "${_}_temp_path $self->{dir}/tmp/$_;" }
            qw(client_body fastcgi proxy uwsgi scgi)),
        "access_log $self->{dir}/logs/access.log;",
        'types { text/html html; text/javascript js; text/css css;'
            . ' image/svg+xml svg; }', '';

    my %fixed = (
        GLOBALS => $globals,
        GLOBALS_HTTP => $http,
        REDIS => $t->{redis} ? $t->{redis}->address
                             : "unix:$t->{dir}/redis/redis.sock",
        TESTDIR => $self->{dir},
        IP => $t->ip,
    );

    $conf =~ s{%%PORT(?:_(\w+))?%%}{$t->port($1 // 'main')}ge;
    $conf =~ s{%%IP_(\w+)%%}{$t->ip($1)}ge;
    $conf =~ s{%%(\w+)%%}{$fixed{$1} // die "no %%$1%%\n"}ge;

    open my $fh, '>', "$self->{dir}/nginx.conf" or die $!;
    print $fh $conf;
    close $fh;
}


sub argv($self, @more) {
    return [$NGINX, '-p', "$self->{dir}/", '-c', "$self->{dir}/nginx.conf",
            '-e', $self->{error_log}, @more];
}

# `nginx -t`: (exit code, its output)
sub check($self, $conf = undef) {
    $self->write_conf($conf) if defined $conf;
    my $log = "$self->{dir}/logs/check.log";
    unlink $log;
    my $env = $self->{test}->san_env('nginx');
    # nginx -t leaves main() without its first pool of 1024 bytes
    $env->{ASAN_OPTIONS} =~ s/detect_leaks=1/detect_leaks=0/
        if $env->{ASAN_OPTIONS};
    my $p = Chat::Process->start(argv => $self->argv('-t'), log => $log,
                                 env => $env);
    wait_for(sub { !$p->running }, 20, 'nginx -t');
    return ($p->status >> 8, $self->{test}->slurp($log));
}


sub start($self) {
    $self->{process} = Chat::Process->start(argv => $self->argv,
        log => "$self->{dir}/logs/stderr.log",
        env => {%{$self->{test}->san_env('nginx')}, %{$self->{env} // {}}});
    my $t = $self->{test};

    wait_for(sub {
        die "nginx ended:\n" . $t->slurp("$self->{dir}/logs/stderr.log")
            unless $self->{process}->running;
        my @now = $self->workers;
        return @now >= $self->{workers} && -s "$self->{dir}/nginx.pid";
    }, 20, 'nginx starts its workers');

    for my $at ($self->listens) {
        wait_for(sub {
            IO::Socket::INET->new(PeerAddr => $at, Timeout => 1)
        }, 20, "$at listens");
    }

    return $self;
}

# Its addresses, with their ports.
sub listens($self) {
    my $conf = $self->{test}->slurp("$self->{dir}/nginx.conf");
    my %at = map { $_ => 1 } $conf =~ /listen\s+(127[\d.]+:\d+)/g;
    return sort keys %at;
}


sub pid($self) { return $self->{process}->pid }

# The master of a daemon, as its pid file tells.
sub master($self) {
    my ($pid) = $self->{test}->slurp("$self->{dir}/nginx.pid") =~ /^(\d+)/;
    return $pid;
}

# USR2: the pid of another master, which runs beside the one there was.
sub upgrade($self) {
    my $old = $self->master;
    kill 'USR2', $old;
    return wait_for(sub {
        my $pid = $self->master;
        return $pid && $pid != $old && -e "$self->{dir}/nginx.pid.oldbin"
            && $pid;
    }, 20, 'a new master');
}

# Live workers that are not shutting down, by pid.  They have their title
# when their modules are set up.
sub workers($self) {
    my @pids;
    my $master = $self->pid;

    for my $stat (glob '/proc/[0-9]*/stat') {
        open my $fh, '<', $stat or next;
        my ($pid, $rest) = (<$fh> // '') =~ /^(\d+) \(.*\) (.*)$/ or next;
        my ($state, $ppid) = split / /, $rest;
        next if $ppid != $master || $state eq 'Z';
        open my $cmd, '<', "/proc/$pid/cmdline" or next;
        my $title = <$cmd> // '';
        push @pids, $pid
            if $title =~ /worker process/ && $title !~ /shutting down/;
    }

    return sort { $a <=> $b } @pids;
}


# Reload, and wait until the old workers take no more connections.
sub reload($self, %opt) {
    my %old = map { $_ => 1 } $self->workers;
    kill 'HUP', $self->pid;

    wait_for(sub {
        my @now = $self->workers;
        return @now >= $self->{workers} && !grep { $old{$_} } @now;
    }, 20, 'new workers') unless $opt{nowait};
}

# kill -9 of one worker (a random one by default); waits for its successor.
sub kill_worker($self, $pid = undef) {
    my @pids = $self->workers;
    $pid //= $pids[rand @pids];
    my $t = $self->{test};
    $t->allow(qr/worker process $pid exited on signal 9/);
    kill 'KILL', $pid;
    wait_for(sub {
        my @now = $self->workers;
        return @now >= $self->{workers} && !grep { $_ == $pid } @now;
    }, 20, 'a new worker');
    return $pid;
}

# Graceful (QUIT) or fast (TERM).  Sanitizers report leaks at exit.
sub stop($self, $sig = 'QUIT') {
    return unless $self->{process};
    my $status = $self->{process}->stop($sig, 30);
    return $status;
}

sub log($self) { return $self->{test}->slurp($self->{error_log}) }

# Lines of the error log a healthy run does not have.
sub complaints($self) {
    my $t = $self->{test};
    my @bad = grep { /\[(?:alert|emerg|crit)\]|runtime error:|Sanitizer/ }
        split /\n/, $self->log;
    return grep { my $line = $_; !grep { $line =~ $_ } @{$t->{allowed}} } @bad;
}


1;
