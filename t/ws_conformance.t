#!/usr/bin/env perl

# Promise: WebSockets are RFC 6455 and RFC 7692 to the letter.  The cases are
# those of the groups of the Autobahn suite (which is not in Debian), written
# anew as tables: framing, pings, reserved bits, opcodes, fragments, UTF-8,
# closing, limits, compression.  They run against chat_echo, which has parser,
# checks, queue and compression of chats; and, as far as nothing is echoed
# there, against the chat itself.

use v5.36;
use lib 't/lib';

use Chat::Test;
use Chat::Wire;
use Chat::Ws;
use Compress::Raw::Zlib;
use Digest::SHA qw(sha1_hex);
use Test::More;

my $MB = 1 << 20;

my $t = Chat::Test->new(log_level => 'info');
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Shop', sites => [['shop.test']]);
$t->nginx(<<'CONF');
%%GLOBALS%%
events { worker_connections 512; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    server {
        listen %%IP%%:%%PORT%%;
        server_name shop.test;
        chat on;
        chat_rate 1000 burst=2000;

        location = /echo {
            chat_echo on;
            chat_echo_message 16m;
            chat_echo_fragments 65536;
        }
        location = /deflate {
            chat_echo on;
            chat_echo_message 16m;
            chat_echo_fragments 65536;
            chat_deflate on context=256k min=0;
        }
        location = /small {
            chat_echo on;
            chat_echo_message 1k;
            chat_echo_fragments 8;
            chat_deflate on;
        }
    }
}
CONF

my $token = $t->http('POST', '/_chat/v1/visitor', host => 'shop.test',
    json => {}, headers => {Origin => 'http://shop.test'})->{json}{token};
my @chat = ('Origin', 'http://shop.test', 'Authorization', "Bearer $token");

my $frame = \&Chat::Ws::frame;
my (%cases, %failed);

sub wire($path, @headers) {
    return Chat::Wire->new(ip => $t->ip, port => $t->port,
        host => 'shop.test', path => $path, headers => \@headers);
}

# One connection: what is sent (bytes, or code that does something with the
# wire), what must come back, and the code it must end with: by default ours.
#   path, headers, chop; ignore => data frames that come do not matter;
#   ours => our close frame is the first: there is no other half to send
sub conforms($group, $name, $send, $expect, $code = undef, %opt) {
    my @send = ref $send eq 'ARRAY' ? @$send : $send;
    my @expect = (@$expect, [8, $code // 1000]);
    my $got = [];
    my $ok = eval {
        my $w = wire($opt{path} // '/echo', @{$opt{headers} // []});
        die "refused: $w->{status}\n" if !$w->{upgraded};
        $opt{opened}->($w) if $opt{opened};
        $w->{reply} = $frame->(8, pack 'n', $code == 1005 ? 1000 : $code)
            if defined $code && !$opt{ours};
        push @send, $frame->(8, pack 'n', 1000) if !defined $code;
        ref $_ ? $_->($w) : $w->write($_, $opt{chop}) for @send;
        $got = $w->finish("the end of $name");
        die "reset\n" if $w->{eof} ne 'end';
        1;
    };
    my $error = $@;

    $got = [grep { $_->[0] > 2 } @$got] if $opt{ignore};
    $ok &&= @$got == @expect;
    for my $i (0 .. $#expect) {
        $ok &&= $got->[$i][0] == $expect[$i][0]
            && $got->[$i][1] eq $expect[$i][1];
    }

    $cases{$group}++;
    return 1 if $ok;
    push @{$failed{$group}}, $name;
    diag "$group, $name: $error", 'got ', said($got), ', wanted ',
        said(\@expect);
    return 0;
}

sub said($events) {
    return join ' ', map {
        my ($op, $data) = @$_;
        $op == 8 ? "close:$data"
            : "$op:" . (length $data > 20 ? length($data) . ' bytes ('
                        . substr(sha1_hex($data), 0, 8) . ')' : $data)
    } @$events;
}

sub group($group) {
    ok !$failed{$group}, "$group: $cases{$group} cases";
}

# A message in fragments of n bytes (at least two).
sub fragments($opcode, $data, $n, %opt) {
    my $last = int((length($data) - 1) / $n);
    $last = 0 if $last < 0;
    return map {
        $frame->($_ ? 0 : $opcode, substr($data, $_ * $n, $n),
                 fin => $_ == $last ? 1 : 0, rsv => $_ ? 0 : $opt{rsv} // 0)
    } 0 .. $last;
}

# The three ways frames arrive: together, each alone, byte by byte.
sub ways($group, $name, $frames, $expect, $code = undef, %opt) {
    conforms($group, $name, join('', @$frames), $expect, $code, %opt);
    conforms($group, "$name, one by one", $frames, $expect, $code, %opt);
    conforms($group, "$name, byte by byte", join('', @$frames), $expect,
             $code, %opt, chop => 1);
}


# --- 1 framing --------------------------------------------------------------

for my $op (1, 2) {
    for my $len (0, 1, 125, 126, 127, 128, 65535, 65536) {
        my $data = ($op == 1 ? '*' : "\xfe") x $len;
        conforms('1 framing', "opcode $op, $len", $frame->($op, $data),
                 [[$op, $data]]);
        conforms('1 framing', "opcode $op, $len chopped",
                 $frame->($op, $data), [[$op, $data]], undef, chop => 997);
    }
}

# lengths must be minimal (5.2)
for my $bytes (pack('CCn', 0x81, 126 | 128, 125),
               pack('CCQ>', 0x81, 127 | 128, 65535),
               pack('CCQ>', 0x82, 127 | 128, 2**63))
{
    conforms('1 framing', 'length not minimal', "${bytes}mask", [], 1002);
}
conforms('1 framing', 'not masked', $frame->(1, 'x', masked => 0), [], 1002);
group('1 framing');


# --- 2 pings and pongs (also of the chat) -------------------------------------

my $blob = "\x00\xff\xfe\xfd\xfc\xfb\x00\xff";
my @pings = (
    ['empty', [$frame->(9, '')], [[10, '']]],
    ['payload', [$frame->(9, 'Hello, world!')], [[10, 'Hello, world!']]],
    ['binary payload', [$frame->(9, $blob)], [[10, $blob]]],
    ['125 bytes', [$frame->(9, "\xfe" x 125)], [[10, "\xfe" x 125]]],
    ['126 bytes', [$frame->(9, "\xfe" x 126)], [], 1002],
    ['pong unasked', [$frame->(10, '')], []],
    ['pong unasked, payload', [$frame->(10, 'unsolicited')], []],
    ['pong unasked, then ping', [$frame->(10, 'x'), $frame->(9, 'y')],
     [[10, 'y']]],
    ['10 pings', [map { $frame->(9, "ping $_") } 1 .. 10],
     [map { [10, "ping $_"] } 1 .. 10]],
);


# --- 3 reserved bits, 4 opcodes, 5 fragments that are wrong -------------------

my (@reserved, @opcodes, @broken);

for my $rsv (1 .. 7) {
    for my $op (1, 2, 8, 9, 10) {
        push @reserved, ["rsv $rsv, opcode $op",
            [$frame->($op, $op == 8 ? pack 'n', 1000 : 'x', rsv => $rsv),
             $frame->(9, '')], [], 1002];
    }
    push @reserved, ["rsv $rsv after a ping",
        [$frame->(9, 'a'), $frame->(1, '', rsv => $rsv), $frame->(9, 'b')],
        [[10, 'a']], 1002];
}

for my $op (3 .. 7, 11 .. 15) {
    push @opcodes, ["opcode $op", [$frame->($op, '')], [], 1002],
        ["opcode $op, payload", [$frame->($op, 'reserved')], [], 1002],
        ["opcode $op after a ping",
         [$frame->(9, 'a'), $frame->($op, 'x'), $frame->(9, 'b')],
         [[10, 'a']], 1002];
}

for my $fin (0, 1) {
    push @broken,
        ['fragmented ping', [$frame->(9, 'a', fin => 0),
                             $frame->(0, 'b', fin => $fin)], [], 1002],
        ['fragmented pong', [$frame->(10, 'a', fin => 0),
                             $frame->(0, 'b', fin => $fin)], [], 1002],
        ['fragmented close', [$frame->(8, pack('n', 1000), fin => 0)], [],
         1002],
        ["continuation of nothing, FIN $fin",
         [$frame->(0, 'x', fin => $fin), $frame->(1, 'Hello')], [], 1002],
        ["the same, FIN $fin, twice",
         [map { ($frame->(0, 'x', fin => $fin), $frame->(1, 'a', fin => 0),
                 $frame->(0, 'b')) } 1, 2], [], 1002],
        ["a message inside a message, FIN $fin",
         [$frame->(1, 'a', fin => 0), $frame->(1, 'b', fin => $fin)], [],
         1002],
        ["binary inside text, FIN $fin",
         [$frame->(1, 'a', fin => 0), $frame->(9, 'p'),
          $frame->(2, 'b', fin => $fin)], [[10, 'p']], 1002];
}

for ([2, 'pings', \@pings], [3, 'reserved bits', \@reserved],
     [4, 'opcodes', \@opcodes], [5, 'fragments', \@broken])
{
    my ($n, $what, $table) = @$_;
    ways("$n $what", @$_) for @$table;
    group("$n $what") if $n != 5;
}


# --- 5 fragments -------------------------------------------------------------

my @halves = ($frame->(1, 'frag', fin => 0), $frame->(0, 'ment'));
my ($ping, $pong) = ($frame->(9, 'between'), [10, 'between']);

for my $case (
    ['two', [@halves], [[1, 'fragment']]],
    ['ping between', [$halves[0], $ping, $halves[1]],
     [$pong, [1, 'fragment']]],
    ['two messages', [@halves, @halves], [([1, 'fragment']) x 2]],
    ['then continuation of nothing',
     [@halves, $frame->(0, 'x', fin => 0), $frame->(1, 'y')],
     [[1, 'fragment']], 1002],
    ['five and two pings',
     [$frame->(1, 'a', fin => 0), $frame->(0, 'b', fin => 0), $ping,
      $frame->(0, 'c', fin => 0), $frame->(0, 'd', fin => 0), $ping,
      $frame->(0, 'e')], [$pong, $pong, [1, 'abcde']]],
    ['empty ones',
     [$frame->(2, '', fin => 0), ($frame->(0, '', fin => 0)) x 3,
      $frame->(0, 'x', fin => 0), $frame->(0, '')], [[2, 'x']]],
    ['all empty', [$frame->(1, '', fin => 0), $frame->(0, '')], [[1, '']]],
    ['pong between', [$halves[0], $frame->(10, 'x'), $halves[1]],
     [[1, 'fragment']]],
) {
    ways('5 fragments', @$case);
}

# the second half is sent only when the ping between was answered
conforms('5 fragments', 'pauses', [
    $halves[0], $ping,
    sub ($w) { $w->until(sub { @{$w->{events}} == 1 }, 'pong') },
    $frame->(0, '', fin => 0), $ping,
    sub ($w) { $w->until(sub { @{$w->{events}} == 2 }, 'pong') },
    $halves[1]], [$pong, $pong, [1, 'fragment']]);

# the bounds of a location
conforms('5 fragments', '8 of 8', [fragments(1, 'x' x 8, 1)],
         [[1, 'x' x 8]], undef, path => '/small');
conforms('5 fragments', '9 of 8', [fragments(1, 'x' x 9, 1)], [], 1009,
         path => '/small');
group('5 fragments');


# --- 6 UTF-8 -------------------------------------------------------------------

my $kosme = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";
my @valid = ('', $kosme, "Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc"
             . "\xc3\xa0\xc3\xa1-UTF-8!!",
    "\x00", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xef\xbf\xbf",
    "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "\xee\x80\x80",
    "\xef\xbf\xbd", "\xef\xbf\xbe",
    map { my $plane = $_; map { my $s = chr($plane * 65536 + $_);
                                utf8::encode($s); $s } 0xfffe, 0xffff }
        1 .. 16);
my @invalid = (
    # lonely bytes
    (map { chr } 0x80, 0xbf, 0xc0, 0xc1, 0xf5 .. 0xff),
    "\x80\xbf", "\x80\xbf\x80\xbf\x80\xbf\x80", join('', map { chr } 0x80 .. 0xbf),
    (map { chr($_) . ' ' } 0xc0 .. 0xf7),
    "\xfe\xfe\xff\xff",
    # five and six bytes, beyond 10ffff
    "\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80",
    "\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf",
    "\xf4\x90\x80\x80",
    # the last byte is missing: at the end, and before others
    (map { ($_, "$_.") } "\xc2", "\xdf", "\xe0\xa0", "\xe1\x80", "\xef\xbf",
        "\xf0\x90\x80", "\xf1\x80\x80", "\xf4\x8f\xbf"),
    "\xc0\xe0\x80\xf0\x80\x80\xdf\xef\xbf\xf7\xbf\xbf",
    # overlong forms
    "\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf",
    "\xfc\x80\x80\x80\x80\xaf", "\xc1\xbf", "\xe0\x9f\xbf",
    "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf",
    "\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80",
    # surrogates, single and paired
    "\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf",
    "\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf",
    (map { my $h = $_; map { $h . $_ } "\xed\xb0\x80", "\xed\xbf\xbf" }
        "\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf"),
    # in the middle of good text
    "$kosme\xed\xa0\x80edited", "$kosme\xf4\x90\x80\x80edited",
);

my @utf8_broken;

for my $s (@valid) {
    my $name = unpack 'H*', $s;
    conforms('6 UTF-8', $name, $frame->(1, $s), [[1, $s]]);
    next if $s eq '';
    conforms('6 UTF-8', "$name in bytes", join('', fragments(1, $s, 1)),
             [[1, $s]]);
    conforms('6 UTF-8', "$name chopped", $frame->(1, $s), [[1, $s]], undef,
             chop => 1);
}

for my $s (@invalid) {
    my $name = unpack 'H*', $s;
    push @utf8_broken, ["$name", [$frame->(1, $s)], [], 1007],
        ["$name in bytes", [fragments(1, $s, 1)], [], 1007];
    conforms('6 UTF-8', "$name chopped", $frame->(1, $s), [], 1007,
             chop => 1);
    # and as binary nobody looks at it
    conforms('6 UTF-8', "$name binary", $frame->(2, $s), [[2, $s]]);
}

# every beginning of a text is good exactly at its characters' ends
for my $n (1 .. length $kosme) {
    my $s = substr $kosme, 0, $n;
    my $good = utf8::decode(my $copy = $s);
    conforms('6 UTF-8', "$n bytes of a text", $frame->(1, $s),
             $good ? [[1, $s]] : [], $good ? undef : 1007);
}

# at once: the message does not end, what is wrong is told all the same
for my $s ("\xf4\x90", "\xed\xa0", "\xc0", "\xe0\x80", "\xf0\x80", "\xff") {
    my $name = 'at once: ' . unpack 'H*', $s;
    push @utf8_broken, ["$name in a fragment",
        [$frame->(1, "$kosme$s", fin => 0)], [], 1007];
    my $whole = $frame->(1, "$kosme$s" . 'x' x 100);
    push @utf8_broken, ["$name in a frame", [substr $whole, 0, -100], [],
                        1007];
}

# ... and what is still good is not
conforms('6 UTF-8', 'not too early', [
    $frame->(1, "$kosme\xf4", fin => 0), $ping,
    sub ($w) { $w->until(sub { @{$w->{events}} == 1 }, 'pong') },
    $frame->(0, "\x90\x80\x80", fin => 0)], [$pong], 1007);

conforms('6 UTF-8', @$_) for @utf8_broken;
group('6 UTF-8');


# --- 7 closing (also of the chat) ---------------------------------------------

my (@closing, @valid_codes, @invalid_codes);

@valid_codes = (1000 .. 1003, 1007 .. 1014, 3000, 3999, 4000, 4999);
@invalid_codes = (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999,
                  5000, 65535);

sub closing($code, $reason = '') { return $frame->(8, pack('n', $code) . $reason) }

push @closing, ["code $_", [closing($_)], [], $_, ours => 1] for @valid_codes;
push @closing, ["code $_", [closing($_)], [], 1002],
    ["code $_ and a reason", [closing($_, 'why')], [], 1002]
    for @invalid_codes;
push @closing,
    ['no code', [$frame->(8, '')], [], 1005, ours => 1],
    ['one byte', [$frame->(8, 'a')], [], 1002],
    ['reason', [closing(1000, 'Hello World!')], [], 1000, ours => 1],
    ['reason in UTF-8', [closing(1000, $kosme)], [], 1000, ours => 1],
    ['reason of 123 bytes', [closing(1000, '*' x 123)], [], 1000, ours => 1],
    ['reason of 124 bytes', [closing(1000, '*' x 124)], [], 1002],
    ['reason not UTF-8', [closing(1000, "$kosme\xed\xa0\x80edited")], [],
     1007],
    ['reason cut in a character', [closing(1000, "\xe2\x82")], [], 1007],
    ['two close frames', [closing(1000), closing(1001)], [], 1000, ours => 1],
    ['ping after close', [closing(1000), $ping], [], 1000, ours => 1],
    ['text after close', [closing(1000), $frame->(1, 'x')], [], 1000,
     ours => 1],
    ['rubbish after close', [closing(1000), "\xff" x 100], [], 1000,
     ours => 1],
    ['ping, close', [$ping, closing(3333)], [$pong], 3333, ours => 1];

ways('7 closing', @$_) for @closing;
conforms('7 closing', 'text, close', [$frame->(1, 'a'), closing(1000)],
         [[1, 'a']], 1000, ours => 1);
conforms('7 closing', 'close between fragments',
         [$halves[0], closing(1000), $halves[1]], [], 1000, ours => 1);
conforms('7 closing', '256k, close, ping',
         [$frame->(1, 'x' x 262144), closing(1000), $ping],
         [[1, 'x' x 262144]], 1000, ours => 1);
conforms('7 closing', '256k, close, end of what we send',
         [$frame->(1, 'x' x 262144), closing(1000),
          sub ($w) { shutdown $w->{fh}, 1 }],
         [[1, 'x' x 262144]], 1000, ours => 1);
group('7 closing');


# --- 9 limits and performance --------------------------------------------------

my $started = Chat::Loop::now();

for my $op (1, 2) {
    my $unit = $op == 1 ? "$kosme-" x 16 : join '', map { chr } 0 .. 255;
    my $text = substr $unit x ($MB * 16 / length($unit) + 1), 0, 16 * $MB;
    # cut where a character ends
    my $cut = sub ($n) {
        my $s = substr $text, 0, $n;
        $s =~ s/(?:[\xc0-\xff][\x80-\xbf]*)\z//, $s .= '.' x ($n - length $s)
            if $op == 1;
        return $s;
    };

    for my $kb (64, 256, 1024, 4096, 8192, 16384) {
        my $data = $cut->($kb << 10);
        conforms('9 limits', "opcode $op, $kb kB", $frame->($op, $data),
                 [[$op, $data]]);
    }

    my $data = $cut->(4 * $MB);
    for my $n (64, 256, 1024, 4096, 16384, 65536, 262144, $MB, 4 * $MB) {
        conforms('9 limits', "opcode $op, 4 MB in fragments of $n",
                 join('', fragments($op, $data, $n)), [[$op, $data]]);
    }

    $data = $cut->($MB);
    for my $n (64, 128, 256, 512, 1024, 2048) {
        conforms('9 limits', "opcode $op, 1 MB in pieces of $n",
                 $frame->($op, $data), [[$op, $data]], undef, chop => $n);
    }

    for my $n (0, 16, 64, 256, 1024, 4096, 16384) {
        $data = $cut->($n);
        conforms('9 limits', "opcode $op, 1000 of $n",
                 $frame->($op, $data) x 1000, [([$op, $data]) x 1000]);
    }
}

conforms('9 limits', '20000 empty at once', $frame->(2, '') x 20000,
         [([2, '']) x 20000]);
conforms('9 limits', '20000 pings at once', $frame->(9, '') x 20000,
         [([10, '']) x 20000]);
conforms('9 limits', 'one byte too many', $frame->(2, 'x' x (16 * $MB + 1)),
         [], 1009);
conforms('9 limits', 'too many in fragments',
         join('', fragments(2, 'x' x (16 * $MB + 1), $MB)), [], 1009);
conforms('9 limits', '65536 fragments of nothing',
         $frame->(1, '', fin => 0) . $frame->(0, '', fin => 0) x 65534
         . $frame->(0, ''), [[1, '']]);
conforms('9 limits', '65537 fragments of nothing',
         $frame->(1, '', fin => 0) . $frame->(0, '', fin => 0) x 65536, [],
         1009);
conforms('9 limits', 'claims 4 exabytes',
         pack('CCQ>', 0x82, 255, 1 << 62) . 'mask', [], 1009);
conforms('9 limits', "1025 of 1024", $frame->(1, 'x' x 1025), [], 1009,
         path => '/small');

# --- 10
conforms('9 limits', '65536 in fragments of 1300',
         join('', fragments(1, '*' x 65536, 1300)), [[1, '*' x 65536]]);
group('9 limits');
diag sprintf '9 limits: %.1f s', Chat::Loop::now() - $started
    if $ENV{TEST_VERBOSE};


# --- 12, 13 compression ----------------------------------------------------------

# A client's half of permessage-deflate.
sub deflater($extensions) {
    my $bits = $extensions =~ /client_max_window_bits=(\d+)/ ? $1 : 15;
    my $z = Compress::Raw::Zlib::Deflate->new(-WindowBits => -$bits,
                                              -AppendOutput => 1);
    my $forget = $extensions =~ /client_no_context_takeover/;
    return sub ($data) {
        my $out = '';
        $z->deflate($data, $out);
        $z->flush($out, Z_SYNC_FLUSH);
        $z->deflateReset if $forget;
        return $out eq '' ? "\0" : substr $out, 0, -4;
    };
}

my $none = 'server_no_context_takeover; client_no_context_takeover';
my @offers = (
    # offer, answer (without "permessage-deflate; ")
    ['permessage-deflate', ''],
    ['permessage-deflate; client_max_window_bits',
     'client_max_window_bits=10'],
    ['permessage-deflate; client_no_context_takeover; '
     . 'client_max_window_bits', 'client_no_context_takeover'],
    ['permessage-deflate; server_no_context_takeover; '
     . 'client_max_window_bits=9',
     'server_no_context_takeover; client_max_window_bits=9'],
    ["permessage-deflate; $none", $none],
    ["permessage-deflate; $none; server_max_window_bits=9",
     "$none; server_max_window_bits=9"],
    ['permessage-deflate; client_no_context_takeover; '
     . 'server_max_window_bits="9"',
     'client_no_context_takeover; server_max_window_bits=9'],
    ["permessage-deflate; $none; server_max_window_bits=8",
     "$none; server_max_window_bits=8"],
    ["permessage-deflate; $none; server_max_window_bits=15",
     "$none; server_max_window_bits=15"],
    ['permessage-deflate; server_max_window_bits=7, x-other, '
     . "permessage-deflate; $none", $none],
);

my $json = join ',', map {
    qq({"t":"event","e":"message_posted","id":"17000000$_-0","text":"Hi $_"})
} 1 .. 3000;
my $noise = pack 'N*', map { rand 2**32 } 1 .. 32768;

for my $offer (@offers) {
    my ($ask, $answer) = @$offer;
    my %where = (path => '/deflate',
                 headers => ['Sec-WebSocket-Extensions', $ask]);

    for my $kind ([1, $json], [2, $noise], [2, "\0" x 131072]) {
        my ($op, $source) = @$kind;

        for my $len (0, 16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536,
                     131072)
        {
            my $data = substr $source, 0, $len;
            my $wire;
            conforms('12 compression', "$ask, opcode $op, $len", sub ($w) {
                my $z = deflater($w->{extensions});
                $w->write($frame->($op, $z->($data), rsv => 4)) for 1 .. 10;
                # between them one that is not, one in fragments with a ping
                $w->write($frame->($op, $data));
                my $packed = $z->($data);
                my $n = int(length($packed) / 3);
                my @parts = (
                    $frame->($op, substr($packed, 0, $n), fin => 0, rsv => 4),
                    $frame->(0, substr($packed, $n, $n), fin => 0),
                    $frame->(0, substr $packed, 2 * $n));
                $w->write(join($ping, @parts), 997);
                $wire = $w;
            }, [([$op, $data]) x 11, $pong, $pong, [$op, $data]], undef,
            %where, opened => sub ($w) {
                my $want = join '; ', 'permessage-deflate', $answer || ();
                die "agreed: $w->{extensions}\n"
                    if $w->{extensions} ne $want;
            });

            # what can be is compressed, unless zlib cannot
            my $can = $len >= 64 && $op != 2 || $len >= 64 && $data =~ /^\0/;
            $can = 0 if $ask =~ /bits=8$/;
            my $did = ($wire->{compressed} // 0) == 12;
            push @{$failed{'12 compression'}}, "$ask: $len not compressed"
                if $can && !$did;
            push @{$failed{'12 compression'}}, "$ask: 8 bits"
                if $ask =~ /bits=8$/ && $wire->{compressed};
        }
    }
}

group('12 compression');

my %with = (path => '/deflate', headers => ['Sec-WebSocket-Extensions',
                                            'permessage-deflate']);
my %small = (%with, path => '/small');
my $pack = sub ($data) { return deflater('')->($data) };
my $bomb = $pack->("\0" x (16 * $MB + 1));

for my $case (
    # RFC 7692, 7.2.3
    ['Hello', $frame->(1, "\xf2\x48\xcd\xc9\xc9\x07\x00", rsv => 4),
     [[1, 'Hello']]],
    ['Hello in fragments', $frame->(1, "\xf2\x48\xcd", fin => 0, rsv => 4)
     . $frame->(0, "\xc9\xc9\x07\x00"), [[1, 'Hello']]],
    ['Hello twice', $frame->(1, "\xf2\x48\xcd\xc9\xc9\x07\x00", rsv => 4)
     . $frame->(1, "\xf2\x00\x11\x00\x00", rsv => 4), [([1, 'Hello']) x 2]],
    ['a block that is not compressed',
     $frame->(1, "\x00\x05\x00\xfa\xffHello\x00", rsv => 4), [[1, 'Hello']]],
    ['a block that is the last',
     $frame->(1, "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", rsv => 4),
     [[1, 'Hello']]],
    ['two blocks', $frame->(1, "\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9"
                               . "\x07\x00", rsv => 4), [[1, 'Hello']]],
    ['nothing', $frame->(1, "\0", rsv => 4), [[1, '']]],
    ['not compressed at all', $frame->(1, 'Hello'), [[1, 'Hello']]],
    # reserved bits
    (map { ["rsv $_ after a good one",
            $frame->(1, $pack->('x'), rsv => 4) . $frame->(1, 'x', rsv => $_),
            [[1, 'x']], 1002] } 1, 2, 3, 5, 6, 7),
    ['RSV1 on a continuation', $frame->(1, $pack->('x'), rsv => 4, fin => 0)
     . $frame->(0, '', rsv => 4), [], 1002],
    (map { ["RSV1 on opcode $_", $frame->($_, '', rsv => 4), [], 1002] }
     8, 9, 10),
    # data that is no data
    ['invalid block', $frame->(2, "\x07", rsv => 4), [], 1007],
    ['cut off', $frame->(2, "\xf2\x48\xcd", rsv => 4), [], 1007],
    ['no byte', $frame->(2, '', rsv => 4), [], 1007],
    ['rubbish', $frame->(2, "\xff" x 100, rsv => 4), [], 1007],
    ['reaches back too far', $frame->(1, "\xf2\x00\x11\x00\x00", rsv => 4),
     [], 1007],
    (map { ['UTF-8: ' . unpack('H*', $_), $frame->(1, $pack->($_), rsv => 4),
            [], 1007] } "\xff", "\xed\xa0\x80", "$kosme\xf4\x90\x80\x80",
     "\xc2", "\xc0\xaf"),
    ['binary is not looked at', $frame->(2, $pack->("\xff"), rsv => 4),
     [[2, "\xff"]]],
    # bombs
    ['one byte too many', $frame->(2, $bomb, rsv => 4), [], 1009],
    ['16 MB of nothing', $frame->(2, $pack->("\0" x (16 * $MB)), rsv => 4),
     [[2, "\0" x (16 * $MB)]]],
    ['1024 of 1024', $frame->(1, $pack->('x' x 1024), rsv => 4),
     [[1, 'x' x 1024]], undef, %small],
    ['1025 of 1024', $frame->(1, $pack->('x' x 1025), rsv => 4), [], 1009,
     %small],
    ['16 MB for 1024', $frame->(1, substr($bomb, 0, 1000), rsv => 4), [],
     1009, %small],
) {
    my ($name, $send, $expect, $code, %more) = @$case;
    my %opt = (%with, %more);
    conforms('13 compressed data', $name, $send, $expect, $code, %opt);
    conforms('13 compressed data', "$name in pieces", $send, $expect, $code,
             %opt, chop => length $send > 1000 ? 997 : 1);
}

for my $ask ('permessage-deflate; unknown', 'x-webkit-deflate-frame',
             'permessage-deflate; server_max_window_bits=16', ',')
{
    conforms('13 compressed data', "declined: $ask", $frame->(1, 'x'),
             [[1, 'x']], undef, %with,
             headers => ['Sec-WebSocket-Extensions', $ask], opened => sub ($w) {
                 die "agreed: $w->{extensions}\n" if $w->{extensions} ne '';
             });
}

conforms('13 compressed data', 'two headers', $frame->(1, 'x'), [[1, 'x']],
    undef, %with, headers => ['Sec-WebSocket-Extensions', 'a; b=c',
        'Sec-WebSocket-Extensions', "permessage-deflate; $none"],
    opened => sub ($w) {
        die "agreed: $w->{extensions}\n"
            if $w->{extensions} ne "permessage-deflate; $none";
    });

conforms('13 compressed data', 'RSV1 where nothing was agreed',
         $frame->(1, $pack->('x'), rsv => 4), [], 1002, %with,
         headers => []);
group('13 compressed data');

is wire('/deflate', 'Sec-WebSocket-Extensions', 'permessage-deflate;')
   ->{status}, 400, 'a header that is no list is refused';

# a worker has room for the contexts of three
my @more = map { wire('/deflate', 'Sec-WebSocket-Extensions',
                      'permessage-deflate') } 1 .. 9;
ok scalar(grep { $_->{extensions} eq "permessage-deflate; $none" } @more),
   'contexts are kept within the budget';
undef @more;


# --- the chat itself -------------------------------------------------------------

my %visitor = (path => '/_chat/v1/ws', headers => \@chat, ignore => 1);

for my $case (@pings, @reserved, @opcodes, @broken, @closing) {
    my ($name, $send, $expect, $code, %opt) = @$case;
    conforms('the chat', $name, $send, $expect, $code, %opt, %visitor);
}

conforms('the chat', @$_, %visitor) for @utf8_broken;
group('the chat');

my $all = 0;
$all += $_ for values %cases;
diag "$all cases: ", join ', ', map { "$_: $cases{$_}" }
    sort { no warnings 'numeric'; (0 + $a || 99) <=> (0 + $b || 99) }
    keys %cases;

$t->done;
