"""What paths and ranges mean."""

from __future__ import annotations

import pytest

from openviper.staticfiles.file_requests import (
    content_type,
    is_shown_inline,
    parse_range,
    sanitize_relative_path,
)


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [("a.css", "a.css"), ("css/a b.css", "css/a b.css"), ("a//b", "a/b"), ("./a/./b", "a/b"), ("100%.txt", "100%.txt"),
     ("..a/b..", "..a/b.."), ("", ""), ("é.css", "é.css")],
)  # fmt: skip
def test_a_safe_path_is_cleaned(path: str, cleaned: str) -> None:
    assert sanitize_relative_path(path) == cleaned


@pytest.mark.parametrize(
    "path",
    ["..", "../x", "a/../b", "a/..", "%2e%2e/x", "a/%2E./b", "a%2fb", "a%5Cb", "a\\..\\b", "a\\b", "/etc/passwd",
     "//etc", "a\0b", "a%00b", "a\nb", "a%0ab", "a\x7f", "C:/x", "c:x", "%43:x"],
)  # fmt: skip
def test_a_path_that_could_lead_anywhere_else_is_refused(path: str) -> None:
    assert sanitize_relative_path(path) is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [("bytes=0-9", (0, 9)), ("bytes=90-", (90, 99)), ("bytes=-10", (90, 99)), ("bytes=-500", (0, 99)),
     ("bytes=0-500", (0, 99)), (" bytes=5-5 ", (5, 5)), ("bytes=100-", "unsatisfiable"), ("bytes=500-600", "unsatisfiable"),
     ("items=0-9", "ignore"), ("bytes=0-1,5-6", "ignore"), ("bytes=a-b", "ignore"), ("bytes=-0", "ignore"),
     ("bytes=9-5", "ignore"), ("bytes=+1-5", "ignore"), ("bytes=--5", "ignore"), ("bytes=-", "ignore"),
     ("bytes=\u0661-\u0662", "ignore"), ("", "ignore")],
)  # fmt: skip
def test_a_range_is_a_pair_or_ignored_or_unsatisfiable(header: str, expected: object) -> None:
    assert parse_range(header, 100) == expected


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=0-0", "bytes=-5"])
def test_no_range_of_an_empty_file_can_be_satisfied(header: str) -> None:
    assert parse_range(header, 0) == "unsatisfiable"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.css", "text/css"), ("a.tar.gz", "application/gzip"), ("a.css.gz", "application/gzip"), ("a.svgz", "application/gzip"),
     ("a.unheard-of", "application/octet-stream"), ("noext", "application/octet-stream")],
)  # fmt: skip
def test_a_compressed_file_has_the_type_of_its_compression(name: str, kind: str) -> None:
    assert content_type(name) == kind


def test_only_pictures_sound_and_film_are_shown_inline() -> None:
    assert all(map(is_shown_inline, ("image/png", "audio/ogg", "video/mp4")))
    assert not any(
        map(is_shown_inline, ("image/svg+xml", "text/html", "application/pdf", "text/plain"))
    )
