"""Forms of parts."""

from __future__ import annotations

import random

import pytest

from openviper.exceptions import HTTPException
from openviper.http.asgi import Message
from openviper.http.multipart import (
    MultipartError,
    MultipartParser,
    PartData,
    PartHead,
    parse_boundary,
    parse_options,
    parse_part_head,
)
from openviper.http.request import Request
from openviper.testing import override_openviper_settings as override
from openviper.testing.bodies import encode_multipart


def parse(body: bytes, boundary: bytes = b"x", size: int = 10_000) -> list[tuple[str, bytes]]:
    """Return the names and contents of the parts of a body that arrives in pieces of a size."""
    parser = MultipartParser(boundary)
    parts: list[tuple[str, bytes]] = []
    for at in range(0, len(body), size):
        for event in parser.feed(body[at : at + size]):
            if isinstance(event, PartHead):
                parts.append((event.name, b""))
            elif isinstance(event, PartData):
                name, content = parts[-1]
                parts[-1] = (name, content + event.data)
    parser.finish()
    return parts


def part(name: str, content: bytes, boundary: bytes = b"x") -> bytes:
    """Return one part."""
    head = f'content-disposition: form-data; name="{name}"\r\n\r\n'.encode()
    return b"--" + boundary + b"\r\n" + head + content + b"\r\n"


BODY = part("a", b"one") + part("b", b"") + part("c", b"\r\n--almost\r\n--") + b"--x--\r\n"


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 64, 10_000])
def test_parts_are_the_same_however_their_bytes_arrive(size: int) -> None:
    assert parse(BODY, size=size) == [("a", b"one"), ("b", b""), ("c", b"\r\n--almost\r\n--")]


def test_random_contents_come_back_as_they_were() -> None:
    source = random.Random(7)
    for _ in range(200):
        contents = {
            f"f{number}": bytes(source.choices(b"\r\n-xab\0\xff", k=source.randrange(40)))
            for number in range(3)
        }
        body, content_type = encode_multipart(
            {}, {name: ("n", data) for name, data in contents.items()}
        )
        boundary = parse_boundary(content_type)
        assert dict(parse(body, boundary, source.randrange(1, 90))) == contents


def test_what_stands_before_and_behind_the_parts_is_ignored() -> None:
    body = b"preamble\r\n" + part("a", b"1") + b"--x--\r\nepilogue --x\r\n"
    assert parse(body, size=4) == [("a", b"1")]
    assert parse(b"--x--\r\n") == []


def test_blanks_may_follow_a_boundary() -> None:
    body = b'--x \t\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--x--'
    assert parse(body) == [("a", b"1")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x",
        BODY[:-6],
        part("a", b"1"),
        b"--xy\r\n\r\n",
        b"--x\r\n\r\nno head\r\n--x--",
        b"--x\r\nno colon\r\n\r\n1\r\n--x--",
        b"--x\r\ncontent-disposition: attachment\r\n\r\n1\r\n--x--",
        b"--x\r\ncontent-disposition: form-data\r\n\r\n1\r\n--x--",
        b"--x\r\n" + b"a: " + b"b" * 9000 + b"\r\n\r\n1\r\n--x--",
        b"--x" + b" " * 300 + b"\r\n",
        b'--x\r\ncontent-disposition: form-data; name="a"\r\ncontent-transfer-encoding: base64\r\n\r\n\r\n--x--',
    ],
)
def test_a_malformed_form_is_a_client_error(body: bytes) -> None:
    with pytest.raises(MultipartError) as caught:
        parse(body)
    assert caught.value.status_code == 400


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "a" * 71,
        "multipart/form-data; boundary=\xe4",
        'multipart/form-data; boundary="a\nb"',
    ],
)
def test_a_form_without_a_valid_boundary_is_a_client_error(content_type: str) -> None:
    with pytest.raises(MultipartError):
        parse_boundary(content_type)


@pytest.mark.parametrize(
    ("header", "options"),
    [
        ('form-data; name="a"; filename="b;c.txt"', {"name": "a", "filename": "b;c.txt"}),
        ("form-data; name=a; filename=b.txt", {"name": "a", "filename": "b.txt"}),
        (r'form-data; name="a\"b"', {"name": 'a"b'}),
        (r'form-data; filename="C:\dir\f.txt"', {"filename": r"C:\dir\f.txt"}),
        ('form-data; name="open', {"name": "open"}),
        ("form-data; ; =x; name", {}),
        ('FORM-DATA; NAME="a"; name="b"', {"name": "a"}),
    ],
)
def test_options_of_a_header(header: str, options: dict[str, str]) -> None:
    assert parse_options(header) == ("form-data", options)


@pytest.mark.parametrize(
    ("disposition", "filename"),
    [
        (b'form-data; name="f"; filename="a.txt"', "a.txt"),
        ('form-data; name="f"; filename="ä€.txt"'.encode(), "ä€.txt"),
        (b'form-data; name="f"; filename="x"; filename*=UTF-8\'\'%e2%82%ac.txt', "€.txt"),
        (b'form-data; name="f"; filename="x"; filename*=koi8-r\'\'%c1', "x"),
        (b'form-data; name="f"; filename="a%22b"', 'a"b'),
        (b'form-data; name="f"; filename="\xff"', "�"),
        (b'form-data; name="f"', None),
    ],
)
def test_names_of_files(disposition: bytes, filename: str | None) -> None:
    assert parse_part_head(b"Content-Disposition: " + disposition).filename == filename


# Whole requests


def request_with(body: bytes, content_type: str, size: int = 64 * 1024) -> Request:
    """Return a request whose body arrives in pieces."""
    pieces = [body[at : at + size] for at in range(0, len(body), size)] or [b""]

    async def receive() -> Message:
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    headers = [(b"content-type", content_type.encode("latin-1"))]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, receive)


async def test_fields_and_files_are_apart_and_in_order() -> None:
    body, content_type = encode_multipart(
        {"title": "ä", "tag": ["a", "b"]},
        [("doc", ("a.txt", b"one", "text/plain")), ("doc", ("b.bin", b"two"))],
    )
    request = request_with(body, content_type)
    form = await request.form()
    assert form["title"] == "ä" and form.getlist("tag") == ["a", "b"]
    first, second = (await request.files()).getlist("doc")
    assert (first.filename, first.content_type, await first.read()) == (
        "a.txt",
        "text/plain",
        b"one",
    )
    assert (second.filename, second.size, await second.read(2)) == ("b.bin", 3, b"tw")
    assert (await request.files()).get("none") is None
    assert await request.form() is form


async def test_a_file_field_in_which_nothing_was_chosen_is_no_file() -> None:
    body, content_type = encode_multipart({"a": "1"}, {"doc": ("", b"")})
    request = request_with(body, content_type)
    assert len(await request.files()) == 0


async def test_a_large_file_lies_on_disk_and_is_read_from_there() -> None:
    content = bytes(range(256)) * 4096
    body, content_type = encode_multipart({}, {"doc": ("big.bin", content)})
    with override(UPLOAD_MEMORY_SIZE=1000):
        file = (await request_with(body, content_type).files())["doc"]
    assert not file.is_in_memory
    assert file.size == len(content)
    assert b"".join([chunk async for chunk in file.chunks(100_000)]) == content
    await file.close()
    assert file.file.closed


@pytest.mark.parametrize(
    ("limits", "status"),
    [
        ({"MAX_UPLOAD_SIZE": 900}, 413),
        ({"MAX_FORM_SIZE": 20}, 413),
        ({"MAX_UPLOAD_FILES": 1}, 400),
        ({"MAX_FORM_FIELDS": 1}, 400),
    ],
)
async def test_limits_act_while_the_bytes_come(limits: dict[str, int], status: int) -> None:
    body, content_type = encode_multipart(
        {"a": "x" * 30, "b": "y"}, [("f", ("1", b"z" * 500)), ("f", ("2", b"z" * 500))]
    )
    with override(**limits), pytest.raises(HTTPException) as caught:
        await request_with(body, content_type, 100).form()
    assert caught.value.status_code == status


async def test_a_refused_upload_leaves_no_open_file() -> None:
    body, content_type = encode_multipart({}, {"f": ("1", b"z" * 5000)})
    request = request_with(body[:-10], content_type, 512)
    with override(UPLOAD_MEMORY_SIZE=100), pytest.raises(MultipartError):
        await request.form()


@pytest.mark.parametrize("text", [b"\xff", b"\xc3"])
async def test_a_field_that_is_not_utf_8_is_a_client_error(text: bytes) -> None:
    with pytest.raises(MultipartError):
        await request_with(part("a", text) + b"--x--", "multipart/form-data; boundary=x").form()


async def test_the_declared_length_is_refused_before_a_byte_is_read() -> None:
    async def never() -> Message:
        raise AssertionError("the body was read")

    headers = [
        (b"content-type", b"multipart/form-data; boundary=x"),
        (b"content-length", b"99999999999"),
    ]
    request = Request({"type": "http", "method": "POST", "path": "/", "headers": headers}, never)
    with pytest.raises(HTTPException) as caught:
        await request.form()
    assert caught.value.status_code == 413


@pytest.mark.parametrize(
    "head",
    [
        b'content-disposition: form-data; name="a"; name="b"',
        b'content-disposition: form-data; name=a; NAME="a"',
        b'content-disposition: form-data; name="a"; filename="x.txt"; filename="x.exe"',
        b"content-disposition: form-data; name=a; filename*=UTF-8''x; filename*=UTF-8''y",
        b'content-disposition: form-data; name="a"\r\ncontent-disposition: form-data; name="b"',
        b'content-disposition: form-data; name="a"\r\ncontent-type: text/plain\r\nContent-Type: a/b',
        b"content-disposition: form-data; name=a; filename*=koi8-r''%c1",
        b"content-disposition: form-data; name=a; filename*=x",
        b'content-disposition: form-data;\r\n name="a"',
    ],
)
def test_a_part_that_two_parsers_read_differently_is_refused(head: bytes) -> None:
    with pytest.raises(MultipartError):
        parse_part_head(head)


@pytest.mark.parametrize(
    "content_type", ["boundary=a; boundary=b", 'boundary="a "', "boundary=' '"]
)
def test_a_boundary_that_two_parsers_read_differently_is_refused(content_type: str) -> None:
    with pytest.raises(MultipartError):
        parse_boundary(f"multipart/form-data; {content_type}".replace("' '", '" "'))


def test_a_boundary_of_seventy_characters_is_the_longest() -> None:
    assert parse_boundary(f"multipart/form-data; boundary={'a' * 70}") == b"a" * 70
    assert parse_boundary('multipart/form-data; boundary="a b"') == b"a b"


async def test_a_form_that_was_refused_is_refused_again() -> None:
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": [(b"content-type", b"multipart/form-data; boundary=x")],
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": b"--x\r\nbad", "more_body": False}

    for _ in range(3):
        with pytest.raises(MultipartError):
            await Request(scope, receive).form()
