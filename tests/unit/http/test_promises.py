"""What users of other frameworks take for granted, and no other test here holds; see `docs/explanation/web-promises.md`."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from openviper import (
    FileResponse,
    OpenViper,
    RedirectResponse,
    Request,
    Response,
    StreamingResponse,
)
from openviper.testing import OpenViperTestClient

DISPOSITION = b"Content-Disposition: form-data; "


def multipart(*parts: tuple[bytes, bytes]) -> bytes:
    """Return a form of parts: their headers and their contents."""
    pieces = [b"--B\r\n" + head + b"\r\n\r\n" + body + b"\r\n" for head, body in parts]
    return b"".join(pieces) + b"--B--\r\n"


class Numbers:
    """An iterator without a generator."""

    left = 3

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        self.left -= 1
        if self.left < 0:
            raise StopAsyncIteration
        return str(self.left)


class Handlers:
    """Handlers that are no plain functions."""

    @staticmethod
    async def static(request: Request) -> str:
        """Answer as a static method."""
        return "static"

    async def method(self, request: Request) -> str:
        """Answer as a method."""
        return "method"

    async def __call__(self, request: Request) -> str:
        return "object"


async def counted(request: Request, n: int) -> dict[str, int]:
    """Answer with a number that somebody has filled in."""
    return {"n": n}


@pytest.fixture
def client(tmp_path: Path) -> OpenViperTestClient:
    """The client of an application with handlers of every kind."""
    app = OpenViper(debug=False)
    (tmp_path / "there").write_text("there")
    app.get("/partial", name="partial")(functools.partial(counted, n=5))
    app.get("/static", name="static")(Handlers.static)
    app.get("/method", name="method")(Handlers().method)
    app.get("/object", name="object")(Handlers())

    @app.get("/redirect")
    async def redirect(request: Request) -> RedirectResponse:
        return RedirectResponse("/I ♥ x/ä?q=ü&a=b c")

    @app.get("/length")
    async def length(request: Request) -> Response:
        return Response("abc", headers={"content-length": "3"})

    @app.get("/iterator")
    async def iterator(request: Request) -> StreamingResponse:
        return StreamingResponse(Numbers())

    @app.get("/file/{name:path}")
    async def file(request: Request, name: str) -> FileResponse:
        return FileResponse(tmp_path / name, allowed_dir=tmp_path)

    @app.get("/with space/{name}")
    async def named(request: Request, name: str) -> str:
        return name

    add_bodies(app)
    return app.test_client()


def add_bodies(app: OpenViper) -> None:
    """Register handlers that read bodies."""

    @app.post("/body")
    async def body(request: Request) -> list[Any]:
        whole = await request.body()
        streamed = b"".join([piece async for piece in request.stream()])
        return [whole == streamed == await request.body(), await request.json()]

    @app.post("/form")
    async def form(request: Request) -> dict[str, Any]:
        fields = (await request.form()).multi_items()
        files = (await request.files()).multi_items()
        return {"fields": fields, "files": [file.original_filename for _, file in files]}


@pytest.mark.parametrize("kind", ["partial", "static", "method", "object"])
async def test_whatever_can_be_called_may_be_a_handler(
    client: OpenViperTestClient, kind: str
) -> None:
    assert (await client.get(f"/{kind}")).text == ('{"n":5}' if kind == "partial" else kind)


async def test_a_redirect_s_address_is_percent_encoded_and_has_no_body(
    client: OpenViperTestClient,
) -> None:
    response = await client.get("/redirect", follow_redirects=False)
    assert response.headers["location"] == "/I%20%E2%99%A5%20x/%C3%A4?q=%C3%BC&a=b%20c"
    assert response.headers["content-length"] == "0"


async def test_a_length_of_your_own_is_kept(client: OpenViperTestClient) -> None:
    assert (await client.get("/length")).headers.getlist("content-length") == ["3"]


async def test_an_iterator_of_your_own_may_be_streamed(client: OpenViperTestClient) -> None:
    response = await client.get("/iterator")
    assert (response.text, "content-length" in response.headers) == ("210", False)


@pytest.mark.parametrize("name", ["a" * 300, "a/" * 600, ".", "missing", "a\n", "ä", "a:b"])
async def test_a_name_that_no_file_can_have_is_not_found(
    client: OpenViperTestClient, name: str
) -> None:
    assert (await client.get(f"/file/{name}")).status_code == 404
    assert (await client.get("/file/there")).text == "there"


async def test_blanks_in_paths_are_blanks(client: OpenViperTestClient) -> None:
    assert (await client.get("/with%20space/a%20b")).text == "a b"


async def test_a_body_may_be_read_in_several_ways(client: OpenViperTestClient) -> None:
    assert (await client.post("/body", json={"a": 1})).json() == [True, {"a": 1}]


async def test_a_method_nobody_knows_is_told_which_there_are(client: OpenViperTestClient) -> None:
    response = await client.request("PROPFIND", "/form")
    assert (response.status_code, response.headers["allow"]) == (405, "OPTIONS, POST")


async def sent(client: OpenViperTestClient, body: bytes, content_type: str) -> Any:
    """Send a form and return what the handler saw, or the status."""
    response = await client.post("/form", content=body, headers={"content-type": content_type})
    return response.json() if response.status_code == 200 else response.status_code


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data; boundary=B",
        'multipart/form-data; boundary="B"',
        "Multipart/Form-Data; BOUNDARY=B; charset=utf-8",
        "multipart/form-data;boundary=B;",
    ],
)
async def test_a_boundary_is_found_however_it_is_written(
    client: OpenViperTestClient, content_type: str
) -> None:
    body = multipart((DISPOSITION + b'name="a"', b"1"))
    assert (await sent(client, body, content_type))["fields"] == [["a", "1"]]


@pytest.mark.parametrize(
    ("parts", "fields", "files"),
    [
        ([], [], []),
        ([(DISPOSITION + b'name="a"', b"1"), (DISPOSITION + b'name="a"', b"2")], ["1", "2"], []),
        ([(DISPOSITION + b'name="a"', b"")], [""], []),
        ([(DISPOSITION + b'name="a"\r\nContent-Type: application/json', b"{}")], ["{}"], []),
        ([(DISPOSITION + b'name="a"; filename="C:\\d\\f.txt"', b"")], [], ["C:\\d\\f.txt"]),
        # Continuations (RFC 2231) are for mail; RFC 7578, 4.2 has browsers send none.
        ([(DISPOSITION + b"name=\"a\"; filename*0*=utf-8''a", b"z")], ["z"], []),
    ],
)
async def test_parts_of_a_form(
    client: OpenViperTestClient,
    parts: list[tuple[bytes, bytes]],
    fields: list[str],
    files: list[str],
) -> None:
    seen = await sent(client, multipart(*parts), "multipart/form-data; boundary=B")
    assert seen == {"fields": [["a", value] for value in fields], "files": files}


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b'name="a"; filename="x"\r\nContent-Transfer-Encoding: base64', b"aGk="),
        (b'name="a"\r\nContent-Type: text/plain; charset=iso-8859-1', b"\xe4"),
        (b'filename="x"', b"x"),
    ],
)
async def test_parts_that_could_be_read_in_two_ways_are_refused(
    client: OpenViperTestClient, head: bytes, body: bytes
) -> None:
    form = multipart((DISPOSITION + head, body))
    assert await sent(client, form, "multipart/form-data; boundary=B") == 400


async def test_lines_of_a_form_end_as_the_standard_says(client: OpenViperTestClient) -> None:
    body = multipart((DISPOSITION + b'name="a"', b"1")).replace(b"\r\n", b"\n")
    assert await sent(client, body, "multipart/form-data; boundary=B") == 400


async def test_mounted_applications_answer_for_what_they_do_not_have() -> None:
    inner = OpenViper(debug=False)

    @inner.post("/here")
    async def here(request: Request) -> str:
        return request.url_for("here")

    outer = OpenViper(debug=False)
    outer.mount("/sub", inner, name="sub")
    client = outer.test_client()
    assert (await client.get("/sub/nowhere")).status_code == 404
    assert (await client.get("/sub/here")).headers["allow"] == "OPTIONS, POST"
    assert (await client.post("/sub/here")).text == "/sub/here"
    assert outer.url_for("sub", path="here") == "/sub/here"
