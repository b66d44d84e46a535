# The short form of bench/chaos.pl: every kind of fault, once, under load.

use v5.36;
use lib 't/lib';
use Chat::Chaos;
use Chat::Loop qw(wait_for);
use Test::More;

my $chaos = Chat::Chaos->new(messages => 6000, dialogs => 40, accounts => 3,
    deadline => 120, fsync_ms => 1000,
    faults => {map { $_ => 1 } Chat::Chaos->faults},
    say => sub ($text) { note $text });

$chaos->start;
$chaos->open_dialogs;
# what is open when the visitors have gone, and only they
my $files = $chaos->files;
$chaos->talk;
$chaos->settle;

my $v = $chaos->verdict;
is $v->{$_}, 0, $_ for sort keys %$v;
diag $_ for splice @{$chaos->{why}}, 0, 20;
note explain $chaos->figures;

$chaos->end;
my $r;
ok eval { wait_for(sub { $chaos->clean($r = $chaos->remains, $files) }, 30, 'clean') },
    'nothing waits, nothing remains of who has gone' or diag explain $r;

$chaos->{t}->done;
