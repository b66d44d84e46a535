package Chat::Client;

# A chat client that keeps docs/protocol.md to the letter: a visitor or an
# operator over WebSocket, server-sent events or long poll.  It reconnects by
# itself, resumes from its cursor, sends again what was not acknowledged, and
# keeps per dialog the events in the order it would show them.  Hundreds of
# them live in one process.
#
# This file: the rules.  How bytes travel is in Chat::Transport.

use v5.36;

use Chat::Loop qw(after now reactor wait_for);
use Chat::Transport ();
use JSON::XS ();
use Scalar::Util qw(weaken);

my $json = JSON::XS->new->utf8->canonical;
my %clients;

my $TAIL = 32;              # acknowledged writes kept for resending
my $HISTORIES = 8;          # questions out at a time


# args: kind => visitor|operator, ip, port, host; transport => ws|sse|poll;
# visitor: path, page, token; operator: login, password, track => 0 (do not
# fetch histories); pipeline => writes in flight; record => 1 keeps frames;
# compact => sub ($event) { what to keep of it }; reconnect => 0
sub new($class, %args) {
    my $self = bless {
        transport => 'ws', path => '/_chat/', pipeline => 1, track => 1,
        reconnect => 1, record => 0, host => 'localhost',
        instance => random_id(12), cursor => '', n => 0,
        outbox => [], tail => [], flight => [], sending => 0, round => 0,
        dialogs => {}, asked => {}, to_ask => [], frames => [], errors => [],
        backoff => 0.02, link => '',
        # what happened, for the tests' eyes
        connects => 0, resets => 0, already => 0, gaps => 0, dups => 0,
        stale => 0, disorder => 0, broken => 0, refused => 0, temporary => 0,
        twice => [], attached => 0,
        %args,
    }, $class;
    $self->{origin} //= "http://$self->{host}";
    $clients{$self} = $self;
    return $self;
}

sub random_id($n) {
    my @c = ('A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_');
    return join '', map { $c[rand @c] } 1 .. $n;
}

sub close_all() { $_->close for values %clients }


# ------------------------------------------------------------ connection

# Gets an identity if there is none, connects, says hello.  Returns at once.
sub connect($self) {
    return $self if $self->{wire};
    delete $self->{closed};
    $self->{welcomed} = 0;
    weaken(my $weak = $self);

    if (!$self->{identity}) {
        $self->{wire} = Chat::Transport::identify($self, sub ($ok, $res) {
            my $c = $weak or return;
            delete $c->{wire};
            $c->{login_answer} = $res;
            return if $c->{closed};
            return $c->_again unless $ok;
            $c->connect;
        });
        return $self;
    }

    $self->{connects}++;
    $self->{wire} = Chat::Transport::open($self,
        sub ($text) { $weak->_frame($text) if $weak },
        sub ($code, $reason) { $weak->_lost($code, $reason) if $weak });
    return $self;
}

# Leaves for good.
sub close($self) {
    $self->{closed} = 1;
    reactor()->remove($_)
        for grep { defined } delete @$self{qw(timer retry_timer)};
    my $wire = delete $self->{wire};
    $wire->close if $wire;
    delete $clients{$self};
}

# The network goes away; the client comes back by itself.
sub drop($self) {
    $self->{wire}->drop if $self->{wire} && $self->{wire}->can('drop');
}

sub _lost($self, $code, $reason) {
    delete $self->{wire};
    $self->{welcomed} = 0;
    $self->{close_code} = $code;
    $self->{close_reason} = $reason;
    $self->_rewind;
    $self->{asked} = {};
    delete $self->{identity} if $code == 4001 || $code == 401;
    $self->_again unless $self->{closed};
}

sub _again($self) {
    return if !$self->{reconnect} || $self->{timer};
    my $wait = delete $self->{come_back} // do {
        my $b = $self->{backoff};
        $self->{backoff} = $b * 2 > 1 ? 1 : $b * 2;
        $b * (0.5 + rand 0.5);
    };
    weaken(my $weak = $self);
    $self->{timer} = after($wait, sub {
        return unless $weak;
        delete $weak->{timer};
        $weak->connect unless $weak->{closed};
    });
}


# ---------------------------------------------------------------- writes

sub post($self, $text, %more) {
    return $self->_write({t => 'post_message', text => $text,
        ($self->{page} && !$self->{dialog} && $self->{kind} eq 'visitor'
            ? (page => $self->{page}) : ()), %more});
}

sub take($self, $dialog) {
    return $self->_write({t => 'take_dialog', dialog => $dialog});
}

sub close_dialog($self, $dialog = undef) {
    return $self->_write({t => 'close_dialog',
        defined $dialog ? (dialog => $dialog) : ()});
}

sub release($self, $dialog) {
    return $self->_write({t => 'release_dialog', dialog => $dialog});
}

# Not writes: nothing is repeated.
sub say($self, $command) {
    return $self->{wire} && $self->{wire}->send($json->encode($command));
}

sub typing($self, $dialog = undef) {
    $self->say({t => 'typing', defined $dialog ? (dialog => $dialog) : ()});
}

sub ping($self) { $self->say({t => 'ping'}) }

# An item: {command, n, done, id, seq, dialog, error}
sub _write($self, $command) {
    my $item = {command => $command, at => now()};
    push @{$self->{outbox}}, $item;
    $self->_pump;
    return $item;
}

# Outbox items [0 .. sending) are on their way with numbers n+1, n+2, ...
sub _pump($self) {
    return if !$self->{welcomed} || $self->{retry_timer};
    my $limit = $self->{wire}->single ? 1 : $self->{pipeline};

    while ($self->{sending} < @{$self->{outbox}}
           && $self->{sending} < $limit)
    {
        my $item = $self->{outbox}[$self->{sending}++];
        $item->{n} = $self->{n} + $self->{sending};
        push @{$self->{flight}}, [$item, $item->{n}, $self->{round}];
        $self->{wire}->send($json->encode(
            {%{$item->{command}}, n => "$item->{n}"}));
    }
}

# What was on its way will be sent again, answers to it are old news.
sub _rewind($self) {
    $self->{sending} = 0;
    $self->{round}++;
}

# The item of an answer: each write is answered once, in order.
sub _answered($self, $n) {
    while (my $f = shift @{$self->{flight}}) {
        return @$f if $f->[1] == $n;
    }
    return;
}

# Everything up to number n is in the log.
sub _accepted($self, $n, $ack = {}) {
    while ($self->{n} < $n && @{$self->{outbox}}) {
        my $item = $self->{outbox}[0];
        last if !defined $item->{n} || $item->{n} > $n;
        shift @{$self->{outbox}};
        $self->{sending}-- if $self->{sending} > 0;
        $self->{n} = $item->{n};
        $item->{done} = 1;
        $item->{sent_at} = now();
        @$item{qw(id seq dialog)} = @$ack{qw(id seq dialog)}
            if ($ack->{n} // 0) == $item->{n};
        push @{$self->{tail}}, $item;
        shift @{$self->{tail}} if @{$self->{tail}} > $TAIL;
    }
}

# The server has our writes up to n and no more.
sub _server_has($self, $n, $lost) {
    $self->_rewind;

    if ($n >= $self->{n}) {
        $self->_accepted($n);
        $self->{n} = $n;
        return;
    }

    # numbers we hold acknowledged are gone: lost by the store, or our
    # instance was forgotten for 16 newer ones: then none is left.  Some left
    # without a loss: a welcome that was read before what it overtook; with
    # the same numbers nothing is doubled (client/src/outbox.ts)
    my @again = grep { $_->{n} > $n } @{$self->{tail}};

    if (($lost || $n > 0) && @again == $self->{n} - $n) {
        @{$self->{tail}} = grep { $_->{n} <= $n } @{$self->{tail}};
        delete @$_{qw(done id seq)} for @again;
        unshift @{$self->{outbox}}, @again;
        $self->{n} = $n;
        $self->{resent} += @again;
        return;
    }

    $self->{broken}++ if $lost;
    $self->{instance} = random_id(12);
    $self->{n} = 0;
    $self->{tail} = [];
    delete $_->{n} for @{$self->{outbox}};
    $self->{come_back} = 0;
    $self->drop;
}


# ---------------------------------------------------------------- frames

my %on = (
    welcome => \&_on_welcome, event => \&_on_event, ack => \&_on_ack,
    error => \&_on_error, history => \&_on_history, bye => \&_on_bye,
    link => sub ($self, $f) { $self->{link} = $f->{link} },
    presence => sub ($self, $f) {
        $self->{online} = $f->{online} if exists $f->{online};
        $self->{people}{$_->{id}} = $_ for @{$f->{operators} // []};
    },
    typing => sub ($self, $f) { $self->{typed}{$f->{dialog}} = $f },
    pong => sub ($self, $f) { $self->{pongs}++ },
);

sub _frame($self, $text) {
    my $f = eval { $json->decode($text) };
    if (!$f) { push @{$self->{errors}}, {code => 'not json', text => $text};
               return }
    push @{$self->{frames}}, $f if $self->{record};
    my $handler = $on{$f->{t} // ''} or return;    # newer servers say more
    $handler->($self, $f);
}

# A poll that goes on without a welcome: there was none to be told.
sub _resumed($self) {
    return if $self->{welcomed} || !$self->{welcome};
    $self->{backoff} = 0.02;
    $self->{welcomed} = 1;
    $self->_complete($_) for values %{$self->{dialogs}};
    $self->_pump;
}

sub _on_welcome($self, $f) {
    $self->{welcome} = $f;
    $self->{link} = $f->{link};
    $self->{online} = $f->{online};
    $self->{backoff} = 0.02;

    if ($f->{reset}) {
        $self->{resets}++;
        $self->{dialogs} = {};
        $self->{asked} = {};
        $self->{to_ask} = [];
        delete $self->{dialog};
    }

    $self->{lossy} ||= $f->{reset};
    $self->{cursor} = $f->{cursor};
    $self->{people} = {map { $_->{id} => $_ } @{$f->{colleagues} // []}};
    $self->{welcomed} = 1;
    $self->_server_has($f->{n}, $f->{reset});

    for my $view ($f->{dialog} // (), @{$f->{dialogs} // []}) {
        $self->_view($view);
    }

    $self->_merge({%$_, state => 1}) for @{$f->{events} // []};
    $self->_complete($_) for values %{$self->{dialogs}};
    $self->_pump if $self->{welcomed};
}

sub _on_event($self, $f) {
    $self->{cursor} = $f->{cursor};
    $self->_view($f->{view}) if $f->{view};
    return unless defined $f->{seq};
    my $d = $self->_merge($f);
    $self->_complete($d);
    $self->{on_event}->($self, $f) if $self->{on_event};
}

sub _on_ack($self, $f) {
    $self->{already}++ if $f->{already};
    $self->{dialog} = $f->{dialog} if $self->{kind} eq 'visitor';
    my ($item) = $self->_answered($f->{n});
    $self->_accepted($f->{n}, $f);
    $self->_pump;
    $self->{on_ack}->($self, $item, $f) if $item && $self->{on_ack};
}

sub _on_error($self, $f) {
    push @{$self->{errors}}, $f;

    if (!defined $f->{n}) {
        # perhaps it was a history question: ask again later
        if (%{$self->{asked}}) {
            my @d = keys %{$self->{asked}};
            $self->{asked} = {};
            weaken(my $weak = $self);
            after(($f->{retry_ms} // 200) / 1000, sub {
                $weak && $weak->_ask($_) for @d;
            });
        }
        return;
    }

    my ($item, $n, $round) = $self->_answered($f->{n});
    return if !$item || $round != $self->{round};

    if (defined $f->{expected}) {
        $self->{gaps}++;
        $self->_server_has($f->{expected} - 1, $self->{lossy});
        return $self->_pump if $self->{welcomed};

    } elsif (defined $f->{retry_ms}) {
        $self->{temporary}++;
        $self->_rewind;
        weaken(my $weak = $self);
        $self->{retry_timer} //= after($f->{retry_ms} / 1000, sub {
            return unless $weak;
            delete $weak->{retry_timer};
            $weak->_pump;
        });

    } else {
        $self->{refused}++;
        @{$self->{outbox}} = grep { $_ != $item } @{$self->{outbox}};
        $item->{error} = $f;
        $self->_rewind;
        $self->_pump;
        $self->{on_refused}->($self, $item, $f) if $self->{on_refused};
    }
}

sub _on_history($self, $f) {
    my $id = $f->{dialog};
    delete $self->{asked}{$id};
    my $before = @{$self->_dialog($id)->{events}};
    $self->_merge({%$_, again => 1}) for @{$f->{events}};
    my $d = $self->{dialogs}{$id};
    $d->{view_seq} = @{$d->{events}}
        if !$f->{more} && ($d->{view_seq} // 0) > @{$d->{events}}
           && $before == @{$d->{events}};
    $self->_complete($d, $f->{more});
    $self->_ask(shift @{$self->{to_ask}}) if @{$self->{to_ask}};
}

sub _on_bye($self, $f) {
    $self->{bye} = $f;
    $self->{reconnect} = 0 unless $f->{resume};
    $self->{come_back} = rand($f->{after_ms}) / 1000;
}


# --------------------------------------------------------------- dialogs

sub _dialog($self, $id) {
    return $self->{dialogs}{$id} //= {id => $id, events => [], pending => {}};
}

sub _view($self, $view) {
    my $d = $self->_dialog($view->{id});
    $d->{view} = $view;
    $d->{view_seq} = $view->{seq}
        if $view->{seq} > ($d->{view_seq} // 0);
    $self->{dialog} = $view->{id} if $self->{kind} eq 'visitor';
    return $d;
}

# Puts an event at its place: shown once, in the order of seq.
sub _merge($self, $e) {
    my $d = $self->_dialog($e->{dialog});
    my $list = $d->{events};

    # what a history told first may come once more: by the log behind it
    $d->{told}{$e->{seq}} = 1
        if $e->{again} && $e->{seq} > @$list && !$d->{pending}{$e->{seq}};
    my $known = $e->{again} || delete $d->{told}{$e->{seq}};

    my $stale = $self->_stale($d, $e);

    if ($e->{seq} <= @$list) {
        $self->_twice($d, $e, $stale) unless $known;
        my $had = $d->{ids} ? $d->{ids}[$e->{seq} - 1] : $e->{id};
        $self->_disorder($d, $e, "was $had") if $had ne $e->{id};
        return $d;
    }

    $d->{pending}{$e->{seq}} = $e;

    while (my $next = delete $d->{pending}{@$list + 1}) {
        $self->_disorder($d, $next, "after $d->{ids}[-1]")
            if @$list && id_cmp($d->{ids}[-1], $next->{id}) >= 0;
        push @{$d->{ids}}, $next->{id};
        push @$list, $self->{compact} ? $self->{compact}->($next) : $next;
        $d->{state} = $next->{e}
            if $next->{e} =~ /^dialog_(?:opened|taken|closed|released|reopened)$/;
    }

    return $d;
}

# Whether an event may come once more: a welcome brought it, which may be ahead
# of its own cursor, and the client came back (each poll does) before anything
# behind it in this dialog gave it a later one.
sub _stale($self, $d, $e) {
    my $brought = $d->{brought}{$e->{seq}} // $self->{attached};
    my $stale = $brought < $self->{attached} && $e->{seq} > ($d->{live} // 0);

    if ($e->{state}) {
        $d->{brought}{$e->{seq}} = $self->{attached};

    } elsif (!$e->{again} && $e->{seq} > ($d->{live} // 0)) {
        $d->{live} = $e->{seq};
    }

    return $stale;
}

sub _twice($self, $d, $e, $stale) {
    return $self->{stale}++ if $stale;
    $self->{dups}++;
    push @{$self->{twice}}, sprintf 'dialog %s, seq %d of %d, %s%s',
        $d->{id}, $e->{seq}, scalar @{$d->{events}}, $e->{id},
        $e->{state} ? ', by a welcome' : '';
}

sub _disorder($self, $d, $e, $what) {
    $self->{disorder}++;
    warn sprintf "# %.3f disorder: %s, dialog %s, seq %d: %s %s%s, %d resets\n",
        now(), $self->{login} // 'a visitor', $d->{id}, $e->{seq}, $e->{id},
        $what, $e->{again} ? ', by a history' : '', $self->{resets} // 0;
}

# Asks for what is missing.
sub _complete($self, $d, $more = 0) {
    return if !$self->{track} && $self->{kind} eq 'operator';
    $self->_ask($d->{id})
        if $more || %{$d->{pending}}
           || ($d->{view_seq} // 0) > @{$d->{events}};
}

sub _ask($self, $id) {
    return if !$self->{welcomed} || $self->{asked}{$id};
    if (keys %{$self->{asked}} >= $HISTORIES) {
        push @{$self->{to_ask}}, $id
            unless grep { $_ eq $id } @{$self->{to_ask}};
        return;
    }
    $self->{asked}{$id} = 1;
    $self->say({t => 'history', dialog => $id,
                after => '' . @{$self->_dialog($id)->{events}}});
}

sub id_cmp($x, $y) {
    my ($xm, $xs) = split /-/, $x;
    my ($ym, $ys) = split /-/, $y;
    return $xm <=> $ym || $xs <=> $ys;
}


# ----------------------------------------------------------- for testers

sub wait($self, $cond, $timeout = 10, $what = undef) {
    return wait_for($cond, $timeout, $what // "$self->{kind}'s condition");
}

sub wait_welcome($self, $timeout = 10) {
    $self->connect;
    return wait_for(sub { $self->{welcomed} && $self->{welcome} }, $timeout,
                    "$self->{kind} is welcome");
}

# Until everything written is acknowledged or refused.
sub wait_sent($self, $timeout = 10) {
    wait_for(sub { !@{$self->{outbox}} }, $timeout,
             "$self->{kind}'s writes are acknowledged");
}

# Until a dialog (a visitor's own by default) shows n events.
sub wait_events($self, $n, $dialog = undef, $timeout = 10) {
    wait_for(sub { @{$self->events($dialog)} >= $n }, $timeout,
             "$self->{kind} sees $n events");
    return $self->events($dialog);
}

sub wait_text($self, $text, $dialog = undef, $timeout = 10) {
    wait_for(sub { grep { $_ eq $text } $self->texts($dialog) }, $timeout,
             "$self->{kind} sees \"$text\"");
}

sub events($self, $dialog = undef) {
    $dialog //= $self->{dialog} // return [];
    my $d = $self->{dialogs}{$dialog};
    return $d ? $d->{events} : [];
}

# Texts of the messages, in the order shown.
sub texts($self, $dialog = undef) {
    return map { $_->{body}{text} }
        grep { $_->{e} eq 'message_posted' } @{$self->events($dialog)};
}

# Queued dialogs an operator sees, oldest first.
sub queue($self) {
    return grep { $self->state($_) eq 'queued' }
        sort keys %{$self->{dialogs}};
}

my %state = (dialog_opened => 'queued', dialog_reopened => 'queued',
             dialog_released => 'queued', dialog_taken => 'active',
             dialog_closed => 'closed');

sub state($self, $dialog) {
    my $d = $self->{dialogs}{$dialog} or return '';
    my $by_event = $state{$d->{state} // ''};
    return $by_event // ($d->{view} ? $d->{view}{state} : '');
}


1;
