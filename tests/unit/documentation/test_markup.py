"""From Markdown to the HTML of a page."""

from __future__ import annotations

import pytest

from openviper.documentation.markup import relative, to_html
from openviper.documentation.pages import read_page


def test_headings_have_the_anchors_that_links_mean() -> None:
    html = to_html(read_page("a.md", "# `A` & b\n\n## Two\n\n## Two\n"))
    assert '<h1 id="a--b"><code>A</code> &amp; b</h1>' in html
    assert '<h2 id="two">Two<a class="anchor" href="#two"' in html
    assert '<h2 id="two-1">' in html


def test_links_lead_to_pages_of_the_site() -> None:
    text = "# A\n[1](b.md#c) [2](../README.md) [3](https://e.x/a.md) [4](#d) [5](../drawing.svg)\n"
    html = to_html(read_page("how-to/a.md", text))
    assert 'href="b.html#c"' in html
    assert 'href="../index.html"' in html
    assert 'href="https://e.x/a.md"' in html
    assert 'href="#d"' in html
    assert 'href="../drawing.svg"' in html


@pytest.mark.parametrize(
    ("origin", "address", "link"),
    [
        ("index.html", "how-to/a.html", "how-to/a.html"),
        ("how-to/a.html", "how-to/b.html", "b.html"),
        ("how-to/a.html", "index.html", "../index.html"),
        ("how-to/a.html", "reference/b.html", "../reference/b.html"),
        ("how-to/a.html", "", "../"),
        ("index.html", "", ""),
    ],
)
def test_addresses_are_relative_so_that_a_folder_will_do(
    origin: str, address: str, link: str
) -> None:
    assert relative(origin, address) == link


def test_code_is_shown_with_its_file_and_without_its_prompts_for_the_button() -> None:
    text = '# A\n```python title="a/<b>.py"\nx = 1\n```\n\n```console\n$ echo "1"\n1\n```\n'
    html = to_html(read_page("a.md", text))
    assert "<figcaption>a/&lt;b&gt;.py</figcaption>" in html
    assert 'class="language-console" data-typed="echo &quot;1&quot;\n"' in html
    assert "<!--code" not in html


DRAWING = '<svg role="img"><title>Boats</title></svg>'


def test_a_drawing_in_a_paragraph_of_its_own_becomes_part_of_the_page() -> None:
    page = read_page("how-to/a.md", "# A\n\n![Boats](../drawings/boats.svg)\n")
    shown = to_html(page, {"drawings/boats.svg": DRAWING})
    assert f'<div class="drawing" tabindex="0">{DRAWING}</div>' in shown and "<img" not in shown
    assert '<img alt="Boats" src="../drawings/boats.svg"' in to_html(page)


@pytest.mark.parametrize("text", ["![a](b.svg) and text", "![a](gone.svg)", "![a](c.png)"])
def test_other_pictures_stay_pictures(text: str) -> None:
    html = to_html(read_page("a.md", f"# A\n\n{text}\n"), {"b.svg": DRAWING})
    assert "<img" in html and "<svg" not in html


def test_a_head_without_words_is_a_plain_cell() -> None:
    html = to_html(read_page("a.md", "# A\n\n| | b | |\n| --- | --- | --: |\n| 1 | 2 | 3 |\n"))
    assert html.count("<th>") == 1
    assert '<td style="text-align: right;"></td>' in html


def test_wide_tables_can_be_moved_with_the_keyboard() -> None:
    html = to_html(read_page("a.md", "# A\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n"))
    assert '<div class="wide" tabindex="0"><table>' in html
    assert html.count("<div") == html.count("</div>")
