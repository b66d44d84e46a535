package Chat::Chaos;

# Many dialogs at full speed while everything under them is reloaded, killed
# and restarted; then every message is looked for where it must be: once, in
# one order, at both sides and in Redis; and the figures must be the truth.
# All of it may be done again and again against the same servers: rounds.

use v5.36;
use utf8;

use Chat::Loop qw(now reactor wait_for);
use Chat::Memory;
use Chat::Store qw(key listed);
use Chat::Test;
use JSON::XS ();
use List::Util qw(max);

my @WORDS = ('ok', 'спасибо', 'Добрый день!', 'где мой заказ?', "two\nlines",
             '👍🏽', '<b>&amp;</b>', '"quoted\\"', 'schön', '你好，世界',
             'x' x 300, 'длинно ' x 60);

my $CONF = <<'CONF';
%%GLOBALS%%
worker_rlimit_nofile 8192;
events { worker_connections 4096; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main ZONE;
    chat_redis %%REDIS%%;
    chat_rate 10000;
    chat_visitor_rate off;
    chat_drain 2s;
SITES
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF


# args: messages (as many more as the faults need), dialogs, accounts,
# operators (per account), window (writes a client has in its outbox),
# faults => {name => how many} (names: faults()) or [names in this order],
# fsync_ms, deadline (s), say => sub (text), heap => 1: what nginx allocates is
# counted
sub new($class, %args) {
    return bless {
        messages => 1000, dialogs => 20, accounts => 4, operators => 2,
        window => 2, faults => {}, fsync_ms => 1500, deadline => 60,
        say => sub ($text) { }, posted => {}, done => [], latency => [],
        ack => {}, rewritten => 0, all => 0, seconds => 0, rounds => 0,
        past => [], left => {}, faulty => 0, zone => '16m', heap => 0,
        %args,
    }, $class;
}

sub say($self, $text) { $self->{say}->($text) }


# ----------------------------------------------------------------- set-up

sub start($self) {
    # who reads the log says so at this level
    my $t = $self->{t} = Chat::Test->new(log_level => 'info');
    $t->redis;
    $t->ctl('init');

    for my $a (1 .. $self->{accounts}) {
        my $x = $t->tenant(account => "acc$a", sites => [["site$a.test"]],
            operators => [map { ["op$a-$_", 'secret-password'] }
                          1 .. $self->{operators}]);
        $self->{account}[$a] = $x->{account};
    }

    $self->{memory} = Chat::Memory->new($t) if $self->{heap};
    $t->nginx($self->conf, daemon => 1,
              env => $self->{heap} ? $self->{memory}->env : {});
    $self->{statd} = $t->statd('--lease', 2000);

    for my $a (1 .. $self->{accounts}) {
        push @{$self->{ops}[$a]}, $t->operator(host => 'desk.test',
            login => "op$a-$_", password => 'secret-password',
            pipeline => 8, compact => \&keep)
            for 1 .. $self->{operators};
    }
}

sub conf($self) {
    my $sites = join '', map {
        "    server { listen %%IP%%:%%PORT%%; server_name site$_.test; chat on; "
            . "location = /status { chat_status; } }\n"
    } 1 .. $self->{accounts};
    return $CONF =~ s/SITES\n/$sites/r =~ s/ZONE/$self->{zone}/r;
}

# Its visitors and dialogs, and what each side has to say in them.
sub begin($self) {
    my $t = $self->{t};
    $self->{rounds}++;
    $self->{started} //= now();
    @$self{qw(talks turn talk posted)} = ([], {}, {}, {});

    my $share = int $self->{messages} / $self->{dialogs} / 2;

    for my $i (0 .. $self->{dialogs} - 1) {
        my $a = 1 + $i % $self->{accounts};
        my $v = $t->visitor(host => "site$a.test", compact => \&keep);
        my $op = $self->{ops}[$a][int($i / $self->{accounts})
                                  % $self->{operators}];
        push @{$self->{talks}}, {i => $i, a => $a, v => $v, op => $op,
            v_left => $share, o_left => $share, v_n => 0, o_n => 0};
    }

    for my $c ($self->clients) {
        $c->{on_ack} = sub ($c, $item, $f) {
            push @{$self->{latency}}, now() - $item->{at};
            $self->{ack}{$item->{command}{text} // ''} = $f->{id};
            $self->fill($c);
        };
    }
}

sub keep($e) { return ($e->{body}{text} // '') . "\0$e->{e}" }

sub clients($self) {
    return ((map { $_->{v} } @{$self->{talks}}),
            map { @$_ } grep { $_ } @{$self->{ops}});
}

# Everybody is there, each dialog is open and taken by its operator.
sub open_dialogs($self) {
    $self->begin;
    $_->connect for $self->clients;
    wait_for(sub { !grep { !$_->{welcomed} } $self->clients }, 60,
             'everybody is welcome');

    $self->post_v($_) for @{$self->{talks}};
    wait_for(sub { !grep { @{$_->{v}{outbox}} } @{$self->{talks}} }, 60,
             'every dialog is open');

    for my $talk (@{$self->{talks}}) {
        $talk->{id} = $talk->{v}{dialog};
        $talk->{op}->take($talk->{id});
    }

    wait_for(sub { !grep { @{$_->{op}{outbox}} } @{$self->{talks}} }, 60,
             'every dialog is taken');

    for my $talk (@{$self->{talks}}) {
        push @{$self->{turn}{$talk->{op}}}, $talk;
        $self->{talk}{$talk->{v}} = $talk;
    }
}


# ------------------------------------------------------------------- talk

sub text($self, $talk, $side, $n) {
    my $text = "d$talk->{i}.$side$n " . $WORDS[rand @WORDS];
    $self->{posted}{$text}++;
    push @{$talk->{said}{$side}}, $text;
    return $text;
}

sub post_v($self, $talk) {
    $talk->{v_left}--;
    $talk->{v}->post($self->text($talk, 'v', $talk->{v_n}++));
}

sub post_o($self, $talk) {
    $talk->{o_left}--;
    $talk->{op}->post($self->text($talk, 'o', $talk->{o_n}++),
                      dialog => $talk->{id});
}

# Keeps a client's outbox filled.
sub fill($self, $c) {
    if (my $talk = $self->{talk}{$c}) {
        $self->post_v($talk)
            while ($talk->{v_left} > 0 || $self->{faulty})
                && @{$c->{outbox}} < $self->{window};
        return;
    }

    my $turn = $self->{turn}{$c} or return;
    while (@{$c->{outbox}} < 8 && @$turn) {
        my $talk = shift @$turn;
        next unless $talk->{o_left} > 0 || $self->{faulty};
        $self->post_o($talk);
        push @$turn, $talk;
    }
}

sub total($self) { return scalar keys %{$self->{posted}} }

sub acked($self) {
    my $waiting = 0;
    $waiting += @{$_->{outbox}} for $self->clients;
    return $self->total - $waiting;
}


# ------------------------------------------------------------------ faults

# `does` returns when the thing itself is over: what was killed or stopped is
# there again.  Then, for all of them, everybody is to be heard again, and
# with `resets` was told before that the store's history may have changed.
# `before` comes first: what it leads to is no news to anybody.  With `stays`
# no worker is another one afterwards.
my %fault = (
    reload => {does => sub ($self, $t) { $t->nginx->reload }},

    # a zone of another size is another node: a reader of its own, from the
    # log's end on, beside that of those who leave
    zone => {does => sub ($self, $t) {
        $self->{zone} = $self->{zone} eq '16m' ? '24m' : '16m';
        $t->nginx->write_conf($self->conf);
        $t->nginx->reload;
    }},

    # the old one is gone when it is over, or the next one could not begin
    upgrade => {does => sub ($self, $t) {
        my $old = $t->nginx->upgrade;
        $old->stop('QUIT', 30);
        die "the old master does not leave\n" if $old->{stuck};
    }},

    worker => {does => sub ($self, $t) { $t->nginx->kill_worker }},

    node => {does => sub ($self, $t) { $t->nginx->crash }},

    # from less to more than after what another one takes over (2 s)
    reader_stop => {stays => 1, does => sub ($self, $t) {
        my @any = $t->nginx->workers;
        my $pid = $t->nginx->reader || $any[rand @any];
        kill 'STOP', $pid;
        $self->pass(1 + rand 3);
        kill 'CONT', $pid;
    }},

    statd => {stays => 1, does => sub ($self, $t) {
        $self->{statd}->stop('KILL');
        $self->{statd} = $t->statd('--lease', 2000);
    }},

    redis_term => {stays => 1, resets => 1, does => sub ($self, $t) {
        $t->redis->restart('term');
    }},

    # A black hole, for less and for more than what an answer may take (3 s).
    # It does in the end what it was asked meanwhile, though nobody waits.
    redis_stop => {stays => 1, does => sub ($self, $t) {
        $t->redis->freeze;
        $self->pass(2 + rand 3);
        $t->redis->thaw;
    }},

    # It has a master that is not there, and then none: another history.
    redis_readonly => {stays => 1, resets => 1, does => sub ($self, $t) {
        $t->redis->client->replicaof('127.0.0.1', 1);
        $self->pass(1 + rand 1);
        $t->redis->client->replicaof('NO', 'ONE');
    }},

    # Redis holds what it could not write to a slow disk; it is lost.  Who
    # left has nothing more to replay, and clients keep 32 of theirs: what
    # workers of before have acknowledged is to be on the disk, and those of
    # now are to have replayed before the next of them is killed.
    redis_kill => {stays => 1, resets => 1, before => sub ($self, $t) {
        wait_for(sub { !$t->nginx->leaving }, 30, 'who drains is gone');
        $t->redis->flush;
        my $before = $self->acked;
        $t->redis->slow_fsync($self->{fsync_ms});
        my $until = now() + 2 * $self->{fsync_ms} / 1000;
        wait_for(sub {
            return now() > $until && $self->acked > $before
                && $t->redis->client->info->{aof_buffer_length} > 0;
        }, 30, 'writes under a slow disk');
    }, does => sub ($self, $t) {
        $t->redis->kill9;
        $t->redis->slow_fsync(0);
        $t->redis->start;
    }},
);

# The names of all; those that no worker ends by.
sub faults($class) { return sort keys %fault }

sub staying($class) { return grep { $fault{$_}{stays} } $class->faults }

sub strike($self, $name) {
    my $f = $fault{$name};
    $f->{before}->($self, $self->{t}) if $f->{before};
    my $reset = $f->{resets} ? $self->resets : sub { };
    $f->{does}->($self, $self->{t});
    $reset->();
    $self->heard;
    push @{$self->{done}}, $name;
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

sub plan($self) {
    return @{$self->{faults}} if ref $self->{faults} eq 'ARRAY';
    my @plan;
    push @plan, ($_) x $self->{faults}{$_} for sort keys %{$self->{faults}};
    my @shuffled;
    push @shuffled, splice @plan, rand @plan, 1 while @plan;
    return @shuffled;
}

# Posts everything; the faults are spread over the course of it.  No fault
# strikes silence, however fast the machine has said it all.
sub talk($self) {
    my @plan = $self->plan;
    my $n = @plan;
    my $all = 2 * @{$self->{talks}}
        * int($self->{messages} / $self->{dialogs} / 2);
    my $start = now();
    my $last = 0;

    my $timer = reactor()->recurring(0.02 => sub {
        $self->fill($_) for $self->clients;
    });

    while (@plan || $self->acked < max($all, $self->total)) {
        $self->{faulty} = @plan;
        die "not ready after $self->{deadline} s: "
            . $self->acked . " of $all acknowledged\n"
            if now() - $start > $self->{deadline} * $Chat::Loop::SLOW;

        if (@plan && $self->acked >= $last + $all / ($n + 1)) {
            my $name = shift @plan;
            my $from = now();
            $self->strike($name);
            $self->say(sprintf '%6.1f s  %-14s %.1f s, %d of %d acknowledged',
                       $from - $self->{started}, $name, now() - $from,
                       $self->acked, max($all, $self->total));
            $last = $self->acked;
            next;
        }

        reactor()->one_tick;
    }

    reactor()->remove($timer);
    $self->{seconds} += now() - $start;
    $self->{all} += $self->total;
}

# After the verdict: its visitors leave, its figures are remembered.
sub end($self) {
    for my $talk (@{$self->{talks}}) {
        my $past = $self->{past}[$talk->{a}] //= {};
        $past->{talks}++;
        $past->{messages_visitor} += $talk->{v_n};
        $past->{messages_operator} += $talk->{o_n};

        my $v = $talk->{v};
        $self->{left}{$_} += $v->{$_} // 0 for qw(connects resets already gaps
                                                  temporary resent dups);
        $v->close;
    }

    $self->{talks} = [];
}

# Nothing is left of who was killed, reloaded or has gone: workers, their
# slots, connections, writes that wait, open files.  `leaving`: also of a zone
# or a master of before.
sub remains($self) {
    my $nginx = $self->{t}->nginx;
    my $s = $self->status;
    return {
        (map { $_ => $s->{$_} } qw(workers draining no_slot outbox
                                frames_waiting)),
        connections => $s->{connections_ws},
        leaving => scalar($nginx->leaving),
        files => scalar(map { glob "/proc/$_/fd/*" } $nginx->pid,
                        $nginx->workers),
    };
}

# Whether that is nothing but two workers and the operators; no more files
# than $files.
sub clean($self, $r, $files = undef) {
    return $r->{workers} == 2 && !(grep { $r->{$_} } qw(draining no_slot outbox
                                                        frames_waiting
                                                        leaving))
        && $r->{connections} == $self->{accounts} * $self->{operators}
        && $r->{files} <= ($files // $r->{files});
}

sub status($self) {
    return JSON::XS->new->decode($self->{t}->http(
        GET => '/status?format=json', host => 'site1.test')->{body});
}

# What the workers hold when nobody says anything and nothing is kept for a
# replay any more (30 s), without what lies ready for the next time; they tell
# of that once a second (needs heap => 1).
sub holds($self) {
    my ($spare, $since) = ('', 0);
    my $s;

    wait_for(sub {
        $s = $self->status;
        my $now = join ' ', @$s{qw(outbox replay_tail spare_bytes)};
        ($spare, $since) = ($now, now()) if $now ne $spare;
        return !$s->{outbox} && !$s->{replay_tail} && now() - $since > 3;
    }, 90, 'nothing waits, and nothing is kept for a replay');

    my @pids = $self->{t}->nginx->workers;
    my ($bytes, $blocks) = $self->{memory}->live(@pids);
    return {
        workers => "@pids", bytes => $bytes - $s->{spare_bytes},
        blocks => $blocks - $s->{spare_blocks},
        private_kb => $self->{memory}->private_kb(@pids),
    };
}

# Both sides have everything on their screens; then they part.
sub settle($self) {
    wait_for(sub { !grep { !$self->complete($_) } @{$self->{talks}} },
             60, 'both sides have seen everything');
    $_->{op}->close_dialog($_->{id}) for @{$self->{talks}};
    wait_for(sub {
        !grep { $_->{v}->state($_->{id}) ne 'closed' } @{$self->{talks}}
    }, 60, 'every dialog is closed');
}

sub complete($self, $talk) {
    my $n = $talk->{v_n} + $talk->{o_n};
    for my $c ($talk->{v}, @{$self->{ops}[$talk->{a}]}) {
        return 0 if $self->messages($c, $talk) < $n;
    }
    return 1;
}

sub messages($self, $c, $talk) {
    return map { s/\0message_posted$//r } grep { /\0message_posted$/ }
        @{$c->events($talk->{id})};
}


# ----------------------------------------------------------------- verdict

# {lost, doubled, disorder, foreign, ...}: numbers, all zero if all is well;
# and `faults`: texts for people.
sub verdict($self) {
    my %v = (lost => 0, doubled => 0, unlike => 0, disorder => 0,
             statistics => 0, broken => 0, refused => 0);
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
                push @why, "dialog $talk->{i}: a $c->{kind} shows "
                    . @shown . ' messages, Redis has ' . @stored;
            }
        }
    }

    for my $c ($self->clients) {
        $v{broken} += $c->{broken};
        $v{disorder} += $c->{disorder};
        $v{refused} += $c->{refused};
        push @why, map { "$c->{kind}: $_->{code}: $_->{text}" }
            grep { defined $_->{n} && !defined $_->{retry_ms}
                   && !defined $_->{expected} } @{$c->{errors}};
    }

    push @why, $self->statistics(\%v);
    $self->{why} = \@why;
    return \%v;
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


# What it was like, for people.
sub figures($self) {
    my @l = sort { $a <=> $b } @{$self->{latency}};
    my %sum = %{$self->{left}};
    for my $c ($self->clients) {
        $sum{$_} += $c->{$_} // 0 for qw(connects resets already gaps temporary
                                         resent dups);
    }
    return {
        rounds => $self->{rounds}, messages => $self->{all}, seconds => $self->{seconds},
        rate => $self->{all} / $self->{seconds},
        rewritten => $self->{rewritten}, p50 => $l[@l * 0.5],
        p99 => $l[@l * 0.99], max => $l[-1], %sum,
    };
}


1;
