"""Answers are read as RFC 9112 says, and anything with two readings is refused."""

from __future__ import annotations

import random

import pytest

from openviper.ai.http.errors import ProtocolError
from openviper.ai.http.framing import (
    MAX_FIELDS,
    Chunked,
    Head,
    Sized,
    UntilEnd,
    content_of,
    parse_head,
)


def test_a_head_has_a_status_and_fields_by_name_in_lower_case() -> None:
    head = parse_head(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-A: 1\r\nx-a:  2 ")
    assert head.status == 200
    assert dict(head.headers) == {"content-type": "text/plain", "x-a": "1, 2"}


def test_a_reason_may_be_missing() -> None:
    assert parse_head(b"HTTP/1.1 404").status == 404
    assert parse_head(b"HTTP/1.0 500 ").is_http_1_0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6",
        b"HTTP/2 200",
        b"HTTP/1.1 99 x",
        b"HTTP/1.1 200000",
        b"HTTP/1.1  200 OK",
        b"HTTP/1.1 200 OK\r\nno colon",
        b"HTTP/1.1 200 OK\r\n: empty",
        b"HTTP/1.1 200 OK\r\nA: 1\r\n folded",
        b"HTTP/1.1 200 OK\r\nA B: 1",
        b"HTTP/1.1 200 OK\r\nA : 1",
        b"HTTP/1.1 200 OK\r\nA: x\0y",
        b"HTTP/1.1 200 OK\r\nA: x\ry",
        b"HTTP/1.1 200 OK\r\n" + b"A: 1\r\n" * (MAX_FIELDS + 1),
    ],
)
def test_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        parse_head(data)


@pytest.mark.parametrize(
    ("headers", "is_old", "kept"),
    [
        ({}, False, True),
        ({"connection": "close"}, False, False),
        ({"connection": "Keep-Alive, CLOSE"}, False, False),
        ({}, True, False),
        ({"connection": "keep-alive"}, True, True),
    ],
)
def test_whether_a_connection_is_kept(headers: dict[str, str], is_old: bool, kept: bool) -> None:
    assert Head(200, headers, is_old).keeps_connection is kept


CHUNKED = (
    b"4;name=value\r\nWiki\r\n6\r\npedia \r\nD\r\nin \r\n\r\nchunks\r\n0\r\nTrailer: x\r\n\r\n"
)
TEXT = b"Wikipedia in \r\n\r\nchunks"


def test_chunks_are_put_together_however_they_are_cut() -> None:
    for seed in range(200):
        chance = random.Random(seed)
        content, found, rest = Chunked(), b"", CHUNKED
        while rest:
            length = chance.randint(1, 5)
            found += content.feed(rest[:length])
            rest = rest[length:]
        assert found == TEXT and content.is_complete


@pytest.mark.parametrize("end", range(len(CHUNKED)))
def test_chunks_that_end_early_are_noticed(end: int) -> None:
    content = Chunked()
    content.feed(CHUNKED[:end])
    assert not content.is_complete
    with pytest.raises(ProtocolError, match="before the last chunk"):
        content.finish()


@pytest.mark.parametrize(
    "data",
    [
        b"x\r\n",
        b"-1\r\n",
        b"0x4\r\nWiki\r\n",
        b" 4\r\nWiki\r\n",
        b"+4\r\nWiki\r\n",
        b"\r\n",
        b"fffffffffffffffff\r\n",
        b"4\r\nWikiX\r\n",
        b"4\r\nWiki\r\n0\r\n\r\nmore",
        b"1" * 2000,
        b"4;" + b"x" * 2000 + b"\r\n",
    ],
)
def test_wrong_chunks_are_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        Chunked().feed(data)


def test_sizes_may_not_take_much_more_than_the_content() -> None:
    content = Chunked()
    with pytest.raises(ProtocolError, match="more than the content"):
        for _ in range(10_000):
            content.feed((b"1;" + b"x" * 500 + b"\r\na\r\n") * 10)


def test_sized_content_ends_where_it_was_announced() -> None:
    content = Sized(3)
    assert content.feed(b"ab") == b"ab" and not content.is_complete
    with pytest.raises(ProtocolError, match="after 2 of 3 bytes"):
        content.finish()
    with pytest.raises(ProtocolError, match="more than it has announced"):
        content.feed(b"cd")
    content.feed(b"c")
    assert content.is_complete


def test_content_without_a_length_goes_on_to_the_end_of_the_connection() -> None:
    content = content_of(Head(200, {}))
    assert isinstance(content, UntilEnd) and not content.is_delimited
    content.finish()
    assert content.is_complete


@pytest.mark.parametrize("status", [204, 304])
def test_some_statuses_have_no_content(status: int) -> None:
    assert content_of(Head(status, {"content-length": "5"})).is_complete


@pytest.mark.parametrize(
    "headers",
    [
        {"transfer-encoding": "gzip"},
        {"transfer-encoding": "chunked, chunked"},
        {"transfer-encoding": "chunked", "content-length": "3"},
        {"content-length": "3, 4"},
        {"content-length": "3, 3"},
        {"content-length": "-3"},
        {"content-length": "+3"},
        {"content-length": "0x3"},
        {"content-length": "٣"},
        {"content-length": "9" * 30},
        {"content-length": ""},
        {"content-encoding": "gzip"},
    ],
)
def test_content_with_two_readings_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ProtocolError):
        content_of(Head(200, headers))


def test_random_bytes_give_an_answer_or_a_protocol_error() -> None:
    for seed in range(3000):
        chance = random.Random(seed)
        alphabet = b"HTTP/1. 20\r\n:;aF0\0\xff"
        data = bytes(chance.choice(alphabet) for _ in range(chance.randint(0, 60)))
        for read in (parse_head, lambda data: Chunked().feed(data)):
            try:
                read(data)
            except ProtocolError:
                pass
