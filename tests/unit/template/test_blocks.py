"""Blocks of templates, rendered alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openviper.template import render_block, render_to_string
from openviper.testing import override_openviper_settings as override

TEMPLATES = {
    "macros.html": "{% macro boxed(x) %}[{{ x }}]{% endmacro %}",
    "base.html": "{% set site = 'S' %}{{ nowhere.at.all }}{% block title %}base{% endblock %}"
    "{% block body %}{{ site }}{% endblock %}{% block foot %}F{{ x }}{% endblock %}",
    "page.html": "{% extends 'base.html' %}{% from 'macros.html' import boxed %}{% set top = 'T' %}"
    "{% set long %}L{{ x }}{% endset %}{% macro own(y) %}({{ boxed(y) }}){% endmacro %}"
    "{% block title %}{{ super() }}+{{ boxed(1) }}{{ top }}{{ long }}{{ own(2) }}{% endblock %}"
    "{% block body %}{% block inner %}in{{ x }}{% endblock %}|{{ super() }}{% endblock %}",
    "leaf.html": "{% extends 'page.html' %}{% set top = 'leaf' %}{% block title %}l{{ super() }}{% endblock %}"
    "{% block inner %}leaf {{ super() }}{% endblock %}",
    "chosen.html": "{% extends parent %}{% block title %}c{{ super() }}{% endblock %}",
    "plain.html": "{% import 'macros.html' as m %}{% block a %}{{ m.boxed(self.b()) }}{% endblock %}{% block b %}b{% endblock %}",
    "circle.html": "{% extends 'circle.html' %}{% block a %}a{% endblock %}",
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[None]:
    """Write the templates."""
    for name, text in TEMPLATES.items():
        (tmp_path / name).write_text(text)
    with override(TEMPLATES_DIR=str(tmp_path)):
        yield


@pytest.mark.parametrize(
    ("name", "block", "text"),
    [
        ("page.html", "title", "base+[1]TLX([2])"),
        ("page.html", "inner", "inX"),
        ("page.html", "body", "inX|S"),
        ("page.html", "foot", "FX"),
        ("leaf.html", "title", "lbase+[1]TLX([2])"),
        ("leaf.html", "body", "leaf inX|S"),
        ("leaf.html", "foot", "FX"),
        ("chosen.html", "title", "cbase"),
        ("chosen.html", "foot", "FX"),
        ("plain.html", "a", "[b]"),
        ("circle.html", "a", "a"),
    ],
)
def test_a_block_alone_is_what_it_is_in_its_page(name: str, block: str, text: str) -> None:
    values: dict[str, Any] = {"x": "X", "parent": "base.html", "nowhere": {"at": {}}}
    for _ in range(2):
        assert render_block(name, block, values) == text
    if name != "circle.html":
        assert text in render_to_string(name, values)


def test_what_stands_around_a_block_is_not_rendered() -> None:
    # There is no `nowhere`, for which the page would fail.
    assert render_block("page.html", "foot", {"x": "1"}) == "F1"


def test_a_template_that_changes_changes_its_blocks(tmp_path: Path) -> None:
    for text in ("one", "two!"):
        (tmp_path / "plain.html").write_text(
            f"{{% set t = '{text}' %}}{{% block a %}}{{{{ t }}}}{{% endblock %}}"
        )
        assert render_block("plain.html", "a") == text
