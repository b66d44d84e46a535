package Chat::Store;

# What is in Redis, read (and for statd's tests written) without a line of
# our C: docs/internals/keys.md is the contract.

use v5.36;

use Data::MessagePack ();
use Exporter 'import';

our @EXPORT_OK = qw(partition tag key entry header listed events);

my $mp = Data::MessagePack->new->utf8->prefer_integer;  # keys are numbers
my (@tags, @events);


# Event names by number, from the schema.
sub events() {
    if (!@events) {
        open my $fh, '<', 'schema/chat.schema' or die "schema: $!";
        while (<$fh>) {
            $events[$2] = $1 if /^event\s+(\w+)\s+(\d+)\s/;
        }
    }
    return @events;
}

sub number($event) {
    my @e = events();
    my ($n) = grep { ($e[$_] // '') eq $event } 0 .. $#e;
    return $n // die "no event $event\n";
}


# fnv1a32 of the decimal account, mod 16
sub partition($account) {
    my $h = 2166136261;
    $h = (($h ^ ord) * 16777619) & 0xffffffff for split //, "$account";
    return $h % 16;
}

sub tag($partition) {
    if (!@tags) {
        open my $fh, '<', 'bus/chat_keys.c' or die "tags: $!";
        local $/;
        my ($table) = <$fh> =~ /chat_tags\[CHAT_FEEDS\] = \{(.*?)\};/s;
        @tags = $table =~ /chat_string\("([^"]+)"\)/g;
        die "17 tags expected\n" unless @tags == 17;
    }
    return $tags[$partition];
}

# key('a:%d:queue', account): the partition's tag is put in front.
sub key($account, $rest) {
    return 'chat:' . tag(partition($account)) . ":$rest";
}


# A header, from a hash of its fields.
sub header(%e) {
    return join ' ', number($e{event}), $e{seq} // 0, $e{sender} // '-',
        $e{owner} // 0, $e{wait} // 0, $e{start} // 0,
        "$e{account}:$e{site}:" . ($e{visitor} // '-'), $e{dialog} // '-';
}

# [field, value, ...] of a stream's entry, decoded.
sub entry($id, $fields) {
    my %f = @$fields;
    my ($n, $seq, $sender, $owner, $wait, $start, $route, $dialog)
        = split / /, $f{h};
    my ($account, $site, $visitor) = split /:/, $route;
    return {id => $id, event => (events())[$n], seq => $seq,
        sender => $sender, owner => $owner, wait => $wait, start => $start,
        account => $account, site => $site, visitor => $visitor,
        dialog => $dialog, body => $mp->unpack($f{b})};
}

# A dialog's list (facts and body in turn), decoded; text of a message as
# characters.
sub listed(@elements) {
    my @events;
    while (my ($facts, $body) = splice @elements, 0, 2) {
        my ($id, $n, $seq, $sender, $owner) = split / /, $facts;
        my $b = $mp->unpack($body);
        my $event = (events())[$n];
        push @events, {id => $id, event => $event, seq => $seq,
            sender => $sender, owner => $owner, body => $b,
            $event eq 'message_posted' ? (text => $b->{2}) : ()};
    }
    return @events;
}

sub pack_body($body) { return $mp->pack($body) }


1;
