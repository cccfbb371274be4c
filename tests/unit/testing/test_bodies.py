"""The bodies that the test client sends, as the application reads them."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from openviper import OpenViper, Request
from openviper.testing import OpenViperTestClient
from openviper.testing.bodies import encode_multipart, make_body


@pytest.fixture
def client() -> OpenViperTestClient:
    """A client of an application that tells what it was sent."""
    app = OpenViper()

    @app.post("/form")
    async def form(request: Request) -> Any:
        fields = await request.form()
        return {
            "fields": [[name, value] for name, value in fields.multi_items()],
            "files": [
                [name, file.filename, file.content_type, (await file.read()).decode("latin-1")]
                for name, file in fields.files.multi_items()
            ],
        }

    @app.post("/raw")
    async def raw(request: Request) -> Any:
        return {
            "body": (await request.body()).decode(),
            "type": request.headers.get("content-type"),
            "length": request.headers.get("content-length"),
        }

    return OpenViperTestClient(app, raise_app_exceptions=True)


async def sent_form(client: OpenViperTestClient, **options: Any) -> Any:
    return (await client.post("/form", **options)).raise_for_status().json()


async def sent_raw(client: OpenViperTestClient, **options: Any) -> Any:
    return (await client.post("/raw", **options)).raise_for_status().json()


FORMS = [
    ({"a": "1"}, [["a", "1"]]),
    ({"a": ["1", "2"], "b": "3"}, [["a", "1"], ["a", "2"], ["b", "3"]]),
    ({"a": ("1", "2")}, [["a", "1"], ["a", "2"]]),
    ({"a": 5, "b": 1.5}, [["a", "5"], ["b", "1.5"]]),
    ({"ä": "☃ &=+%"}, [["ä", "☃ &=+%"]]),
    ({"a": ""}, [["a", ""]]),
    ({"a": []}, []),
    ({}, []),
]


@pytest.mark.parametrize(("data", "fields"), FORMS)
async def test_fields_arrive_alike_with_files_and_without(
    client: OpenViperTestClient, data: Any, fields: Any
) -> None:
    assert (await sent_form(client, data=data))["fields"] == fields
    with_file = await sent_form(client, data=data, files={"f": b"x"})
    assert with_file["fields"] == fields
    assert [file[0] for file in with_file["files"]] == ["f"]


@pytest.mark.parametrize(
    ("files", "arrived"),
    [
        ({"f": b"x"}, [["f", "upload", "application/octet-stream", "x"]]),
        ({"f": "ä"}, [["f", "upload", "application/octet-stream", "Ã¤"]]),
        ({"f": ("a.txt", b"x")}, [["f", "a.txt", "text/plain", "x"]]),
        ({"f": ("a.txt", b"x", "image/png")}, [["f", "a.txt", "image/png", "x"]]),
        ({"f": [("a.txt", b"1"), ("b.txt", b"2")]},
         [["f", "a.txt", "text/plain", "1"], ["f", "b.txt", "text/plain", "2"]]),
        ([("f", b"1"), ("g", ("b.css", b"2"))],
         [["f", "upload", "application/octet-stream", "1"], ["g", "b.css", "text/css", "2"]]),
        ({"f": io.BytesIO(b"read")}, [["f", "upload", "application/octet-stream", "read"]]),
        ({"f": ("ä ☃.txt", b"")}, [["f", "ä ☃.txt", "text/plain", ""]]),
        ({"f": ("x", b"a\r\n--b\r\n\r\n\x00\xff")}, [["f", "x", "application/octet-stream", "a\r\n--b\r\n\r\n\x00\xff"]]),
    ],
)  # fmt: skip
async def test_files_arrive_with_name_type_and_content(
    client: OpenViperTestClient, files: Any, arrived: Any
) -> None:
    assert (await sent_form(client, files=files))["files"] == arrived


async def test_an_open_file_has_the_name_of_its_path(
    client: OpenViperTestClient, tmp_path: Path
) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"png")
    with path.open("rb") as file:
        (arrived,) = (await sent_form(client, files={"f": file}))["files"]
    assert arrived == ["f", "picture.png", "image/png", "png"]


def test_quotes_and_line_ends_of_a_name_do_not_leave_it() -> None:
    body, _ = encode_multipart({}, {'a"\r\nx-evil: 1': ('b"\n.txt', b"")})
    head = body.partition(b"\r\n\r\n")[0].decode()
    assert len(head.split("\r\n")) == 3
    assert 'name="a%22%0D%0Ax-evil: 1"' in head and 'filename="b%22%0A.txt"' in head


def test_each_body_has_a_boundary_of_its_own() -> None:
    assert len({encode_multipart({}, {"f": b""})[1] for _ in range(20)}) == 20


# Other bodies


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


@pytest.mark.parametrize(
    ("options", "arrived"),
    [
        ({}, {"body": "", "type": None, "length": None}),
        ({"json": {"ä": None}}, {"body": '{"\\u00e4": null}', "type": "application/json", "length": "16"}),
        ({"json": []}, {"body": "[]", "type": "application/json", "length": "2"}),
        ({"json": 0}, {"body": "0", "type": "application/json", "length": "1"}),
        ({"content": "ä"}, {"body": "ä", "type": None, "length": "2"}),
        ({"content": b"x"}, {"body": "x", "type": None, "length": "1"}),
        ({"content": bytearray(b"x")}, {"body": "x", "type": None, "length": "1"}),
        ({"content": b""}, {"body": "", "type": None, "length": None}),
        ({"content": [b"a", b"b"]}, {"body": "ab", "type": None, "length": None}),
        ({"content": []}, {"body": "", "type": None, "length": None}),
        ({"data": {"a": "1 2"}}, {"body": "a=1+2", "type": "application/x-www-form-urlencoded", "length": "5"}),
    ],
)  # fmt: skip
async def test_a_body_arrives_with_its_type_and_length(
    client: OpenViperTestClient, options: Any, arrived: Any
) -> None:
    assert await sent_raw(client, **options) == arrived


@pytest.mark.parametrize("parts", [(), (b"",), (b"a", b"", b"b")])
async def test_pieces_of_an_async_iterator_arrive_in_order(
    client: OpenViperTestClient, parts: tuple[bytes, ...]
) -> None:
    arrived = await sent_raw(client, content=pieces(*parts))
    assert arrived["body"] == b"".join(parts).decode()


async def test_headers_of_the_call_come_before_those_of_the_body(
    client: OpenViperTestClient,
) -> None:
    arrived = await sent_raw(client, json={}, headers={"Content-Type": "text/x"})
    assert (arrived["type"], arrived["length"]) == ("text/x", "2")


@pytest.mark.parametrize(
    "options",
    [{"json": 1, "content": b""}, {"json": 1, "data": {}}, {"content": b"", "files": {}},
     {"json": 1, "content": b"", "data": {}}],
)  # fmt: skip
def test_a_body_is_given_in_one_way(options: Any) -> None:
    given = {"json": None, "data": None, "content": None, "files": None, **options}
    with pytest.raises(ValueError, match="not in two ways"):
        make_body(given["json"], given["data"], given["content"], given["files"])


@pytest.mark.parametrize(
    ("content", "headers", "sent"),
    [
        (iter([b"a", b"b"]), {}, ("chunked", None)),
        (iter([b"ab"]), {"Content-Length": "2"}, (None, "2")),
        (b"ab", {}, (None, "2")),
        (None, {}, (None, None)),
    ],
)
async def test_how_long_a_body_is_is_said_as_clients_do(
    content: Any, headers: dict[str, str], sent: tuple[str | None, str | None]
) -> None:
    app = OpenViper()

    @app.post("/x")
    async def view(request: Request) -> list[str | None]:
        return [request.headers.get(name) for name in ("transfer-encoding", "content-length")]

    answer = await app.test_client().post("/x", content=content, headers=headers)
    assert tuple(answer.json()) == sent
