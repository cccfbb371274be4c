"""Which format a client gets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from openviper import OpenViper, Request
from openviper.exceptions import HTTPException
from openviper.http import answer_as, preferred_type
from openviper.testing import override_openviper_settings as override

BOOKS = [{"title": "Dune"}, {"title": "=x"}]


def asked(*accept: str) -> Request:
    """Return a request with these ``Accept`` headers."""
    headers = [(b"accept", value.encode("latin-1")) for value in accept]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": headers})


OFFERS = ("application/json", "text/csv", "text/html")


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ([], "application/json"),
        ([""], "application/json"),
        ([",;,"], "application/json"),
        (["*/*"], "application/json"),
        (["text/csv"], "text/csv"),
        (["TEXT/CSV"], "text/csv"),
        (["text/*"], "text/csv"),
        (["text/html, text/csv"], "text/csv"),
        (["text/html;q=0.9, text/csv;q=0.8"], "text/html"),
        (["text/html;q=0.9", "application/json;q=0.95"], "application/json"),
        (["text/*;q=0.5, application/json;q=0.4, */*;q=0.1"], "text/csv"),
        (["*/*, application/json;q=0"], "text/csv"),
        (["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"], "text/html"),
        (["application/json;q=0.000, text/csv;q=0.001"], "text/csv"),
    ],
)
def test_the_weight_decides_and_then_the_order_of_the_offer(
    accept: Sequence[str], wanted: str
) -> None:
    assert preferred_type(asked(*accept), OFFERS) == wanted


@pytest.mark.parametrize("accept", ["image/png", "*/*;q=0", "text/csv;q=0", "application/xml"])
def test_what_is_not_offered_is_a_406(accept: str) -> None:
    with pytest.raises(HTTPException) as refused:
        preferred_type(asked(accept), OFFERS)
    assert refused.value.status_code == 406
    assert isinstance(refused.value.detail, dict)
    assert refused.value.detail["offered"] == ", ".join(OFFERS)
    with pytest.raises(ValueError, match="at least one"):
        preferred_type(asked(accept), ())


async def later() -> AsyncIterator[dict[str, str]]:
    """Yield the books."""
    for book in BOOKS:
        yield book


@pytest.fixture
def app(tmp_path: Path) -> Any:
    """An application that offers every format."""
    (tmp_path / "books.html").write_text("{% for b in data %}<p>{{ b.title }}</p>{% endfor %}")
    app = OpenViper(debug=False, middleware=[])

    @app.get("/books")
    async def books(request: Request) -> Any:
        return answer_as(
            request,
            BOOKS,
            formats=("json", "csv", "ndjson", "html"),
            template="books.html",
            filename="books.csv",
        )

    @app.get("/stream")
    async def stream(request: Request) -> Any:
        return answer_as(request, later(), formats=("ndjson", "json", "csv"))

    @app.get("/one")
    async def one(request: Request) -> Any:
        return answer_as(request, {"title": "Dune"}, formats=("json", "csv"), status_code=201)

    with override(TEMPLATES_DIR=str(tmp_path)):
        yield app


async def test_each_format_is_what_it_says(app: OpenViper) -> None:
    client = app.test_client()
    found = {}
    for accept in ("application/json", "text/csv", "application/x-ndjson", "text/html"):
        answer = await client.get("/books", headers={"accept": accept})
        assert answer.headers["vary"].startswith("Accept")
        assert answer.headers["content-type"].startswith(accept)
        found[accept] = answer.text
    assert json.loads(found["application/json"]) == BOOKS
    assert found["text/csv"] == "title\r\nDune\r\n'=x\r\n"
    assert [json.loads(line) for line in found["application/x-ndjson"].splitlines()] == BOOKS
    assert found["text/html"] == "<p>Dune</p><p>=x</p>"


async def test_streams_and_single_rows(app: OpenViper) -> None:
    client = app.test_client()
    assert (await client.get("/stream", headers={"accept": "application/json"})).json() == BOOKS
    assert (await client.get("/stream", headers={"accept": "text/csv"})).text.startswith(
        "title\r\n"
    )
    lines = (await client.get("/stream")).text.splitlines()
    assert [json.loads(line) for line in lines] == BOOKS
    one = await client.get("/one", headers={"accept": "text/csv"})
    assert (one.status_code, one.text) == (201, "title\r\nDune\r\n")


async def test_who_wants_nothing_of_it_is_told_what_there_is(app: OpenViper) -> None:
    refused = await app.test_client().get("/one", headers={"accept": "image/png"})
    assert refused.status_code == 406 and refused.headers["vary"] == "Accept"
    assert "text/csv" in refused.text


def test_what_cannot_be_offered_is_an_error() -> None:
    with pytest.raises(ValueError, match="format 'xml' is none of"):
        answer_as(asked(), [], formats=("xml",))  # type: ignore[arg-type]  # what is tried
    with pytest.raises(ValueError, match="go together"):
        answer_as(asked(), [], formats=("html",))
    with pytest.raises(ValueError, match="go together"):
        answer_as(asked(), [], template="x.html")
    with pytest.raises(TypeError, match="cannot wait"):
        answer_as(asked("text/html"), later(), formats=("html",), template="x.html")
