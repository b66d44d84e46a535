#!/usr/bin/env perl

# Promise: wherever the network is cut (while a name is asked for, in the
# handshake, before the welcome, while a client catches up, in the midst of
# events), what a client is given is an exact slice of the log: behind its
# cursor nothing is missing and nothing comes twice, over every transport.

use v5.36;
use lib 't/lib';

use Chat::Loop qw(after now reactor);
use Chat::Test;
use Test::More;

my ($DIALOGS, $MESSAGES, $CUTS) = (5, 1200, 12);

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']],
           operators => [['ann', 'secret-password', 'operator']]);
$t->nginx(<<'CONF');
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_rate 10000 burst=10000;
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

sub operator(%more) {
    return $t->operator(host => 'desk.test', login => 'ann',
                        password => 'secret-password', %more);
}

my $ann = operator(pipeline => 8);
$ann->wait_welcome;
my @v = map { $t->visitor(host => 'shop.test') } 1 .. $DIALOGS;

for my $v (@v) {
    $v->wait_welcome;
    $v->post('Hello');
    $v->wait_text('Hello');
    $ann->wait_text('Hello', $v->{dialog});
    $ann->take($v->{dialog});
}
$ann->wait_sent;

# other tabs of every visitor, and other screens of the operator
my @tabs = ((map {
    my $v = $_;
    map { $t->visitor(host => 'shop.test', token => $v->{token},
                      of => $v, transport => $_, record => 1) }
        qw(ws ws sse poll)
} @v), operator(record => 1), operator(record => 1, transport => 'sse'));


# ----------------------------------------------------------------- slices

# Frames as they came, without the client's own repairs: behind its welcome,
# and from then on, the next seq of each dialog is known.  The state of a
# welcome may be newer than its cursor (docs/internals/nginx.md): who is cut
# right behind it and comes back by that cursor may get as events what he was
# told as state, but no event twice.
my %at = map { $_ => {frames => 0, next => {}, told => {}, loose => {}} } @tabs;
my ($holes, $again, $slices, $checked, @ids) = (0, 0, 0, 0);

sub follow ($c) {
    my $at = $at{$c};
    my ($next, $told, $loose) = @$at{qw(next told loose)};

    while (my $f = $c->{frames}[$at->{frames}++]) {
        my @events = grep { defined $_->{seq} }
            $f->{t} eq 'welcome' ? @{$f->{events} // []}
                : $f->{t} eq 'event' ? $f : ();

        if ($f->{t} eq 'welcome') {
            $slices++;
            %$_ = () for $f->{reset} ? ($next, $told, $loose) : $loose;
            $loose->{$_} = 1
                for grep { ($told->{$_} // 0) < $next->{$_} - 1 } keys %$next;
            my %brought = map { $_->{dialog} => 1 } @events;
            $next->{$_->{id}} //= $_->{seq} + 1
                for grep { !$brought{$_->{id}} }
                    $f->{dialog} // (), @{$f->{dialogs} // []};
        }

        for my $e (@events) {
            my $want = $next->{$e->{dialog}} // $e->{seq};
            $next->{$e->{dialog}} = $e->{seq} + 1;
            $checked++;
            my $from = delete $loose->{$e->{dialog}}
                ? ($told->{$e->{dialog}} // 0) + 1 : $want;
            $told->{$e->{dialog}} = $e->{seq};
            $holes++ if $e->{seq} > $want;
            $again++ if $e->{seq} < $from;
            push @ids, [$e->{dialog}, $e->{seq}, $e->{id}];
        }
    }

    $at->{frames}--;
    return $next;
}


# ------------------------------------------------------------------- cuts

# Cuts any wire, also one that still asks who it is; of five cut ones one
# forgets its cursor: it comes as if for the first time.
my %cuts;

sub cut ($c) {
    my $wire = $c->{wire} or return;
    # logins are counted, and too many of them refused for a minute
    return if $c->{kind} eq 'operator' && !$c->{identity};
    $cuts{$c}++;
    $c->{cursor} = '' unless int rand 5;
    $c->{backoff} = 0.01;
    $wire->can('drop') ? $wire->drop : $wire->close('dropped');
}

# every 10 ms one of them, at once or within its next few milliseconds
my $cutter = reactor()->recurring(0.01 => sub {
    my $c = $tabs[rand @tabs];
    return unless $c->{wire};
    my $wire = $c->{wire};
    after(rand 0.02, sub {
        cut($c) if $c->{wire} && $c->{wire} == $wire;
    });
});

$_->connect for @tabs;
my $n = 0;

wait_for(sub {
    while (@{$ann->{outbox}} < 8) {
        my $v = $v[$n % @v];
        $n++;
        $n % 7 ? $ann->post("operator $n", dialog => $v->{dialog})
               : $v->post("visitor $n");
    }
    follow($_) for @tabs;
    return $n >= $MESSAGES && $slices > 3 * @tabs
        && !grep { ($cuts{$_} // 0) < $CUTS } @tabs;
}, 60, 'messages, cuts, and welcomes between them');

reactor()->remove($cutter);
$_->wait_sent(30) for $ann, @v;
note "$n messages; cuts of each: ", join ' ', map { $cuts{$_} } @tabs;


# ---------------------------------------------------------------- verdict

my %end;

for my $v (@v) {
    $ann->post('the end', dialog => $v->{dialog});
    $v->wait_text('the end', undef, 30);
    $end{$v->{dialog}} = $v->events->[-1]{seq};
}

for my $c (@tabs) {
    my @d = $c->{of} ? $c->{of}{dialog} : keys %end;
    wait_for(sub {
        my $next = follow($c);
        return !grep { ($next->{$_} // 0) <= $end{$_} } @d;
    }, 30, "the end over $c->{transport}");
}
pass('everybody comes to the end');

note "$slices welcomes, $checked events";
cmp_ok($slices, '>', 3 * @tabs, 'there were many slices');
cmp_ok($checked, '>', $MESSAGES, 'and many events in them');
is($holes, 0, 'no slice has a hole');
is($again, 0, 'no slice repeats anything');

my %log = map { $_->{dialog} => $_->events } @v;
is(scalar(grep { $log{$_->[0]}[$_->[1] - 1]{id} ne $_->[2] } @ids), 0,
   'each is what the log has at its place');

is(scalar(grep { $_->{broken} + $_->{disorder} } $ann, @v, @tabs), 0,
   'nothing given up, nothing reordered');
my %once;
$once{$_}++ for grep { /^(?:operator|visitor) \d/ } map { $_->texts } @v;
is(scalar(grep { $_ != 1 } values %once), 0, 'each message once');
is(scalar(keys %once), $n, 'and all of them');

$t->done;
