package Chat::Chaos;

# Many dialogs at full speed while everything under them is reloaded, killed
# and restarted; then every message is looked for where it must be: once, in
# one order, at both sides and in Redis; and the figures must be the truth.
# All of it may be done again and again against the same servers: rounds.
#
# There are two nodes.  Visitors and operators are clients of either, of every
# transport; each stays with its node, since what another one has yet to replay
# may come twice to who changes over (docs/internals/keys.md, "Epoch").
#
# The faults are in Chat::Chaos::Faults, the end in Chat::Chaos::Verdict.

use v5.36;
use utf8;

use Chat::Loop qw(now reactor wait_for);
use Chat::Memory;
use Chat::Test;
use JSON::XS ();
use List::Util qw(max sum0);
use parent qw(Chat::Chaos::Faults Chat::Chaos::Verdict);

my @NODES = qw(east west);

# of every four visitors, and of every six operators
my @VISITORS = qw(ws sse ws poll);
my @OPERATORS = qw(ws ws sse ws ws poll);

my @COUNTED = qw(connects resets already gaps temporary resent dups stale);

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
    server { listen %%IP_NODE%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
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
        past => [], left => {}, faulty => 0, heap => 0, nodes => [],
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

    for my $name (@NODES) {
        my $node = {name => $name, ip => $t->ip($name), zone => '16m'};
        push @{$self->{nodes}}, $node;
        $node->{nginx} = $t->nginx($self->conf($node), daemon => 1,
            env => $self->{heap} ? $self->{memory}->env : {});
    }

    $self->{statd} = $t->statd('--lease', 2000);
    my $n = 0;

    for my $a (1 .. $self->{accounts}) {
        for my $o (1 .. $self->{operators}) {
            push @{$self->{ops}[$a]}, $t->operator(host => 'desk.test',
                login => "op$a-$o", password => 'secret-password',
                ip => $self->{nodes}[$o % @NODES]{ip},
                transport => $OPERATORS[$n++ % @OPERATORS],
                pipeline => 8, compact => \&keep);
        }
    }
}

sub conf($self, $node) {
    my $sites = join '', map {
        "    server { listen %%IP_NODE%%:%%PORT%%; server_name site$_.test; chat on; "
            . "location = /status { chat_status; } }\n"
    } 1 .. $self->{accounts};
    return $CONF =~ s/SITES\n/$sites/r =~ s/ZONE/$node->{zone}/r
        =~ s/IP_NODE/IP_$node->{name}/gr;
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
        # the next of this account: by operators, then by nodes, and there
        # in all pairs with transports
        my $nth = int $i / $self->{accounts};
        my $op = $self->{ops}[$a][$nth % $self->{operators}];
        my $row = int $nth / $self->{operators};
        my $v = $t->visitor(host => "site$a.test", compact => \&keep,
            ip => $self->{nodes}[$row % @NODES]{ip},
            transport => $VISITORS[($i + int $row / @NODES) % @VISITORS]);
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
            my $what = $self->strike($name);
            $self->say(sprintf '%6.1f s  %-16s %.1f s, %d of %d acknowledged',
                       $from - $self->{started}, $what, now() - $from,
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
        $self->{left}{$_} += $v->{$_} // 0 for @COUNTED;
        $v->close;
    }

    $self->{talks} = [];
}

# Nothing is left of who was killed, reloaded or has gone: workers, their
# slots, connections, writes that wait, open files.  `leaving`: also of a zone
# or a master of before.
sub remains($self) {
    my $s = $self->status;
    return {
        (map { $_ => $s->{$_} } qw(workers draining no_slot outbox
                                frames_waiting)),
        connections => sum0(@$s{map { "connections_$_" } qw(ws sse poll)}),
        leaving => scalar($self->leaving),
        files => scalar(map { glob "/proc/$_/fd/*" }
                        map { $_->{nginx}->pid, $_->{nginx}->workers }
                        @{$self->{nodes}}),
    };
}

# Whether that is nothing but two workers of each node and the operators; no
# more files than $files.
sub clean($self, $r, $files = undef) {
    return $r->{workers} == 2 * @NODES
        && !(grep { $r->{$_} } qw(draining no_slot outbox frames_waiting
                                  leaving))
        && $r->{connections} == $self->{accounts} * $self->{operators}
        && $r->{files} <= ($files // $r->{files});
}

# Files that are open when every client is there, without those of visitors.
# One that polls is away for a moment now and then.
sub files($self) {
    my @all = $self->clients;
    my $r;
    wait_for(sub {
        $r = $self->remains;
        return $r->{connections} == @all;
    }, 60, 'a connection of everybody');
    return $r->{files} - @{$self->{talks}};
}

# Of both nodes together.
sub status($self) {
    my %sum;

    for my $node (@{$self->{nodes}}) {
        my $s = JSON::XS->new->decode($self->{t}->http(
            GET => '/status?format=json', host => 'site1.test',
            ip => $node->{ip})->{body});
        $sum{$_} += $s->{$_} for grep { !ref $s->{$_} && $s->{$_} =~ /^\d+$/ }
                                 keys %$s;
    }

    return \%sum;
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

    my @pids = map { $_->{nginx}->workers } @{$self->{nodes}};
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


# What it was like, for people.
sub figures($self) {
    my @l = sort { $a <=> $b } @{$self->{latency}};
    my %sum = %{$self->{left}};
    for my $c ($self->clients) {
        $sum{$_} += $c->{$_} // 0 for @COUNTED;
    }
    return {
        rounds => $self->{rounds}, messages => $self->{all}, seconds => $self->{seconds},
        rate => $self->{all} / $self->{seconds},
        rewritten => $self->{rewritten}, p50 => $l[@l * 0.5],
        p99 => $l[@l * 0.99], max => $l[-1], %sum,
    };
}


1;
