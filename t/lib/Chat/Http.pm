package Chat::Http;

# One HTTP/1.1 request per connection, exactly as told: bad input is sent as
# it is.  request() waits for the answer; start() is its asynchronous form.

use v5.36;

use Chat::Loop qw(wait_for);
use Chat::Stream;
use JSON::XS ();

my $json = JSON::XS->new->utf8->canonical;


# args: ip, port, host (Host header), headers => {name => value | [values]},
# body => bytes | json => data, timeout; version => '1.0'.  Answers
# {status, headers => {lower case => value}, body, json}; status 0 and error
# if there was no answer.
sub request($method, $path, %args) {
    my $res;
    start($method, $path, %args, on_done => sub ($r) { $res = $r });
    wait_for(sub { $res }, $args{timeout} // 15, "$method $path");
    return $res;
}


# More args: on_done(res), on_head(res), on_data(bytes): instead of
# collecting the body.  Returns the stream; closing it ends the request.
sub start($method, $path, %args) {
    my $res = {status => 0, headers => {}, body => ''};
    my $state = 'head';

    my $done = sub ($error = undef) {
        return if $state eq 'done';
        $state = 'done';
        $res->{error} = $error if defined $error;
        if (($res->{headers}{'content-type'} // '') =~ /json/) {
            $res->{json} = eval { $json->decode($res->{body}) };
        }
        $args{on_done}->($res) if $args{on_done};
    };

    my $data = sub ($bytes) {
        $args{on_data} ? $args{on_data}->($bytes)
                       : ($res->{body} .= $bytes);
    };

    my $stream;
    $stream = Chat::Stream->new(
        ip => $args{ip}, port => $args{port},
        on_read => sub ($in) {
            if ($state eq 'head') {
                _head($in, $res) or return;
                $args{on_head}->($res) if $args{on_head};
                $state = _framing($method, $res);
            }

            _body($in, $res, \$state, $data) if $state ne 'done';

            if ($state eq 'end') {
                $state = 'body';
                $done->();
                $stream->close;
            }
        },
        on_close => sub ($reason) {
            $done->($state eq 'until-close' ? undef : $reason);
            undef $stream;
        });

    $stream->write(head($method, $path, %args));
    return $stream;
}


# The request's bytes.
sub head($method, $path, %args) {
    my $body = exists $args{json} ? $json->encode($args{json})
                                  : $args{body};
    my %h = (Host => $args{host} // 'localhost', Connection => 'close',
             (defined $body ? ('Content-Length' => length $body) : ()),
             (exists $args{json} ? ('Content-Type' => 'application/json')
                                 : ()),
             %{$args{headers} // {}});

    my $text = "$method $path HTTP/" . ($args{version} // '1.1') . "\r\n";

    for my $name (sort { ($b eq 'Host') <=> ($a eq 'Host') || $a cmp $b }
                  keys %h) {
        next unless defined $h{$name};
        $text .= "$name: $_\r\n"
            for ref $h{$name} ? @{$h{$name}} : $h{$name};
    }

    return "$text\r\n" . ($body // '');
}


sub _head($in, $res) {
    my $end = index $$in, "\r\n\r\n";
    return 0 if $end < 0;

    my @lines = split /\r\n/, substr $$in, 0, $end + 4, '';
    ($res->{status}) = (shift @lines) =~ m{^HTTP/1\.\d (\d+)};
    $res->{set_cookie} = [];

    for (@lines) {
        my ($name, $value) = /^([^:]+):\s*(.*?)\s*$/ or next;
        $name = lc $name;
        push @{$res->{set_cookie}}, $value if $name eq 'set-cookie';
        $res->{headers}{$name} = defined $res->{headers}{$name}
            ? "$res->{headers}{$name}, $value" : $value;
    }

    return 1;
}

sub _framing($method, $res) {
    my $h = $res->{headers};
    return 'end' if $method eq 'HEAD' || $res->{status} =~ /^(?:1..|204|304)$/;
    return 'chunk' if ($h->{'transfer-encoding'} // '') =~ /chunked/;
    return 'until-close' unless defined $h->{'content-length'};
    $res->{left} = $h->{'content-length'};
    return 'length';
}

sub _body($in, $res, $state, $data) {
    if ($$state eq 'until-close') {
        $data->(substr $$in, 0, length $$in, '') if length $$in;

    } elsif ($$state eq 'length') {
        my $part = substr $$in, 0, $res->{left}, '';
        $res->{left} -= length $part;
        $data->($part) if length $part;
        $$state = 'end' if $res->{left} == 0;

    } elsif ($$state eq 'chunk') {
        while ($$in =~ /^([0-9a-fA-F]+)[^\r\n]*\r\n/) {
            my ($skip, $size) = ($+[0], hex $1);
            last if length $$in < $skip + $size + 2;
            $data->(substr $$in, $skip, $size) if $size;
            substr $$in, 0, $skip + $size + 2, '';
            $$state = 'end' unless $size;
        }
    }
}


# "name=value" pairs of an answer's cookies, as a Cookie header.
sub cookies($res) {
    return join '; ', map { /^([^;]+)/ } @{$res->{set_cookie}};
}


1;
