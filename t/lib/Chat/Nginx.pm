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
# daemon => 1: has no parent, as USR2 needs it
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
        (map { "env $_;" } sort keys %{$self->environment}),
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


sub environment($self) {
    return {%{$self->{test}->san_env('nginx')}, %{$self->{env} // {}}};
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
    my $t = $self->{test};
    my $log = "$self->{dir}/logs/stderr.log";
    unlink "$self->{dir}/nginx.pid";     # of who was killed
    my $process = Chat::Process->start(argv => $self->argv, log => $log,
                                       env => $self->environment);

    if ($self->{daemon}) {
        wait_for(sub { !$process->running }, 20, 'nginx is a daemon');
        die "nginx ended:\n" . $t->slurp($log) if $process->status;
        $process = Chat::Process->adopt(
            wait_for(sub { $self->written_pid }, 20, 'a master'));
    }

    $self->{process} = $process;

    wait_for(sub {
        die "nginx ended:\n" . $t->slurp($log) unless $process->running;
        return $self->complete && $self->written_pid;
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

sub written_pid($self) {
    my ($pid) = $self->{test}->slurp("$self->{dir}/nginx.pid") =~ /^(\d+)/;
    return $pid;
}

# Live workers that are not shutting down, by pid; and those that are.  They
# have their title when their modules are set up.
sub workers($self) {
    my $title = $self->children;
    return grep { $title->{$_} !~ /shutting down/ }
        sort { $a <=> $b } keys %$title;
}

sub leaving($self) {
    my $title = $self->children;
    return grep { $title->{$_} =~ /shutting down/ } keys %$title;
}

sub complete($self) {
    my @now = $self->workers;
    return @now >= $self->{workers};
}

# {pid => title} of workers
sub children($self) {
    my %title;
    my $master = $self->pid;

    for my $stat (glob '/proc/[0-9]*/stat') {
        open my $fh, '<', $stat or next;
        my ($pid, $rest) = (<$fh> // '') =~ /^(\d+) \(.*\) (.*)$/ or next;
        my ($state, $ppid) = split / /, $rest;
        next if $ppid != $master || $state eq 'Z';
        open my $cmd, '<', "/proc/$pid/cmdline" or next;
        my $title = <$cmd> // '';
        $title{$pid} = $title if $title =~ /worker process/;
    }

    return \%title;
}

# The worker that reads the log, as the log tells (log_level => 'info'): the
# last one that said so (who sleeps has not said yet that it does no more), 0
# if it is no more.
sub reader($self) {
    my @reads;

    for ($self->log =~ /(\d+#\d+: chat: this worker (?:reads the log now|does not read))/g) {
        my ($pid) = /^(\d+)/;
        @reads = grep { $_ != $pid } @reads;
        push @reads, $pid if /now$/;
    }

    my %lives = map { $_ => 1 } $self->workers;
    my ($pid) = grep { $lives{$_} } reverse @reads;
    return $pid // 0;
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

# kill -9 of all there is of it, and a new one: the master first, or it has
# new workers before its turn.
sub crash($self) {
    my @pids = ($self->pid, keys %{$self->children});
    kill 'KILL', @pids;
    wait_for(sub {
        return !$self->{process}->running && !grep { kill 0, $_ } @pids;
    }, 20, 'all of it is gone');
    return $self->start;
}

# A new master with the same binary beside the old one (needs daemon => 1).
# All else is about the new one from now on; returns the old one's process.
sub upgrade($self) {
    my $old = $self->{process};
    $old->signal('USR2');
    $self->{process} = Chat::Process->adopt(wait_for(sub {
        my $pid = $self->written_pid;
        return $pid && $pid != $old->pid && $pid;
    }, 20, 'a new master'));
    wait_for(sub { $self->complete }, 20, 'workers of the new master');
    return $old;
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
