"""Serving files."""

from __future__ import annotations

import asyncio
import gzip
import os
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from openviper.exceptions import ImproperlyConfigured
from openviper.http.asgi import Message, Receive, Scope, Send
from openviper.http.files import CHUNK_SIZE
from openviper.staticfiles import StaticFilesMiddleware, collect_static
from openviper.testing import OpenViperTestClient, TestResponse
from tests.projects import write

CONTENT = "0123456789" * 10


async def inner(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer everything that is not a file."""
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a directory with files."""
    return write(
        tmp_path / "files",
        {"css/site.css": CONTENT, "page.html": "<p>", "a b.txt": "blank", "empty.txt": ""},
    )


async def fetch(files: Path, path: str, method: str = "GET", *, middleware: dict[str, Any] | None = None,
                **headers: str) -> TestResponse:  # fmt: skip
    """Return what a client gets for a path below ``/static``."""
    app = StaticFilesMiddleware(inner, directories=[files], **(middleware or {}))
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return await OpenViperTestClient(app).request(method, f"/static/{path}", headers=sent)


async def test_a_file_comes_with_all_its_headers(files: Path) -> None:
    response = await fetch(files, "css/site.css")
    status = (files / "css/site.css").stat()
    assert (response.status_code, response.text) == (200, CONTENT)
    assert dict(response.headers) == {
        "content-type": "text/css; charset=utf-8",
        "content-length": "100",
        "etag": f'"{status.st_mtime_ns:x}-64"',
        "last-modified": formatdate(status.st_mtime, usegmt=True),
        "accept-ranges": "bytes",
        "cache-control": "public, max-age=3600",
        "x-content-type-options": "nosniff",
    }


async def test_head_has_the_headers_of_get_and_no_body(files: Path) -> None:
    get, head = await fetch(files, "css/site.css"), await fetch(files, "css/site.css", "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert dict(head.headers) == dict(get.headers)


async def test_other_paths_and_other_scopes_are_passed_on(files: Path) -> None:
    app = StaticFilesMiddleware(inner, "/static/", [files])
    client = OpenViperTestClient(app)
    for path in ("/", "/static", "/statics/page.html", "/x/static/page.html"):
        assert (await client.get(path)).status_code == 418
    seen: list[str] = []

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    never: Any = None
    await StaticFilesMiddleware(note)({"type": "websocket", "path": "/static/x"}, never, never)
    assert seen == ["websocket"]


async def test_the_path_is_taken_below_the_root_path(files: Path) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/app/static/page.html",
        "root_path": "/app",
        "headers": [],
    }
    await StaticFilesMiddleware(inner, directories=[files])(scope, receive, send)
    assert (sent[0]["status"], sent[1]["body"]) == (200, b"<p>")


async def test_other_methods_are_refused_with_those_that_work(files: Path) -> None:
    response = await fetch(files, "page.html", "POST")
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["..%2f..%2fetc/passwd", "%2e%2e/secret", "%252e%252e/secret", "a%00b", "%5c..%5cx",
                                  "%2fetc/passwd"])  # fmt: skip
async def test_an_unsafe_path_is_a_bad_request(files: Path, path: str) -> None:
    response = await fetch(files, path)
    assert response.status_code == 400
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["", "nothing.css", "css", "css/", "page.html/", "page.html/x", "x" * 300]
)
async def test_what_is_no_file_is_not_found(files: Path, path: str) -> None:
    assert (await fetch(files, path)).status_code == 404


async def test_what_is_no_file_leaves_nothing_open(files: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for path in ("css", "nothing", "page.html/x") * 3:
        assert (await fetch(files, path)).status_code == 404
    assert len(os.listdir("/proc/self/fd")) == before


async def test_a_decoded_path_is_not_decoded_again(files: Path) -> None:
    (files / "100%25.txt").write_text("percent")
    assert (await fetch(files, "100%2525.txt")).text == "percent"
    assert (await fetch(files, "a%20b.txt")).text == "blank"


async def test_links_below_the_directory_are_not_followed(files: Path, tmp_path: Path) -> None:
    write(tmp_path / "outside", {"secret.txt": "secret"})
    (files / "link.txt").symlink_to(tmp_path / "outside/secret.txt")
    (files / "inside.txt").symlink_to(files / "page.html")
    (files / "folder").symlink_to(tmp_path / "outside")
    for path in ("link.txt", "inside.txt", "folder/secret.txt"):
        assert (await fetch(files, path)).status_code == 404


async def test_the_directory_itself_may_be_a_link(files: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(files)
    assert (await fetch(tmp_path / "current", "page.html")).status_code == 200


async def test_a_pipe_is_not_found_and_does_not_block(files: Path) -> None:
    os.mkfifo(files / "pipe")
    assert (await fetch(files, "pipe")).status_code == 404


async def test_a_file_that_is_too_large_is_refused(files: Path) -> None:
    assert (await fetch(files, "css/site.css", middleware={"max_file_size": 99})).status_code == 413
    assert (
        await fetch(files, "css/site.css", middleware={"max_file_size": 100})
    ).status_code == 200


async def test_a_good_copy_is_not_sent_again(files: Path) -> None:
    first = await fetch(files, "css/site.css")
    for tag in (
        first.headers["etag"],
        f"W/{first.headers['etag']}",
        f'"x", {first.headers["etag"]}',
        "*",
    ):
        response = await fetch(files, "css/site.css", if_none_match=tag)
        assert (response.status_code, response.content) == (304, b"")
        assert set(response.headers) >= {"etag", "last-modified", "cache-control"}
    since = first.headers["last-modified"]
    assert (await fetch(files, "css/site.css", if_modified_since=since)).status_code == 304
    assert (
        await fetch(files, "css/site.css", if_none_match='"x"', if_modified_since=since)
    ).status_code == 200
    assert (await fetch(files, "css/site.css", if_modified_since="yesterday")).status_code == 200


async def test_a_part_of_a_file_may_be_asked_for(files: Path) -> None:
    response = await fetch(files, "css/site.css", range="bytes=5-9")
    assert (response.status_code, response.text) == (206, "56789")
    assert response.headers["content-range"] == "bytes 5-9/100"
    late = await fetch(files, "css/site.css", range="bytes=100-")
    assert (late.status_code, late.headers["content-range"]) == (416, "bytes */100")
    stale = await fetch(files, "css/site.css", range="bytes=5-9", if_range='"old"')
    assert (stale.status_code, stale.text) == (200, CONTENT)


async def test_an_empty_file_is_complete(files: Path) -> None:
    response = await fetch(files, "empty.txt")
    assert (response.status_code, response.headers["content-length"]) == (200, "0")


async def test_the_first_directory_that_has_the_file_counts(files: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", {"page.html": "other", "more.html": "more"})
    client = OpenViperTestClient(StaticFilesMiddleware(inner, directories=[files, other]))
    assert (await client.get("/static/page.html")).text == "<p>"
    assert (await client.get("/static/more.html")).text == "more"


async def test_without_a_lifetime_browsers_ask_each_time(files: Path) -> None:
    response = await fetch(files, "page.html", middleware={"cache_max_age": None})
    assert response.headers["cache-control"] == "no-cache"


def test_the_arguments_can_be_read_back() -> None:
    middleware = StaticFilesMiddleware(inner, "/assets/")
    assert (middleware.url_path, middleware.directories) == ("/assets", [Path("static")])
    assert (middleware.cache_max_age, middleware.max_file_size) == (3600, 52428800)


# Compressed forms


@pytest.fixture
def packed(files: Path) -> Path:
    """Return the directory with a companion of the stylesheet."""
    path = files / "css/site.css"
    (files / "css/site.css.gz").write_bytes(gzip.compress(CONTENT.encode()))
    os.utime(files / "css/site.css.gz", ns=(path.stat().st_mtime_ns,) * 2)
    return files


async def test_a_companion_is_sent_to_whoever_takes_it(packed: Path) -> None:
    response = await fetch(packed, "css/site.css", accept_encoding="br, gzip;q=0.5")
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["content-type"] == "text/css; charset=utf-8"
    assert response.headers["vary"] == "Accept-Encoding"
    assert gzip.decompress(response.content).decode() == CONTENT


@pytest.mark.parametrize("accepted", ["", "br", "gzip;q=0", "gzip; q=0.0"])
async def test_others_get_the_file_itself_and_caches_are_told(packed: Path, accepted: str) -> None:
    response = await fetch(packed, "css/site.css", accept_encoding=accepted)
    assert "content-encoding" not in response.headers
    assert (response.text, response.headers["vary"]) == (CONTENT, "Accept-Encoding")


async def test_a_companion_older_than_its_file_is_not_sent(packed: Path) -> None:
    os.utime(packed / "css/site.css.gz", (1, 1))
    response = await fetch(packed, "css/site.css", accept_encoding="gzip")
    assert response.text == CONTENT and "vary" not in response.headers


async def test_a_compressed_file_asked_for_by_name_is_sent_as_such(packed: Path) -> None:
    response = await fetch(packed, "css/site.css.gz", accept_encoding="gzip")
    assert response.headers["content-type"] == "application/gzip"
    assert "content-encoding" not in response.headers


# Uploads


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a.png", True),
        ("a.mp4", True),
        ("a.mp3", True),
        ("a.svg", False),
        ("a.html", False),
        ("a.pdf", False),
    ],
)
async def test_uploads_are_downloads_unless_harmless(files: Path, name: str, shown: bool) -> None:
    (files / name).write_bytes(b"upload")
    response = await fetch(files, name, middleware={"untrusted": True})
    assert response.headers.get("content-disposition") == (
        None if shown else f'attachment; filename="{name}"'
    )


# Clients that go away, files that change


class Client:
    """A client that reads some messages and then goes away."""

    def __init__(self, patience: int) -> None:
        self.patience = patience
        self.messages: list[Message] = []
        self.gone = False

    async def receive(self) -> Message:
        """Wait until the client is gone."""
        while not self.gone:
            await asyncio.sleep(0)
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Take a message."""
        self.messages.append(message)
        self.gone = len(self.messages) >= self.patience


async def ask(files: Path, client: Client) -> None:
    """Ask for the film."""
    scope = {"type": "http", "method": "GET", "path": "/static/film.mp4", "headers": []}
    await StaticFilesMiddleware(inner, directories=[files])(scope, client.receive, client.send)


async def test_reading_stops_when_the_client_goes_away(files: Path) -> None:
    (files / "film.mp4").write_bytes(bytes(20 * CHUNK_SIZE))
    client = Client(patience=3)
    await ask(files, client)
    assert 3 <= len(client.messages) < 10


async def test_a_file_that_is_replaced_meanwhile_is_sent_as_it_was(files: Path) -> None:
    (files / "film.mp4").write_bytes(b"a" * (2 * CHUNK_SIZE))

    class Replacing(Client):
        async def send(self, message: Message) -> None:
            (files / "new").write_bytes(b"b")
            os.replace(files / "new", files / "film.mp4")
            await super().send(message)

    client = Replacing(patience=100)
    await ask(files, client)
    assert b"".join(message.get("body", b"") for message in client.messages) == b"a" * (
        2 * CHUNK_SIZE
    )


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".git/config",
        "css/.hidden/x.css",
        "site.css~",
        "a.orig",
        "x.pyc",
        ".openviper-static.json",
    ],
)
async def test_what_collectstatic_leaves_out_is_not_served(files: Path, name: str) -> None:
    write(files, {name: "secret", ".well-known/security.txt": "asked for"})
    assert (await fetch(files, name)).status_code == 404
    assert (await fetch(files, ".well-known/security.txt")).text == "asked for"


async def test_uploads_of_any_name_are_served_but_hidden_ones(files: Path) -> None:
    write(files, {"a.orig": "an upload", ".hidden": "none", "b/.c/d": "none"})
    for name, status in {"a.orig": 200, ".hidden": 404, "b/.c/d": 404}.items():
        assert (await fetch(files, name, middleware={"untrusted": True})).status_code == status


@pytest.mark.parametrize("path", ["static", "/static", "/static/", "static/"])
async def test_a_path_may_be_written_with_slashes_or_without(files: Path, path: str) -> None:
    client = OpenViperTestClient(StaticFilesMiddleware(inner, path, [files]))
    assert (await client.get("/static/page.html")).status_code == 200
    assert (await client.get("/statics/page.html")).status_code == 418


@pytest.mark.parametrize("path", ["", "/", "//"])
def test_files_do_not_stand_in_the_way_of_everything(files: Path, path: str) -> None:
    with pytest.raises(ImproperlyConfigured):
        StaticFilesMiddleware(inner, path, [files])


def test_one_directory_is_not_several(files: Path) -> None:
    for one in (str(files), files):
        with pytest.raises(TypeError, match="are a list"):
            StaticFilesMiddleware(inner, directories=one)  # type: ignore[arg-type]  # what the test is about
        with pytest.raises(TypeError, match="are a list"):
            collect_static(one, files / "to")  # type: ignore[arg-type]  # what the test is about
