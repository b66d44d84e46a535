package Chat::Browser;

# Runs a scenario of t/e2e in node with a real browser, and does to the
# servers what it asks for.

use v5.36;

use IPC::Open2 qw(open2);
use JSON::XS ();
use Test::More ();

my $json = JSON::XS->new->utf8->canonical;


# scenario: t/e2e/NAME.mjs; place: facts for it; faults: name => sub ($ask)
sub run($class, $t, $scenario, $place, %faults) {
    local $ENV{CHAT_PLACE} = $json->encode({ip => $t->ip, port => $t->port,
                                            dir => $t->{dir}, %$place});
    binmode Test::More->builder->$_, ":utf8"
        for qw(output failure_output todo_output);

    my $pid = open2(my $out, my $in, 'node',
                    "$t->{top}/t/e2e/$scenario.mjs");
    my $ended;

    while (defined(my $line = <$out>)) {
        my $m = eval { $json->decode($line) }
            or Test::More::diag($line), next;

        if (exists $m->{ok}) {
            Test::More::ok($m->{ok}, $m->{name})
                or Test::More::diag($m->{why} // '');

        } elsif (my $ask = $m->{ask}) {
            my $fault = $faults{$ask} or die "no such fault: $ask\n";
            my $answer = $fault->($m);
            syswrite $in, $json->encode({done => $ask, answer => $answer})
                . "\n";

        } elsif ($m->{end}) {
            $ended = 1;
        }
    }

    close $in;
    waitpid $pid, 0;
    Test::More::ok($ended && $? == 0, "$scenario: the browser's side ended well");
}


1;
