package Chat::Proxy;

# Stands between nginx and Redis on a socket of its own, or between a client
# and nginx on a port, and spoils what comes back.  It runs in the test's own
# event loop: while the test waits.
#
#     pass     as it is
#     bytes    one byte at a time
#     hole     connections are taken, nothing is answered
#     shut     connections are closed at once
#     say      every connection is told $proxy->{text} and closed
#     answer   every request is answered by $proxy->{text}
#     edit     $proxy->{edit}->($bytes) gives what is passed on
#
# mode() closes what is open; silence() lets it stay open and swallows it, and
# so does `hush` (a pattern) with whoever says something that matches it.  Who
# matches `hold` is answered by nothing more until release(); what he says
# meanwhile is in $proxy->{said}.

use v5.36;

use Chat::Loop ();
use Mojo::IOLoop;
use Scalar::Util qw(weaken);


# args: path => socket to listen on, to => Redis' socket; or listen => and
# to => {address, port}
sub new($class, %args) {
    my $self = bless {mode => 'pass', open => {}, behind => {},
                      accepted => 0, %args}, $class;
    weaken(my $weak = $self);
    unlink $self->{path} if $self->{path};
    $self->{server} = Mojo::IOLoop->server(
        $self->{listen} // {path => $self->{path}},
        sub ($loop, $stream, $id) { $weak->_accept($stream, $id) if $weak });
    chmod 0777, $self->{path} if $self->{path};
    return $self;
}

sub address($self) {
    my $on = $self->{listen} or return "unix:$self->{path}";
    return "$on->{address}:$on->{port}";
}

# From now on it behaves so; connections of before are closed.
sub mode($self, $mode, %more) {
    @$self{keys %more, 'mode'} = (values %more, $mode);
    $self->drop;
}

sub drop($self) {
    my @streams = map { values %$_ } @$self{qw(open behind)};
    @$self{qw(open behind)} = ({}, {});
    $_->close for @streams;
}

# Open connections stay, but what comes either way is lost, an end, too: a
# phone has left its network, a firewall has forgotten us.  New ones get no
# further than here.  Or only that one goes silent which reads the log.
sub silence($self, $which = 'all') {
    $self->{mode} = 'hole' if $which eq 'all';
    $_->{chat_silent} = 1
        for grep { $which eq 'all' || $_->{chat_reads} }
            values %{$self->{open}};
}

# Whoever was held is given his answers; nobody is held any more.
sub release($self) {
    delete @$self{qw(hold said)};
    for my $stream (values %{$self->{open}}) {
        my $kept = delete $stream->{chat_kept} // next;
        $stream->write($kept) if length $kept;
    }
}

sub _accept($self, $stream, $id) {
    my $mode = $self->{mode};
    $self->{accepted}++;
    $stream->timeout(0);
    $self->{open}{$id} = $stream;
    weaken(my $weak = $self);
    my ($up, @early, $closed);

    $stream->on(close => sub ($s) {
        $closed = 1;
        delete $weak->{open}{$id} if $weak;
        $up->close if $up && !$s->{chat_silent};
    });

    return $stream->close if $mode eq 'shut';
    return $stream->write($self->{text} => sub { $stream->close })
        if $mode eq 'say';
    return $stream->on(read => sub { $stream->write($weak->{text}) })
        if $mode eq 'answer';
    return if $mode eq 'hole';

    $stream->on(read => sub ($s, $bytes) {
        return if $s->{chat_silent};
        return $s->{chat_silent} = 1
            if $weak && $weak->{hush} && $bytes =~ $weak->{hush};
        $s->{chat_reads} ||= $bytes =~ /XREAD/;
        $s->{chat_kept} //= ''
            if $weak && $weak->{hold} && $bytes =~ $weak->{hold};
        $weak->{said} .= $bytes if $weak && defined $s->{chat_kept};
        return $up ? $up->write($bytes) : push @early, $bytes;
    });

    my $to = ref $self->{to} ? $self->{to} : {path => $self->{to}};
    Mojo::IOLoop->client($to, sub ($loop, $err, $down) {
        return $stream->close if $err;
        return $down->close if $closed || !$weak;
        $up = $weak->{behind}{$id} = $down;
        $up->timeout(0);
        $up->on(close => sub {
            delete $weak->{behind}{$id} if $weak;
            $stream->close unless $stream->{chat_silent};
        });
        $up->on(read => sub ($s, $bytes) {
            return if $stream->{chat_silent};
            return $stream->{chat_kept} .= $bytes
                if defined $stream->{chat_kept};
            $bytes = $weak->{edit}->($bytes) if $mode eq 'edit' && $weak;
            $mode eq 'bytes' ? _drip($stream, $bytes)
                             : $stream->write($bytes);
        });
        $up->write($_) for splice @early;
    });
}

# The next byte when the last one is out.
sub _drip($stream, $bytes) {
    $stream->{chat_drip} .= $bytes;
    return if $stream->{chat_dripping}++;
    my $next;
    $next = sub {
        my $byte = substr $stream->{chat_drip}, 0, 1, '';
        if ($byte eq '') {
            $stream->{chat_dripping} = 0;
            undef $next;
            return;
        }
        $stream->write($byte => $next);
    };
    $next->();
}


1;
