# Every directive is in docs/directives.md, with the contexts it has, and
# nothing else is.

use v5.36;

use FindBin qw($Bin);
use Test::More;

sub slurp ($path) {
    open my $fh, '<', "$Bin/../$path" or die "$path: $!";
    local $/;
    return <$fh>;
}

my %word = (NGX_HTTP_MAIN_CONF => 'http', NGX_HTTP_SRV_CONF => 'server',
            NGX_HTTP_LOC_CONF => 'location');
my %code;

for my $file (glob "$Bin/../ngx_chat_module/*.c "
                   . "$Bin/../lua-free-admin/api/ngx_*.c")
{
    open my $fh, '<', $file or die "$file: $!";
    my $text = do { local $/; <$fh> };

    while ($text =~ /\{\s*ngx_string\("(chat\w*)"\),\s*(NGX_[\w|\s]+?),\s*
                     (?:ngx_|&)/gx)
    {
        my ($name, $flags) = ($1, $2);
        $code{$name} = join ', ', map { $word{$_} // () } split /\s*\|\s*/,
                                                          $flags;
    }
}

my $doc = slurp('docs/directives.md');
my %doc;

while ($doc =~ /^## (chat\w*)\n\n((?:\|.*\n)+)\n(\S.*)/mg) {
    my ($name, $table) = ($1, $2);
    like $table, qr/^\| Syntax \| `$name[^`]*;`/m, "$name: syntax";
    like $table, qr/^\| Default \| \S/m, "$name: default";
    ($doc{$name}) = $table =~ /^\| Context \| (.*?) \|$/m;
}

cmp_ok scalar keys %code, '>=', 15, 'found the tables of directives';
is_deeply \%doc, \%code, 'the same directives in the same contexts';

my @index = $doc =~ /^\| \[(chat\w*)\]\(#\1\) \|/mg;
is_deeply \@index, [sort keys %code], 'all in the index, sorted';

done_testing;
