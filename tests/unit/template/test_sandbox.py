"""What templates may not do, and what is said where they cannot be rendered."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from jinja2.exceptions import SecurityError, TemplateSyntaxError, UndefinedError

from openviper import OpenViper, Request
from openviper.db.fields import CharField, ManyToManyField
from openviper.db.models import Model
from openviper.exceptions import ImproperlyConfigured
from openviper.template import TemplateNotFoundError, has_template, render_block, render_to_string
from openviper.template.assets import static_url
from openviper.template.context import (
    HiddenField,
    LazyNonce,
    LazyToken,
    Messages,
    WatchedUser,
    csrf_field,
)
from openviper.template.environment import check_template_name
from openviper.template.sandbox import TemplateSandbox
from openviper.testing import override_openviper_settings as override


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return the folder of templates."""
    path = tmp_path / "templates"
    path.mkdir()
    with override(TEMPLATES_DIR=str(path)):
        yield path


def render(folder: Path, source: str, **context: Any) -> str:
    """Return a template rendered."""
    (folder / "t.html").write_text(source)
    return render_to_string("t.html", context)


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 1000001 }}",
        "{{ 1000001 * [0] }}",
        "{{ ('ab' * 1000) * 1000 }}",
        "{{ 10 ** 1000001 }}",
        "{{ 2 ** (2 ** 40) }}",
        "{{ '%9999999d' % 1 }}",
        "{{ '%.9999999f' % 1 }}",
        "{{ '%*d' % (9999999, 1) }}",
        "{{ '%9999999s'|format('a') }}",
        "{{ '{:>9999999}'.format(1) }}",
        "{{ '{:>{w}}'.format(1, w=9999999) }}",
        "{{ '{0:{1}}'.format(1, 9999999) }}",
        "{{ 'a'.ljust(9999999) }}",
        "{{ 'a'.rjust(9999999) }}",
        "{{ 'a'.center(9999999) }}",
        "{{ 'a'.zfill(9999999) }}",
        "{{ 'a\tb'.expandtabs(9999999) }}",
        "{{ 'a'|center(9999999) }}",
        "{{ 'a'|center(width=9999999) }}",
        "{{ 'a\nb'|indent(9999999) }}",
        "{{ 'a'|upper|center(9999999) }}",
        "{{ (1).to_bytes(9999999, 'big') }}",
        "{{ (1).to_bytes(length=9999999, byteorder='big') }}",
        "{{ [1]|batch(9999999, 0)|list }}",
        "{{ [1]|slice(9999999)|list }}",
        "{{ [1]|tojson(indent=9999999) }}",
    ],
)
def test_a_template_cannot_fill_the_memory(folder: Path, source: str) -> None:
    with pytest.raises(SecurityError, match="more than 1000000"):
        render(folder, source)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ 'ab' * 2 }}{{ 3 * 4 }}{{ 2.5 * 2 }}", "abab125.0"),
        ("{{ 2 ** 10 }} {{ 2 ** -1 }} {{ 2.0 ** 3 }}", "1024 0.5 8.0"),
        ("{{ '%d%%' % 5 }} {{ 7 % 4 }} {{ '%s' % 9999999 }}", "5% 3 9999999"),
        ("{{ '%5.2f|%-4s|'|format(1.234, 'a') }}", " 1.23|a   |"),
        ("{{ '{} of {}'.format(5000000, 9999999) }}", "5000000 of 9999999"),
        ("{{ '{:>5}|{:{w}}'.format('a', 'b', w=3) }}", "    a|b  "),
        ("{{ 'a'.center(5) }}|{{ 'a'|center(5) }}|", "  a  |  a  |"),
        ("{{ 'a\nb'|indent(2) }}", "a\n  b"),
        ("{{ '7'.zfill(3) }}", "007"),
        ("{{ numbers|map('string')|join(',') }}", "1,2"),
        ("{{ numbers|batch(1)|list }}", "[[1], [2]]"),
    ],
)
def test_what_templates_do_goes_on_working(folder: Path, source: str, text: str) -> None:
    assert render(folder, source, numbers=[1, 2]) == text


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ ''|attr('__class__') }}",
        "{{ '{0.__class__}'.format('') }}",
        "{{ '{x.__class__}'.format_map({'x': ''}) }}",
        "{{ render.__globals__ }}",
        "{{ url_for.__globals__ }}",
        "{{ self.__init__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ ().__class__.__base__.__subclasses__() }}",
    ],
)
def test_a_template_cannot_reach_into_python(folder: Path, source: str) -> None:
    try:
        text = render(folder, source, render=render)
    except SecurityError:
        return
    assert text == ""


@pytest.mark.parametrize(
    "source",
    [
        "{{ work().send(none) }}",
        "{{ work().throw(error) }}",
        "{{ work()|attr('send') }}{{ work()['send'](none) }}",
        "{{ steps().asend(none).send(none) }}",
        "{{ turns().send(none) }}",
        "{% set go = work().send %}{{ go(none) }}",
        "{{ work().cr_await.x }}",
    ],
)
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
def test_a_template_cannot_do_what_only_an_await_does(folder: Path, source: str) -> None:
    done = []

    async def work() -> None:
        done.append("work")

    async def steps() -> AsyncIterator[int]:
        done.append("step")
        yield 1

    def turns() -> Iterator[int]:
        done.append("turn")
        yield 1

    with pytest.raises((SecurityError, UndefinedError)):
        render(folder, source, work=work, steps=steps, turns=turns, error=KeyError)
    gc.collect()  # What was never awaited says so here.
    assert done == []
    assert render(folder, "{{ turns()|list }}", turns=turns) == "[1]"


class Shelf(Model):
    _app_name = "sandbox"

    set = CharField(max_length=10)


class Holder(Model):
    _app_name = "sandbox"

    shelves = ManyToManyField(Shelf)


@pytest.mark.parametrize("method", ["add", "clear", "remove", "set", "create", "raw_sql"])
def test_the_other_end_of_a_relation_is_not_changed(folder: Path, method: str) -> None:
    with pytest.raises(SecurityError, match=method):
        render(folder, f"{{{{ x.shelves.{method}(1) }}}}", x=Holder(id=1))
    assert render(folder, "{{ x.set }}", x=Shelf(set="of six")) == "of six", "a field is read"


async def test_the_session_does_not_lead_to_the_application(folder: Path) -> None:
    app = OpenViper(debug=False)

    @app.get("/")
    async def page(request: Request) -> str:
        source = "{{ request.scope }}{{ request.session.scope }}{{ request.session.store }}{{ request.after_response }}."
        return render(folder, source, request=request)

    assert (await app.test_client().get("/")).text == "."


# Names and contexts


@pytest.mark.parametrize(
    "name", ["", "/a", "\\a", "a\\b", "C:a", "c:/a", "..", "../a", "a/..", "a/../b", "a\0", "\0"]
)
def test_a_name_that_leads_outside_is_named(folder: Path, name: str) -> None:
    for use in (check_template_name, has_template, render_to_string):
        with pytest.raises(ValueError) as caught:
            use(name)
        assert str(caught.value) == f"{name!r} is not a valid template name"


@pytest.mark.parametrize(
    "name",
    ["no.html", "T.HTML", "t.html/", "./t.html", "a//t.html", "\ud800", "x" * 300, "a b", "."],
)
def test_a_template_that_is_not_there_is_named_with_its_places(folder: Path, name: str) -> None:
    (folder / "t.html").write_text("x")
    assert not has_template(name)
    with pytest.raises(TemplateNotFoundError) as caught:
        render_to_string(name)
    assert str(caught.value) == f"template {name!r} not found in {folder}"


@pytest.mark.parametrize(
    "source", ["{% include 'no.html' %}", "{% extends 'no.html' %}", "{% import 'no.html' as x %}"]
)
def test_what_a_template_includes_was_looked_for_in_all_its_places(
    folder: Path, tmp_path: Path, source: str
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "t.html").write_text(source)
    with pytest.raises(TemplateNotFoundError) as caught:
        render_to_string("t.html", template_dir=own)
    assert caught.value.directories == [str(own), str(folder)]
    assert str(caught.value).startswith("template 'no.html' not found in ")


@pytest.mark.parametrize("context", [[1], "ab", 5, {"a"}, ()])
def test_a_context_is_a_mapping(folder: Path, context: Any) -> None:
    (folder / "t.html").write_text("x")
    with pytest.raises(TypeError) as caught:
        render_to_string("t.html", context)
    kind = type(context).__name__
    assert (
        str(caught.value) == f"the context of template 't.html' must be a mapping, not a {kind!r}"
    )


@pytest.mark.parametrize("key", [1, None, b"a", ("a",)])
def test_a_context_has_names(folder: Path, key: Any) -> None:
    (folder / "t.html").write_text("x")
    with pytest.raises(TypeError) as caught:
        render_to_string("t.html", {"a": 1, key: 2})
    assert str(caught.value) == f"the context of template 't.html' has {key!r} in place of a name"


def test_a_template_that_is_not_utf_8_is_named_with_its_line(folder: Path) -> None:
    (folder / "t.html").write_bytes(b"one\ntwo\nthr\xff\n")
    with pytest.raises(TemplateSyntaxError, match="the template is not UTF-8") as caught:
        render_to_string("t.html")
    assert (caught.value.name, caught.value.lineno) == ("t.html", 3)


@pytest.mark.parametrize("text", ["é", "\0", "\u202e", "\U0001f40d", "\r\n", "\u2028"])
def test_text_in_a_template_and_in_its_context_comes_through(folder: Path, text: str) -> None:
    assert render(folder, "{{ text }}", text=text) == text
    (folder / "t.html").write_bytes(f"<{text}>".encode())
    assert render_to_string("t.html").replace("\r\n", "\n") == f"<{text}>".replace("\r\n", "\n")


def test_blocks_of_parents_are_found_and_unknown_ones_are_named(folder: Path) -> None:
    (folder / "base.html").write_text(
        "{% block a %}A{% endblock %}{% block b %}{{ x }}{% endblock %}"
    )
    (folder / "mid.html").write_text("{% extends 'base.html' %}{% block a %}mid{% endblock %}")
    (folder / "leaf.html").write_text("{% extends 'mid.html' %}{% block c %}c{% endblock %}")
    assert render_block("leaf.html", "a") == "mid"
    assert render_block("leaf.html", "b", {"x": "<"}) == "&lt;"
    for name in ("nope", "", "A"):
        with pytest.raises(LookupError) as caught:
            render_block("leaf.html", name)
        assert str(caught.value) == f"template 'leaf.html' has no block {name!r}; it has: a, b, c"
    (folder / "none.html").write_text("x")
    with pytest.raises(LookupError, match="has no block 'a'; it has: none"):
        render_block("none.html", "a")


def test_an_error_in_a_block_points_to_the_line_of_the_template(folder: Path) -> None:
    (folder / "t.html").write_text("\n\n{% block a %}{{ 1 / 0 }}{% endblock %}")
    with pytest.raises(ZeroDivisionError) as caught:
        render_block("t.html", "a")
    places = [
        (entry.path.name, entry.lineno + 1)
        for entry in caught.traceback
        if hasattr(entry.path, "name")
    ]
    assert ("t.html", 3) in places


# Context processors


def broken(_request: object) -> object:
    """Return no mapping."""
    return ["a"]


def numbered(_request: object) -> object:
    """Return no names."""
    return {"a": 1, 5: 1}


def adds(_request: object) -> dict[str, object]:
    """Give names."""
    return {"site": "ours", "x": "of the processor"}


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nope.x", "context processor 'nope.x' cannot be imported: No module named 'nope'"),
        ("nope", "context processor 'nope' cannot be imported"),
        (f"{__name__}.nothing", "cannot be imported"),
        (f"{__name__}.broken", "must return a mapping, not 'list'"),
        (f"{__name__}.numbered", "has 5 in place of a name"),
    ],
)
def test_a_context_processor_that_is_none_is_named(folder: Path, path: str, message: str) -> None:
    with (
        override(TEMPLATE_CONTEXT_PROCESSORS=(path,)),
        pytest.raises(ImproperlyConfigured) as caught,
    ):
        render(folder, "x")
    assert message in str(caught.value) and repr(path) in str(caught.value)


def test_what_the_view_gives_wins_over_context_processors(folder: Path) -> None:
    with override(TEMPLATE_CONTEXT_PROCESSORS=(f"{__name__}.adds",)):
        assert render(folder, "{{ site }} {{ x }}", x="of the view") == "ours of the view"
        assert render(folder, "{{ x }}") == "of the processor"


# What every template has, outside of a request


def test_outside_of_a_request_everything_is_there_and_empty(folder: Path) -> None:
    source = "[{{ csp_nonce }}{{ csrf_token }}{{ csrf_field() }}{% for m in messages %}{% endfor %}]{{ user }}"
    assert render(folder, source) == "[]None"
    assert [str(made(None)) for made in (LazyNonce, LazyToken)] == ["", ""]
    assert not Messages(None) and list(Messages(None)) == [] and csrf_field() == ""


def test_a_hidden_field_is_escaped_once() -> None:
    field = HiddenField('a"b', "<&>'")
    expected = '<input type="hidden" name="a&quot;b" value="&lt;&amp;&gt;&#x27;">'
    assert str(field) == field.__html__()
    assert str(field) in (expected, expected.replace("&#x27;", "&#39;").replace("&quot;", "&#34;"))


class Asked:
    """A request that notes that a page depends on who asks."""

    def __init__(self) -> None:
        self.count = 0

    def note_personal(self) -> None:
        """Note it."""
        self.count += 1


class Nobody:
    """An anonymous user."""

    name = "nobody"

    def __bool__(self) -> bool:
        return False

    def __str__(self) -> str:
        return "Nobody"


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (lambda user: user.name, "nobody"),
        (bool, False),
        (str, "Nobody"),
        (lambda user: user == 5, False),
        (lambda user: user != 5, True),
        (lambda user: hasattr(user, "nothing"), False),
    ],
)
def test_a_page_that_asks_who_asks_depends_on_it(ask: Any, answer: object) -> None:
    request = Asked()
    user = WatchedUser(Nobody(), request)
    hash(user)
    untouched = request.count
    assert ask(user) == answer
    assert untouched == 0 and request.count >= 1


# Addresses of static files


@pytest.mark.parametrize(
    "name",
    ["", "/", "/a", "//a", "a//b", ".", "..", "./a", "a/.", "a/..", "a/../b", "a\\b", "a\0", "\ud800", "https://a/b", None, 5],
)  # fmt: skip
def test_a_name_that_no_static_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(ValueError) as caught:
        static_url(name)
    assert (
        str(caught.value) == f"{name!r} is not the path of a static file below a static directory"
    )


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("a/b.css", "/static/a/b.css"),
        ("a b?.css", "/static/a%20b%3F.css"),
        ("é.png", "/static/%C3%A9.png"),
        ("img/", "/static/img/"),
        ("..a/b..", "/static/..a/b.."),
        ("a\n", "/static/a%0A"),
    ],
)
def test_the_address_of_a_static_file(name: str, address: str) -> None:
    assert static_url(name) == address


class Sheet:
    """What a template may have done with, unlike with a row of a database."""

    title = "plain"

    @staticmethod
    def delete() -> str:
        """Return what was done."""
        return "torn"


def row_class() -> type:
    """Return a class that comes from where the models do, with the metaclass of `Sheet`."""
    return type("Row", (Sheet,), {"__module__": "openviper.db.nowhere"})


def test_what_is_known_of_one_type_is_not_said_of_another(folder: Path) -> None:
    row = row_class()
    for sheet, its_row in ((Sheet(), row()), (Sheet, row)):
        for _ in range(2):
            assert render(folder, "{{ x.delete() }} {{ x.title }}", x=sheet) == "torn plain"
            with pytest.raises(SecurityError, match="delete"):
                render(folder, "{{ x.delete() }}", x=its_row)
            assert render(folder, "{{ x.title }}", x=its_row) == "plain"


def test_what_is_known_of_types_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openviper.template.sandbox.MAX_VERDICTS", 3)
    environment = TemplateSandbox()
    template = environment.from_string("{{ x.a }}{{ x.b }}{{ x.c }}{{ x.d }}{{ x._e }}")
    for _ in range(2):
        thing = type("Thing", (), dict.fromkeys(("a", "b", "c", "d", "_e"), 1))()
        assert template.render(x=thing) == "1111"
        assert 0 < len(environment._verdicts) <= 3
