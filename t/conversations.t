#!/usr/bin/env perl

# Promise: human conversations run through the widget's and the cabinet's
# protocols word for word, over every transport.  Ours from t/data, and those
# of ../shared/data where that folder is beside the checkout.

use v5.36;
use utf8;
use lib 't/lib';

use Chat::Test;
use JSON::XS ();
use Test::More;

my $json = JSON::XS->new->utf8;
my $t = Chat::Test->new;
my $shared = "$t->{top}/../shared/data";

# [{id, turns => [[visitor|operator, text]...]}...]
my @conversations = @{$json->decode($t->slurp("$t->{top}/t/data/conversations.json"))};
my $own = @conversations;

if (-d $shared) {
    my %who = (agent => 'operator', customer => 'visitor');

    for my $c (@{$json->decode($t->slurp("$shared/abcd_sample.json"))}) {
        push @conversations, {id => "abcd-$c->{convo_id}",
            turns => [map { [$who{$_->[0]}, $_->[1]] }
                      grep { $who{$_->[0]} } @{$c->{original}}]};
    }

    for my $c (@{$json->decode($t->slurp("$shared/sgd_dialogues.json"))}) {
        push @conversations, {id => "sgd-$c->{dialogue_id}",
            turns => [map { [$_->{speaker} eq 'USER' ? 'visitor' : 'operator',
                             $_->{utterance}] } @{$c->{turns}}]};
    }
}

cmp_ok($own, '>=', 12, 'a dozen conversations of our own');

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
    server { listen %%IP%%:%%PORT%%; server_name shop.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

my %operators = map { $_ => $t->operator(host => 'desk.test', login => 'ann',
    password => 'secret-password', transport => $_) } qw(ws sse poll);
$_->wait_welcome for values %operators;

my @transports = qw(ws sse poll);
my $words = 0;

for my $i (0 .. $#conversations) {
    my $c = $conversations[$i];
    my $v = $t->visitor(host => 'shop.test',
                        transport => $transports[$i % 3]);
    my $o = $operators{$transports[int($i / 3) % 3]};
    # an operator speaks only where a visitor has begun
    my @turns = grep { $_->[1] =~ /\S/ } @{$c->{turns}};
    my ($first) = grep { $turns[$_][0] eq 'visitor' } 0 .. $#turns;
    unshift @turns, splice @turns, $first, 1;

    my @want = map { $_->[1] } @turns;
    my ($dialog, $taken, $n);

    $v->wait_welcome;

    for my $turn (@turns) {
        my ($who, $text) = @$turn;

        if ($who eq 'visitor') {
            $v->post($text);

        } else {
            $o->take($dialog) unless $taken++;
            $o->post($text, dialog => $dialog);
        }

        $n++;
        $words += () = $text =~ /\S+/g;
        $v->wait(sub { $v->texts >= $n }, 10, "$c->{id}, $n: visitor");
        $dialog = $v->{dialog};
        $o->wait(sub { $o->texts($dialog) >= $n }, 10,
                 "$c->{id}, $n: operator");
    }

    is_deeply([$v->texts], \@want,
              "$c->{id}: the visitor reads it word for word");
    is_deeply([$o->texts($dialog)], \@want,
              "$c->{id}: the operator reads it word for word");
    $v->close;
}

note scalar(@conversations), " conversations, $words words";
$t->done;
