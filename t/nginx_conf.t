# nginx -t: what is refused, with words that tell how to mend it, and what is
# taken; Redis is away all the time and nothing is resolved.

use v5.36;

use FindBin qw($Bin);
use lib "$Bin/lib";
use Chat::Test;
use Test::More;

my $t = Chat::Test->new;
my $nginx = $t->nginx_conf('');

my $zone = 'chat_zone main 8m;';
my $redis = 'chat_redis unix:/nowhere/redis.sock;';

sub conf ($http, $server) {
    return <<"CONF";
%%GLOBALS%%
events { worker_connections 64; }
http {
    %%GLOBALS_HTTP%%
    $http
    server {
        listen %%IP%%:%%PORT%%;
        $server
    }
}
CONF
}

my $shop = 'server_name shop.test; chat on;';

sub taken ($name, $http, $server) {
    my ($rc, $out) = $nginx->check(conf($http, $server));
    is $rc, 0, "taken: $name" or diag $out;
}

sub refused ($name, $http, $server, $why) {
    my ($rc, $out) = $nginx->check(conf($http, $server));
    isnt $rc, 0, "refused: $name";
    like $out, $why, '  and says why';
}

# http directives with a good server below them
sub refused_http ($line, $why) {
    my ($name) = $line =~ /^(\w+)/;
    my $rest = join ' ', grep { !/^$name / } $zone, $redis;
    refused($line, "$rest $line", $shop, $why);
}


subtest 'what is good' => sub {
    taken('the least there is', "$zone $redis", $shop);
    taken('nothing is on', '', 'server_name _;');
    taken('a zone and no chat', $zone, '');
    taken('zone with a colon', "chat_zone main:8m; $redis", $shop);
    taken("redis $_", "$zone chat_redis $_;", $shop)
        for '127.0.0.1', '127.0.0.1:6380', '[::1]:6380', '127.0.0.1 db=3',
            '127.0.0.1 user=chat password=x', 'unix:/r.sock password=x=y';
    taken('cabinet without a name', "$zone $redis", 'chat_cabinet on;');
    taken('chat and cabinet on one server', "$zone $redis",
          "$shop chat_cabinet on;");
    taken("server_name \"$_\" with chat_site", "$zone $redis",
          "server_name $_; chat on; chat_site shop.test;")
        for '_', '""', '*.test', '.test', 'shop.*', '~^shop';
    taken('chat_site with a variable', "$zone $redis",
          'server_name _; chat on; chat_site $host;');
    taken('more names, the first one literal', "$zone $redis",
          'server_name shop.test *.shop.test; chat on;');
    taken('everything at its bounds', "$zone $redis
        chat_connections 1; chat_outbox 128k; chat_drain 0;
        chat_frame_size 1k; chat_send_queue 16k; chat_send_timeout 1s;
        chat_ping 1s; chat_poll_timeout 1s; chat_rate 1 burst=1;
        chat_visitor_rate 1 burst=1;
        chat_path /a/; chat on; chat_cabinet off; chat_site x;",
        'chat_frame_size 64k; chat_send_queue 64m;
        chat_send_timeout 10m; chat_ping 1h; chat_poll_timeout 5m;
        chat_rate 10000; chat_path /Chat-1.0/x_y/; chat on;');
    taken('an echo and no chat', "$zone $redis chat_echo_message 16m;",
          'location /e { chat_echo on; chat_echo_fragments 65536;
                         chat_ping 1s; chat_send_timeout 1s;
                         chat_deflate on context=1g min=0; }');
    taken('compression', "$zone $redis chat_deflate on context=1m;",
          "$shop chat_deflate off min=1m; location /e { chat_echo off; }");
    taken('http says on, a server off', "$zone $redis chat on;",
          'server_name _; chat off;');
};

subtest 'zone and Redis' => sub {
    refused('no zone', $redis, $shop,
            qr/"chat" is on in the server at .*nginx\.conf:\d+: add "chat_zone chat 32m;" to the http block/);
    refused('no Redis', $zone, $shop,
            qr/"chat" is on .*: add "chat_redis unix:\S+;" to the http block/);
    refused('cabinet without Redis', $zone, 'chat_cabinet on;',
            qr/"chat_cabinet" is on .*add "chat_redis/);
    refused_http('chat_zone main;', qr/"chat_zone" directive needs a size/);
    refused_http('chat_zone :8m;', qr/"chat_zone" directive needs a name/);
    refused_http('chat_zone main 7m;', qr/"7m" of chat_zone "main" is less than 8m/);
    refused_http('chat_zone main x;', qr/invalid size "x" of chat_zone "main"/);
    refused_http('chat_zone main 8m; chat_zone other 8m;', qr/is duplicate/);
    refused_http('chat_zone main 8m extra;', qr/invalid number of arguments/);

    refused_http('chat_redis localhost:6379;',
                 qr/"localhost:6379" is a host name, which is never resolved/);
    refused_http('chat_redis redis.nowhere.test;', qr/is a host name/);
    refused_http('chat_redis 127.0.0.1:70000;',
                 qr/invalid address "127.0.0.1:70000" of chat_redis: invalid port/);
    refused_http('chat_redis 127.0.0.1/x;', qr/invalid host/);
    refused_http('chat_redis unix:;', qr/invalid address "unix:"/);
    refused_http('chat_redis 127.0.0.1 db=x;', qr/invalid database "db=x"/);
    refused_http('chat_redis 127.0.0.1 db=-1;', qr/invalid database/);
    refused_http('chat_redis 127.0.0.1 tls=on;',
                 qr/unknown parameter "tls=on" of chat_redis/);
    refused_http('chat_redis 127.0.0.1 user=chat;', qr/no "password="/);
    refused_http('chat_redis 127.0.0.1 password=;', qr/empty "password="/);
    refused_http('chat_redis 127.0.0.1 password=a password_file=b;',
                 qr/two passwords/);
    refused_http('chat_redis 127.0.0.1 password_file=nowhere;',
                 qr/open\(\) ".*nowhere" failed/);
    refused_http('chat_redis 127.0.0.1; chat_redis 127.0.0.2;',
                 qr/is duplicate/);
};

subtest 'a password in a file' => sub {
    my $file = "$t->{dir}/nginx/secret";
    my $write = sub ($text) {
        open my $fh, '>', $file or die $!;
        print $fh $text;
    };

    $write->("s3cret\nmore\n");
    taken('first line', "$zone chat_redis 127.0.0.1 password_file=secret;",
          $shop);
    $write->("\n");
    refused_http('chat_redis 127.0.0.1 password_file=secret;',
                 qr/no password of at most 512 characters/);
    $write->('x' x 600);
    refused_http('chat_redis 127.0.0.1 password_file=secret;',
                 qr/no password of at most 512 characters/);
};

subtest 'which site is it' => sub {
    my $mend = qr/add "chat_site <name of the site>;" to that server/;

    refused('no name', "$zone $redis", 'chat on;',
            qr/whose server_name "" is empty.*$mend/);
    refused('empty name', "$zone $redis", 'server_name ""; chat on;',
            qr/server_name "" is empty.*$mend/);
    refused('underscore', "$zone $redis", 'server_name _; chat on;',
            qr/server_name "_" is not the name of a host.*$mend/);
    refused('dashes', "$zone $redis", 'server_name --; chat on;',
            qr/is not the name of a host.*$mend/);
    refused($_, "$zone $redis", "server_name $_; chat on;",
            qr/is a wildcard.*$mend/)
        for '*.shop.test', '.shop.test', 'shop.*';
    refused('regular expression', "$zone $redis",
            'server_name ~^(?<x>.+)\.test$; chat on;',
            qr/is a regular expression.*$mend/);
    refused('on for all servers', "$zone $redis chat on;", 'server_name _;',
            qr/server_name "_".*$mend/);
    refused('empty chat_site', "$zone $redis", "$shop chat_site '';",
            qr/"chat_site" directive must be 1 to 253 characters/);
    refused('unknown variable', "$zone $redis",
            "$shop chat_site \$chat_nowhere;",
            qr/unknown "chat_nowhere" variable/);
};

subtest 'values' => sub {
    my @table = (
        ['chat maybe;', qr/invalid value "maybe" in "chat" directive, it must be "on" or "off"/],
        ['chat on; chat off;', qr/"chat" directive is duplicate/],
        ['chat_cabinet 1;', qr/it must be "on" or "off"/],
        ['chat_path chat;', qr/must begin and end with "\/"/],
        ['chat_path /;', qr/must begin and end with "\/" and name a folder/],
        ['chat_path /chat;', qr/must begin and end/],
        ['chat_path //x/;', qr/single "\/" only/],
        ['chat_path "/a b/";', qr/letters, digits/],
        ['chat_path /a/../b/;', qr/must not have/],
        ['chat_frame_size 512;', qr/"chat_frame_size" directive must be between 1k and 64k/],
        ['chat_frame_size 65k;', qr/must be between 1k and 64k/],
        ['chat_frame_size big;', qr/invalid value/],
        ['chat_send_queue 1k;', qr/"chat_send_queue" directive must be between 16k and 64m/],
        ['chat_send_queue 65m;', qr/between 16k and 64m/],
        ['chat_frame_size 64k; chat_send_queue 100k;', qr/at least two frames/],
        ['chat_send_timeout 0;', qr/must be between 1s and 10m/],
        ['chat_ping 500ms;', qr/"chat_ping" directive must be between 1s and 1h/],
        ['chat_ping 2h;', qr/must be between 1s and 1h/],
        ['chat_poll_timeout 6m;', qr/must be between 1s and 5m/],
        ['chat_rate 0;', qr/"chat_rate" directive must be between 1 and 10000/],
        ['chat_rate 10001;', qr/between 1 and 10000/],
        ['chat_rate 5 burst=0;', qr/burst between 1 and 100000/],
        ['chat_rate 5 nodelay;', qr/unknown parameter "nodelay" of chat_rate/],
        ['chat_visitor_rate 0;', qr/"chat_visitor_rate" directive must be "off" or between 1 and/],
        ['chat_visitor_rate off burst=5;', qr/must be "off" or between 1 and 10000 a minute/],
        ['chat_visitor_rate 5 burst=100001;', qr/burst between 1 and 100000/],
        ['chat_deflate maybe;', qr/"chat_deflate" directive must be "on" or "off"/],
        ['chat_deflate on context=x;', qr/must have a context between 0 and 1g/],
        ['chat_deflate on min=2m;', qr/must have a min between 0 and 1m/],
        ['chat_deflate on level=9;', qr/unknown parameter "level=9" of chat_deflate/],
        ['chat_deflate on; chat_deflate on;', qr/is duplicate/],
        ['chat_echo on;', qr/"chat_echo" directive is not allowed here/],
        ['chat_echo_message 17m;', qr/must be between 1k and 16m/],
        ['chat_echo_fragments 0;', qr/must be between 1 and 131072/],
        ['location / { return 204; chat_status; chat_echo on; }', qr/has a handler already/],
        ['chat_connections 10;', qr/"chat_connections" directive is not allowed here/],
        ['chat_zone other 8m;', qr/is not allowed here/],
        ['location / { chat off; }', qr/"chat" directive is not allowed here/],
        ['location / { chat_ping 2h; }', qr/must be between 1s and 1h/],
        ['chat_nowhere on;', qr/unknown directive "chat_nowhere"/],
    );

    refused($_->[0], "$zone $redis", "server_name x.test; $_->[0]", $_->[1])
        for @table;

    refused('an echo without a zone', $redis, 'location / { chat_echo on; }',
            qr/"chat_echo" is on: add "chat_zone chat 32m;" to the http block/);
    refused_http('chat_connections 0;', qr/must be between 1 and 10000000/);
    refused_http('chat_outbox 64k;', qr/must be between 128k and 1g/);
    refused_http('chat_drain 11m;', qr/must be at most 10m/);
    refused_http('chat_connections x;', qr/invalid number/);
};

done_testing;
