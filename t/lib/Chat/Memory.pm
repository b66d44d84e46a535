package Chat::Memory;

# What a process holds: exactly, by t/lib/heap.c, and as the system sees it.
#
#     my $memory = Chat::Memory->new($t);
#     my $nginx = $t->nginx(CONF, env => $memory->env);
#     my ($bytes, $blocks) = $memory->live($nginx->workers);
#     $memory->none(8000, 8999, $nginx->workers);

use v5.36;


sub new($class, $t) {
    my $self = bless {test => $t, dir => "$t->{dir}/heap",
                      shim => "$t->{build}/t/heap.so"}, $class;
    die "no $self->{shim}: run make\n" unless -e $self->{shim};
    mkdir $self->{dir};
    return $self;
}

# For the process that is to be watched; its children are, too.
sub env($self) {
    return {LD_PRELOAD => $self->{shim}, HEAP_DIR => $self->{dir}};
}

# Allocated and not freed, of all these processes: (bytes, blocks)
sub live($self, @pids) {
    my ($bytes, $blocks) = (0, 0);

    for my $pid (@pids) {
        my ($n, $m) = unpack 'q2', $self->{test}->slurp("$self->{dir}/$pid");
        $bytes += $n;
        $blocks += $m;
    }

    return ($bytes, $blocks);
}

# From now on they get no memory for requests of that many bytes; none(0, 0,
# ...): all is well again.
sub none($self, $from, $to, @pids) {
    for my $pid (@pids) {
        open my $fh, '+<:raw', "$self->{dir}/$pid" or die $!;
        seek $fh, 16, 0;
        print $fh pack 'q2', $from, $to;
        close $fh;
    }
}

# Of private mappings only: the zone is shared, and as big as it was told.
# This is also what was freed and lies in the allocator for the next one.
sub private_kb($self, @pids) {
    my ($kb, $private) = (0, 0);

    for my $pid (@pids) {
        for (split /\n/, $self->{test}->slurp("/proc/$pid/smaps")) {
            $private = $1 eq 'p' if /^[0-9a-f]+-[0-9a-f]+ ...([ps]) /;
            $kb += $1 if $private && /^Private_Dirty:\s+(\d+)/;
        }
    }

    return $kb;
}

sub files($self, @pids) {
    return scalar map { glob "/proc/$_/fd/*" } @pids;
}


1;
