package Chat::Ws;

# A WebSocket client (RFC 6455) that can also break the rules: frame() builds
# any frame, write() sends any bytes.

use v5.36;

use Chat::Http ();
use Chat::Stream;
use Digest::SHA qw(sha1_base64);
use MIME::Base64 qw(encode_base64);


# args: ip, port, host, path, headers, rcvbuf; on_open(res),
# on_refused(res or undef, reason), on_text(bytes), on_close(code, reason).
# glue => bytes sent in one packet with the handshake
sub new($class, %args) {
    my $self = bless {%args, parts => ''}, $class;
    my $key = encode_base64(pack('N4', map { rand 2**32 } 1 .. 4), '');
    my $accept = sha1_base64($key . '258EAFA5-E914-47DA-95CA-C5AB0DC85B11')
        . '=';
    my $res;

    $self->{stream} = Chat::Stream->new(
        ip => $args{ip}, port => $args{port}, rcvbuf => $args{rcvbuf},
        on_read => sub ($in) {
            if (!$self->{opened}) {
                $res //= {status => 0, headers => {}, body => ''};
                if (!$res->{status}) { Chat::Http::_head($in, $res) or return }

                if ($res->{status} != 101) {
                    $res->{body} .= $$in;
                    $$in = '';
                    my $want = $res->{headers}{'content-length'};
                    $self->{stream}->close('refused')
                        if defined $want && length $res->{body} >= $want;
                    return;
                }

                die "wrong Sec-WebSocket-Accept\n"
                    if $res->{headers}{'sec-websocket-accept'} ne $accept;
                $self->{opened} = 1;
                $self->{res} = $res;
                $self->{on_open}->($res) if $self->{on_open};
            }

            $self->_frames($in);
        },
        on_close => sub ($reason) {
            my ($open, $close) = @$self{qw(on_refused on_close)};
            delete @$self{qw(on_open on_refused on_text on_close on_frame)};
            if ($self->{opened}) {
                $close->($self->{code} // 1006, $self->{reason} // $reason)
                    if $close;
            } else {
                $open->($res, $reason) if $open;
            }
        });

    $self->{stream}->write(Chat::Http::head('GET', $args{path},
        host => $args{host}, headers => {
            Connection => 'Upgrade', Upgrade => 'websocket',
            'Sec-WebSocket-Version' => 13, 'Sec-WebSocket-Key' => $key,
            %{$args{headers} // {}}}) . ($args{glue} // ''));

    return $self;
}


sub send($self, $text) { $self->{stream}->write(frame(1, $text)) }
sub write($self, $bytes) { $self->{stream}->write($bytes) }
sub ping($self, $data = '') { $self->write(frame(9, $data)) }

sub close($self, $code = 1000, $reason = '') {
    return if $self->{sent_close}++ || $self->{stream}{closed};
    $self->write(frame(8, defined $code ? pack('n', $code) . $reason : ''));
}

# Ends the connection without a word, as a lost network does.
sub drop($self) { $self->{stream}->close('dropped') }


# A masked frame; fin => 0, rsv => 4 .. 1, masked => 0 for broken ones.
sub frame($opcode, $data, %opt) {
    my $masked = $opt{masked} // 1;
    my $len = length $data;
    my $b0 = (($opt{fin} // 1) << 7) | (($opt{rsv} // 0) << 4) | $opcode;
    my $m = $masked << 7;
    my $head = $len < 126 ? pack('CC', $b0, $m | $len)
        : $len < 65536 ? pack('CCn', $b0, $m | 126, $len)
        : pack('CCQ>', $b0, $m | 127, $len);
    return $head . $data unless $masked;
    my $mask = pack 'N', rand 2**32;
    return $head . $mask
        . ($data ^. substr $mask x (($len >> 2) + 1), 0, $len);
}


sub _frames($self, $in) {
    my $pos = 0;

    while (!$self->{stream}{closed}) {
        my $have = length($$in) - $pos;
        last if $have < 2;
        my ($b0, $len) = unpack "\@${pos}CC", $$in;
        my $skip = 2;

        if ($len == 126) {
            last if $have < 4;
            $len = unpack '@' . ($pos + 2) . 'n', $$in;
            $skip = 4;
        } elsif ($len == 127) {
            last if $have < 10;
            $len = unpack '@' . ($pos + 2) . 'Q>', $$in;
            $skip = 10;
        }

        last if $have < $skip + $len;
        my $data = substr $$in, $pos + $skip, $len;
        $pos += $skip + $len;
        $self->_frame($b0 >> 7, $b0 & 15, $data);
    }

    substr $$in, 0, $pos, '' if $pos;
}

sub _frame($self, $fin, $opcode, $data) {
    $self->{on_frame}->($opcode, $data) if $self->{on_frame};

    if ($opcode == 8) {
        ($self->{code}, $self->{reason}) = length $data
            ? unpack 'na*', $data : (1005, '');
        $self->close($self->{code} == 1005 ? undef : $self->{code});
        $self->{stream}->close('close frame') if $self->{stream};

    } elsif ($opcode == 9) {
        $self->write(frame(10, $data));

    } elsif ($opcode == 1 || $opcode == 2 || $opcode == 0) {
        $self->{parts} .= $data;
        return unless $fin;
        my $text = $self->{parts};
        $self->{parts} = '';
        $self->{on_text}->($text) if $self->{on_text};
    }
}


1;
