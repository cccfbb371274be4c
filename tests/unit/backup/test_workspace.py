"""Private work directories, partial files, and what dead runs left."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from openviper.backup.workspace import Workspace, partial_path, publish, remove_leftovers

DIE_WITH_A_PARTIAL = """
import os, sys
from pathlib import Path
from openviper.backup.workspace import Workspace
parent = Path(sys.argv[1])
workspace = Workspace(parent).__enter__()
(workspace.path / "copy").write_bytes(b"x")
path, file = workspace.open_partial(parent / "a.tar.gz")
file.write(b"half")
file.flush()
os.kill(os.getpid(), 9)
"""


def leave_a_dead_run(parent: Path) -> None:
    done = subprocess.run([sys.executable, "-c", DIE_WITH_A_PARTIAL, str(parent)])
    assert done.returncode == -9
    assert sorted(path.name[:15] for path in parent.iterdir()) == [
        ".a.tar.gz.parti",
        ".openviper-work",
    ]


def test_a_workspace_is_private_and_vanishes(tmp_path: Path) -> None:
    with Workspace(tmp_path) as workspace:
        assert workspace.path.parent == tmp_path
        assert workspace.path.stat().st_mode & 0o777 == 0o700
        (workspace.path / "copy").touch()
    assert not list(tmp_path.iterdir())


def test_an_unpublished_partial_vanishes_too_and_is_private(tmp_path: Path) -> None:
    final = tmp_path / "a.tar.gz"
    with pytest.raises(KeyboardInterrupt), Workspace(tmp_path) as workspace:
        path, _ = workspace.open_partial(final)
        assert path == partial_path(final) == tmp_path / ".a.tar.gz.partial"
        assert path.stat().st_mode & 0o777 == 0o600
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_two_runs_cannot_write_the_same_result(tmp_path: Path) -> None:
    with Workspace(tmp_path) as one, Workspace(tmp_path) as other:
        path, _ = one.open_partial(tmp_path / "a")
        with pytest.raises(FileExistsError):
            other.open_partial(tmp_path / "a")
        assert path.exists()


def test_the_leftovers_of_a_dead_run_are_cleared_by_the_next(tmp_path: Path) -> None:
    leave_a_dead_run(tmp_path)
    with Workspace(tmp_path) as workspace:
        assert list(tmp_path.iterdir()) == [workspace.path]


def test_a_live_run_is_left_alone(tmp_path: Path) -> None:
    with Workspace(tmp_path) as workspace:
        path, _ = workspace.open_partial(tmp_path / "a")
        remove_leftovers(tmp_path)
        assert workspace.path.exists() and path.exists()


def test_a_live_partial_survives_the_clearing_of_a_dead_run_that_had_its_name(
    tmp_path: Path,
) -> None:
    leave_a_dead_run(tmp_path)
    (record,) = tmp_path.glob(".openviper-work-*/record")
    with Workspace(tmp_path) as workspace:
        path, _ = workspace.open_partial(tmp_path / "a.tar.gz")
        dead = tmp_path / ".openviper-work-dead"
        dead.mkdir()
        (dead / "record").write_text(path.name + "\n")
        remove_leftovers(tmp_path)
        assert path.exists() and not dead.exists()
    assert not record.exists()


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".foreign.tar.gz.partial").touch()
    (tmp_path / "kept").touch()
    (tmp_path / ".openviper-work-file").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".openviper-work-link").symlink_to(tmp_path / "elsewhere")
    dead = tmp_path / ".openviper-work-dead"
    dead.mkdir()
    (dead / "record").write_text("kept\n../kept\n.missing.partial\n")
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".foreign.tar.gz.partial",
        ".openviper-work-file",
        ".openviper-work-link",
        "elsewhere",
        "kept",
    ]


def test_files_of_another_user_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_a_dead_run(tmp_path)
    uid = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: uid + 1)
    remove_leftovers(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_dead_partial_nobody_lists_any_more_does_not_block_its_name(tmp_path: Path) -> None:
    (tmp_path / ".a.partial").write_bytes(b"half")
    with Workspace(tmp_path) as workspace:
        path, file = workspace.open_partial(tmp_path / "a")
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"new"


def test_publishing_never_replaces_a_file_unless_told_to(tmp_path: Path) -> None:
    new, final = tmp_path / "new", tmp_path / "final"
    new.write_bytes(b"new")
    final.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        publish(new, final, overwrite=False)
    assert final.read_bytes() == b"old"
    publish(new, final, overwrite=True)
    assert final.read_bytes() == b"new" and not new.exists()


def test_publishing_works_on_a_file_system_without_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(os, "link", no_links)
    new, final = tmp_path / "new", tmp_path / "final"
    new.write_bytes(b"new")
    publish(new, final, overwrite=False)
    assert final.read_bytes() == b"new" and not new.exists()
    new.write_bytes(b"newer")
    with pytest.raises(FileExistsError):
        publish(new, final, overwrite=False)
    assert final.read_bytes() == b"new"


def test_a_run_that_has_published_leaves_the_next_ones_partial_alone(tmp_path: Path) -> None:
    final = tmp_path / "a"
    with Workspace(tmp_path) as next_run:
        with Workspace(tmp_path) as first_run:
            publish(first_run.open_partial(final)[0], final, overwrite=True)
            partial, _ = next_run.open_partial(final)
        assert partial.exists() and final.exists()
