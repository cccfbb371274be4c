from __future__ import annotations

import io
import tarfile
from gzip import compress

import pytest

from openviper.utils import packed_files
from openviper.utils.packed_files import PackedFilesError, as_folder, pack, unpack

FILES = {"a/b.md": b"# B\n", "a/c/d.md": "ä\n".encode(), "e.svg": b""}


def test_what_was_packed_is_unpacked() -> None:
    assert unpack(pack(FILES)) == FILES


def test_equal_files_give_equal_bytes_in_any_order() -> None:
    assert pack(FILES) == pack(dict(reversed(FILES.items())))


def test_other_programs_unpack_it() -> None:
    with tarfile.open(fileobj=io.BytesIO(pack(FILES)), mode="r:gz") as archive:
        assert archive.getnames() == sorted(FILES)


def test_files_in_memory_are_a_folder() -> None:
    folder = as_folder(FILES).joinpath("a")
    assert sorted(entry.name for entry in folder.iterdir()) == ["b.md", "c"]
    assert folder.joinpath("c", "d.md").read_text(encoding="utf-8") == "ä\n"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"# B\n", id="something else"),
        pytest.param(pack(FILES)[:-20], id="cut short"),
        pytest.param(pack(FILES)[:40] + b"\0\0\0\0" + pack(FILES)[44:], id="damaged"),
        pytest.param(compress(b"# B\n"), id="no archive in it"),
    ],
)
def test_what_cannot_be_unpacked_is_an_error(content: bytes) -> None:
    with pytest.raises(PackedFilesError, match="the archive is damaged"):
        unpack(content)


def test_an_archive_that_holds_too_much_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_files, "MAX_UNPACKED", 1000)
    with pytest.raises(PackedFilesError, match="more than 1000 bytes"):
        unpack(pack(FILES))
