#!/usr/bin/perl

# What the two scripts cost inside Redis, per message, without network: a
# private redis-server on a unix socket, figures from its commandstats.  These
# count wall-clock time: the least of many short runs is the one that nothing
# else on the machine has disturbed; the median is printed beside it.
# usage: bench/scripts.pl [MESSAGES]

use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin qw($RealBin);
use IO::Socket::UNIX;
use Time::HiRes qw(sleep);

use Data::MessagePack;

use lib "$RealBin/../schema";
use Emit::Scripts;

my $messages = shift // 100_000;
my $dialogs = 200;
my $body = 'x' x 200;

my $dir = tempdir(CLEANUP => 1);
my $pid = fork // die "fork: $!\n";

if ($pid == 0) {
    open STDOUT, '>', '/dev/null';
    exec 'redis-server', '--port', 0, '--unixsocket', "$dir/redis.sock",
         '--save', '', '--appendonly', 'no', '--dir', $dir;
}

END { local $?; kill 'KILL', $pid if $pid }

my $redis;

for (1 .. 500) {
    last if $redis = IO::Socket::UNIX->new(Peer => "$dir/redis.sock");
    sleep 0.01;
}

die "no redis-server\n" unless $redis;

my %sha = map {
    $_ => call('SCRIPT', 'LOAD',
               Emit::Scripts::script("$RealBin/../bus/scripts/$_.lua"))
} qw(append commit);

my ($version) = call('INFO', 'server') =~ /redis_version:(\S+)/;
print "Redis $version, $messages messages of 200 bytes, $dialogs dialogs\n\n";

printf "%-30s %8s %8s\n", 'us per message', 'least', 'median';

show('XADD alone', xadd());
show("append, batch of $_", append($_)) for 1, 8, 32, 64;
show('commit with the same writes', commit());


sub show {
    my ($what, @us) = @_;

    @us = sort { $a <=> $b } @us;
    printf "%-30s %8.1f %8.1f\n", $what, $us[0], $us[@us / 2];
}


sub xadd {
    fresh();

    return runs('xadd', 1,
                map { [ qw(XADD log *), 'h', '2 1 inst0001:1 0 0 0 7:3:v d',
                        'b', $body ] } 1 .. $messages);
}


sub append {
    my ($batch) = @_;

    my (%n, @calls);

    fresh();

    for my $call (0 .. int($messages / $batch) - 1) {
        my (@keys, @args);

        for my $i (0 .. $batch - 1) {
            my $d = ($call * $batch + $i) % $dialogs;
            my $n = $n{$d}++ // 0;

            push @keys, "d:$d", "d:$d:pub", "v:$d", 'open', 'log';
            push @args, 'inst0001:' . ($n + 1), ";inst0001:$n ", 'visitor',
                        "7:3:$d", 2, $body;
        }

        push @calls, [ 'EVALSHA', $sha{append}, scalar @keys, @keys,
                       @args ];
    }

    return runs('evalsha', $batch, @calls);
}


sub commit {
    my $mp = Data::MessagePack->new->utf8(1);
    my $no = Data::MessagePack::false();
    my (%n, @calls);

    fresh();

    for my $i (0 .. $messages - 1) {
        my $d = $i % $dialogs;

        push @calls, [ 'EVALSHA', $sha{commit}, 6, 'log', "d:$d", "d:$d:pub",
            "v:$d", 'open', 'dialogs', $mp->pack({
                s => [ 4, 'inst0001', '' . ++$n{$d}, "$d",
                       ($no) x 2 ],
                d => [ 2, '1', $no, [ 0, "1 1 0 7:3:$d $d", ($no) x 6,
                                      '' ] ],
                c => [],
                e => [ [ 1, 3, Data::MessagePack::true(), 2, '- 0 0 0',
                         "7:3:$d $d", $body ] ],
                w => [ [ 'ZADD', 5, 0, "d$d" ], [ 'ZADD', 6, 0, "d$d" ] ],
            }) ];
    }

    return runs('evalsha', 1, @calls);
}


sub fresh {
    call('FLUSHALL');

    for my $d (0 .. $dialogs - 1) {
        call('SET', "d:$d", "1 1 0 7:3:$d $d 0 0 0 0 0-0");
    }

}


# us per message of each run of some 320 messages
sub runs {
    my ($command, $batch, @calls) = @_;

    my @us;

    while (my @some = splice @calls, 0, 320 / $batch) {
        call('CONFIG', 'RESETSTAT');
        stream(@some);
        push @us, usec($command) / (@some * $batch);
    }

    return @us;
}


sub usec {
    my ($command) = @_;

    return (call('INFO', 'commandstats')
            =~ /cmdstat_$command:calls=\d+,usec=(\d+)/)[0];
}


# 100 calls on the way at a time; every answer must be a good one.
sub stream {
    while (my @some = splice @_, 0, 100) {
        $redis->print(join '', map { resp(@$_) } @some);
        $redis->flush;

        for (@some) {
            my $answer = answer();
            $answer = $answer->[0] while ref $answer;
            die "unexpected: $answer\n" if $answer !~ /^(?:ok$|\d+-\d+(?: \d+)?$)/;
        }
    }
}


sub call {
    $redis->print(resp(@_));
    $redis->flush;

    return answer();
}


sub resp {
    return join '', '*' . @_ . "\r\n",
                map { '$' . length($_) . "\r\n$_\r\n" } @_;
}


sub answer {
    my $line = <$redis>;

    $line =~ s/\r\n$//;
    my $type = substr $line, 0, 1, '';

    die "$line\n" if $type eq '-';

    return [ map { answer() } 1 .. $line ] if $type eq '*';
    return $line if $type ne '$';

    read $redis, my $text, $line + 2;

    return substr $text, 0, $line;
}
