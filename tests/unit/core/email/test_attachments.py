"""Attachments: every form, every limit, and files that may not be read."""

from __future__ import annotations

import asyncio
import base64
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from openviper.core.email import attachments
from openviper.core.email.attachment_data import AttachmentData, clean_filename
from openviper.core.email.attachments import (
    attachment_from_payload,
    attachment_to_payload,
    resolve_attachments,
)
from openviper.core.email.message import EmailMessageData, message_bytes
from openviper.core.email.mime_types import detect_mimetype
from openviper.core.email.safe_fetch import FetchedFile

PNG = b"\x89PNG\r\n\x1a\nrest"
PATIENCE = 60.0
"""Longest wait for what has to come, in seconds."""


def resolved(*given: object) -> list[AttachmentData]:
    """Return attachments resolved."""
    return asyncio.run(resolve_attachments(list(given)))


@pytest.fixture
def allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory from which files may be attached."""
    directory = tmp_path / "allowed"
    directory.mkdir()
    monkeypatch.setattr(attachments, "ATTACHMENT_ALLOWED_DIRS", [str(directory)])
    return directory


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Callable[[FetchedFile], None]:
    """Return a function that says what every address answers with."""

    def answer(found: FetchedFile) -> None:
        monkeypatch.setattr(attachments, "safe_fetch", lambda url, **options: found)

    answer(FetchedFile(b"fetched", "text/plain; charset=utf-8", "page.txt"))
    return answer


def test_every_form(allowed: Path, web: object) -> None:
    (allowed / "a.png").write_bytes(PNG)
    path = allowed / "a.png"
    found = resolved(
        AttachmentData("own.txt", b"own", "text/plain"), b"bytes", bytearray(b"array"), path, str(path), "https://x.io/page.txt",
        ("n.txt", b"payload"), ("n.txt", "text ä"), ("n.png", path), ("n.png", str(path), "text/plain"), ("n.txt", "HTTPS://x.io/p"),
        ("n.bin", b"payload", "text/CSV"), {"content_b64": base64.b64encode(b"b64").decode()}, {"path": str(path)},
        {"path": path, "filename": "other.png"}, {"url": "http://x.io/page.txt", "mimetype": "text/css"},
        {"content": "text", "filename": "c.txt"}, {"content": memoryview(b"view")},
        {"content": PNG, "filename": "logo.png", "content_id": "logo"},
    )  # fmt: skip
    assert [(one.filename, one.content, one.mimetype, one.content_id) for one in found] == [
        ("own.txt", b"own", "text/plain", ""),
        ("attachment-2.bin", b"bytes", "application/octet-stream", ""),
        ("attachment-3.bin", b"array", "application/octet-stream", ""),
        ("a.png", PNG, "image/png", ""),
        ("a.png", PNG, "image/png", ""),
        ("page.txt", b"fetched", "text/plain", ""),
        ("n.txt", b"payload", "text/plain", ""),
        ("n.txt", "text ä".encode(), "text/plain; charset=utf-8", ""),
        ("n.png", PNG, "image/png", ""),
        ("n.png", str(path).encode(), "text/plain; charset=utf-8", ""),
        ("n.txt", b"HTTPS://x.io/p", "text/plain; charset=utf-8", ""),
        ("n.bin", b"payload", "text/csv", ""),
        ("attachment-13.bin", b"b64", "application/octet-stream", ""),
        ("a.png", PNG, "image/png", ""),
        ("other.png", PNG, "image/png", ""),
        ("page.txt", b"fetched", "text/css", ""),
        ("c.txt", b"text", "text/plain; charset=utf-8", ""),
        ("attachment-18.bin", b"view", "application/octet-stream", ""),
        ("logo.png", PNG, "image/png", "logo"),
    ]


def test_none_is_none() -> None:
    assert asyncio.run(resolve_attachments(None)) == asyncio.run(resolve_attachments([])) == []


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (5, "attachment 1 is int"),
        (None, "attachment 1 is NoneType"),
        (("a",), "tuple of 1"),
        (("a", b"b", "text/plain", 4), "tuple of 4"),
        (("a", 5), "int for a content"),
        ((5, b"x"), "the name 5"),
        ({}, "without content_b64, path, url or content"),
        ({"filename": "x"}, "without content_b64, path, url or content"),
        ({"content": 5}, "int for a content"),
        ({"content_b64": 5}, "int for content_b64"),
        ({"path": 5}, "the path 5"),
        ({"url": 5}, "the address 5"),
        ({"content": "x", "filename": 5}, "the filename 5"),
    ],
)
def test_other_forms_are_type_errors(given: object, problem: str) -> None:
    with pytest.raises(TypeError, match=problem):
        resolved(given)


@pytest.mark.parametrize(
    "mimetype",
    ["image", "/png", "image/", "a/b/c", "a/b\r\nX: y", "a b/c", "text/plain; charset", 5],
)
def test_explicit_types_are_checked_in_every_form(
    allowed: Path, web: object, mimetype: Any
) -> None:
    (allowed / "a").write_bytes(b"x")
    for given in (
        ("n", b"x", mimetype),
        ("n", allowed / "a", mimetype),
        {"content": b"x", "mimetype": mimetype},
        {"path": allowed / "a", "mimetype": mimetype},
        {"url": "https://x.io", "mimetype": mimetype},
        {"content_b64": "eA==", "mimetype": mimetype},
        AttachmentData("n", b"x", mimetype),
    ):
        with pytest.raises(ValueError, match="is not a MIME type"):
            resolved(given)


@pytest.mark.parametrize("text", ["!!!!", "eA=", "e", "eA==\n\x00", "ä", "eA==eA=="])
def test_bad_base64_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="attachment 1 has a content_b64 that is not base64"):
        resolved({"content_b64": text})


def test_the_limit_is_for_every_form(
    allowed: Path, web: Callable[[FetchedFile], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "MAX_ATTACHMENT_BYTES", 10)
    (allowed / "big").write_bytes(b"x" * 11)
    (allowed / "fits").write_bytes(b"x" * 10)
    web(FetchedFile(b"x" * 11, "", ""))
    for given in (
        b"x" * 11, ("n", b"x" * 11), ("n", "x" * 11), {"content": "x" * 11}, {"content_b64": base64.b64encode(b"x" * 11).decode()},
        AttachmentData("n", b"x" * 11), allowed / "big", {"path": allowed / "big"}, ("n", str(allowed / "big")), {"url": "https://x"},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="allowed"):
            resolved(given)
    assert (
        len(
            resolved(
                b"x" * 10, allowed / "fits", {"content_b64": base64.b64encode(b"x" * 10).decode()}
            )
        )
        == 3
    )


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\x\\a.txt", "a.txt"),
        ("a\r\nBcc: x@y.z", "aBcc: x@y.z"),
        ("\x00\x1f", "attachment-1.bin"),
        ("", "attachment-1.bin"),
        ("..", "attachment-1.bin"),
        ("dir/", "attachment-1.bin"),
        (" a.txt ", "a.txt"),
        ("a" * 300, "a" * 255),
    ],
)
def test_names_are_names_of_files(name: str, cleaned: str) -> None:
    assert clean_filename(name, "attachment-1.bin") == cleaned
    for given in ((name, b"x"), {"content": b"x", "filename": name}, AttachmentData(name, b"x")):
        assert resolved(given)[0].filename == cleaned


# Files


def test_no_file_is_attached_where_no_directory_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    for given in (
        tmp_path / "a.txt",
        str(tmp_path / "a.txt"),
        {"path": str(tmp_path / "a.txt")},
        ("n", tmp_path / "a.txt"),
    ):
        with pytest.raises(ValueError, match="ATTACHMENT_ALLOWED_DIRS names no directory"):
            resolved(given)
    # A text that happens to be a path is a text.
    assert resolved(("n", str(tmp_path / "a.txt")))[0].content == str(tmp_path / "a.txt").encode()


def test_only_files_inside_are_attached(allowed: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    beside = tmp_path / "allowed2"
    beside.mkdir()
    (beside / "a").write_text("secret")
    (allowed / "link").symlink_to(secret)
    (allowed / "up").symlink_to(tmp_path)
    (allowed / "circle").symlink_to(allowed / "circle")
    (allowed / "inside").symlink_to(allowed / "real")
    (allowed / "real").write_text("fine")
    for path in (
        secret,
        beside / "a",
        allowed / "link",
        allowed / "up/secret",
        allowed / ".." / "secret",
        tmp_path / "missing",
    ):
        with pytest.raises(ValueError, match="outside") as caught:
            resolved(path)
        assert str(tmp_path) not in str(caught.value)
    with pytest.raises((ValueError, OSError)):
        resolved(allowed / "circle")
    assert resolved(allowed / "inside")[0].content == b"fine"
    with pytest.raises(FileNotFoundError) as missing:
        resolved(allowed / "missing")
    assert str(tmp_path) not in str(missing.value)


def test_only_regular_files_are_attached(allowed: Path) -> None:
    os.mkfifo(allowed / "pipe")
    for path in (allowed / "pipe", allowed):
        with pytest.raises((ValueError, IsADirectoryError)):
            resolved(path)


def test_texts_that_are_no_paths_are_texts(allowed: Path) -> None:
    for text in ("x" * 10_000, "a\0b", f"{allowed}/a\n", "", "/etc/passwd"):
        assert resolved(("n.txt", text))[0].content == text.encode()


# Types


@pytest.mark.parametrize(
    ("filename", "content", "kind"),
    [
        ("x", PNG, "image/png"),
        ("x.txt", PNG, "image/png"),
        ("x", b"\xff\xd8\xff\xe0", "image/jpeg"),
        ("x", b"GIF89a", "image/gif"),
        ("x", b"%PDF-1.4", "application/pdf"),
        ("x", b"PK\x03\x04", "application/zip"),
        ("a.zip", b"PK\x03\x04", "application/zip"),
        (
            "a.docx",
            b"PK\x03\x04",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        (
            "a.XLSX",
            b"PK\x03\x04",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        ("a.odt", b"PK\x03\x04", "application/vnd.oasis.opendocument.text"),
        ("a.epub", b"PK\x03\x04", "application/epub+zip"),
        ("a.csv", b"1,2", "text/csv"),
        ("a.tar.gz", b"\x1f\x8b", "application/gzip"),
        ("a.unknown-kind", b"x", "application/octet-stream"),
        ("x", b"", "application/octet-stream"),
    ],
)
def test_types_are_found(filename: str, content: bytes, kind: str) -> None:
    assert detect_mimetype(filename, content, None) == kind
    assert detect_mimetype(filename, content, "X-own/Type") == "x-own/type"


def test_an_address_whose_type_is_none_is_looked_at(web: Callable[[FetchedFile], None]) -> None:
    web(FetchedFile(PNG, "nonsense", "x"))
    assert resolved("https://x.io/x")[0].mimetype == "image/png"
    web(FetchedFile(b"", "", ""))
    assert resolved("https://x.io/")[0].filename == "attachment-1.bin"


class Addresses:
    """Nine addresses, `/0` to `/8`, that answer when the test wants it; which threads run when is not left to the system."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.ended: list[int] = []
        self.most = 0
        self._lock = threading.Lock()

    @contextmanager
    def asked(self, url: str) -> Iterator[int]:
        """Count a fetch while it runs."""
        number = int(url[-1])
        with self._lock:
            self.begun.append(number)
            self.most = max(self.most, len(self.begun) - len(self.ended))
        try:
            yield number
        finally:
            with self._lock:
                self.ended.append(number)


def answer_of(url: str) -> FetchedFile:
    """Return what one of them answers with."""
    return FetchedFile(url.encode(), "text/plain", url[-1])


def test_four_are_fetched_at_a_time_and_their_order_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    addresses, four, all_others = Addresses(), threading.Barrier(4), threading.Event()

    def fetch(url: str, **options: Any) -> FetchedFile:
        with addresses.asked(url) as number:
            if number < 4:
                four.wait(PATIENCE)
            if number == 0:
                assert all_others.wait(PATIENCE)
        if len(addresses.ended) == 8:
            all_others.set()
        return answer_of(url)

    monkeypatch.setattr(attachments, "safe_fetch", fetch)
    found = resolved(*[f"https://x.io/{number}" for number in range(9)])
    assert [one.filename for one in found] == [str(number) for number in range(9)]
    assert addresses.ended[-1] == 0
    assert addresses.most == 4


def test_the_first_error_ends_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses, over = Addresses(), threading.Event()

    def fetch(url: str, **options: Any) -> FetchedFile:
        with addresses.asked(url) as number:
            if number == 1:
                raise OSError("gone")
            assert over.wait(PATIENCE)
            return answer_of(url)

    async def resolve() -> None:
        try:
            await resolve_attachments([f"https://x.io/{number}" for number in range(9)])
        finally:
            over.set()

    monkeypatch.setattr(attachments, "safe_fetch", fetch)
    with pytest.raises(OSError, match="gone"):
        asyncio.run(resolve())
    # The one that took the failed one's turn may have begun.
    assert not {5, 6, 7, 8} & set(addresses.begun)


def test_payloads_round_trip() -> None:
    for one in (
        AttachmentData("ä.bin", bytes(range(256)), "x/y"),
        AttachmentData("l.png", PNG, "image/png", "logo"),
    ):
        assert attachment_from_payload(attachment_to_payload(one)) == one
    assert set(attachment_to_payload(AttachmentData("a", b"b"))) == {
        "filename",
        "content_b64",
        "mimetype",
    }


def test_a_content_id_is_checked() -> None:
    for wrong in ("a b", "<x>", "x\r\ny", "a@b@c"):
        with pytest.raises(ValueError, match="content_id"):
            AttachmentData("x", b"", "image/png", wrong)


def test_a_content_id_that_was_changed_is_checked_when_it_is_written() -> None:
    file = AttachmentData("a.png", b"x", "image/png", "logo")
    file.content_id = "x>\r\nBcc: eve@x.io"
    with pytest.raises(ValueError, match="content_id"):
        message_bytes(EmailMessageData(["b@x.io"], "Hi", html="<p>", attachments=[file]))
