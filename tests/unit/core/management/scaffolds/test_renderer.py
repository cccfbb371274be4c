"""A generated tree appears as a whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from openviper.core.management.scaffolds import renderer
from openviper.core.management.scaffolds.names import ScaffoldError
from openviper.core.management.scaffolds.renderer import GeneratedFile, write_file, write_tree

TREE = (
    GeneratedFile("$name/__init__.py", "project/package.py.tmpl"),
    GeneratedFile("empty/.gitkeep"),
)


def test_names_are_filled_in_in_paths_and_texts(tmp_path: Path) -> None:
    write_tree(tmp_path / "shop", TREE, {"name": "shop"})
    assert (tmp_path / "shop/shop/__init__.py").read_text() == '"""The shop project."""\n'
    assert (tmp_path / "shop/empty/.gitkeep").read_bytes() == b""


def test_an_existing_target_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "directory").mkdir()
    for name in ("file", "link", "directory"):
        with pytest.raises(ScaffoldError, match="already exists"):
            write_tree(tmp_path / name, TREE, {"name": "shop"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["directory", "file", "link"]
    assert (tmp_path / "file").read_text() == "mine"


def test_a_missing_parent_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ScaffoldError, match="'.*nowhere' does not exist"):
        write_tree(tmp_path / "nowhere" / "shop", TREE, {"name": "shop"})


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_in_the_middle_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def write(path: Path, text: str, *, mode: int = 0o666) -> None:
        if path.name == ".gitkeep":
            raise error
        write_file(path, text, mode=mode)

    monkeypatch.setattr(renderer, "write_file", write)
    with pytest.raises(type(error)):
        write_tree(tmp_path / "shop", TREE, {"name": "shop"})
    assert list(tmp_path.iterdir()) == []
    assert not isinstance(error, OSError) or error.filename == str(tmp_path / "shop")


def test_a_target_that_appears_meanwhile_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(path: Path, text: str, *, mode: int = 0o666) -> None:
        (tmp_path / "shop").write_text("theirs")

    monkeypatch.setattr(renderer, "write_file", write)
    with pytest.raises(ScaffoldError, match="already exists"):
        write_tree(tmp_path / "shop", TREE, {"name": "shop"})
    assert [path.read_text() for path in tmp_path.iterdir()] == ["theirs"]


def test_a_file_has_its_mode_from_the_start_and_obeys_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_file(tmp_path / "script", "", mode=0o777)
        write_file(tmp_path / "secret", "", mode=0o600)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "script").stat().st_mode) == 0o750
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError):
        write_file(tmp_path / "file", "ours")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_file_that_cannot_be_encoded_is_not_left_half(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write_file(tmp_path / "file", "\udc80")
    assert list(tmp_path.iterdir()) == []
