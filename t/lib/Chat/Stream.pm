package Chat::Stream;

# A non-blocking TCP connection on the event loop.

use v5.36;

use Chat::Loop qw(reactor);
use Errno qw(EAGAIN EINPROGRESS EINTR EWOULDBLOCK);
use IO::Handle ();
use Scalar::Util qw(weaken);
use Socket qw(AF_INET IPPROTO_TCP SOCK_NONBLOCK SOCK_STREAM SOL_SOCKET
              SO_ERROR SO_RCVBUF TCP_NODELAY inet_aton pack_sockaddr_in);

my %open;     # strong references: a stream lives until it is closed


# args: ip, port, rcvbuf; on_open(), on_read(\$buffer): takes what it wants
# from the front; on_close(reason)
sub new($class, %args) {
    # connecting waits for writability: so does the watch of it begin
    my $self = bless {in => '', out => '', watching => 1, %args}, $class;

    socket $self->{fh}, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0
        or die "socket: $!";
    setsockopt $self->{fh}, IPPROTO_TCP, TCP_NODELAY, 1;
    setsockopt $self->{fh}, SOL_SOCKET, SO_RCVBUF, $args{rcvbuf}
        if $args{rcvbuf};
    binmode $self->{fh};

    my $ok = connect $self->{fh},
        pack_sockaddr_in($args{port}, inet_aton($args{ip}));
    my $error = $!;
    $open{$self} = $self;
    weaken(my $weak = $self);

    if (!$ok && $error != EINPROGRESS) {
        Chat::Loop::after(0, sub { $weak && $weak->close("$error") });
        return $self;
    }

    reactor()->io($self->{fh} => sub ($r, $writable) {
        my $strong = $weak or return;
        $writable ? $strong->_writable : $strong->_readable;
    })->watch($self->{fh}, 1, 1);

    return $self;
}


sub write($self, $bytes) {
    return if $self->{closed};
    $self->{out} .= $bytes;
    $self->_flush if $self->{opened};
}

sub close($self, $reason = 'closed by us') {
    return if $self->{closed}++;
    reactor()->remove($self->{fh});
    close $self->{fh};
    delete $open{$self};
    my $cb = $self->{on_close};
    delete @$self{qw(on_open on_read on_close)};
    $cb->($reason) if $cb;
}

# Stops and goes on reading: a client that does not listen.
sub pause($self, $paused) {
    $self->{paused} = $paused;
    $self->_watch;
}


sub _watch($self) {
    reactor()->watch($self->{fh}, $self->{paused} ? 0 : 1,
                     length $self->{out} || !$self->{opened} ? 1 : 0)
        unless $self->{closed};
}

sub _writable($self) {
    if (!$self->{opened}) {
        my $error = unpack 'i', getsockopt $self->{fh}, SOL_SOCKET, SO_ERROR;

        if ($error) {
            local $! = $error;
            return $self->close("connect: $!");
        }

        $self->{opened} = 1;
        $self->{on_open}->() if $self->{on_open};
        return if $self->{closed};
    }

    $self->_flush;
}

sub _flush($self) {
    while (length $self->{out}) {
        my $n = syswrite $self->{fh}, $self->{out};

        if (defined $n) {
            substr $self->{out}, 0, $n, '';
            next;
        }

        next if $! == EINTR;
        last if $! == EAGAIN || $! == EWOULDBLOCK;
        return $self->close("write: $!");
    }

    $self->_watch if $self->{watching} xor length $self->{out};
    $self->{watching} = length $self->{out} ? 1 : 0;
}

sub _readable($self) {
    my $n = sysread $self->{fh}, $self->{in}, 65536, length $self->{in};

    if (!defined $n) {
        return if $! == EINTR || $! == EAGAIN || $! == EWOULDBLOCK;
        return $self->close("read: $!");
    }

    return $self->close('closed by peer') if $n == 0;
    $self->{on_read}->(\$self->{in}) if $self->{on_read};
}


1;
