"""The page of an API, and the addresses it has."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from html.parser import HTMLParser
from typing import Annotated, Any

import pytest

from openviper import OpenViper
from openviper.api.config import openapi_config, openapi_errors
from openviper.api.examples import example_of
from openviper.api.openapi import Info, build_document
from openviper.api.page import field_rows, groups_of, prose, render_page, type_name
from openviper.exceptions import ImproperlyConfigured
from openviper.http import Cookie, FormInput, Header, UploadFile
from openviper.routing import Router
from openviper.testing import override_openviper_settings as override
from openviper.validation import Pattern
from tests.unit.api.shop import make_app

DOCUMENT = "/open-api/openapi.json"
PAGE = "/open-api/docs"


@pytest.fixture(autouse=True)
def _no_project(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("OPENVIPER_ENV", raising=False)
    yield


async def fetched(app: OpenViper, path: str) -> Any:
    return await app.test_client(base_url="https://testserver").get(path)


class Tags(HTMLParser):
    VOID = frozenset({"meta", "link", "input", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.labels = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


async def test_the_document_and_the_page_are_there() -> None:
    app = make_app()
    document = (await fetched(app, DOCUMENT)).json()
    assert document["info"]["title"] == "Shop"
    assert not any(path.startswith("/open-api") for path in document["paths"])
    page = await fetched(app, PAGE)
    assert page.status_code == 200
    tags = Tags(page.text)
    assert tags.open == []
    assert len(tags.ids) == len(set(tags.ids))
    for item in document["paths"].values():
        for operation in item.values():
            assert f'<article id="{operation["operationId"]}"' in page.text
    assert "s3cret" not in page.text


async def test_the_page_needs_nothing_from_elsewhere_and_no_inline_script() -> None:
    page = (await fetched(make_app(), PAGE)).text
    assert re.findall(r'(?:src|href)="(?:https?:)?//', page) == []
    assert re.findall(r"<script(?![^>]*src=)|<style|\son\w+=|style=", page) == []
    for path, kind in (("style.css", "text/css"), ("script.js", "text/javascript")):
        answer = await fetched(make_app(), f"{PAGE}/{path}")
        assert answer.headers["content-type"].startswith(kind)
        assert not re.search(r"url\(|@import|https?://", answer.text)


async def test_in_production_there_are_none_unless_a_permission_opens_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENVIPER_ENV", "production")
    assert (await fetched(make_app(), PAGE)).status_code == 404
    with override(OPENAPI={"permission": "openviper.auth.IsAuthenticated"}):
        assert (await fetched(make_app(), PAGE)).status_code in (302, 303, 401)
        assert (await fetched(make_app(), DOCUMENT)).status_code == 401
    with override(OPENAPI={"permission": "openviper.auth.AllowAny"}):
        assert (await fetched(make_app(), DOCUMENT)).status_code == 200


async def test_they_can_be_turned_off_moved_and_narrowed() -> None:
    with override(OPENAPI={"enabled": False}):
        assert (await fetched(make_app(), DOCUMENT)).status_code == 404
    with override(OPENAPI={"schema_url": "/a.json", "docs_url": "/d", "exclude": ["API", "echo"]}):
        app = make_app()
        assert (await fetched(app, DOCUMENT)).status_code == 404
        found = (await fetched(app, "/a.json")).json()
        assert set(found["paths"]) == {"/upload", "/plain/{key}/{word}", "/closed/echo"}
        assert "/d/style.css" in (await fetched(app, "/d")).text


async def test_a_route_of_the_project_keeps_its_address() -> None:
    app = make_app()

    @app.get(PAGE)
    async def mine() -> str:
        return "mine"

    assert (await fetched(app, PAGE)).text == "mine"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"titel": "x"}, "no key 'titel'; did you mean 'title'"),
        ({"enabled": "no"}, "OPENAPI['enabled'] must be true or false, not 'no'"),
        ({"docs_url": "docs"}, "OPENAPI['docs_url'] must begin with '/'"),
        ({"exclude": "__ALL__"}, "OPENAPI['exclude'] must be an array, not '__ALL__'"),
        ({"exclude": [1]}, "OPENAPI['exclude'][0] must be text, not 1"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_named(given: dict[str, Any], reason: str) -> None:
    assert reason in " ".join(openapi_errors(given))
    with pytest.raises(ImproperlyConfigured):
        openapi_config(given)


def test_examples_fit_what_they_are_examples_of() -> None:
    document = build_document(make_app().router.routes, Info())
    schemas = document["components"]["schemas"]
    example = example_of({"$ref": "#/components/schemas/Order"}, schemas)
    assert (example["name"], example["kind"], example["lines"]) == (
        "Ada",
        "post",
        [{"book": 1, "count": 1}],
    )
    json.dumps(example)


@pytest.mark.parametrize(
    ("schema", "example"),
    [
        ({"type": "string", "format": "date"}, "2026-01-31"),
        ({"type": "string", "minLength": 6}, "textxx"),
        ({"type": "integer", "minimum": 7}, 7),
        ({"enum": ["b", "a"]}, "b"),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, True),
        ({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "boolean"}]}, [1, True]),
        ({}, None),
    ],
)
def test_an_example_of_each_kind(schema: dict[str, Any], example: Any) -> None:
    assert example_of(schema, {}) == example


@pytest.mark.parametrize(
    ("schema", "name"),
    [
        ({"$ref": "#/components/schemas/Book"}, "Book"),
        ({"type": "array", "items": {"type": "integer"}}, "list of integer"),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, "string or null"),
        ({"enum": ["a", 1]}, '"a" | 1'),
        ({"type": "string", "format": "uuid"}, "string (uuid)"),
        ({}, "anything"),
    ],
)
def test_types_are_named_for_people(schema: dict[str, Any], name: str) -> None:
    assert type_name(schema) == name


def test_a_record_that_contains_itself_is_shown_once() -> None:
    document = build_document(make_app().router.routes, Info())
    schemas = document["components"]["schemas"]
    rows = list(field_rows({"$ref": "#/components/schemas/Order"}, schemas))
    assert [(row.depth, row.name) for row in rows] == [
        (0, "name"),
        (0, "lines"),
        (1, "book"),
        (1, "count"),
        (0, "kind"),
        (0, "parent"),
        (0, "code"),
    ]
    assert rows[0].about == "Who pays; at most 100 characters"
    assert list(groups_of(document)) == ["buying", "closed", "echo", "orders", "plain", "upload"]


def page_of(*handlers: Any) -> str:
    router = Router()
    for handler in handlers:
        router.post(f"/{handler.__name__}")(handler)
    return render_page(build_document(router.routes, Info()), ADDRESSES, "")


ADDRESSES = {"root": "", "schema": "/s", "style": "/c", "script": "/j"}


async def with_files(
    cover: UploadFile, more: list[UploadFile] | None = None, note: Annotated[str, FormInput()] = ""
) -> None:
    """Take files."""


async def with_cookie(theme: Annotated[str, Cookie()] = "", page: int = 1) -> None:
    """Look at a cookie."""


@dataclass
class Forms:
    price: Decimal
    cover: bytes
    at: time
    code: Annotated[str, Pattern("^a"), Pattern("b$")]


async def with_forms(forms: Forms) -> None:
    """Take texts of several forms."""


async def with_empty(born: Annotated[date | None, FormInput()] = None) -> None:
    """Take a date, or nothing."""


def test_files_are_chosen_and_not_typed() -> None:
    page = page_of(with_files)
    assert '<input type="file" name="cover" data-in="file">' in page
    assert '<input type="file" name="more" data-in="file" multiple>' in page
    body = page.partition("<textarea")[2].partition("</textarea>")[0]
    assert "note" in body and "cover" not in body


def test_cookies_cannot_be_typed_as_no_script_may_send_them() -> None:
    page = page_of(with_cookie)
    assert 'name="theme"' not in page and 'name="page"' in page
    assert "Cookies are sent as the browser has them." in page


def test_forms_of_texts_have_names_and_patterns_of_a_program_are_shown() -> None:
    page = page_of(with_forms)
    for shown in ("string (decimal) or number", "string (base64)", "string (time-local)"):
        assert shown in page
    assert "like ^a, like b$" in page
    assert "A-Za-z0-9" not in page


def test_what_may_be_empty_is_told() -> None:
    assert "string (date) or empty" in page_of(with_empty)


async def test_page_and_document_are_those_of_the_host_that_is_asked() -> None:
    app = OpenViper(debug=False)
    for host in ("a.example.org", "b.example.org"):
        own = Router(host=host)
        own.get("/same", name=f"same-{host[0]}")(lambda request: 1)
        app.include_router(own)
    for name in "ab":
        client = app.test_client(base_url=f"https://{name}.example.org:8443")
        with override(ALLOWED_HOSTS=["*"]):
            told = (await client.get(DOCUMENT)).json()["paths"]["/same"]["get"]
            assert told["operationId"] == f"same_{name}"
            assert f'<article id="same_{name}"' in (await client.get(PAGE)).text


def test_words_in_backticks_are_code_and_one_of_something_is_one() -> None:
    assert prose("a `b` <c> ``d&e`` `") == "a <code>b</code> &lt;c&gt; <code>d&amp;e</code> `"
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", "minLength": 1, "maxLength": 11}},
    }
    (row,) = field_rows(schema, {})
    assert row.about == "at least 1 character, at most 11 characters"


async def test_what_takes_several_values_says_how_they_are_sent() -> None:
    app = OpenViper(middleware=[], debug=False)

    @app.get("/found/{ids}")
    async def found(
        ids: list[int], word: list[str], x_tag: Annotated[list[str], Header()], page: int = 1
    ) -> str:
        return ""

    page = (await fetched(app, PAGE)).text
    told = dict(
        re.findall(r'<input name="([^"]+)" data-in="[a-z]+"(?: data-several="(\w+)")?', page)
    )
    assert told == {"ids": "joined", "word": "apart", "x-tag": "joined", "page": ""}
