"""Colouring code."""

from __future__ import annotations

import re
from html import unescape

import pytest

from openviper.documentation.highlight import highlight, typed_part
from openviper.documentation.pages import read_pages


def seen(html: str) -> str:
    """Return what a reader sees."""
    return unescape(re.sub(r"<[^>]+>", "", html))


def test_python_is_marked_by_its_tokens() -> None:
    html = highlight('async def f(a):  # why\n    return "<b>", 12\n', "python")
    assert '<span class="keyword">async</span>' in html
    assert '<span class="comment"># why</span>' in html
    assert '<span class="string">&quot;&lt;b&gt;&quot;</span>' in html
    assert '<span class="number">12</span>' in html


@pytest.mark.parametrize(
    "code", ['"""open\n', "def (:\n  x\n", "x = (\n", "\tx\n  y\n", "a\\\n", ""]
)
def test_a_piece_that_is_no_program_is_shown_as_it_is(code: str) -> None:
    assert seen(highlight(code, "python")) == code


def test_a_mark_never_runs_over_a_line() -> None:
    html = highlight('x = """one\ntwo <&>\n"""\nf"{x} and {y!r}"\n', "python")
    assert all(line.count("<span") == line.count("</span>") for line in html.splitlines())


def test_consoles_show_what_is_typed_and_what_is_answered() -> None:
    assert highlight("$ ls <a>\nfile\n", "console") == (
        '<span class="prompt">$ </span>ls &lt;a&gt;\n<span class="output">file\n</span>'
    )
    assert '<span class="prompt">&gt;&gt;&gt; </span>' in highlight(">>> True\nTrue\n", "pycon")


def test_what_is_copied_is_what_is_typed() -> None:
    assert typed_part("$ ls\nfile\n$ cd x\n", "console") == "ls\ncd x\n"
    assert typed_part(">>> for x in y:\n...     x\n1\n", "pycon") == "for x in y:\n    x\n"
    assert typed_part("$ not a console\n", "sh") == "$ not a console\n"


def test_every_block_of_the_manual_shows_its_own_text() -> None:
    blocks = [block for page in read_pages().values() for block in page.blocks]
    assert len(blocks) > 150
    assert [
        block for block in blocks if seen(highlight(block.text, block.language)) != block.text
    ] == []
