package Chat::Chaos::Verdict;

# What must be true after the talk: of every message, client and figure.

use v5.36;

use Chat::Loop qw(wait_for);
use Chat::Store qw(key listed);


# {lost, doubled, disorder, foreign, ...}: numbers, all zero if all is well;
# and `faults`: texts for people.
sub verdict($self) {
    my %v = (lost => 0, doubled => 0, unlike => 0, disorder => 0,
             statistics => 0, broken => 0, refused => 0, dups => 0);
    my @why;
    my $r = $self->{t}->redis->client;

    for my $talk (@{$self->{talks}}) {
        my $a = $self->{account}[$talk->{a}];
        my @list = listed(
            $r->lrange(key($a, "a:$a:d:$talk->{id}:pub"), 0, -1));
        my @messages = grep { $_->{event} eq 'message_posted' } @list;
        my @stored = map { $_->{text} } @messages;
        my %stored;
        $stored{$_}++ for @stored;
        # under another id than was acknowledged: Redis had lost it
        $self->{rewritten} += grep {
            ($self->{ack}{$_->{text}} // $_->{id}) ne $_->{id} } @messages;

        for my $side (qw(v o)) {
            my @said = @{$talk->{said}{$side} // []};
            $v{lost} += grep { !$stored{$_} } @said;
            my @kept = grep { /^d$talk->{i}\.$side/ } @stored;
            my %seen;
            my @once = grep { !$seen{$_}++ } @kept;
            $v{doubled} += @kept - @once;
            if ("@once" ne "@said") {
                $v{disorder}++;
                push @why, "dialog $talk->{i}: $side\'s order differs";
            }
        }

        for my $c ($talk->{v}, @{$self->{ops}[$talk->{a}]}) {
            my @shown = $self->messages($c, $talk);
            if (join("\1", @shown) ne join "\1", @stored) {
                $v{unlike}++;
                push @why, "dialog $talk->{i}: " . $self->who($c)
                    . ' shows ' . @shown . ' messages, Redis has ' . @stored;
            }
        }
    }

    for my $c ($self->clients) {
        $v{$_} += $c->{$_} for qw(broken disorder dups refused);
        push @why, map { $self->who($c) . " was told twice: $_" }
            @{$c->{twice}};
        push @why, map { $self->who($c) . ": $_->{code}: $_->{text}" }
            grep { defined $_->{n} && !defined $_->{retry_ms}
                   && !defined $_->{expected} } @{$c->{errors}};
    }

    push @why, $self->statistics(\%v);
    $self->{why} = \@why;
    return \%v;
}

sub who($self, $c) {
    my ($node) = grep { $_->{ip} eq $c->{ip} } @{$self->{nodes}};
    return "a $c->{kind} ($c->{transport}, $node->{name})";
}

# What chatctl says against what was done here.
sub statistics($self, $v) {
    my $t = $self->{t};
    my @why;

    wait_for(sub { eval { $self->counted } }, 60, 'all is counted');

    for my $a (1 .. $self->{accounts}) {
        my @talks = grep { $_->{a} == $a } @{$self->{talks}};
        my $past = $self->{past}[$a] // {};
        my $n = @talks + ($past->{talks} // 0);
        my %want = (released => 0, reopened => 0,
            (map { $_ => $n } qw(requests answered taken closed
                                 first_response_n queue_wait_n)),
            (map { $_ => $past->{$_} // 0 } qw(messages_visitor
                                               messages_operator)));
        $want{messages_visitor} += $_->{v_n} for @talks;
        $want{messages_operator} += $_->{o_n} for @talks;

        my $rows = $t->ctl_json('stats', '--site', "site$a.test",
                                '--from', '24h');
        my ($site) = grep { $_->{operator} eq '' } @$rows;

        for my $stat (sort keys %want) {
            next if $site->{$stat} == $want{$stat};
            $v->{statistics}++;
            push @why, "site$a.test: $stat is $site->{$stat}, "
                . "true is $want{$stat}";
        }

        my $sum = 0;
        $sum += $_->{messages_operator} for grep { $_->{operator} ne '' } @$rows;
        if ($sum != $want{messages_operator}) {
            $v->{statistics}++;
            push @why, "site$a.test: operators' messages add up to $sum";
        }
    }

    my ($rc, $out, $err) = $t->ctl('stats', 'replay');
    if ($rc) {
        $v->{statistics}++;
        push @why, "replay: $err";
    }

    return @why;
}

sub counted($self) {
    my $r = $self->{t}->redis->client;
    for my $a (map { $self->{account}[$_] } 1 .. $self->{accounts}) {
        my ($last) = $r->xrevrange(key($a, 'log'), '+', '-', 'COUNT', 1);
        return 0 if ($r->hget(key($a, 'statd'), 'pos') // '') ne $last->[0];
    }
    return 1;
}


1;
