from __future__ import annotations

import json
from typing import Any

import pytest

from openviper.vendoring.exceptions import VendorError
from openviper.vendoring.manifest import MAX_MANIFEST, read_manifest
from tests.unit.vendoring.trees import small_tree


def test_a_manifest_is_read_as_it_was_written() -> None:
    content = small_tree().manifest.dump()
    assert read_manifest(content, "here").dump() == content


def document(**changes: Any) -> bytes:
    value = json.loads(small_tree().manifest.dump())
    return json.dumps({**value, **changes}).encode()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "it is not an object"),
        (document(format=2), "format 2 is not known"),
        (document(packages={}), "'packages' is not a list"),
        (document(packages=[1]), "a package is not an object"),
        (document(packages=[{}]), "'name' is not text"),
        (document(files=[]), "'files' is not an object"),
        (document(files={"a": 1}), "the sum of 'a' is not text"),
        (document(files={"../a": "0"}), r"'\.\./a' leads outside"),
        (document(files={"/etc/passwd": "0"}), "'/etc/passwd' leads outside"),
        (document(extras=[1]), "'extras' holds something that is not text"),
        (b" " * (MAX_MANIFEST + 1), "is larger than"),
    ],
)
def test_what_is_wrong_with_a_manifest_is_said(content: bytes, problem: str) -> None:
    with pytest.raises(VendorError, match=f"VENDOR.json in 'here' .*{problem}"):
        read_manifest(content, "here")
