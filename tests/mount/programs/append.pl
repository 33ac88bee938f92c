# SPDX-License-Identifier: LGPL-2.1-or-later
# Appends to the file with Perl's buffered and unbuffered output.
use strict;
use warnings;
use Fcntl qw(:DEFAULT :flock :seek);
use IO::Handle;

my $name = $ARGV[0];

open(my $out, '>>', $name) or die "$name: $!";
print $out "line $_\n" for 1 .. 3000;
close($out) or die $!;

open($out, '>>', $name) or die $!;
$out->autoflush(1);
for my $i (1 .. 300) {
    flock($out, LOCK_EX) or die "flock: $!";
    seek($out, 0, SEEK_END) or die $!;
    print $out "locked $i\n" or die $!;
    $out->sync or die "sync: $!" if $i % 100 == 0;
    flock($out, LOCK_UN) or die $!;
}
print $out "no newline";
close($out) or die $!;

sysopen($out, $name, O_WRONLY | O_APPEND | O_CREAT, 0644) or die $!;
syswrite($out, pack('C*', map { ($_ * 7) % 256 } 1 .. 5000)) == 5000 or die $!;
close($out) or die $!;

open($out, '+>>', $name) or die $!;
seek($out, 0, SEEK_SET) or die $!;
my $first = <$out>;
die "read: $first" unless $first eq "line 1\n";
print $out "after reading\n";
close($out) or die $!;
