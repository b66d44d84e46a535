package Chat::Loop;

# One event loop per test process and the only way to wait: on a condition,
# with a deadline.  Everything asynchronous of the harness (clients, timers)
# runs while somebody waits.

use v5.36;

use Exporter 'import';
use Mojo::IOLoop;
use Time::HiRes ();

our @EXPORT_OK = qw(reactor wait_for now after);

# CHAT_SLOW stretches every deadline (sanitizers, valgrind, a loaded machine)
our $SLOW = $ENV{CHAT_SLOW} || ($ENV{SAN} ? 4 : 1);


# libev reaps every child it hears of; children are ours (Chat::Process)
Mojo::IOLoop->singleton->reactor;
$SIG{CHLD} = 'DEFAULT';


sub reactor { return Mojo::IOLoop->singleton->reactor }

sub now { return Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC()) }

sub after($seconds, $code) { return reactor()->timer($seconds => $code) }


# Runs the loop until $cond is true and returns what it gave; dies with $what
# after $timeout seconds.
sub wait_for($cond, $timeout = 10, $what = 'condition') {
    my $r = $cond->();
    return $r if $r;

    my $deadline = now() + $timeout * $SLOW;
    my $tick = reactor()->recurring(0.01 => sub { });

    while (!($r = eval { $cond->() })) {
        my $err = $@;

        if ($err || now() > $deadline) {
            reactor()->remove($tick);
            die $err if $err;
            my ($pkg, $file, $line) = caller;
            die "timed out after " . $timeout * $SLOW
                . " s waiting for: $what, at $file line $line\n";
        }

        reactor()->one_tick;
    }

    reactor()->remove($tick);
    return $r;
}


1;
