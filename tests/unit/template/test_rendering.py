"""What templates have, may and may not do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jinja2.exceptions import SecurityError, UndefinedError

from openviper import HTMLResponse, OpenViper, Request
from openviper.core.management.checks.templates import check_templates
from openviper.db.fields import CharField
from openviper.db.models import Model, model_registry
from openviper.exceptions import ImproperlyConfigured
from openviper.template import TemplateNotFoundError, has_template, render_block, render_to_string
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


def test_links_out_of_the_folder_are_not_followed(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.html"
    secret.write_text("TOPSECRET")
    (folder / "link.html").symlink_to(secret)
    (folder / "away").symlink_to(tmp_path)
    for name in ("link.html", "away/secret.html"):
        assert not has_template(name)
        with pytest.raises(TemplateNotFoundError):
            render_to_string(name)
    with pytest.raises(TemplateNotFoundError):
        render(folder, "{% include 'link.html' %}")


def test_a_changed_template_is_read_again(folder: Path) -> None:
    assert render(folder, "one") == "one"
    (folder / "t.html").write_text("two")
    os.utime(folder / "t.html", ns=(1, 1))
    assert render_to_string("t.html") == "two"


def test_models_cannot_be_changed_and_requests_not_be_opened(folder: Path) -> None:
    class Thing(Model):
        name = CharField(max_length=10)

    try:
        thing = Thing(name="x")
        assert render(folder, "{{ thing.name }}", thing=thing) == "x"
        for source in (
            "{{ thing.delete() }}",
            "{{ thing.save() }}",
            "{{ manager.create(name='y') }}",
            "{{ manager.all().update(name='y') }}",
            "{{ manager.all().delete() }}",
            "{{ request.scope.app }}",
        ):
            with pytest.raises((SecurityError, UndefinedError)):
                render(
                    folder,
                    source,
                    thing=thing,
                    manager=Thing.objects,
                    request=Request({"type": "http", "path": "/", "headers": []}),
                )
    finally:
        model_registry.unregister(Thing)


@pytest.mark.parametrize("source", ["{{ 'a' * 100000000 }}", "{{ 100000000 * [1] }}"])
def test_a_template_cannot_fill_the_memory_by_repetition(folder: Path, source: str) -> None:
    with pytest.raises(SecurityError):
        render(folder, source)
    assert (
        render(
            folder, "{{ 'a' * 3 }}{{ 2 * 3 }}{% set d = {} %}{% set _ = d.update(a=1) %}{{ d.a }}"
        )
        == "aaa61"
    )


def test_one_block_of_a_page_is_rendered_alone(folder: Path) -> None:
    (folder / "base.html").write_text(
        "<h1>{% block title %}base{% endblock %}</h1>{% block foot %}foot {{ n }}{% endblock %}"
    )
    (folder / "page.html").write_text(
        "{% extends 'base.html' %}{% block title %}{{ n }}<{% endblock %}"
    )
    assert render_block("page.html", "title", {"n": "<a>"}) == "&lt;a&gt;<"
    assert render_block("page.html", "foot", {"n": 2}) == "foot 2"
    with pytest.raises(LookupError, match="'nope'.*title"):
        render_block("page.html", "nope")


def shop(request: Request | None) -> dict[str, object]:
    """Give every template a name."""
    return {"shop": "corner", "has_request": request is not None}


def broken(request: Request | None) -> None:
    """Return nothing."""


async def test_context_processors_give_names_to_every_template(folder: Path) -> None:
    app = OpenViper()
    app.get("/")(lambda: HTMLResponse(template="t.html"))
    (folder / "t.html").write_text("{{ shop }} {{ has_request }} {{ request.path }}")
    with override(TEMPLATE_CONTEXT_PROCESSORS=(f"{__name__}.shop",)):
        assert (await app.test_client().get("/")).text == "corner True /"
        assert render_to_string("t.html", {"shop": "own"}).startswith("own False")
    for path in (f"{__name__}.broken", "nowhere.at_all"):
        with override(TEMPLATE_CONTEXT_PROCESSORS=(path,)), pytest.raises(ImproperlyConfigured):
            render_to_string("t.html")


def test_an_address_outside_of_a_request_is_a_clear_error(folder: Path) -> None:
    with pytest.raises(LookupError, match="no request is being answered.*'home'"):
        render(folder, "{{ url_for('home') }}")


async def test_a_wrong_route_is_a_clear_error(folder: Path) -> None:
    app = OpenViper(debug=False)
    app.get("/")(lambda: HTMLResponse(template="t.html"))
    (folder / "t.html").write_text("{{ url_for('nope') }}")
    with pytest.raises(LookupError, match="'nope'"):
        await app.test_client(raise_app_exceptions=True).get("/")


def test_check_finds_what_can_be_known(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)
    (folder / "t.html").write_text(
        "{{ url_for('nope') }}\n{{ static('nope.css') }}\n{{ url_fro('x') }}\n{{ from_the_view }}\n"
    )
    told = {finding.code: finding.message for finding in check_templates()}
    assert "'url_for'" in told["templates.W003"]
    messages = " ".join(finding.message for finding in check_templates())
    assert "line 1: there is no route 'nope'" in messages
    assert "line 2: there is no static file 'nope.css'" in messages
    assert "from_the_view" not in messages
