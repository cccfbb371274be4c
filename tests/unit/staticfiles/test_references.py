"""References are found by their form and rewritten where they name a collected file."""

from __future__ import annotations

import pytest

from openviper.staticfiles.references import find_references, may_refer, rewrite


def targets(name: str, text: str, static_url: str = "/static/") -> list[str]:
    """Return what a text refers to."""
    return [reference.target for reference in find_references(name, text, static_url)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a { background: url(bg.png) }", ["css/bg.png"]),
        ("a { background: url( 'bg.png' ) }", ["css/bg.png"]),
        ('a { background: URL("../img/a b.png") }', ["img/a b.png"]),
        ("a { background: url(../img/a%20b.png?v=1#x) }", ["img/a b.png"]),
        (
            "@font-face { src: url(f.woff2) format('woff2'), url(f.woff) }",
            ["css/f.woff2", "css/f.woff"],
        ),
        ("@import 'base.css';@import url(more.css);", ["css/base.css", "css/more.css"]),
        ("a { background: url(/static/img/a.png) }", ["img/a.png"]),
        ("/*# sourceMappingURL=site.css.map */", ["css/site.css.map"]),
        ("a { b: url(data:image/png;base64,AA==) }", []),
        ("a { b: url(https://x.io/a.png) url(//x.io/a.png) url(#id) url(?x) }", []),
        ("a { b: url(/other/a.png) url(../../up.png) url() url(.) }", []),
        ("a { b: curl(x.png) }", []),
    ],
)
def test_style_sheets(text: str, found: list[str]) -> None:
    assert targets("css/site.css", text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import a from './a.js'", ["js/a.js"]),
        ('import{b as c}from"../lib/b.mjs";', ["lib/b.mjs"]),
        ("import './side.js'", ["js/side.js"]),
        ("const m = await import('./lazy.js')", ["js/lazy.js"]),
        ("export * from './all.js'", ["js/all.js"]),
        ("new URL('./x.wasm', import.meta.url)", ["js/x.wasm"]),
        ("import x from '/static/js/x.js'", ["js/x.js"]),
        ("//# sourceMappingURL=app.js.map", ["js/app.js.map"]),
        ("import react from 'react'; import y from 'https://x.io/y.js'", []),
        ("x.from('a')", []),
        ("imported('./a.js')", []),
    ],
)
def test_scripts(text: str, found: list[str]) -> None:
    assert targets("js/app.js", text) == found


def test_addresses_below_another_server_are_none() -> None:
    assert targets("a.css", "url(/static/a.png)", "https://cdn.example/static/") == []
    assert targets("a.css", "url(/files/a.png)", "/files") == ["a.png"]


def test_only_the_last_part_of_a_path_changes() -> None:
    text = "a{b:url(../img/a.png?v=1#x)}c{d:url('missing.png')}e{f:url(/static/img/a%20b.png)}"
    references = find_references("css/site.css", text, "/static/")
    names = {"img/a.png": "img/a.0123.png", "img/a b.png": "img/a b.4567.png"}
    assert rewrite(text, references, names) == (
        "a{b:url(../img/a.0123.png?v=1#x)}c{d:url('missing.png')}e{f:url(/static/img/a%20b.4567.png)}"
    )


def test_other_files_are_not_looked_into() -> None:
    assert may_refer("a.CSS") and may_refer("b.mjs")
    assert not may_refer("a.html") and not may_refer("css") and targets("a.txt", "url(x.png)") == []


@pytest.mark.parametrize(
    "piece", ["url(", "url('", "@import ", "@import '", "import ", "import(", "from '", "//# sourceMappingURL=", "new URL('", "new ", "/*# "]
)  # fmt: skip
def test_long_texts_of_any_piece_are_read_to_their_end(piece: str) -> None:
    for text in (piece * 30_000, piece + " " * 300_000, piece + "x" * 300_000):
        targets("a.css", text)
        targets("a.js", text)
