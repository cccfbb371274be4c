"""MIME types taken apart."""

from __future__ import annotations

import pytest

from openviper.core.email.mime_types import (
    detect_mimetype,
    parse_mimetype,
    split_mimetype,
    with_charset,
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("TEXT/Csv", "text/csv"),
        ("text/csv; charset=utf-8", "text/csv; charset=utf-8"),
        ("text/csv ;CHARSET=utf-8; header=present", "text/csv; charset=utf-8; header=present"),
        ('text/plain; name="a b"', 'text/plain; name="a b"'),
        ('text/plain; name="a\\"b"', 'text/plain; name="a\\"b"'),
        ("text/calendar; method=REQUEST", "text/calendar; method=REQUEST"),
    ],
)
def test_a_type_has_one_spelling(text: str, written: str) -> None:
    assert str(parse_mimetype(text)) == written
    assert parse_mimetype(written) == parse_mimetype(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "text", "/csv", "text/", "a/b/c", "text/csv;", "text/csv; charset", "text/csv; =x", "text/csv; a=b; A=c",
        "text/csv; a=b c", 'text/csv; a="b', "text/csv\r\nX: y", 'text/csv; a="b\r\n"', "text/csv; a=ä", "x/" + "y" * 2000,
        5, None,
    ],
)  # fmt: skip
def test_what_is_not_a_type_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is not a MIME type"):
        parse_mimetype(text)
    assert split_mimetype(str(text)) == ("application", "octet-stream")


def test_a_text_says_its_encoding_once() -> None:
    assert with_charset("text/csv", "utf-8") == "text/csv; charset=utf-8"
    assert with_charset("text/csv; charset=latin-1", "utf-8") == "text/csv; charset=latin-1"
    assert with_charset("application/json", "utf-8") == "application/json"


def test_the_content_decides_before_the_name_and_the_caller_before_both() -> None:
    assert detect_mimetype("a.txt", b"%PDF-1.7") == "application/pdf"
    assert detect_mimetype("a.docx", b"PK\x03\x04").endswith("wordprocessingml.document")
    assert detect_mimetype("a.zip", b"PK\x03\x04") == "application/zip"
    assert detect_mimetype("a.tar.gz", b"") == "application/gzip"
    assert detect_mimetype("a", b"") == "application/octet-stream"
    assert detect_mimetype("a.txt", b"", "Text/X; A=b") == "text/x; a=b"


def test_many_parameters_take_no_longer_than_their_length() -> None:
    text = "text/x" + "".join(f"; a{number}=b" for number in range(80)) + ' "'
    with pytest.raises(ValueError, match="is not a MIME type"):
        parse_mimetype(text)
