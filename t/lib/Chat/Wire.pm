package Chat::Wire;

# A blocking WebSocket for conformance: bytes out in pieces of any size while
# frames come in, each looked at as strictly as a suite would.

use v5.36;

use Compress::Raw::Zlib;
use IO::Select;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(time);

my $SLOW = $ENV{CHAT_SLOW} || ($ENV{SAN} ? 4 : 1);


# args: ip, port, host, path, headers => [name, value, ...]; dies unless the
# answer is 101.
sub new($class, %args) {
    my $self = bless {in => '', events => [], parts => '', %args}, $class;
    my @more = @{$args{headers} // []};
    my $head = "GET $args{path} HTTP/1.1\r\nHost: $args{host}\r\n"
        . "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        . "Sec-WebSocket-Version: 13\r\n"
        . "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    while (my ($name, $value) = splice @more, 0, 2) {
        $head .= "$name: $value\r\n";
    }

    $self->{fh} = IO::Socket::INET->new(PeerAddr => $args{ip},
        PeerPort => $args{port}) or die "connect: $!\n";
    setsockopt $self->{fh}, IPPROTO_TCP, TCP_NODELAY, 1;
    $self->{fh}->blocking(0);
    $self->{select} = IO::Select->new($self->{fh});

    $self->write("$head\r\n");
    $self->until(sub { $self->{in} =~ /\r\n\r\n/ }, 'the handshake');
    my ($answer) = $self->{in} =~ s/\A(.*?\r\n)\r\n//s ? $1 : '';
    ($self->{status}) = $answer =~ m{^HTTP/1.1 (\d+)};
    $self->{extensions} = $answer =~ /^Sec-WebSocket-Extensions: (.*)\r$/mi
        ? $1 : '';
    $self->{upgraded} = $self->{status} == 101;

    if ($self->{extensions} ne '') {
        my $bits = $self->{extensions} =~ /server_max_window_bits=(\d+)/
            ? $1 : 15;
        $self->{inflate} = Compress::Raw::Zlib::Inflate->new(
            -WindowBits => -($bits < 9 ? 9 : $bits), -AppendOutput => 1);
        $self->{forgets} = $self->{extensions}
            =~ /server_no_context_takeover/;
    }

    return $self;
}


# All of it, in pieces of $chop bytes; frames are taken meanwhile.
sub write($self, $bytes, $chop = 0) {
    my $pos = 0;
    my $end = length $bytes;

    while ($pos < $end && !$self->{eof}) {
        my $n = $end - $pos;
        $n = $chop if $chop && $n > $chop;

        my $done = syswrite $self->{fh}, $bytes, $n, $pos;
        if (defined $done) {
            $pos += $done;
            next;
        }

        last unless $!{EAGAIN};
        my ($r) = IO::Select::select($self->{select}, $self->{select}, undef,
                                     10 * $SLOW) or die "stalled\n";
        $self->_take if @$r;
    }
}


# Reads until $cond or the end of the connection; true if $cond.
sub until($self, $cond, $what, $seconds = 20) {
    my $deadline = time() + $seconds * $SLOW;
    my $r;

    while (!($r = $cond->()) && !$self->{eof}) {
        my $left = $deadline - time();
        die "timed out waiting for $what\n" if $left <= 0;
        $self->_take if $self->{select}->can_read($left);
    }

    return $r;
}

# The events up to the end of the connection, closed by us if not before.
sub finish($self, $what) {
    $self->until(sub { 0 }, $what);
    return $self->{events};
}


sub _take($self) {
    my $n = sysread $self->{fh}, $self->{in}, 1 << 20, length $self->{in};

    if (defined $n ? $n == 0 : !$!{EAGAIN}) {
        $self->{eof} = defined $n ? 'end' : "$!";
    }

    $self->_frames if $self->{upgraded};
}

sub _frames($self) {
    my ($pos, $all) = (0, length $self->{in});

    while ($all - $pos >= 2) {
        my ($b0, $len) = unpack "\@${pos}CC", $self->{in};
        my $skip = $len == 126 ? 4 : $len == 127 ? 10 : 2;
        die "masked frame of a server\n" if $len & 128;
        last if $all - $pos < $skip;

        $len = unpack '@' . ($pos + 2) . ($skip == 4 ? 'n' : 'Q>'),
            $self->{in} if $skip > 2;
        last if $all - $pos < $skip + $len;

        $self->_frame($b0, substr $self->{in}, $pos + $skip, $len);
        $pos += $skip + $len;
    }

    substr $self->{in}, 0, $pos, '' if $pos;
}

sub _frame($self, $b0, $data) {
    my $opcode = $b0 & 15;
    die "frame after the close frame\n" if $self->{closed};
    die "reserved bit of a server\n" if $b0 & 0x30;
    die "fragment of a server\n" if !($b0 & 128);

    if ($b0 & 64) {
        die "compressed without leave\n"
            if !$self->{inflate} || $opcode > 2;
        my $out = '';
        my $in = $data . "\0\0\xff\xff";
        my $rc = $self->{inflate}->inflate($in, $out);
        die "cannot be inflated: $rc\n" if $rc != Z_OK || $in ne '';
        $self->{inflate}->inflateReset if $self->{forgets};
        $self->{compressed}++;
        $self->{saved} += length($out) - length $data;
        $data = $out;
    }

    if ($opcode == 8) {
        $self->{closed} = 1;
        my $code = length $data ? unpack 'n', $data : 1005;
        push @{$self->{events}}, [8, $code];
        # the other half of the closing handshake, unless ours was first
        syswrite $self->{fh}, $self->{reply} if $self->{reply};
        return;
    }

    push @{$self->{events}}, [$opcode, $data];
}


1;
