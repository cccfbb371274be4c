"""Sending files."""

from __future__ import annotations

from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from openviper import OpenViper
from openviper.exceptions import NotFound
from openviper.http import FileResponse
from openviper.testing import TestResponse

CONTENT = bytes(range(256)) * 4


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file of 1024 bytes."""
    path = tmp_path / "data.bin"
    path.write_bytes(CONTENT)
    return path


async def fetch(
    path: Path, method: str = "GET", filename: str | None = None, **headers: str
) -> TestResponse:
    """Return what a client gets for a file."""
    app = OpenViper()

    @app.get("/f")
    async def view() -> FileResponse:
        return FileResponse(path, filename=filename)

    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await app.test_client().request(method, "/f", headers=sent)


async def test_a_file_has_type_length_tag_and_date(file: Path) -> None:
    response = await fetch(file)
    assert response.content == CONTENT
    assert response.headers["content-type"] == "application/octet-stream"
    assert response.headers["content-length"] == "1024"
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["last-modified"] == formatdate(file.stat().st_mtime, usegmt=True)
    head = await fetch(file, "HEAD")
    assert (head.content, head.headers["content-length"]) == (b"", "1024")


async def test_an_empty_file_is_complete(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    response = await fetch(tmp_path / "empty.txt", range="bytes=0-")
    assert (response.status_code, response.headers["content-length"]) == (200, "0")


async def test_a_good_copy_is_not_sent_again(file: Path) -> None:
    first = await fetch(file)
    tag = first.headers["etag"]
    for header in (tag, f'"other", W/{tag}', "*"):
        response = await fetch(file, if_none_match=header)
        assert (response.status_code, response.content) == (304, b"")
    assert (await fetch(file, if_modified_since=first.headers["last-modified"])).status_code == 304
    # With a tag, the date does not count.
    both = await fetch(file, if_none_match='"x"', if_modified_since=first.headers["last-modified"])
    assert both.status_code == 200


@pytest.mark.parametrize(
    ("header", "status", "start", "end"),
    [
        ("bytes=0-9", 206, 0, 10),
        ("bytes=1000-", 206, 1000, 1024),
        ("bytes=-24", 206, 1000, 1024),
        ("bytes=-5000", 206, 0, 1024),
        ("bytes=5-9999", 206, 5, 1024),
        ("bytes=2000-", 416, 0, 0),
        ("bytes=-0", 200, 0, 1024),
        ("bytes=9-5", 200, 0, 1024),
        ("bytes=0-1,5-6", 200, 0, 1024),
        ("bytes=x-", 200, 0, 1024),
        ("bytes=-", 200, 0, 1024),
    ],
)
async def test_ranges(file: Path, header: str, status: int, start: int, end: int) -> None:
    response = await fetch(file, range=header)
    assert (response.status_code, response.content) == (status, CONTENT[start:end])
    if status == 206:
        assert response.headers["content-range"] == f"bytes {start}-{end - 1}/1024"
    if status == 416:
        assert response.headers["content-range"] == "bytes */1024"


async def test_a_range_of_another_version_is_answered_with_the_whole_file(file: Path) -> None:
    tag = (await fetch(file)).headers["etag"]
    assert (await fetch(file, range="bytes=0-1", if_range=tag)).status_code == 206
    assert (await fetch(file, range="bytes=0-1", if_range='"old"')).status_code == 200


async def test_a_download_keeps_its_name(file: Path) -> None:
    response = await fetch(file, filename='grü"ße.bin')
    disposition = response.headers["content-disposition"]
    assert (
        disposition
        == "attachment; filename=\"gr___e.bin\"; filename*=UTF-8''gr%C3%BC%22%C3%9Fe.bin"
    )


@pytest.mark.parametrize("name", ["missing", "."])
async def test_what_is_no_file_is_not_found(tmp_path: Path, name: str) -> None:
    assert (await fetch(tmp_path / name)).status_code == 404


def test_nothing_outside_the_allowed_directory_is_served(tmp_path: Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    (tmp_path / "secret").touch()
    (inside / "link").symlink_to(tmp_path / "secret")
    outside: list[Any] = [inside / "../secret", inside / "link", tmp_path / "secret"]
    for path in outside:
        with pytest.raises(NotFound):
            FileResponse(path, allowed_dir=inside)


def app_with_file(response: FileResponse) -> OpenViper:
    """Return an application that answers every method at ``/f`` with the same response."""
    app = OpenViper(debug=False)
    app.route("/f", ("GET", "HEAD", "POST", "PUT"))(lambda: response)
    return app


ASKS = [
    {"range": "bytes=0-3"},
    {"range": "bytes=5000-"},
    {"if-none-match": "*"},
    {"if-match": '"other"'},
    {"if-unmodified-since": "Mon, 01 Jan 1990 00:00:00 GMT"},
]


@pytest.mark.parametrize("asks", ASKS)
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_conditions_and_ranges_are_not_about_what_a_change_is_answered_with(
    file: Path, method: str, asks: dict[str, str]
) -> None:
    client = app_with_file(FileResponse(file)).test_client()
    response = await client.request(method, "/f", headers=asks)
    assert (response.status_code, response.content) == (200, CONTENT)


@pytest.mark.parametrize("asks", ASKS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_conditions_are_not_about_the_page_of_an_error(
    file: Path, method: str, asks: dict[str, str]
) -> None:
    client = app_with_file(FileResponse(file, 404)).test_client()
    response = await client.request(method, "/f", headers=asks)
    assert (response.status_code, response.headers["content-length"]) == (404, "1024")


@pytest.mark.parametrize("asked", ["bytes=0-3", "bytes=5000-", "bytes=-1"])
async def test_head_has_no_ranges(file: Path, asked: str) -> None:
    response = await fetch(file, "HEAD", range=asked)
    assert (response.status_code, response.headers["content-length"]) == (200, "1024")
    assert "content-range" not in response.headers


async def test_a_response_that_is_kept_is_about_each_request_anew(file: Path) -> None:
    client = app_with_file(FileResponse(file)).test_client()
    part = await client.get("/f", headers={"range": "bytes=0-3"})
    whole = await client.get("/f")
    assert (part.status_code, whole.status_code, whole.content) == (206, 200, CONTENT)
    assert "content-range" not in whole.headers
    file.write_bytes(b"changed")
    changed = await client.get("/f", headers={"if-none-match": whole.headers["etag"]})
    assert (changed.status_code, changed.content) == (200, b"changed")
    assert changed.headers["etag"] != whole.headers["etag"]
