"""Files are attached from allowed directories only, whatever happens meanwhile."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from openviper.core.email import allowed_files
from openviper.core.email.allowed_files import allowed_directories, read_allowed_file
from openviper.exceptions import ImproperlyConfigured
from openviper.utils.opened_files import open_below


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """Return an allowed directory with a file in a folder, and a secret beside it."""
    allowed, secret = tmp_path / "ok", tmp_path / "secret"
    (allowed / "deep").mkdir(parents=True)
    (allowed / "deep" / "a.txt").write_text("mine")
    secret.mkdir()
    (secret / "a.txt").write_text("SECRET")
    return allowed, secret


def read(path: Path, allowed: Path, most: int = 100) -> bytes:
    """Read a file from one directory."""
    return read_allowed_file(path, "shown.txt", [str(allowed)], most)


def test_a_file_below_is_read(places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    allowed, _ = places
    assert read(allowed / "deep/a.txt", allowed) == b"mine"
    monkeypatch.chdir(allowed)
    assert read(Path("deep/../deep/a.txt"), allowed) == b"mine"


def test_links_that_stay_below_are_followed_and_others_refused(places: tuple[Path, Path]) -> None:
    allowed, secret = places
    (allowed / "inner").symlink_to("deep")
    (allowed / "outer").symlink_to(secret)
    (allowed / "outer.txt").symlink_to(secret / "a.txt")
    (allowed / "loop").symlink_to("loop")
    assert read(allowed / "inner/a.txt", allowed) == b"mine"
    for name in ("outer/a.txt", "outer.txt", "../secret/a.txt"):
        with pytest.raises(ValueError, match="outside of the directories") as caught:
            read(allowed / name, allowed)
        assert "secret" not in str(caught.value)
    with pytest.raises(ValueError, match="go round in a circle"):
        read(allowed / "loop", allowed)


def test_an_allowed_directory_may_itself_be_a_link(
    places: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(places[0])
    assert read(tmp_path / "link/deep/a.txt", tmp_path / "link") == b"mine"


@pytest.mark.parametrize("part", ["folder", "file"])
def test_a_link_that_comes_between_looking_and_opening_leads_nowhere(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    allowed, secret = places

    def swap(directory: str, name: str) -> int:
        if part == "folder":
            (allowed / "deep").rename(allowed / "old")
            (allowed / "deep").symlink_to(secret)
        else:
            (allowed / "deep/a.txt").unlink()
            (allowed / "deep/a.txt").symlink_to(secret / "a.txt")
        return open_below(directory, name)

    monkeypatch.setattr(allowed_files, "open_below", swap)
    with pytest.raises(ValueError, match="outside of the directories"):
        read(allowed / "deep/a.txt", allowed)


def test_only_regular_files_that_fit_are_read(places: tuple[Path, Path]) -> None:
    allowed, _ = places
    os.mkfifo(allowed / "pipe")
    for name in ("pipe", "deep"):
        with pytest.raises(ValueError, match="not a regular file"):
            read(allowed / name, allowed)
    with pytest.raises(ValueError, match="larger than the 3 bytes"):
        read(allowed / "deep/a.txt", allowed, 3)
    assert read(allowed / "deep/a.txt", allowed, 4) == b"mine"
    with pytest.raises(ValueError, match="outside"):
        read(allowed, allowed)


def test_a_missing_file_is_told_apart_only_where_it_may_be_known(places: tuple[Path, Path]) -> None:
    allowed, secret = places
    with pytest.raises(FileNotFoundError, match="shown.txt"):
        read(allowed / "no.txt", allowed)
    for path in (secret / "no.txt", secret / "a.txt", Path("/etc/passwd"), Path("/nowhere/at/all")):
        with pytest.raises(ValueError, match="outside of the directories"):
            read(path, allowed)


@pytest.mark.parametrize("name", ["", "/", "a/", "../a", "a/../b", "./a", "a//b", ".", ".."])
def test_names_with_another_reading_are_not_opened(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not the path of a file"):
        open_below(tmp_path, name)


@pytest.mark.parametrize("given", ["/srv/invoices", "", None, [""], ["/srv", None], [5]])
def test_what_is_no_list_of_directories_opens_nothing(given: object) -> None:
    # The letters of a text are `/` and the working directory's entries; an empty name is the working directory itself.
    with pytest.raises(ImproperlyConfigured, match="ATTACHMENT_ALLOWED_DIRS"):
        allowed_directories(given)


def test_relative_directories_and_files_lie_in_the_project(
    places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.argv", [str(tmp_path / "viperctl.py")])
    monkeypatch.chdir("/")
    (directory,) = allowed_directories(("ok",))
    assert directory == str(tmp_path / "ok")
    assert read(Path("ok/deep/a.txt"), Path(directory)) == b"mine"
