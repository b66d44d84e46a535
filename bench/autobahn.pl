#!/usr/bin/perl

# What the Autobahn WebSocket suite says of our server:
#
#     bench/autobahn.pl [--cases 1.*,12.1.*] [--json FILE] [COMMAND...]
#
# Starts a server with an echo location, writes the specification of a
# "fuzzingclient", runs COMMAND with it (`wstest` if nothing is said; the
# suite is not part of this project) and reads its report.  Ends with 1 if a
# case failed, in what it sends or in how it closes.  With --json, the report
# of a run made before is read instead.  See bench/AUTOBAHN.md.

use v5.36;
use FindBin qw($RealBin);
use lib "$RealBin/../t/lib";

use Chat::Test;
use Getopt::Long;
use JSON::XS ();
use Test::More;

my %opt = (cases => '*');
GetOptions(\%opt, 'cases=s', 'json=s')
    or die "usage: bench/autobahn.pl [--cases LIST] [--json FILE]"
        . " [COMMAND...]\n";
my @command = @ARGV ? @ARGV : ('wstest');
my $json = JSON::XS->new->canonical->pretty;

exit verdict($opt{json}) if $opt{json};

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
$t->nginx(<<'CONF');
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    server {
        listen %%IP%%:%%PORT%%;
        location = /echo {
            chat_echo on;
            chat_echo_message 16m;
            chat_echo_fragments 131072;
            chat_deflate on context=4m min=0;
        }
    }
}
CONF

my $spec = "$t->{dir}/fuzzingclient.json";
open my $fh, '>', $spec or die $!;
print $fh $json->encode({
    outdir => "$t->{dir}/reports",
    servers => [{agent => 'ours',
                 url => 'ws://' . $t->ip . ':' . $t->port . '/echo'}],
    cases => [split /,/, $opt{cases}],
    'exclude-cases' => [], 'exclude-agent-cases' => {},
});
close $fh;

system(@command, '-m', 'fuzzingclient', '-s', $spec) == 0
    or die "$command[0] did not run to its end\n";

my $bad = verdict("$t->{dir}/reports/index.json");
ok(!$bad, 'no case failed');
$t->done;
exit $bad;


# Counts by behavior; the names of those that are neither right nor only
# told; 1 if one of them is wrong.
sub verdict($path) {
    my ($cases) = values %{$json->decode(slurp($path))};
    my (%n, @wrong);

    for my $id (sort { order($a) cmp order($b) } keys %$cases) {
        my ($does, $closes) = @{$cases->{$id}}{qw(behavior behaviorClose)};
        $n{$does}++;
        next if "$does $closes" =~ /^(?:OK|INFORMATIONAL) (?:OK|INFO)/;
        say "$id: $does, closes $closes";
        push @wrong, $id if "$does $closes" !~ /^NON-STRICT (?:OK|INFO)/;
    }

    say scalar(keys %$cases), ' cases: ',
        join ', ', map { "$n{$_} $_" } sort keys %n;
    return @wrong ? 1 : 0;
}

sub slurp($path) {
    open my $in, '<', $path or die "$path: $!\n";
    local $/;
    return scalar <$in>;
}

# 9.10.1 after 9.9.1
sub order($id) { return join '.', map { sprintf '%03d', $_ } split /\./, $id }
