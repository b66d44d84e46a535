# What `make gen` writes is committed as it is, and nothing else lies beside
# it; a schema with a mistake is refused and told where.

use v5.36;

use File::Find;
use File::Temp qw(tempdir);
use Test::More;

my $dir = tempdir(CLEANUP => 1);

is system($^X, 'schema/gen.pl', $dir), 0, 'the generator runs';

my @files;
find({ no_chdir => 1, wanted => sub {
    push @files, substr $_, length "$dir/" if -f;
} }, $dir);

cmp_ok @files, '>', 5, 'and writes files';
is slurp($_), slurp("$dir/$_"), "$_ is up to date (make gen)"
    for sort @files;

my %written = map { $_ => 1 } @files;
my @beside = grep { !$written{$_} }
             split /\0/, `git ls-files -z core/gen bus/gen client/gen`;
is_deeply \@beside, [], 'everything in gen/ is generated';


# --- mistakes ---------------------------------------------------------------

use lib 'schema';
use Schema;

my $head = <<'END';
enum actor_kind "Who."
    visitor 1 "a person"
    operator 2 "another"
object o "A thing."
    a 1 string 0..9 "what"
END
my $tail = <<'END';
event e 1 durable public "Event."
command c 1 visitor write "Command."
frame f 1 "Frame."
error bad 1 400 final "Bad."
limit l 1 x "Limit."
stat s 1 counter x site "Stat."
metric m counter x "Metric."
END

ok eval { parse($head . $tail) }, 'the smallest schema' or diag $@;

my @mistakes = (
    ["bogus x 1 \"d\"\n",                    qr/unknown statement/],
    ["    a 1 bool\n",                       qr/stands here twice/],
    ["    b 1 bool\n",                       qr/number 1 .* twice/],
    ["    b 2 nothing\n",                    qr/type "nothing"/],
    ["    b 2 list(actor_kind)\n",           qr/lists are of objects/],
    ["    b 2 string\n",                     qr/needs MIN\.\.MAX/],
    ["    b 2 string 5..4\n",                qr/range is empty/],
    ["    b 2 bool 0..1\n",                  qr/no range for bool/],
    ["    b 2 int 1..\n",                    qr/no open range for int/],
    ["    b 2 int 0..9007199254740993\n",    qr/double/],
    ["    b 2 bool often\n",                 qr/what is "often"/],
    ["    B 2 bool\n",                       qr/name of/],
    ["    b 0 bool\n",                       qr/number from 1/],
    ["    b 2 bool \"a */ b\"\n",            qr/comment mark/],
    ["    b 2 bool \"a\n",                   qr/cannot read/],
    ["\tb 2 bool\n",                         qr/tab/],
    ["    b 2 bool \n",                      qr/trailing blank/],
    ["enum o \"Again.\"\n    v 1 \"d\"\n",   qr/"o" stands here twice/],
    ["enum bool \"Built in.\"\n",            qr/built-in/],
    ["enum q \"Order.\"\n    a 2 \"d\"\n    b 1 \"d\"\n", qr/in order/],
    ["event x 1 durable public\n",           qr/"text" is wanted/],
    ["event x 1 eternal public \"d\"\n",     qr/class is one of/],
    ["event x 1 durable secret \"d\"\n",     qr/audience is one of/],
    ["event x 2 durable public \"d\"\n    l 1 list(o)\n", qr/no lists/],
    ["command x 1 nobody \"d\"\n",           qr/actor is one of/],
    ["command x 1 visitor read \"d\"\n",     qr/one word too many/],
    ["command x 9 visitor \"d\"\n    t 1 bool\n", qr/name in "t"/],
    ["error x 1 200 final \"d\"\n",          qr/HTTP status/],
    ["error x 1 400 fatal \"d\"\n",          qr/class is one of/],
    ["limit x many y \"d\"\n",               qr/a value/],
    ["stat x 1 gauge y site \"d\"\n",        qr/kind is one of/],
    ["stat x 1 counter y moon \"d\"\n",      qr/dimension is one of/],
    ["metric x \"d\"\n",                     qr/kind is one of/],
);

for my $mistake (@mistakes) {
    my ($text, $like) = @$mistake;

    eval { parse($head . $text) };
    like $@, qr/^\S+:[6-8]: .*$like/, $text =~ s/\n.*//sr;
}

eval { parse($head) };
like $@, qr/no events/, 'nothing is forgotten';


sub parse ($text) {
    open my $fh, '>', "$dir/test.schema" or die $!;
    print $fh $text;
    close $fh;
    return Schema->load("$dir/test.schema");
}


sub slurp ($file) {
    open my $fh, '<:raw', $file or return "(no $file)";
    local $/;
    return scalar <$fh>;
}

done_testing;
