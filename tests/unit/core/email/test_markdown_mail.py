"""Values in Markdown mail are text; the result holds allowed elements only."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from openviper.core.email.markdown_mail import ATTRIBUTES, MAX_MARKDOWN, TAGS, render_markdown
from openviper.core.email.templates import render_template_content

EVIL = [
    "hi {: onclick=alert(1) }",
    "{: onmouseover=alert(1) style=position:fixed }",
    "[x](http://a){: onmouseover=alert(1) }",
    "![x](x){: onerror=alert(1) }",
    "# heading\n\nparagraph",
    "**bold** _it_ `code` ~~x~~",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[phish](https://evil.example)",
    "![pixel](https://evil.example/p.gif)",
    "https://evil.example <https://evil.example>",
    "    indented code\n\n* list\n1. list",
    "[ref]: https://evil.example\n\n[ref]",
    "a | b\n--|--\n1 | 2",
    "*[abbr]: Long\nabbr",
    "[^1]: note",
    "&lt;b&gt; &amp; &#42;",
    "\ue0000\ue001 \ue000999\ue001",
    "\"'><svg/onload=alert(1)>",
    "line\r\nother",
]


class Read(HTMLParser):
    """Collects elements, attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def rendered(folder: Path, source: str, **values: object) -> Read:
    """Return what a template of some source is as HTML."""
    (folder / "mail.md").write_text(source)
    _, html = render_template_content("mail.md", values, folder)
    assert html is not None
    return Read(html)


@pytest.mark.parametrize("value", EVIL)
@pytest.mark.parametrize(
    "source",
    ["# Dear {{ v }}\n", "Dear {{ v }}, hello", "* {{ v }}\n* x", "| a |\n|---|\n| {{ v }} |", "{{ v }}", "> {{ v }}"],
)  # fmt: skip
def test_a_value_adds_no_element_and_shows_as_it_is(
    tmp_path: Path, source: str, value: str
) -> None:
    plain = rendered(tmp_path, source, v="value")
    read = rendered(tmp_path, source, v=value)
    breaks = [tag for tag in read.tags if tag[0] == "br"]
    assert [tag for tag in read.tags if tag[0] != "br"] == plain.tags
    assert len(breaks) == value.replace("\r\n", "\n").count("\n")
    shown = value.replace("\ue000", "").replace("\ue001", "")
    assert "".join(shown.split()) in "".join(read.text.split())


def test_a_value_stands_in_code_as_it_is(tmp_path: Path) -> None:
    read = rendered(
        tmp_path, "Your code is `{{ code }}`.\n\n```\n{{ code }}\n```\n", code="AB-12*<x>"
    )
    assert read.text.count("AB-12*<x>") == 2


def test_a_value_in_an_address_stays_in_the_address(tmp_path: Path) -> None:
    read = rendered(tmp_path, "[Follow](https://shop.example/{{ n }})", n='7" onclick="x')
    assert read.tags[1] == ("a", {"href": 'https://shop.example/7" onclick="x'})
    other = rendered(tmp_path, "[x]({{ url }})", url="javascript:alert(1)")
    assert other.tags == [("p", {}), ("a", {})]


def test_the_text_has_the_value_itself(tmp_path: Path) -> None:
    (tmp_path / "mail.md").write_text("Dear {{ name }}")
    text, _ = render_template_content("mail.md", {"name": "*A* & <b>"}, tmp_path)
    assert text == "Dear *A* & <b>"


def test_filters_conditions_loops_and_macros_work_on_values(tmp_path: Path) -> None:
    source = (
        "{% macro row(x) %}{{ x|upper }}{% endmacro %}{% for x in xs %}* {{ row(x) }}\n{% endfor %}\n\n{{ xs|length }}"
        "{% if xs %} yes{% endif %} {{ 'a' ~ xs[0] }} {{ missing }}|{{ none }}"
    )
    read = rendered(tmp_path, source, xs=["a*", "b_"], none=None)
    assert read.text.split() == ["A*", "B_", "2", "yes", "aa*", "|None"]


@pytest.mark.parametrize(
    "source",
    [
        "{{ v|e }}", "{{ v|escape }}", "{{ v|forceescape }}", "{{ v|urlize }}", "{{ v|tojson }}", "{{ {'a': v}|xmlattr }}",
        "{{ [v, '<br>'|safe]|join(' ') }}", "{{ '<b>%s</b>'|safe|format(v) }}", "{{ v|replace('q', 'w'|safe) }}",
        "{{ [v]|map('e')|join }}", "{% autoescape false %}{{ v }}{% endautoescape %}", "{% set s %}{{ v|e }}{% endset %}{{ s }}",
        "{% macro m(x) %}{{ x|e }}{% endmacro %}{{ m(v) }} {{ [m('a'), v]|join }}",
    ],
)  # fmt: skip
def test_a_filter_that_escapes_makes_no_markdown_of_a_value(tmp_path: Path, source: str) -> None:
    evil = "[phish](https://evil.example) **bold** `code`"
    read = rendered(tmp_path, f"Dear {source}, hello", v=evil)
    assert {tag for tag, _ in read.tags} <= {"p", "b", "br"}
    assert evil in read.text.replace('"', "")
    # Nothing of one message is left in the compiled template for the next.
    assert "other" in rendered(tmp_path, f"Dear {source}, hello", v="other").text


def test_what_a_filter_escapes_is_changed_by_the_next_one(tmp_path: Path) -> None:
    read = rendered(tmp_path, "{{ v|e|upper }} {{ '**b**'|safe|e }}", v="a & **b**")
    assert read.text == "A & **B** b"


def test_a_value_in_a_mail_address_is_in_the_link_and_in_the_text(tmp_path: Path) -> None:
    read = rendered(tmp_path, "<{{ name }}@x.io>", name="ada")
    assert read.tags == [("p", {}), ("a", {"href": "mailto:ada@x.io"})]
    assert read.text == "ada@x.io"


def test_the_author_may_say_that_markup_is_safe(tmp_path: Path) -> None:
    assert ("strong", {}) in rendered(tmp_path, "{{ v|safe }}", v="**bold**").tags


def test_the_authors_own_markdown_works(tmp_path: Path) -> None:
    read = rendered(
        tmp_path, "# Hi\n\n**b** [x](https://x.io)\n\n| a | b |\n|:-:|---|\n| 1 | 2 |\n"
    )
    names = [name for name, _ in read.tags]
    assert names[:4] == ["h1", "p", "strong", "a"] and "table" in names
    assert ("th", {"style": "text-align: center;"}) in read.tags


@pytest.mark.parametrize(
    "text",
    [
        "<a href=x onclick=y>z</a>", "<iframe src=x></iframe>", "<style>p{}</style>", "<p style='position:fixed'>x</p>",
        "[x](javascript:alert(1))", "[x](data:text/html,x)", "[x](vbscript:x)", "<svg><a xlink:href='javascript:x'>y</a></svg>",
        "<form action=x><input></form>", "<td style='text-align: center;position:fixed'>x</td>",
    ],
)  # fmt: skip
def test_what_is_not_on_the_list_is_left_out(text: str) -> None:
    for name, attributes in Read(render_markdown(text)).tags:
        assert name in TAGS
        assert set(attributes) <= ATTRIBUTES["*"] | ATTRIBUTES.get(name, frozenset())
        assert not (attributes.get("href") or "").startswith(("java", "data", "vb"))
        assert attributes.get("style") in (None, "text-align: center;")


def test_text_that_looks_like_an_attribute_is_text() -> None:
    assert 'style="abc"' in Read(render_markdown('say  style="abc" here')).text


@pytest.mark.parametrize(
    "text", ["[" * 3000, "![[" * 2000, "[a](" * 3000, "<" * 3000, "x" * (MAX_MARKDOWN + 1)]
)
def test_what_markdown_would_take_minutes_for_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="the Markdown has"):
        render_markdown(text)


@pytest.mark.parametrize(
    ("atom", "most", "what"),
    [
        ("[^1] ", 500, "footnotes"),
        ("# a\n", 2_000, "headings"),
        ("a\n===\n\n", 2_000, "headings"),
        ("* * *\n", 2_000, "rules"),
        ("``` a\n", 4_000, "blocks of code"),
        ("[a]:\n", 1_000, "definitions of links"),
        ("\\", 20_000, "backslashes"),
    ],
)
def test_more_than_anybody_writes_of_what_takes_the_square_is_refused(
    atom: str, most: int, what: str
) -> None:
    with pytest.raises(ValueError, match=f"more than {most} {what}"):
        render_markdown(atom * (most + 1))
    render_markdown(atom * 3)


def test_abbreviations_are_no_markdown_of_ours() -> None:
    assert (
        Read(render_markdown("*[HTML]: Hyper\n\nHTML")).tags.count(("abbr", {"title": "Hyper"}))
        == 0
    )


def test_what_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        render_markdown("1. " * 1000 + "x")
