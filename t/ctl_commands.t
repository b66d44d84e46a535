# chatctl: what each command does, twice; and how it refuses.

use v5.36;
use utf8;
use lib 't/lib';
use Chat::Store qw(header key);
use Chat::Test;
use Encode qw(decode_utf8 encode_utf8);
use JSON::XS ();
use Test::More;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output);

my $t = Chat::Test->new;
my $json = JSON::XS->new->utf8;
my $password = {stdin => "correct horse\n"};

sub refused($re, @words) {
    my ($rc, $out, $err) = $t->ctl(@words);
    my @shown = map { ref ? () : $_ } @words;
    isnt $rc, 0, "refused: @shown";
    like decode_utf8($err), $re, '... with the reason';
    is $out, '', '... and nothing else' unless $out eq '';
    return $rc;
}

# ------------------------------------------------------------------ no store

$ENV{CHAT_REDIS} = "unix:$t->{dir}/nowhere.sock";
refused(qr/^chatctl: Redis at unix:.*nowhere\.sock: /, 'account', 'list');
refused(qr/not an address of Redis/, 'account', 'list', '--redis', 'localhost:port');
delete $ENV{CHAT_REDIS};

my $redis = $t->redis(conf => ['maxmemory 100mb']);

refused(qr/the store is empty: run chatctl init first/, 'account', 'list');
{
    my ($rc, $out) = $t->ctl('doctor');
    is $rc, 1, 'doctor fails on an empty store';
    like $out, qr/^store\s+fail\s+empty: run chatctl init$/m, 'and says so';
}

my $made = $t->ctl_json('init');
like $made->{store}, qr/^[0-9a-f]{16}$/, 'init makes a store';
ok $made->{fresh}, 'a fresh one';
my $again = $t->ctl_json('init');
is $again->{store}, $made->{store}, 'init again keeps it';
ok !$again->{fresh}, 'and says that it was there';
is_deeply {map { $_ => $again->{$_} } qw(major partitions)},
    {major => 2, partitions => 16}, 'version and partitions';

# ------------------------------------------------------- accounts and sites

is $t->ctl_json('account', 'add', 'Лавка')->{id}, '1', 'an account';
is $t->ctl_json('account', 'add', 'Лавка')->{id}, '1', 'added once';
is +($t->ctl('account', 'add', 'Лавка'))[1], "1\n", 'its number as text';
is $t->ctl_json('account', 'add', 'Second')->{id}, '2', 'another';
refused(qr/1 to 100 characters/, 'account', 'add', '');
refused(qr/1 to 100 characters/, 'account', 'add', 'x' x 101);
refused(qr/control characters/, 'account', 'add', "a\nb");
refused(qr/1 to 100 characters of UTF-8/, 'account', 'add', "\xff\xfe");

my $site = $t->ctl_json('site', 'add', 'shop.test', '--account', 'Лавка',
    '--host', 'Shop.TEST', '--host', 'www.shop.test', '--idle', 30,
    '--accept', 90);
is $site->{id}, '1', 'a site';
is $t->ctl_json('site', 'add', 'shop.test', '--account', '1')->{id}, '1',
    'added once; the account by its number';
is $t->ctl_json('site', 'add', 'alone.test')->{id}, '2',
    'a site with an account of its own';
refused(qr/belongs to account 1/, 'site', 'add', 'shop.test', '--account',
        'Second');
refused(qr/in use by site 1/, 'site', 'add', 'thief.test', '--account',
        'Second', '--host', 'www.shop.test');
refused(qr/there is no account "Nobody"/, 'site', 'add', 'x.test',
        '--account', 'Nobody');
refused(qr/is not a host name/, 'site', 'add', 'not a host', '--account', 1);
refused(qr/"" is not a number/, 'site', 'add', 'y.test', '--idle=');
refused(qr/--idle is 0 to 525600 minutes/, 'site', 'add', 'y.test', '--idle', $_)
    for 525_601, 307_445_734_561_826, ~0;
refused(qr/--accept is 0 to 31536000 seconds/, 'site', 'add', 'y.test',
        '--accept', $_) for 31_536_001, 18_446_744_073_709_552, ~0;

is_deeply $t->ctl_json('site', 'list')->[0],
    {id => '1', name => 'shop.test', account => 'Лавка', status => 'on',
     hosts => 'shop.test www.shop.test', idle_ms => 1_800_000,
     accept_ms => 90_000}, 'site list tells everything';
is_deeply [map { $_->{name} } @{$t->ctl_json('site', 'list', '--account',
                                             'alone.test')}],
    ['alone.test'], 'of one account';
is_deeply [map { "$_->{name} $_->{sites}" } @{$t->ctl_json('account', 'list')}],
    ['Лавка 1', 'Second 0', 'alone.test 1'], 'account list';
like decode_utf8(($t->ctl('account', 'list'))[1]),
    qr/^id  name        sites  operators\n1   Лавка       1      0$/m,
    'columns are aligned';

# ------------------------------------------------------------------ operators

my $ann = $t->ctl_json('operator', 'add', 'Ann', '--account', 'Лавка',
    '--name', 'Аня', '--role', 'supervisor', '--password-stdin', $password);
is_deeply $ann, {id => '1', login => 'ann', fresh => JSON::XS::true},
    'an operator; logins are lower case';
is $t->ctl_json('operator', 'add', 'ANN', '--account', 'Лавка',
                '--password-stdin', $password)->{id}, '1', 'added once';
is $t->ctl_json('operator', 'add', 'bob', '--site', 'alone.test', '--role',
                'owner', '--password-stdin', $password)->{id}, '2',
    'of one site only';
refused(qr/login is in use in another account/, 'operator', 'add', 'ann',
        '--account', 'Second', '--password-stdin', $password);
refused(qr/whose operator/, 'operator', 'add', 'carl');
refused(qr/there is no role "king"/, 'operator', 'add', 'carl', '--account',
        1, '--role', 'king');
refused(qr/is not of account/, 'operator', 'add', 'carl', '--account', 1,
        '--site', 'alone.test');
refused(qr/at least 8 characters/, 'operator', 'add', 'carl', '--account', 1,
        '--password-stdin', {stdin => "short\n"});
refused(qr/no password on standard input/, 'operator', 'add', 'carl',
        '--account', 1, '--password-stdin', {stdin => ''});
refused(qr/no spaces/, 'operator', 'add', 'c d', '--account', 1);
refused(qr/unknown option --password/, 'operator', 'add', 'carl',
        '--password', 'secret-password');

is_deeply [map { [@$_{qw(login name account roles)}] }
           @{$t->ctl_json('operator', 'list')}],
    [['ann', 'Аня', 'Лавка', 'supervisor'],
     ['bob', 'bob', 'alone.test', 'alone.test:owner']], 'operator list';

my $hash = $redis->client->hget('chat:{g}:operator:1', 'hash');
like $hash, qr/^\$argon2id\$/, 'argon2id';
unlike $hash, qr/horse/, 'and nothing else';
is +($t->ctl('operator', 'passwd', 'ann', '--password-stdin',
             {stdin => "another one\n"}))[0], 0, 'passwd';
isnt $redis->client->hget('chat:{g}:operator:1', 'hash'), $hash,
    'changes the hash';
refused(qr/there is no operator "zoe"/, 'operator', 'passwd', 'zoe',
        '--password-stdin', $password);

# ----------------------------------------------------------------------- tail

my @global = split /\n/, ($t->ctl('tail', '--global', '--json'))[1];
cmp_ok 0 + @global, '>', 5, 'changes of accounts are in the log';
is $json->decode($global[-1])->{e}, 'account_changed', 'by name';
is $json->decode($global[-1])->{body}{operator}, '1', 'with their facts';

my $c = $redis->client;
my $log = key(1, 'log');
for my $n (1 .. 3) {
    $c->xadd($log, "1700000000000-$n",
        h => header(event => 'message_posted', seq => $n, account => 1,
                    site => 1, visitor => 'v' x 22,
                    dialog => '00112233aabbccdd', sender => "abcdefgh:$n"),
        b => Chat::Store::pack_body({1 => {1 => 1}, 2 => "Привет $n"}));
}

my @tail = map { $json->decode($_) }
    split /\n/, ($t->ctl('tail', '--account', 'Лавка'))[1];
is_deeply $tail[1], {id => '1700000000000-2', e => 'message_posted',
    partition => Chat::Store::partition(1), account => '1', site => '1',
    visitor => 'v' x 22, dialog => '00112233aabbccdd', seq => '2',
    sender => 'abcdefgh:2',
    body => {from => {kind => 'visitor'}, text => 'Привет 2'}},
    'tail: an entry as JSON';
is 0 + @tail, 3, 'all of them';
is scalar(split /\n/, ($t->ctl('tail', '--count', 2))[1]), 2, '--count';
is scalar(split /\n/, ($t->ctl('tail', '--after', '1700000000000-2'))[1]), 1,
    '--after an id';
is +($t->ctl('tail', '--after', '2033-01-01'))[1], '', '--after a time';
refused(qr/neither a log id nor a time/, 'tail', '--after', 'yesterday');

{
    my $out = "$t->{dir}/tail.out";
    my $p = Chat::Process->start(argv => ["$t->{build}/chatctl", 'tail',
        '--follow', '--redis', $redis->address], log => $out,
        env => $t->san_env('program'));
    wait_for(sub { $t->slurp($out) =~ /-3"/ }, 10, 'what is there');
    $c->xadd($log, "1700000000001-0", h => header(event => 'dialog_opened',
        account => 1, site => 1), b => Chat::Store::pack_body({}));
    wait_for(sub { $t->slurp($out) =~ /dialog_opened/ }, 10, 'what comes');
    is $p->stop('INT'), 0, 'tail --follow ends at Ctrl-C';
}

# ---------------------------------------------------------------------- stats

refused(qr/--from "nonsense" is not a time/, 'stats', '--from', 'nonsense');
refused(qr/--from is after --to/, 'stats', '--from', '1h', '--to', '2h');
refused(qr/there is no site "no.test"/, 'stats', '--site', 'no.test');
refused(qr/there is no operator "zoe"/, 'stats', '--operator', 'zoe');
is 0 + @{$t->ctl_json('stats')}, 2, 'a row for each site';

# --------------------------------------------------------------------- doctor

sub checks() {
    my ($rc, $out) = $t->ctl('doctor', '--json');
    return ($rc, {map { $_->{check} => $_ } @{$json->decode($out)}});
}

my ($rc, $checks) = checks();
is $rc, 0, 'doctor is content';
is_deeply {map { $_ => $checks->{$_}{status} } keys %$checks},
    {(map { $_ => 'ok' } qw(redis store keys aof fsync eviction memory clock)),
     statd => 'warn'}, 'apart from the daemon, which does not run';

my $daemon = $t->statd('--lease', 1000);
wait_for(sub { (checks())[1]{statd}{status} eq 'ok' }, 15, 'the daemon');
pass 'which is seen when it runs';
is $daemon->stop('TERM'), 0, 'and ends';

for my $bad (['maxmemory-policy', 'allkeys-lru', 'eviction', qr/throw messages/],
             ['appendfsync', 'no', 'fsync', qr/left to chance/],
             ['appendonly', 'no', 'aof', qr/a restart loses messages/],
             ['maxmemory', '1mb', 'memory', qr/%/]) {
    my ($name, $value, $check, $text) = @$bad;
    my ($old) = reverse $c->config_get($name);
    $c->config_set($name, $value);
    ($rc, $checks) = checks();
    is $rc, 1, "doctor fails: $name $value";
    is $checks->{$check}{status}, 'fail', "$check";
    like $checks->{$check}{text}, $text, 'with the reason';
    $c->config_set($name, $old);
}

# -------------------------------------------------- a store that is not ours

$c->hset('chat:{g}:store', major => 7);
refused(qr/store has version 7/, 'account', 'add', 'X');
refused(qr/store has version 7/, 'init');
$c->hset('chat:{g}:store', major => 2);

$c->config_set('maxmemory', '1mb');
refused(qr/OOM/, 'account', 'add', 'No room');
$c->config_set('maxmemory', '100mb');

# ------------------------------------------------------------- the command line

is refused(qr/no such command: frob/, 'frob'), 2, 'exit code 2';
is refused(qr/no such command: site frob/, 'site', 'frob'), 2, '... 2';
is refused(qr/usage: chatctl site add NAME/, 'site', 'add'), 2, '... 2';
is refused(qr/takes no --follow/, 'site', 'list', '--follow'), 2, '... 2';
is +($t->ctl())[0], 0, 'nothing: help';
like +($t->ctl('--help'))[1], qr/^  operator passwd LOGIN +change/m, '--help';
my $help = ($t->ctl('site', 'add', '--help'))[1];
like $help, qr/^  --host HOST/m, "a command's own";
like $help, qr/--idle .* to 525600;.*\n.*--accept .* to 31536000;/,
    '... with their bounds';
unlike +($t->ctl('site', 'add', '--help'))[1], qr/--follow/, 'and no others';
like +($t->ctl('--version'))[1], qr/^chatctl \d+\.\d+\.\d+, store 2$/,
    '--version';

$t->done;
