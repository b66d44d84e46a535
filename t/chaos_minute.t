# The short form of bench/chaos.pl: every kind of fault under load.

use v5.36;
use lib 't/lib';
use Chat::Chaos;
use Test::More;

# long: no fault strikes silence, however fast the machine has said it all
my $chaos = Chat::Chaos->new(messages => 6000, dialogs => 40, accounts => 3,
    deadline => 90, fsync_ms => 1000, long => 1,
    faults => {reload => 2, worker => 2, statd => 1, redis_term => 1,
               redis_kill => 1},
    say => sub ($text) { note $text });

$chaos->start;
$chaos->open_dialogs;
$chaos->talk;
$chaos->settle;

my $v = $chaos->verdict;
is $v->{$_}, 0, $_ for sort keys %$v;
diag $_ for splice @{$chaos->{why}}, 0, 20;
note explain $chaos->figures;

$chaos->{t}->done;
