"""HTML as text, whatever the HTML is, in a time that its length bounds."""

from __future__ import annotations

import random

import pytest

from openviper.core.email.html_tokens import Tag, tokens
from openviper.core.email.plain_text import html_to_text

PUMPED = [
    "<!--", "<a ", "<p>", "<div>", "<![<!", "<![x", "<", "</", "<a href='", '<a href="', "<a x=", "&", "&#", "<ul>", "<ul><li>",
    "<script>", "<title>", "<title></title>", "<pre>", "<a>", "</i>", "<head>", "<a href=http://x>", "\n", " ", "<!", "<?", "</p",
    "<b a='1' b=\"2\" c=3 d", "<br>", "<td>", "<li>",
]  # fmt: skip


@pytest.mark.parametrize("piece", PUMPED)
def test_a_long_text_of_any_piece_is_read_to_its_end(piece: str) -> None:
    # Each took minutes, or the square of its length, in one parser or another.
    html_to_text(piece * 15_000)
    html_to_text("x" + piece * 15_000 + ">")


def test_random_texts_are_read() -> None:
    randomly = random.Random(7)
    for _ in range(200):
        html_to_text("".join(randomly.choice(PUMPED + ["a", "b c"]) for _ in range(60)))


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("a<b", "a"),
        ("1 < 2 > 0", "1 < 2 > 0"),
        ("a<!-- x > y -->b<!-- no end", "ab"),
        ("<p title='a > b'>x</p>", "x"),
        ("<script>if (a < b) x()</script>y", "y"),
        ("<style>p > a {}</style><p>x", "x"),
        ("<head><title>T</title></head><body>x", "x"),
        ("<template><p>no</p></template>yes", "yes"),
        ("a&amp;b &lt;c&gt; &euro; &#8364;", "a&b <c> € €"),
        ("<p>a</p><p>b</p>", "a\n\nb"),
        ("<div>a</div><div>b</div>", "a\nb"),
        ("a<br>b<br><br>c", "a\nb\n\nc"),
        ("<ul><li> one</li><li>two<ul><li>deep</li></ul></li></ul>", "- one\n- two\n  - deep"),
        ("<ol><li>a<li>b</ol>", "1. a\n2. b"),
        ("<a href='https://x.io'>shop</a>!", "shop (https://x.io)!"),
        ("<a href=https://x.io>https://x.io</a>", "https://x.io"),
        ("<a href='mailto:a@x.io'></a>", "a@x.io"),
        ("<a href='javascript:x()'>y</a>", "y"),
        ("<a href='https://x.io'>a<a href='https://y.io'>b", "a (https://x.io)b (https://y.io)"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
        ("<img src=x alt='A cat'>", "A cat"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("a<hr>b", "a\n\n---\n\nb"),
        ("", ""),
    ],
)
def test_what_people_read(html: str, expected: str) -> None:
    assert html_to_text(html) == expected


def test_tokens_are_tags_and_texts() -> None:
    assert list(tokens("a<P CLASS='x' class=y hidden>b</p>")) == [
        "a",
        Tag("p", False, {"class": "x", "hidden": ""}),
        "b",
        Tag("p", True, {}),
    ]
