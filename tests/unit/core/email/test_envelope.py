"""Envelopes that may go out, and configurations that can work."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.core.email.envelope import PIECE, Envelope, SMTPConfig, check_envelope
from openviper.exceptions import ImproperlyConfigured


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.com",
        "a.b+c_d@sub.example.com",
        "o'brien@example.com",
        "jürgen@bücher.example",
        "ada@[192.0.2.1]",
        "ada@[IPv6:2001:db8::1]",
        '"ada lovelace"@example.com',
        '"a\\"b@c"@example.com',
        "postmaster",
    ],
)
def test_a_bare_address_may_go_out(address: str) -> None:
    check_envelope(Envelope(address, (address,), b"x\r\n"))


@pytest.mark.parametrize(
    "address",
    [
        "",
        " ",
        "ada@example.com ",
        "Ada <ada@example.com>",
        "<ada@example.com>",
        "ada@example.com>\r\nRCPT TO:<eve@example.com",
        "ada@example.com\n",
        "ada\0@example.com",
        "ada@exam\tple.com",
        "ada@example.com,eve@example.com",
        "ada@example.com;eve@example.com",
        "a@b@example.com",
        "@example.com",
        "ada@",
        "ada lovelace@example.com",
        '"ada@example.com',
        '"a"b"@example.com',
        '"a\nb"@example.com',
        "ada@example.com> SIZE=1",
        "ada@exa\x85mple.com",
        "ada@exa\u2028mple.com",
        "ada\ud800@example.com",
        "ada(comment)@example.com",
    ],
)
def test_what_is_not_one_bare_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="is not a bare mail address"):
        check_envelope(Envelope("ada@example.com", ("ok@example.com", address), b"x\r\n"))
    if address:
        with pytest.raises(ValueError, match="is not a bare mail address"):
            check_envelope(Envelope(address, ("ok@example.com",), b"x\r\n"))


def test_an_empty_recipient_is_refused_beside_the_null_sender() -> None:
    check_envelope(Envelope("", ("ok@example.com",), b"x\r\n"))
    with pytest.raises(ValueError, match="''"):
        check_envelope(Envelope("", ("",), b"x\r\n"))


def test_an_envelope_without_recipients_is_refused() -> None:
    with pytest.raises(ValueError, match="no recipients"):
        check_envelope(Envelope("ada@example.com", (), b"x\r\n"))


@pytest.mark.parametrize("ending", [b"\n", b"\r", b"\n\r", b"\r\r\n", b"\r\n\n", b"\r\n\r"])
@pytest.mark.parametrize("place", [0, 10, PIECE - 2, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE - 1])
def test_a_line_that_ends_otherwise_than_in_crlf_is_refused_wherever_it_stands(
    ending: bytes, place: int
) -> None:
    for tail in (b"", b"y" * 100 + b"\r\n"):
        with pytest.raises(ValueError, match="other than CRLF"):
            check_envelope(
                Envelope("a@example.com", ("b@example.com",), b"x" * place + ending + tail)
            )


@pytest.mark.parametrize("place", [0, PIECE - 2, PIECE - 1, PIECE, PIECE + 1])
def test_crlf_is_one_line_end_wherever_it_stands(place: int) -> None:
    check_envelope(
        Envelope("a@example.com", ("b@example.com",), b"x" * place + b"\r\n" * 40_000 + b"z")
    )


def test_the_password_is_not_shown() -> None:
    config = SMTPConfig("mail.example.com", 587, "ada", "s3cret", use_tls=True)
    assert "s3cret" not in repr(config) and "'***'" in repr(config) and "'ada'" in repr(config)
    assert "password=None" in repr(SMTPConfig("mail.example.com", 25))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"use_tls": True, "use_ssl": True}, "use_tls"),
        ({"host": ""}, "''"),
        ({"host": "mail host"}, "'mail host'"),
        ({"host": "mail\r\nhost"}, "mail"),
        ({"host": "a" * 70 + ".example"}, "aaa"),
        ({"host": "mail..example"}, "'mail..example'"),
        ({"host": "ada@mail.example"}, "'ada@mail.example'"),
        ({"port": 0}, "0"),
        ({"port": 65536}, "65536"),
        ({"timeout": 0}, "0"),
        ({"timeout": -1.0}, "-1.0"),
        ({"timeout": float("nan")}, "nan"),
        ({"timeout": float("inf")}, "inf"),
        ({"max_connections": 0}, "0"),
        ({"password": "s3cret"}, "username"),
        ({"username": "ada", "password": "s3\0cret"}, "NUL"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        SMTPConfig(**{"host": "mail.example.com", "port": 25, **options})
    assert named in str(caught.value)
    assert "cret" not in str(caught.value)
