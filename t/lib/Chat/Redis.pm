package Chat::Redis;

# A private redis-server: unix socket or TCP, AOF everysec, noeviction, as in
# production; and its abuse.

use v5.36;

use Chat::Loop qw(wait_for);
use Chat::Process;
use Redis ();


# args: dir (kept over restarts), build, conf => ["maxmemory 50mb", ...],
# tcp => {address, port}: it listens there, too, and is found there
sub new($class, %args) {
    my $self = bless {%args}, $class;
    mkdir $self->{dir};
    $self->{socket} = "$self->{dir}/redis.sock";
    $self->{slow} = "$self->{dir}/fsync_ms";
    return $self->start;
}


sub start($self) {
    $self->begin;

    wait_for(sub {
        die "redis-server ended, see $self->{dir}/redis.log\n"
            unless $self->{process}->running;
        return eval { $self->connect->ping };
    }, 20, 'redis answers');

    return $self;
}

# The same, but not until it serves: it may have much to load.
sub begin($self) {
    my $shim = "$self->{build}/t/slow_fsync.so";
    my $tcp = $self->{tcp};
    my $port = $tcp ? "port $tcp->{port}\nbind $tcp->{address}" : 'port 0';

    open my $fh, '>', "$self->{dir}/redis.conf" or die $!;
    print $fh <<"CONF", map { "$_\n" } @{$self->{conf} // []};
$port
unixsocket $self->{socket}
unixsocketperm 777
dir $self->{dir}
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
daemonize no
enable-debug-command local
CONF
    close $fh;

    $self->{process} = Chat::Process->start(
        argv => ['redis-server', "$self->{dir}/redis.conf"],
        log => "$self->{dir}/redis.log",
        env => -e $shim
            ? {LD_PRELOAD => $shim, SLOW_FSYNC_FILE => $self->{slow}} : {},
    );
}


sub socket($self) { return $self->{socket} }

sub address($self) {
    my $tcp = $self->{tcp};
    return $tcp ? "$tcp->{address}:$tcp->{port}" : "unix:$self->{socket}";
}

sub pid($self) { return $self->{process}->pid }

# A new connection (Redis.pm): commands are its methods.  Always by the
# socket, as the user who may do everything.
sub connect($self) {
    return Redis->new(sock => $self->{socket}, cnx_timeout => 2,
                      read_timeout => 30, encoding => undef);
}

# The harness's own connection, renewed after restarts.
sub client($self) {
    my $c = $self->{client};
    return $c if $c && $self->{client_pid} == $self->pid
                 && eval { $c->ping };
    $self->{client_pid} = $self->pid;
    return $self->{client} = $self->connect;
}

sub term($self) { return $self->{process}->stop('TERM', 30) }
sub kill9($self) { return $self->{process}->stop('KILL') }

# The file it appends to.
sub aof($self) { return (glob "$self->{dir}/appendonlydir/*.incr.aof")[0] }

# It dies, and what it wrote after `size` of that file never reached the disk.
sub lose($self, $size) {
    $self->kill9;
    my $file = $self->aof;
    truncate $file, $size or die "$file: $!";
}

# All that is written is in the file: kill9 loses nothing of it.
sub flush($self) {
    my $c = $self->client;
    $c->config_set(appendfsync => $_) for qw(always everysec);
}

sub restart($self, $how = 'term') { $self->$how; return $self->start }

# A Redis that is there but does not answer.  Returns when it has come to a
# halt: the signal alone takes its time.
sub freeze($self) {
    my $p = $self->{process};
    $p->signal('STOP');
    wait_for(sub {
        open my $fh, '<', "/proc/$p->{pid}/stat" or return 1;
        return <$fh> =~ /\) T /;
    }, 5, 'Redis stands still');
}
sub thaw($self) { $self->{process}->signal('CONT') }

# Every fsync takes this long from now on (needs the shim `make` builds).
sub slow_fsync($self, $ms) {
    die "no $self->{build}/t/slow_fsync.so: run make\n"
        unless -e "$self->{build}/t/slow_fsync.so";
    open my $fh, '>', $self->{slow} or die $!;
    print $fh $ms;
    close $fh;
}

sub stop($self) {
    $self->thaw;
    return $self->term;
}


1;
