"""Mail templates: kinds, escaping, names that lead outside, Markdown without traps."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from openviper.core.email.plain_text import html_to_text
from openviper.core.email.templates import (
    check_mail_template_name,
    render_markdown,
    render_template_content,
)
from tests.unit.core.email.conftest import Configure

NAME = "O'Brien & <b>Co</b>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a template of each kind."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.txt").write_text("Dear {{ name }}")
    (tmp_path / "deep/a.html").write_text("<p>Dear {{ name }}</p>")
    (tmp_path / "a.HTM").write_text("{{ name }}")
    (tmp_path / "a.md").write_text("# Dear {{ name }}\n\n[shop](https://x.io)\n")
    (tmp_path / "a.markdown").write_text("*{{ name }}*")
    (tmp_path / "evil.txt").write_text("{{ ''.__class__.__mro__ }}")
    return tmp_path


def test_values_are_escaped_where_the_result_is_html_and_only_there(folder: Path) -> None:
    values: dict[str, object] = {"name": NAME}
    escaped = "O&#39;Brien &amp; &lt;b&gt;Co&lt;/b&gt;"
    assert render_template_content("a.txt", values, folder) == (f"Dear {NAME}", None)
    assert render_template_content("deep/a.html", values, folder) == (
        None,
        f"<p>Dear {escaped}</p>",
    )
    assert render_template_content("a.HTM", values, str(folder)) == (None, escaped)
    text, html = render_template_content("a.md", values, folder)
    assert text == f"# Dear {NAME}\n\n[shop](https://x.io)"
    assert (
        html is not None
        and "<h1" in html
        and "<b>" not in html
        and '<a href="https://x.io">shop</a>' in html
    )
    text, html = render_template_content("a.markdown", {"name": "x"}, folder)
    assert (text, html) == ("*x*", "<p><em>x</em></p>")
    assert render_template_content("a.txt", None, folder) == ("Dear ", None)


@pytest.mark.parametrize(
    "name",
    [
        "", "a\x00.txt", "..%252fetc", "%25", "..%2fsecret.txt", "..%5Csecret", "a/../b.txt", "../a", "..", "a..b", "/etc/passwd",
        "\\etc", "%2fetc/passwd", "%5cetc", "%2Fetc", "C:\\x.txt", "c:/x.txt", "Z:x",
    ],
)  # fmt: skip
def test_names_that_lead_outside_are_refused_before_any_file_is_looked_at(name: str) -> None:
    with pytest.raises(ValueError, match="mail template"):
        check_mail_template_name(name)
    with pytest.raises(ValueError, match="mail template"):
        render_template_content(name)


def test_the_sandbox_and_missing_files(folder: Path) -> None:
    from jinja2 import TemplateNotFound
    from jinja2.exceptions import SecurityError

    with pytest.raises(SecurityError):
        render_template_content("evil.txt", {}, folder)
    with pytest.raises(TemplateNotFound):
        render_template_content("missing.txt", {}, folder)


def test_the_folders_of_the_project_and_of_its_apps(
    tmp_path: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = tmp_path / "mailapp"
    (app / "templates").mkdir(parents=True)
    (app / "__init__.py").touch()
    (app / "templates/welcome.txt").write_text("from the app")
    (app / "templates/both.txt").write_text("from the app")
    (tmp_path / "project").mkdir()
    (tmp_path / "project/both.txt").write_text("from the project")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/both.txt").write_text("from elsewhere")
    monkeypatch.syspath_prepend(tmp_path)
    configure(TEMPLATES_DIR=str(tmp_path / "project"), INSTALLED_APPS=("mailapp", "not_there"))
    try:
        assert render_template_content("both.txt")[0] == "from the project"
        assert render_template_content("welcome.txt")[0] == "from the app"
        assert (
            render_template_content("both.txt", template_dir=tmp_path / "other")[0]
            == "from elsewhere"
        )
        assert (
            render_template_content("welcome.txt", template_dir=tmp_path / "other")[0]
            == "from the app"
        )
    finally:
        sys.modules.pop("mailapp", None)


@pytest.mark.parametrize(
    "source",
    [
        "[x](javascript:alert(1))", "[x](JaVaScRiPt:alert(1))", "[x](data:text/html,x)", "[x](vbscript:x)", "![x](javascript:x)",
        "[x](<java\tscript:alert(1)>)", "[x](&#106;avascript:alert(1))", "[x](&#x6A;avascript&colon;alert(1))",
        "<a href='javascript:x'>x</a>", '<a class="y" HREF = "javascript:x">x</a>', "<img src=\" javascript:x\">", "[x]: javascript:x\n\n[x]",
        "<javascript:alert(1)>", "[x](\x01javascript:x)",
    ],
)  # fmt: skip
def test_targets_that_run_scripts_are_dropped(source: str) -> None:
    html = render_markdown(source)
    for target in re.findall(r"""(?:href|src)\s*=\s*["']([^"']*)""", html, re.IGNORECASE):
        assert target == "#", html


def test_other_targets_stay() -> None:
    html = render_markdown(
        "[a](https://x.io/javascript:) [b](mailto:a@x.io) [c](/data:x) <https://y.io>\n\n* one\n* two\n\na | b\n- | -\n1 | 2\n"
    )
    assert (
        'href="https://x.io/javascript:"' in html
        and 'href="mailto:a@x.io"' in html
        and 'href="/data:x"' in html
    )
    assert 'href="#"' not in html
    assert "<li>one</li>" in html and "<table>" in html


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two<br>lines</p>", "One\n\nTwo\nlines"),
        ("a &amp; b &lt;c&gt; &nbsp;d", "a & b <c> \xa0d"),
        (
            "<html><head><title>T</title><style>p{}</style></head><body>B<script>x()</script></body></html>",
            "B",
        ),
        ("<ul><li>one<li>two<ol><li>deep</ol></ul>end", "- one\n- two\n  1. deep\n\nend"),
        ("<ol><li>one</li><li>two</li></ol>", "1. one\n2. two"),
        ('<a href="https://x.io">the shop</a>', "the shop (https://x.io)"),
        ('<a href="https://x.io">https://x.io</a>', "https://x.io"),
        ('<a href="mailto:a@x.io">a@x.io</a> <a href="#top">up</a>', "a@x.io up"),
        ('<img alt="Logo" src="x"> <img src="y">', "Logo"),
        ("<table><tr><td>1</td><td>2</td></tr><tr><td>3<td>4</table>", "1 2\n3 4"),
        ("<pre>  a\n    b</pre>", "  a\n    b"),
        ("a<hr>b", "a\n\n---\n\nb"),
        ("  many \n\n  spaces\t here ", "many spaces here"),
        ("<div><div>x</div></div><h1>T</h1>y", "x\n\nT\n\ny"),
        ("<p>unclosed <b>bold", "unclosed bold"),
        ("", ""),
        ("<script>never ends", ""),
        ("5 < 6", "5 < 6"),
    ],
)
def test_html_becomes_readable_text(html: str, text: str) -> None:
    assert html_to_text(html) == text


def test_autoescaping_that_is_off_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from openviper.core.email import templates

    class Off:
        autoescape = False

    off: Any = Off()
    monkeypatch.setattr(templates, "_overlays", lambda base: templates._Environments(off, off, off))
    with pytest.raises(RuntimeError, match="autoescaping is off"):
        render_template_content("a.txt", {}, folder)
