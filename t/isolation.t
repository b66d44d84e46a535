# Two accounts never meet; one operator works for two sites of his own.

use v5.36;
use lib 't/lib';
use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
$t->redis;
$t->ctl('init');
$t->tenant(account => 'Agency', sites => [['one.test'], ['two.test']],
    operators => [['ann', 'secret-password', 'operator'],
                  ['max', 'limited-password', 'operator', 'two.test']]);
$t->tenant(account => 'Other', sites => [['other.test']],
    operators => [['bob', 'another-password', 'operator']]);

$t->nginx(<<'CONF');
%%GLOBALS%%
events { worker_connections 256; }
http {
    %%GLOBALS_HTTP%%
    chat_zone main 8m;
    chat_redis %%REDIS%%;
    chat_rate 1000 burst=1000;
    server { listen %%IP%%:%%PORT%%; server_name one.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name two.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name other.test; chat on; }
    server { listen %%IP%%:%%PORT%%; server_name desk.test; chat_cabinet on; }
}
CONF

my %v = map { $_ => $t->visitor(host => "$_.test", record => 1) }
    qw(one two other);
my $ann = $t->operator(host => 'desk.test', login => 'ann',
    password => 'secret-password', record => 1);
my $bob = $t->operator(host => 'desk.test', login => 'bob',
    password => 'another-password', record => 1);
my $max = $t->operator(host => 'desk.test', login => 'max',
    password => 'limited-password', record => 1);
$_->wait_welcome for values %v, $ann, $bob, $max;

$v{$_}->post("secret of $_") for sort keys %v;
$_->wait_sent for values %v;
$ann->wait_text("secret of $_", $v{$_}{dialog}) for qw(one two);
$bob->wait_text('secret of other', $v{other}{dialog});
$max->wait_text('secret of two', $v{two}{dialog});

is_deeply [sort keys %{$ann->{dialogs}}],
    [sort map { $v{$_}{dialog} } qw(one two)],
    'one operator, two sites of one account';
is_deeply [keys %{$bob->{dialogs}}], [$v{other}{dialog}],
    'the other account: its own only';
is_deeply [keys %{$max->{dialogs}}], [$v{two}{dialog}],
    'a role on one site: that site only';

# ------------------------------------------- naming what is somebody else's

sub refused($c, $what, @command) {
    my $item = $c->$what(@command);
    wait_for(sub { $item->{error} || $item->{done} }, 10, $what);
    return $item->{error} ? $item->{error}{code} : 'done';
}

is refused($bob, take => $v{one}{dialog}), 'not_found',
    'a dialog of another account cannot be taken';
is refused($max, take => $v{one}{dialog}), 'not_found',
    'nor one of a site without a role';
is refused($bob, post => 'hi', dialog => $v{one}{dialog}), 'not_found',
    'nor written to';
is refused($bob, close_dialog => $v{one}{dialog}), 'not_found',
    'nor closed';
is refused($bob, post => 'hi', dialog => 'f' x 16), 'not_found',
    'as if there were none';

# history, by HTTP
sub history($c, $dialog, %args) {
    my $visitor = $c->{kind} eq 'visitor';
    return $t->http('POST', ($visitor ? '/_chat/v1' : '/api/v1')
            . "/send?instance=$c->{instance}",
        host => $args{host} // $c->{host},
        headers => {Origin => 'http://' . ($args{host} // $c->{host}),
            $visitor ? (Authorization => "Bearer $c->{token}")
                     : (Cookie => $c->{cookie}, 'X-CSRF' => $c->{csrf})},
        json => {t => 'history', dialog => $dialog, after => '0'});
}

is history($ann, $v{one}{dialog})->{json}{t}, 'history', 'own history';
is history($bob, $v{one}{dialog})->{json}{code}, 'not_found',
    "another account's history";
is history($v{two}, $v{one}{dialog})->{json}{code}, 'not_found',
    "another visitor's history";
is history($v{one}, $v{one}{dialog})->{json}{t}, 'history',
    "a visitor's own history";
is history($v{one}, $v{one}{dialog}, host => 'two.test')->{status}, 401,
    'a token is of one site';

# the same visitor's id on another site is another visitor
my $stranger = $t->visitor(host => 'one.test', record => 1);
$stranger->wait_welcome;
is_deeply $stranger->{dialogs}, {}, 'a stranger sees nothing';
is history($stranger, $v{one}{dialog})->{json}{code}, 'not_found',
    'and cannot ask';

# ------------------------------------------------------------- live, mixed

$ann->take($v{$_}{dialog}) for qw(one two);
$bob->take($v{other}{dialog});
wait_for(sub { !@{$ann->{outbox}} && !@{$bob->{outbox}} }, 10, 'taken');

for my $n (1 .. 10) {
    $v{$_}->post("$_ says $n") for sort keys %v;
    $ann->post("to $_ $n", dialog => $v{$_}{dialog}) for qw(one two);
    $bob->post("to other $n", dialog => $v{other}{dialog});
}
$v{$_}->wait_text("to $_ 10") for sort keys %v;
$ann->wait_text("$_ says 10", $v{$_}{dialog}) for qw(one two);
$bob->wait_text('other says 10', $v{other}{dialog});

# every frame anybody got, word by word
my $json = JSON::XS->new->canonical;
my %all = (one => $v{one}, two => $v{two}, other => $v{other}, ann => $ann,
           bob => $bob, max => $max, stranger => $stranger);
my %may = (one => [qw(one)], two => [qw(two)], other => [qw(other)],
           ann => [qw(one two)], bob => [qw(other)], max => [qw(two)],
           stranger => []);

for my $who (sort keys %all) {
    my $frames = join "\n", map { $json->encode($_) } @{$all{$who}{frames}};
    my %ok = map { $_ => 1 } @{$may{$who}};

    for my $of (qw(one two other)) {
        my $n = () = $frames =~ /\Q$v{$of}{dialog}\E|(?:secret of|to) $of\b
                                 |\b$of says/xg;
        $ok{$of} ? cmp_ok($n, '>', 0, "$who hears of $of")
                 : is($n, 0, "$who hears nothing of $of");
    }
}

unlike $json->encode($bob->{welcome}), qr{"(?:ann|max|one[.]test|two[.]test)"},
    'nor of people and sites of others';

$t->done;
