# Reads one mail with MIME::Parser and prints what it holds as JSON, for check_mail_server.py.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use Encode qw(decode);
use JSON::PP;
use MIME::Parser;

my $parser = MIME::Parser->new;
$parser->output_to_core(1);
$parser->tmp_to_core(1);
my $mail = $parser->parse_open($ARGV[0]);

sub text {
    my ($value) = @_;
    return undef unless defined $value;
    $value =~ s/\r?\n(?=[ \t])//g;
    chomp $value;
    return decode("MIME-Header", $value);
}

sub part {
    my ($entity) = @_;
    my $head = $entity->head;
    my %seen = (type => $entity->effective_type, name => $head->recommended_filename);
    $seen{name} = decode("UTF-8", $seen{name}) if defined $seen{name} && !utf8::is_utf8($seen{name});
    for my $key (qw(charset method)) {
        my $value = $head->mime_attr("content-type.$key");
        $seen{$key} = $value if defined $value;
    }
    if ($entity->parts) {
        $seen{parts} = [map { part($_) } $entity->parts];
    } else {
        my $body = $entity->bodyhandle->as_string;
        $seen{sha256} = sha256_hex($body);
        $seen{size} = length $body;
    }
    return \%seen;
}

my %fields;
for my $name (qw(Subject From To Cc Bcc Reply-To List-Id List-Unsubscribe X-Reference Message-ID Return-path)) {
    my $value = text($mail->head->get($name));
    $fields{$name} = $value if defined $value;
}
print JSON::PP->new->ascii->canonical->encode({ fields => \%fields, body => part($mail) });
