"""What is left of HTML: allowed elements, attributes and links, and escaped text."""

from __future__ import annotations

import sys
import types
from html.parser import HTMLParser
from random import Random
from typing import Any

import pytest

from openviper.db.fields import HTMLField
from openviper.db.fields.html import ALLOWED_TAGS


@pytest.fixture(autouse=True)
def without_nh3(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make sure that the standard library's parser is at work, whatever is installed."""
    monkeypatch.setitem(sys.modules, "nh3", None)


FIELD = HTMLField()

CLEANED: list[tuple[str, str]] = [
    ("plain & text", "plain &amp; text"),
    ("<p>Hello <b>you</b></p>", "<p>Hello <b>you</b></p>"),
    ("<P CLASS=x>a</P>", "<p>a</p>"),
    ("<div>kept <span>text</span></div>", "kept text"),
    ("a<script>alert(1)</script>b", "ab"),
    ("a<SCRIPT >alert(1)</sCript>b", "ab"),
    ("a<style>b{}</style>c", "ac"),
    ("<script>never closed <b>x", ""),
    ("<script><!-- </script><b>x</b>", "<b>x</b>"),
    (
        "<a href='https://a/?x=1&amp;y=2' onclick=x()>t</a>",
        '<a href="https://a/?x=1&amp;y=2">t</a>',
    ),
    ("<a href='javascript:alert(1)'>t</a>", "<a>t</a>"),
    ("<a href=' JaVa\tScript\n:alert(1)'>t</a>", "<a>t</a>"),
    ("<a href='&#106;avascript&colon;alert(1)'>t</a>", "<a>t</a>"),
    ("<a href='\x01javascript:alert(1)'>t</a>", "<a>t</a>"),
    ("<a href='vbscript:x'>t</a>", "<a>t</a>"),
    ("<a href='data:text/html,x'>t</a>", "<a>t</a>"),
    ("<a href='mailto:a@b'>t</a>", '<a href="mailto:a@b">t</a>'),
    ("<a href='/path:x?y:z'>t</a>", '<a href="/path:x?y:z">t</a>'),
    ("<a href='//host/x'>t</a>", '<a href="//host/x">t</a>'),
    ("<a href='ä:x'>t</a>", "<a>t</a>"),
    ("<img src=x onerror=alert(1)>", '<img src="x">'),
    ("<img/src='x'/alt='\"><script>'>", '<img src="x" alt="&quot;&gt;&lt;script&gt;">'),
    ("<img src=javascript:x alt=a>", '<img alt="a">'),
    ("<img src=x src=javascript:y>", '<img src="x">'),
    ("<svg onload=x()><b>t</b></svg>", "<b>t</b>"),
    ("<b>open", "<b>open</b>"),
    ("stray</b>", "stray"),
    ("<b><i>x</b>y</i>", "<b><i>x</i></b>y"),
    ("<ul><li>a<li>b</ul>", "<ul><li>a</li><li>b</li></ul>"),
    ("<p>a<p>b", "<p>a</p><p>b</p>"),
    ("a<br>b<br/>c", "a<br>b<br>c"),
    ("x<!-- secret -->y", "xy"),
    ("<!doctype html><?php x ?>t", "t"),
    ("&lt;script&gt;", "&lt;script&gt;"),
    ("1 < 2 > 0", "1 &lt; 2 &gt; 0"),
    ("<b\x00>x</b>", "<b>x</b>"),
    ("<a title='\"quoted\"'>t</a>", '<a title="&quot;quoted&quot;">t</a>'),
]


@pytest.mark.parametrize(("text", "expected"), CLEANED)
def test_only_what_is_allowed_stays(text: str, expected: str) -> None:
    assert FIELD.to_db(text) == expected
    assert FIELD.to_db(expected) == expected


class Reader(HTMLParser):
    """Notes everything that a browser could act upon."""

    def __init__(self) -> None:
        super().__init__()
        self.bad: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ALLOWED_TAGS:
            self.bad.append(tag)
        for name, value in attrs:
            if name not in ("href", "src", "alt", "title") or "script:" in "".join(
                (value or "").lower().split()
            ):
                if name not in ("alt", "title"):
                    self.bad.append(f"{name}={value}")

    def handle_comment(self, data: str) -> None:
        self.bad.append(f"comment {data}")


def test_nothing_dangerous_is_left_of_random_soup_and_cleaning_twice_changes_nothing() -> None:
    random = Random(4)
    pieces = [
        "<",
        ">",
        "</",
        "/>",
        "script",
        "b",
        "p",
        "li",
        "a",
        "img",
        " href=",
        " src=",
        "'",
        '"',
        "javascript:x",
    ]
    pieces += [
        "<!--",
        "-->",
        "--!>",
        "onerror=x",
        " ",
        "\n",
        "&lt;",
        "&#60;",
        "&",
        "style",
        "svg",
        "<![CDATA[",
    ]
    pieces += ["]]>", "<?", "x", "title"]
    for _ in range(3000):
        soup = "".join(random.choices(pieces, k=random.randrange(1, 25)))
        cleaned = FIELD.clean(soup)
        reader = Reader()
        reader.feed(cleaned)
        reader.close()
        assert reader.bad == [], (soup, cleaned)
        assert FIELD.clean(cleaned) == cleaned, soup


def test_comments_that_may_stay_cannot_end_early() -> None:
    field = HTMLField(strip_comments=False)
    assert field.clean("a<!-- note -->b") == "a<!-- note -->b"
    for trick in ("<!--><img src=x onerror=y>-->", "<!--->z<script>-->", "<!-- --!><script>x -->"):
        cleaned = field.clean(trick)
        assert "<img" not in cleaned.replace('<img src="x">', "") and "<script" not in cleaned
        assert field.clean(cleaned) == cleaned


def test_lists_can_be_changed() -> None:
    field = HTMLField(
        allowed_tags=["DIV", "a"],
        allowed_attributes={"*": ["Class"], "a": ["href"]},
        allowed_schemes=["tel"],
    )
    text = '<div class=x id=y><a class=z href="tel:1">t</a><a href="http://x">u</a><b>v</b></div>'
    assert field.clean(text) == '<div class="x"><a class="z" href="tel:1">t</a><a>u</a>v</div>'


@pytest.mark.parametrize(
    "options",
    [
        {"allowed_tags": ["script"]},
        {"allowed_tags": ["svg", "b"]},
        {"allowed_attributes": {"b": ["OnClick"]}},
    ],
)
def test_what_cannot_be_made_safe_cannot_be_allowed(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="cannot be made safe|can run scripts"):
        HTMLField(**options)


def test_one_text_instead_of_a_list_is_refused() -> None:
    with pytest.raises(TypeError):
        HTMLField(allowed_tags="b")


def test_depth_and_stray_ends_are_no_burden() -> None:
    depth = 50_000  # Looking through all open elements for each stray end would take hours.
    assert FIELD.clean("<b>" * depth + "</i>" * depth) == "<b>" * depth + "</b>" * depth
    assert (
        FIELD.clean("<b>" * depth + "<i>" + "</b>" * depth)
        == "<b>" * depth + "<i></i>" + "</b>" * depth
    )


def test_nh3_is_used_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, Any]] = []

    def clean(html: str, **options: Any) -> str:
        calls.append(options)
        return f"cleaned {html}"

    module = types.ModuleType("nh3")
    module.clean = clean  # type: ignore[attr-defined]  # a stand-in for a package that need not be there
    monkeypatch.setitem(sys.modules, "nh3", module)
    assert HTMLField(allowed_tags=["b"]).to_db("<i>") == "cleaned <i>"
    assert calls[0]["tags"] == {"b"} and calls[0]["url_schemes"] == {"http", "https", "mailto"}
