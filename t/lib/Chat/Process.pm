package Chat::Process;

# A child process: started with its output in a file, ended by its pid.

use v5.36;

use Chat::Loop qw(wait_for);
use POSIX ();

my %alive;    # pid => pid of the test that started it
my %group;    # pid => the group it is of, where it does not lead one


# args: argv => [...], log => file, env => {...}
sub start($class, %args) {
    my $self = bless {%args}, $class;

    defined(my $pid = fork()) or die "fork: $!";

    if ($pid == 0) {
        @ENV{keys %{$args{env} // {}}} = values %{$args{env} // {}};
        POSIX::setpgid(0, 0);
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', $args{log};
        open STDERR, '>&', \*STDOUT;
        no warnings 'exec';
        exec { $args{argv}[0] } @{$args{argv}};
        print STDERR "exec $args{argv}[0]: $!\n";
        POSIX::_exit(127);
    }

    $self->{pid} = $pid;
    $alive{$pid} = $$;
    return $self;
}

# A daemon, which is no child of ours: nobody but the system hears how it
# ended, so its status is 0.
sub adopt($class, $pid) {
    $alive{$pid} = $$;
    $group{$pid} = getpgrp $pid;
    return bless {pid => $pid, adopted => 1}, $class;
}


sub pid($self) { return $self->{pid} }

# Exit status as waitpid gives it, undef while it runs.
sub status($self) {
    return $self->{status} if defined $self->{status};
    if ($self->{adopted}) {
        return undef if kill 0, $self->{pid};
        $self->{status} = 0;
    } else {
        return undef
            unless waitpid($self->{pid}, POSIX::WNOHANG()) == $self->{pid};
        $self->{status} = $?;
    }

    delete $alive{$self->{pid}};
    return $self->{status};
}

sub running($self) { return !defined $self->status }

sub signal($self, $sig) {
    return $self->running ? kill($sig, $self->{pid}) : 0;
}

# Signals, waits, and kills what does not listen.  Returns the status.
sub stop($self, $sig = 'TERM', $timeout = 15) {
    return $self->status unless $self->running;
    kill $sig, $self->{pid};

    if (!eval { wait_for(sub { !$self->running }, $timeout, 'exit') }) {
        kill 'KILL', $self->{pid};
        wait_for(sub { !$self->running }, 10, 'exit after SIGKILL');
        $self->{stuck} = 1;
    }

    return $self->status;
}


# Whatever is left, with its children (each process leads a group, or is of
# the one of the daemon it came from).
END {
    local $?;
    for my $pid (grep { $alive{$_} == $$ } keys %alive) {
        kill 'KILL', -($group{$pid} // $pid), $pid;
        waitpid $pid, 0;
    }
}


1;
