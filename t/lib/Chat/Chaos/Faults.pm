package Chat::Chaos::Faults;

# What chaos does to its servers: the table of faults, and one strike of them.

use v5.36;

use Chat::Loop qw(now wait_for);
use List::Util qw(shuffle);


# `does` returns when the thing itself is over: what was killed or stopped is
# there again.  Then, for all of them, everybody is to be heard again, and
# with `resets` was told before that the store's history may have changed.
# `before` comes first: what it leads to is no news to anybody.  With `stays`
# no worker is another one afterwards.  With `nodes` it strikes one of them.
my %fault = (
    reload => {nodes => 1, does => sub ($self, $t, $node) {
        $node->{nginx}->reload;
    }},

    # a zone of another size is another node: a reader of its own, from the
    # log's end on, beside that of those who leave
    zone => {nodes => 1, does => sub ($self, $t, $node) {
        $node->{zone} = $node->{zone} eq '16m' ? '24m' : '16m';
        $node->{nginx}->write_conf($self->conf($node));
        $node->{nginx}->reload;
    }},

    # the old one is gone when it is over, or the next one could not begin
    upgrade => {nodes => 1, does => sub ($self, $t, $node) {
        my $old = $node->{nginx}->upgrade;
        $old->stop('QUIT', 30);
        die "the old master does not leave\n" if $old->{stuck};
    }},

    worker => {nodes => 1, does => sub ($self, $t, $node) {
        $node->{nginx}->kill_worker;
    }},

    node => {nodes => 1, does => sub ($self, $t, $node) {
        $node->{nginx}->crash;
    }},

    # from less to more than after what another one takes over (2 s)
    reader_stop => {nodes => 1, stays => 1, does => sub ($self, $t, $node) {
        my @any = $node->{nginx}->workers;
        my $pid = $node->{nginx}->reader || $any[rand @any];
        kill 'STOP', $pid;
        $self->pass(1 + rand 3);
        kill 'CONT', $pid;
    }},

    statd => {stays => 1, does => sub ($self, $t, $) {
        $self->{statd}->stop('KILL');
        $self->{statd} = $t->statd('--lease', 2000);
    }},

    redis_term => {stays => 1, resets => 1, does => sub ($self, $t, $) {
        $t->redis->restart('term');
    }},

    # A black hole, for less and for more than what an answer may take (3 s).
    # It does in the end what it was asked meanwhile, though nobody waits.
    redis_stop => {stays => 1, does => sub ($self, $t, $) {
        $t->redis->freeze;
        $self->pass(2 + rand 3);
        $t->redis->thaw;
    }},

    # It has a master that is not there, and then none: another history.
    redis_readonly => {stays => 1, resets => 1, does => sub ($self, $t, $) {
        $t->redis->client->replicaof('127.0.0.1', 1);
        $self->pass(1 + rand 1);
        $t->redis->client->replicaof('NO', 'ONE');
    }},

    # Redis holds what it could not write to a slow disk; it is lost.  Who
    # left has nothing more to replay, and clients keep 32 of theirs: what
    # workers of before have acknowledged is to be on the disk, and those of
    # now are to have replayed before the next of them is killed.
    redis_kill => {stays => 1, resets => 1, before => sub ($self, $t) {
        wait_for(sub { !$self->leaving }, 30, 'who drains is gone');
        $t->redis->flush;
        my $before = $self->acked;
        $t->redis->slow_fsync($self->{fsync_ms});
        my $until = now() + 2 * $self->{fsync_ms} / 1000;
        wait_for(sub {
            return now() > $until && $self->acked > $before
                && $t->redis->client->info->{aof_buffer_length} > 0;
        }, 30, 'writes under a slow disk');
    }, does => sub ($self, $t, $) {
        $t->redis->kill9;
        $t->redis->slow_fsync(0);
        $t->redis->start;
    }},
);

# The names of all; those that no worker ends by.
sub faults($class) { return sort keys %fault }

sub staying($class) { return grep { $fault{$_}{stays} } $class->faults }

# Returns what it was, and to which node.
sub strike($self, $name) {
    my $f = $fault{$name};
    my $node = $f->{nodes} ? $self->victim : undef;
    $f->{before}->($self, $self->{t}) if $f->{before};
    my $reset = $f->{resets} ? $self->resets : sub { };
    $f->{does}->($self, $self->{t}, $node);
    $reset->();
    $self->heard;
    push @{$self->{done}}, $name;
    return $node ? "$name $node->{name}" : $name;
}

# Each node has its turn, in any order.
sub victim($self) {
    @{$self->{victims}} = shuffle @{$self->{nodes}}
        unless @{$self->{victims} // []};
    return shift @{$self->{victims}};
}

# Workers that drain, of all nodes.
sub leaving($self) {
    return map { $_->{nginx}->leaving } @{$self->{nodes}};
}

# Waits until everybody was told that the store's history may have changed.
sub resets($self) {
    my %before = map { $_ => $_->{resets} } $self->clients;
    return sub {
        wait_for(sub {
            !grep { $_->{resets} == $before{$_} } $self->clients
        }, 30, 'everybody starts anew');
    };
}

# Nobody is deaf: who has something to say gets on.  A worker takes new writes
# when it has replayed.
sub heard($self) {
    my %first = map { $_ => ($_->{outbox}[0] // {})->{n} // 0 } $self->clients;
    wait_for(sub {
        !grep { @{$_->{outbox}} && $first{$_}
                && ($_->{outbox}[0]{n} // 0) == $first{$_} }
            $self->clients
    }, 30, 'everybody is heard again');
}

# Everybody talks on meanwhile.
sub pass($self, $seconds) {
    my $until = now() + $seconds;
    wait_for(sub { now() > $until }, $seconds + 30, 'time passes');
}


1;
