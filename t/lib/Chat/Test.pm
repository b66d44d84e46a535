package Chat::Test;

# The harness: a temporary prefix with a real redis-server, a real nginx and
# the built programs in it.  See t/lib/README.md.

use v5.36;

use Chat::Client ();
use Chat::Http ();
use Chat::Loop qw(wait_for);
use Chat::Nginx ();
use Chat::Process ();
use Chat::Redis ();
use Cwd qw(abs_path);
use Exporter 'import';
use File::Basename qw(dirname);
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use JSON::XS ();
use POSIX ();
use Test::More ();

our @EXPORT = qw(wait_for);
our $TOP = abs_path(dirname(__FILE__) . '/../../..');

my @all;
my $json = JSON::XS->new->utf8->canonical;


# Options: none is needed.  log_level => 'debug'
sub new($class, %args) {
    my $self = bless {
        top => $TOP,
        build => abs_path($ENV{CHAT_BUILD} // "$TOP/build")
                 // die("no build directory: run make\n"),
        dir => tempdir('chat-XXXXXX', TMPDIR => 1),
        ports => {},
        allowed => [],
        log_level => 'notice',
        owner => $$,
        nginxes => [],
        daemons => [],
        %args,
    }, $class;
    chmod 0755, $self->{dir};
    mkdir "$self->{dir}/san";
    push @all, $self;
    return $self;
}


# ------------------------------------------------------------- addresses

# An address of 127.0.0.0/8 of this test's own, so that ports never collide;
# others by name.
sub ip($self, $name = 'main') {
    return $self->{ips}{$name} //= do {
        my $ip;
        do {
            $ip = join '.', 127, 16 + int rand 200, int rand 256,
                1 + int rand 254;
        } until IO::Socket::INET->new(LocalAddr => $ip, LocalPort => 8080,
                                      Listen => 1);
        $ip;
    };
}

# A port by name, the same each time.
sub port($self, $name = 'main') {
    return $self->{ports}{$name} //= 8080 + keys %{$self->{ports}};
}


# ------------------------------------------------------------- processes

# tcp => 1: on a port of the test's own address instead of a socket
sub redis($self, %args) {
    $args{tcp} = {address => $self->ip, port => $self->port('redis')}
        if $args{tcp};
    return $self->{redis} //= Chat::Redis->new(dir => "$self->{dir}/redis",
        build => $self->{build}, %args);
}

# Configured but not started: for `nginx -t`.
sub nginx_conf($self, $conf, %args) {
    my $n = @{$self->{nginxes}};
    my $nginx = Chat::Nginx->new(test => $self, conf => $conf,
        name => $n ? "nginx$n" : 'nginx', %args);
    push @{$self->{nginxes}}, $nginx;
    return $nginx;
}

sub nginx($self, $conf = undef, %args) {
    return $self->{nginxes}[0] unless defined $conf;
    return $self->nginx_conf($conf, %args)->start;
}

# chatctl: (exit code, output, errors); words without the program's name.
sub ctl($self, @words) {
    my $in = ref $words[-1] eq 'HASH' ? (pop @words)->{stdin} : undef;
    return $self->command(["$self->{build}/chatctl", @words], stdin => $in,
        env => {$self->{redis} ? (CHAT_REDIS => $self->{redis}->address)
                               : ()});
}

# The same, but it must succeed; returns decoded --json.
sub ctl_json($self, @words) {
    my $opt = ref $words[-1] eq 'HASH' ? pop @words : undef;
    my ($rc, $out, $err) = $self->ctl(@words, '--json', $opt // ());
    die "chatctl @words: exit $rc\n$out$err" if $rc;
    return $json->decode($out);
}

# Runs any program to its end: (exit code, output, errors).
sub command($self, $argv, %opt) {
    my $n = ++$self->{commands};
    my @files = map { "$self->{dir}/cmd$n.$_" } qw(in out err);

    open my $fh, '>', $files[0] or die $!;
    print $fh $opt{stdin} // '';
    close $fh;

    defined(my $pid = fork()) or die "fork: $!";
    if ($pid == 0) {
        my %env = (%{$self->san_env('program')}, %{$opt{env} // {}});
        @ENV{keys %env} = values %env;
        open STDIN, '<', $files[0];
        open STDOUT, '>', $files[1];
        open STDERR, '>', $files[2];
        no warnings 'exec';
        exec { $argv->[0] } @$argv or POSIX::_exit(127);
    }

    my $p = bless {pid => $pid}, 'Chat::Process';
    my $ok = eval { wait_for(sub { !$p->running }, $opt{timeout} // 60,
                             "@$argv") };
    $p->stop('KILL') unless $ok;
    my @out = map { $self->slurp($_) } @files[1, 2];
    unlink @files;
    return ($ok ? ($p->status & 127 ? 128 + ($p->status & 127)
                                    : $p->status >> 8) : -1, @out);
}

# chat-statd in the foreground; a second one stands by.
sub statd($self, @args) {
    my $n = @{$self->{daemons}};
    my $p = Chat::Process->start(
        argv => ["$self->{build}/chat-statd", '--foreground', '--redis',
                 $self->{redis}->address, @args],
        log => "$self->{dir}/statd$n.log",
        env => $self->san_env('program'));
    $p->{log} = "$self->{dir}/statd$n.log";
    push @{$self->{daemons}}, $p;
    return $p;
}

# SAN=1: the sanitizers' runtime for a program of ours or a foreign one
# that loads our module.
sub san_env($self, $kind) {
    return {} unless $ENV{SAN};
    my %env = (
        ASAN_OPTIONS => "detect_leaks=1:log_path=$self->{dir}/san/asan"
            . ':detect_odr_violation=0',
        UBSAN_OPTIONS => 'print_stacktrace=1',
        LSAN_OPTIONS => "suppressions=$self->{top}/t/lib/lsan.supp"
            . ':print_suppressions=0',
    );
    if ($kind eq 'nginx') {
        chomp(my @so = map { scalar `gcc -print-file-name=$_` }
            qw(libasan.so libubsan.so));
        $env{LD_PRELOAD} = join ':', @so;
    }
    return \%env;
}


# ----------------------------------------------------------------- setup

# An account with sites and operators through chatctl; returns
# {account, sites => {name => id}, operators => {login => id}}.
# args: account => 'Shop', sites => [[name, hosts...]...],
#       operators => [[login, password, role, site or undef]...]
sub tenant($self, %args) {
    my $acc = $self->ctl_json('account', 'add', $args{account});
    my %r = (account => $acc->{id}, sites => {}, operators => {});

    for my $s (@{$args{sites} // []}) {
        my ($name, @hosts) = @$s;
        $r{sites}{$name} = $self->ctl_json('site', 'add', $name,
            '--account', $args{account},
            map { ('--host', $_) } @hosts)->{id};
    }

    for my $o (@{$args{operators} // []}) {
        my ($login, $password, $role, $site) = @$o;
        $r{operators}{$login} = $self->ctl_json('operator', 'add', $login,
            '--account', $args{account}, '--role', $role // 'operator',
            defined $site ? ('--site', $site) : (),
            '--password-stdin', {stdin => "$password\n"})->{id};
    }

    return \%r;
}

# A client of this test's nginx; see Chat::Client for the options.
sub visitor($self, %args) {
    return Chat::Client->new(kind => 'visitor', ip => $self->ip,
        port => $self->port, %args);
}

sub operator($self, %args) {
    return Chat::Client->new(kind => 'operator', ip => $self->ip,
        port => $self->port, %args);
}

# One HTTP request to this test's nginx: see Chat::Http.
sub http($self, $method, $path, %args) {
    return Chat::Http::request($method, $path, ip => $self->ip,
        port => $self->port, %args);
}


# A server of the site shop.test, at any rate, and its metrics; one worker
# unless args say otherwise.
sub shop($self, $more = '', %args) {
    return $self->nginx(<<"CONF", workers => 1, %args);
%%GLOBALS%%
events { worker_connections 256; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 16m;
    chat_redis %%REDIS%%;
    chat_rate 10000 burst=10000;
    $more
    server {
        listen %%IP%%:%%PORT%%;
        server_name shop.test;
        chat on;
        location = /status { chat_status; }
    }
}
CONF
}

# What chat_status says, by name.
sub status($self, $host = 'shop.test') {
    return $self->http(GET => '/status?format=json', host => $host)->{json};
}


# ------------------------------------------------------------------- end

# Lines of the logs that this test causes on purpose.
sub allow($self, @re) { push @{$self->{allowed}}, @re }

# Stops everything, checks what must always hold, ends the plan.
sub done($self) {
    Chat::Client::close_all();
    $_->stop for @{$self->{nginxes}};

    for my $d (grep { $_->running } @{$self->{daemons}}) {
        my $status = $d->stop('TERM');
        Test::More::is($status, 0, 'chat-statd ends well at SIGTERM')
            or Test::More::diag($self->slurp($d->{log}));
    }

    $self->{redis}->stop if $self->{redis};
    my @bad = map { $_->complaints } @{$self->{nginxes}};
    Test::More::is_deeply(\@bad, [], 'no alerts in the error log')
        if @{$self->{nginxes}};
    my @san = grep { !nginx_own($_) }
        map { $self->slurp($_) } glob "$self->{dir}/san/*";
    Test::More::is_deeply(\@san, [], 'no sanitizer reports') if $ENV{SAN};
    Test::More::done_testing();
}

# The three arrays of worker_connections, 432 bytes each, that a worker never
# frees.  lsan.supp cannot name them: nginx has no frame pointers, the stack
# ends at ngx_alloc.
sub nginx_own($report) {
    my @leaks = $report =~ /^\w+ leak of /mg;
    return @leaks == 1
        && $report =~ /^Indirect leak of (\d+) byte\(s\) in 3 object/m
        && $1 % 432 == 0 && $report =~ /^ +#1 \S+ in ngx_alloc /m;
}

sub slurp($self, $file) {
    open my $fh, '<', $file or return '';
    local $/;
    return <$fh> // '';
}

END {
    local $?;
    $_->cleanup for grep { $_->{owner} == $$ } @all;
}

# The prefix is kept when something failed, and the end of each log shown.
sub cleanup($self) {
    return if $self->{cleaned}++;
    Chat::Client::close_all();
    my @procs = (@{$self->{daemons}},
        grep { $_ } map { $_->{process} } @{$self->{nginxes}}, $self->{redis});
    $_->stop('TERM', 5) for grep { $_->running } @procs;

    if (Test::More->builder->is_passing && !$ENV{CHAT_KEEP}) {
        remove_tree($self->{dir});
        return;
    }

    Test::More::diag("logs are kept in $self->{dir}");
    for my $log (glob("$self->{dir}/*/logs/error.log"),
                 glob("$self->{dir}/statd*.log"), glob("$self->{dir}/san/*")) {
        my @lines = split /\n/, $self->slurp($log);
        splice @lines, 0, @lines - 15 if @lines > 15;
        Test::More::diag("--- $log", map { "\n$_" } @lines);
    }
}


1;
