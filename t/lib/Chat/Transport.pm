package Chat::Transport;

# How a Chat::Client's frames travel.  A wire has send(text),
# single() (one write at a time), close() and drop().

use v5.36;

use Chat::Http ();
use Chat::Loop qw(after);
use Chat::Ws ();
use JSON::XS ();
use Scalar::Util qw(weaken);

my $json = JSON::XS->new->utf8->canonical;

my $HELD = 0.5;             # s: a poll that is held for so long goes on


# Token or login; calls done(ok, answer).
sub identify($c, $done) {
    my ($path, %args) = $c->{kind} eq 'visitor'
        ? ("$c->{path}v1/visitor", json => {})
        : ('/api/v1/login',
           json => {login => $c->{login}, password => $c->{password}});

    return Chat::Http::start('POST', $path, ip => $c->{ip},
        port => $c->{port}, host => $c->{host}, %args,
        headers => {Origin => $c->{origin}, %{$c->{headers} // {}},
            $c->{token} ? (Authorization => "Bearer $c->{token}") : ()},
        on_done => sub ($res) {
            my $ok = $res->{status} == 200 && $res->{json};
            if ($ok) {
                $c->{identity} = 1;
                $c->{cookie} = Chat::Http::cookies($res);
                $c->{token} = $res->{json}{token};
                $c->{visitor} = $res->{json}{visitor};
                $c->{csrf} = $res->{json}{csrf};
                $c->{sites} = $res->{json}{sites};
                $c->{me} = $res->{json}{operator};
            }
            $done->($ok, $res);
        });
}

sub headers($c) {
    return {Origin => $c->{origin}, %{$c->{headers} // {}},
        $c->{kind} eq 'visitor' ? (Authorization => "Bearer $c->{token}")
                                : (Cookie => $c->{cookie}),
        $c->{csrf} ? ('X-CSRF' => $c->{csrf}) : ()};
}

sub base($c) {
    return $c->{kind} eq 'visitor' ? "$c->{path}v1" : '/api/v1';
}

sub hello($c) {
    return {t => 'hello', instance => $c->{instance},
        (length $c->{cursor} ? (cursor => $c->{cursor}) : ()),
        ($c->{page} ? (page => $c->{page}) : ())};
}

sub query($c) {
    return "instance=$c->{instance}"
        . (length $c->{cursor} ? "&cursor=$c->{cursor}" : '');
}

my %class = (ws => 'Chat::Transport::Ws', sse => 'Chat::Transport::Sse',
             poll => 'Chat::Transport::Poll');

sub open($c, $frame, $lost) {
    my $self = bless {client => $c, frame => $frame, lost => $lost},
        $class{$c->{transport}};
    weaken $self->{client};
    $c->{attached}++;
    $self->start;
    return $self;
}

# The end, told once.
sub gone($self, $code, $reason) {
    return if $self->{over}++;
    my $lost = delete $self->{lost};
    delete $self->{frame};
    # never before open() has returned
    after(0, sub { $lost->($code, $reason) });
}

# A write or question of a transport that only listens.
sub post($self, $text) {
    my $c = $self->{client};
    my $seen = $text =~ /"t":"history"/ && $c->{cursor};
    Chat::Http::start('POST', base($c) . "/send?instance=$c->{instance}"
            . ($seen ? "&cursor=$seen" : ''),
        ip => $c->{ip}, port => $c->{port}, host => $c->{host},
        body => $text, headers => {%{headers($c)},
            'Content-Type' => 'application/json'},
        on_done => sub ($res) {
            return if $self->{over};
            $res->{json} ? $self->{frame}->($res->{body})
                : $self->drop;
        });
}

package Chat::Transport::Ws;

use v5.36;
our @ISA = 'Chat::Transport';

sub start($self) {
    my $c = $self->{client};
    my $open = sub { $self->send(
        $json->encode(Chat::Transport::hello($self->{client}))) };

    $self->{ws} = Chat::Ws->new(ip => $c->{ip}, port => $c->{port},
        host => $c->{host}, path => Chat::Transport::base($c) . '/ws',
        rcvbuf => $c->{rcvbuf}, headers => {%{Chat::Transport::headers($c)},
            'Sec-WebSocket-Protocol' => 'chat.v1'},
        on_open => sub ($res) { $open->() },
        on_refused => sub ($res, $reason) {
            $c->{refusal} = $res if $c;
            $self->gone($res ? $res->{status} : 0, $reason);
        },
        on_text => sub ($text) {
            $self->{frame}->($text) if $self->{frame};
        },
        on_close => sub ($code, $reason) { $self->gone($code, $reason) });
}

sub send($self, $text) { $self->{ws}->send($text); return 1 }
sub single($self) { return 0 }

sub close($self) {
    $self->{over} = 1;
    delete @$self{qw(lost frame)};
    $self->{ws}->close if $self->{ws}{opened};
    $self->{ws}{stream}->close unless $self->{ws}{opened};
}

sub drop($self) { $self->{ws}->drop }

package Chat::Transport::Sse;

use v5.36;
our @ISA = 'Chat::Transport';

sub start($self) {
    my $c = $self->{client};
    my $buf = '';
    my $status = 0;

    $self->{stream} = Chat::Http::start('GET', Chat::Transport::base($c)
            . '/events?' . Chat::Transport::query($c),
        ip => $c->{ip}, port => $c->{port}, host => $c->{host},
        headers => {%{Chat::Transport::headers($c)},
                    Accept => 'text/event-stream'},
        on_head => sub ($res) {
            $status = $res->{status};
            $c->{refusal} = $res if $c && $status != 200;
        },
        on_data => sub ($bytes) {
            $buf .= $bytes;
            while ($buf =~ s/^(.*?)\r?\n\r?\n//s) {
                $self->event($1);
            }
        },
        on_done => sub ($res) {
            $self->gone($res->{status} == 200 ? 1006 : $res->{status},
                        $res->{error} // 'end of stream');
        });
}

sub event($self, $text) {
    my @data;
    for (split /\r?\n/, $text) {
        push @data, $1 if /^data: ?(.*)$/;
        $self->{client}{last_event_id} = $1 if /^id: ?(.*)$/;
    }
    $self->{frame}->(join "\n", @data) if @data && $self->{frame};
}

sub send($self, $text) { $self->post($text); return 1 }
sub single($self) { return 1 }

sub close($self) {
    $self->{over} = 1;
    delete @$self{qw(lost frame)};
    $self->{stream}->close if $self->{stream};
}

sub drop($self) { $self->{stream}->close('dropped') }

package Chat::Transport::Poll;

use v5.36;
use Chat::Loop qw(after);
use Scalar::Util qw(weaken);
our @ISA = 'Chat::Transport';

# A poll is not told that it goes on: it is held, or has news and no welcome.
sub start($self) {
    weaken(my $weak = $self);
    after($HELD, sub {
        $weak->{client}->_resumed
            if $weak && !$weak->{over} && $weak->{client};
    });
    $self->poll;
}

sub poll($self) {
    my $c = $self->{client} or return;
    return if $self->{over};

    $self->{stream} = Chat::Http::start('GET', Chat::Transport::base($c)
            . '/poll?' . Chat::Transport::query($c)
            . '&presence=' . ($self->{presence} // 0),
        ip => $c->{ip}, port => $c->{port}, host => $c->{host},
        headers => Chat::Transport::headers($c),
        on_done => sub ($res) {
            return if $self->{over};
            if ($res->{status} != 200 || !$res->{json}) {
                $c->{refusal} = $res;
                return $self->gone($res->{status}, $res->{error} // 'refused');
            }
            for my $f (@{$res->{json}{frames}}) {
                $self->{frame}->($json->encode($f)) if $self->{frame};
            }
            return if $self->{over};
            $c->{cursor} = $res->{json}{cursor};
            $self->{presence} = $res->{json}{presence};
            $c->_resumed;
            $c->{attached}++;
            after(0, sub { $self->poll });
        });
}

sub send($self, $text) { $self->post($text); return 1 }
sub single($self) { return 1 }

sub close($self) {
    $self->{over} = 1;
    delete @$self{qw(lost frame)};
    $self->{stream}->close if $self->{stream};
}

# Also between two polls.
sub drop($self) {
    $self->{stream}->close('dropped');
    $self->gone(1006, 'dropped');
}


1;
