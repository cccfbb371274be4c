"""What a collection remembers, and where static files come from."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from openviper.staticfiles.collection_record import Known, Record, load_record
from openviper.staticfiles.file_requests import content_type, sanitize_relative_path
from openviper.staticfiles.finders import app_static_dirs, register_app_locator, unique
from openviper.staticfiles.hashed_names import circles, digest_of, digest_of_file, hashed_name
from openviper.staticfiles.references import MAX_READ, find_references, rewrite
from openviper.template.assets import RECORD_NAME, hashed_names, read_record

RECORD = Record(
    {"a.css": Known(5, 7, "0123", True, True, ("b.png",)), "é.png": Known(0, 0, None, None, False)},
    {"a.0123.css": (5, 7), "a.css.gz": (3, 9)},
    {"a.css": "a.0123.css"},
    is_stored=True,
)


def test_a_record_comes_back_as_it_was_stored(tmp_path: Path) -> None:
    RECORD.write(tmp_path)
    back = load_record(tmp_path)
    assert back == RECORD and back.is_stored
    assert hashed_names(tmp_path) == {"a.css": "a.0123.css"}
    assert (tmp_path / RECORD_NAME).stat().st_mode & 0o777 == 0o644
    assert RECORD.encode() == back.encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"[]",
        b"null",
        b"5",
        b"{}",
        b'{"version": 99}',
        b'{"version": 2}',
        b'{"version": 2, "files": [], "extra": {}, "hashed": {}}',
        b'{"version": 2, "files": {"a": 5}, "extra": {}, "hashed": {}}',
        b'{"version": 2, "files": {"a": [1]}, "extra": {}, "hashed": {}}',
        b'{"version": 2, "files": {}, "extra": {"a": 5}, "hashed": {}}',
        b'{"version": 2, "files": {}, "extra": {"a": [1]}, "hashed": {}}',
        b'{"version": 2, "files": {}, "extra": {"a": ["x", "y"]}, "hashed": {}}',
        b'{"version": 2, "files": {}, "extra": {}, "hashed": []}',
        b"\xff\xfe",
    ],
)
def test_a_damaged_record_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / RECORD_NAME).write_bytes(content)
    record = load_record(tmp_path)
    assert record == Record() and not record.is_stored
    assert hashed_names(tmp_path) == {}


def test_no_record_at_random_is_an_error(tmp_path: Path) -> None:
    dice = random.Random(5)
    whole = RECORD.encode()
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(dice.randrange(1, 5)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        (tmp_path / RECORD_NAME).write_bytes(bytes(damaged))
        load_record(tmp_path)
        read_record(tmp_path)


def test_what_a_collection_wrote_and_nobody_has_changed_is_its_own() -> None:
    assert RECORD.owns("a.css", (5, 7)) and RECORD.owns("a.css.gz", (3, 9))
    assert RECORD.owns(RECORD_NAME, (1, 1))
    assert not RECORD.owns("a.css", (6, 7)) and not RECORD.owns("a.css.gz", (3, 8))
    assert not RECORD.owns("é.png", (0, 0))  # It lay there all along.
    assert not RECORD.owns("other", (5, 7))


def test_a_record_of_an_earlier_version_keeps_what_still_means_the_same(tmp_path: Path) -> None:
    document: dict[str, Any] = json.loads(RECORD.encode())
    document["version"] = 1
    (tmp_path / RECORD_NAME).write_text(json.dumps(document))
    record = load_record(tmp_path)
    assert record.files["a.css"] == Known(5, 7, None, True, True, None)
    assert record.hashed == {} and record.extra == RECORD.extra and record.is_stored


# Names with hashes


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.css", "a.0123.css"),
        ("a/b.min.js", "a/b.min.0123.js"),
        ("a", "a.0123"),
        ("a.b/c", "a.b/c.0123"),
        (".well-known/x", ".well-known/x.0123"),
        (".hidden", ".hidden.0123"),
        ("é.png", "é.0123.png"),
    ],
)
def test_the_hash_stands_before_the_suffix(name: str, expected: str) -> None:
    assert hashed_name(name, "0123") == expected


def test_a_file_and_its_bytes_have_one_digest(tmp_path: Path) -> None:
    for content in (b"", b"a", bytes(range(256)) * 1000):
        (tmp_path / "f").write_bytes(content)
        assert digest_of_file(str(tmp_path / "f")) == digest_of(content)
        assert len(digest_of(content)) == 12


@pytest.mark.parametrize("seed", range(10))
def test_every_name_comes_once_and_after_what_it_refers_to(seed: int) -> None:
    dice = random.Random(seed)
    names = [str(number) for number in range(12)]
    references = {
        name: [dice.choice([*names, "elsewhere"]) for _ in range(dice.randrange(0, 4))]
        for name in names
    }
    found = list(circles(references))
    assert sorted(name for circle in found for name in circle) == sorted(names)
    seen: set[str] = set()
    for circle in found:
        for name in circle:
            outside = set(references[name]) - set(circle) - {"elsewhere"}
            assert outside <= seen, (name, references)
        seen.update(circle)


# References


def test_a_slash_that_is_encoded_is_no_slash() -> None:
    for text in ("url(img%2Fa.png)", "url(img%2fa.png)", "url('..%2f..%2fa.png')"):
        assert find_references("a.css", text, "/static/") == []
    (found,) = find_references("a.css", "url(a%20b%3F.png)", "/static/")
    assert found.target == "a b?.png"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("url(a.png)", "url(a.0.png)"),
        ("url(./a.png)", "url(./a.0.png)"),
        ("url('a.png')url(\"a.png\")", "url('a.0.png')url(\"a.0.png\")"),
        ("url(a.png?#x)", "url(a.0.png?#x)"),
        ("url(other.png)", "url(other.png)"),
        ("é url(a.png) \U0001f40d", "é url(a.0.png) \U0001f40d"),
        ("/* url(a.png */ url(a.png)", "/* url(a.png */ url(a.0.png)"),
        ("", ""),
    ],
)
def test_what_is_rewritten_and_what_stays(text: str, expected: str) -> None:
    references = find_references("site.css", text, "/static/")
    assert rewrite(text, references, {"a.png": "a.0.png"}) == expected
    assert rewrite(text, references, {}) == text
    assert MAX_READ > len(text)


# Where files come from


def test_each_directory_counts_once_however_it_is_written(tmp_path: Path) -> None:
    real = tmp_path / "a b"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    (tmp_path / "file").write_text("x")
    found = unique([tmp_path / "link", real, tmp_path / "x" / ".." / "a b", tmp_path / "file"])
    assert found == (tmp_path / "link",)


def test_apps_that_cannot_be_found_or_have_no_files_have_no_directory(tmp_path: Path) -> None:
    for app in ("no_such_app", "", ".", "a..b", "json", "os.path.x", "é"):
        assert app_static_dirs([app]) == ()
    (tmp_path / "static").mkdir()
    register_app_locator(lambda app: str(tmp_path) if app == "located" else None)
    try:
        assert app_static_dirs(["located", "no_such_app", "located"]) == (tmp_path / "static",)
    finally:
        register_app_locator(lambda app: None)


# Requests


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/b", "a/b"),
        ("a//b/./c", "a/b/c"),
        ("", ""),
        ("a b", "a b"),
        ("100%", "100%"),
        ("é\u202e", "é\u202e"),
        ("..a/b..", "..a/b.."),
        ("/a", None),
        ("../a", None),
        ("a/..", None),
        ("%2e%2e/a", None),
        ("a%2Fb", None),
        ("a%5cb", None),
        ("a\\b", None),
        ("a\0", None),
        ("a\n", None),
        ("%00", None),
        ("C:a", None),
        ("%43:a", None),
    ],
)
def test_the_path_of_a_request(path: str, expected: str | None) -> None:
    assert sanitize_relative_path(path) == expected


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.css", "text/css"),
        ("a.unknown-suffix", "application/octet-stream"),
        ("a", "application/octet-stream"),
        ("a.tar.gz", "application/gzip"),
        ("a.tar.xz", "application/x-xz"),
        ("a.svg", "image/svg+xml"),
    ],
)
def test_the_type_of_a_file(name: str, kind: str) -> None:
    assert content_type(name) == kind
