"""Content that somebody has made to take long."""

from __future__ import annotations

import time

import pytest

from openviper.db.fields.html_cleaner import clean
from openviper.db.fields.uploads import detect_kind

TAGS = frozenset({"a", "b", "p", "div"})


def cleaned(text: str) -> str:
    """Return HTML cleaned with a small list."""
    return clean(text, TAGS, {"a": frozenset({"href"})}, frozenset({"https"}), strip_comments=True)


@pytest.mark.parametrize(
    "data",
    [
        b"<!---->" * 140,
        b"<!---->" * 140 + b"<html",
        b"<!--" * 250,
        b"<?xml?>" * 140,
        b" <!-- --> " * 90,
        b"<?xml <!--" * 90,
    ],
)
def test_the_kind_of_an_upload_is_found_in_linear_time(data: bytes) -> None:
    started = time.process_time()
    for _ in range(100):
        detect_kind(data)
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"<html>", "html"),
        (b"\xef\xbb\xbf \n<!-- a --><!-- b -->\n<?xml version='1.0'?><!DOCTYPE  html>", "html"),
        (b"<!-- open <html>", None),
        (b"<!--> <p>", None),
        (b"<svg xmlns=", "html"),
        (b"<?xml version='1.0'?><rss>", None),
        (b"text <html>", None),
    ],
)
def test_html_is_known_by_its_first_element(data: bytes, kind: str | None) -> None:
    assert detect_kind(data) == kind


@pytest.mark.parametrize(
    "unit", ["<!--", "<a ", "<", "</", "<!", "<![", "<?", "<a href='", "<div>", "<p>", "&", "<a>"]
)
def test_html_is_cleaned_in_linear_time(unit: str) -> None:
    started = time.process_time()
    cleaned(unit * (50_000 // len(unit)))
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    "text", ["<![<!", "<![x", "<!DOCTYPE", "<![CDATA[x]]>", "<?php", "<!>", "<a <b"]
)
def test_declarations_are_no_error(text: str) -> None:
    assert "<" not in cleaned(text)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("<p>x<!-- c -->y</p>", "<p>xy</p>"),
        ('<a href="https://x">y</a>', '<a href="https://x">y</a>'),
        ("<b>1 <2</b>", "<b>1 &lt;2</b>"),
    ],
)
def test_text_and_tags_are_told_apart(text: str, result: str) -> None:
    assert cleaned(text) == result
