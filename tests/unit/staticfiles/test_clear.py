"""Clearing a destination never deletes what was not collected."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from openviper.staticfiles import collect_static
from openviper.staticfiles.collect import carry_out
from openviper.staticfiles.collection_plan import make_plan
from openviper.staticfiles.exceptions import UnsafeDestinationError
from openviper.template.assets import RECORD_NAME
from openviper.testing import override_openviper_settings
from tests.projects import write
from tests.unit.staticfiles.test_collect import tree


def test_what_no_source_has_any_more_is_removed_with_its_companions(
    source: Path, dest: Path
) -> None:
    collect_static([source], dest, hashed=True, compress=True)
    (source / "css/site.css").unlink()
    collect_static([source], dest, hashed=True, compress=True)
    assert (dest / "css/site.css").exists()  # Without clearing everything stays.
    assert collect_static([source], dest, clear=True) == 2
    assert set(tree(dest)) == {"js/app.js", "robots.txt"}
    assert not (dest / "css").exists()


def test_foreign_files_go_too_and_are_counted_before(source: Path, dest: Path) -> None:
    collect_static([source], dest)
    write(dest, {"mine/notes.txt": "mine", "old.css": "old"})
    (dest / "link").symlink_to(source / "robots.txt")
    (dest / "empty").mkdir()
    (source / "css/site.css").unlink()
    plan = make_plan([source], dest, clear=True)
    assert plan.foreign() == ["link", "mine/notes.txt", "old.css"]
    assert plan.stale() == ["css/site.css"]
    result = carry_out(plan)
    assert result.foreign == ["link", "mine/notes.txt", "old.css"]
    assert tree(dest) == {"robots.txt": b"all", "js/app.js": b"run()"}
    assert not (dest / "mine").exists() and not (dest / "empty").exists()
    assert (source / "robots.txt").read_text() == "all"


def test_without_clearing_foreign_files_stay(source: Path, dest: Path) -> None:
    collect_static([source], dest)
    write(dest, {"mine/notes.txt": "mine"})
    assert carry_out(make_plan([source], dest)).removed == []
    assert (dest / "mine/notes.txt").exists()


def test_a_directory_that_was_never_collected_into_is_refused(source: Path, dest: Path) -> None:
    write(dest, {"mine/notes.txt": "mine"})
    with pytest.raises(UnsafeDestinationError, match="nothing was ever collected into it"):
        collect_static([source], dest, clear=True)
    assert tree(dest) == {"mine/notes.txt": b"mine"}


@pytest.mark.parametrize("record", ["", "{}", "[1]", '{"version": 9}', '{"version": 2}', "\0"])
def test_a_damaged_record_does_not_allow_it(source: Path, dest: Path, record: str) -> None:
    write(dest, {"mine/notes.txt": "mine", RECORD_NAME: record})
    with pytest.raises(UnsafeDestinationError, match="nothing was ever collected into it"):
        collect_static([source], dest, clear=True)


def test_an_empty_directory_may_be_cleared(source: Path, dest: Path) -> None:
    dest.mkdir()
    assert collect_static([source], dest, clear=True) == 3


def test_a_collected_file_that_was_edited_since_counts_as_foreign(source: Path, dest: Path) -> None:
    collect_static([source], dest)
    (dest / "js/app.js").write_text("edited by hand")
    (source / "js/app.js").unlink()
    result = carry_out(make_plan([source], dest, clear=True))
    assert result.foreign == ["js/app.js"]
    assert not (dest / "js/app.js").exists()


def test_clearing_copies_everything_again(source: Path, dest: Path) -> None:
    collect_static([source], dest)
    status = (dest / "robots.txt").stat()
    (dest / "robots.txt").write_text("ALL")  # Damaged without a trace: same size, same time.
    os.utime(dest / "robots.txt", ns=(status.st_mtime_ns, status.st_mtime_ns))
    collect_static([source], dest, clear=True)
    assert (dest / "robots.txt").read_text() == "all"


@pytest.mark.parametrize("clear", [True, False])
def test_leftovers_of_a_killed_run_are_removed(source: Path, dest: Path, clear: bool) -> None:
    collect_static([source], dest)
    write(dest, {"css/.site.css.0123abcd.partial": "half"})
    aside = dest.with_name(f".{dest.name}.0123abcd.partial")
    write(aside, {"a": "a"})
    other = dest.with_name(".other.0123abcd.partial")
    write(other, {"a": "a"})
    assert collect_static([source], dest, clear=clear) == 3
    assert not (dest / "css/.site.css.0123abcd.partial").exists()
    assert not aside.exists() and other.exists()


def test_a_symlink_is_refused(source: Path, dest: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    dest.symlink_to(tmp_path / "real")
    with pytest.raises(ValueError, match="symlink"):
        collect_static([source], dest, clear=True)


def test_a_destination_that_is_or_holds_a_source_is_refused(source: Path) -> None:
    for place in (source, source.parent):
        with pytest.raises(UnsafeDestinationError, match="the source"):
            collect_static([source], place, clear=True)
    assert (source / "robots.txt").exists()


def test_a_destination_that_holds_an_apps_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apps = write(tmp_path / "apps", {"shop_two/__init__.py": "", "shop_two/static/a.txt": "a"})
    monkeypatch.syspath_prepend(apps)
    with override_openviper_settings(INSTALLED_APPS=("shop_two",)):
        with pytest.raises(UnsafeDestinationError, match="the source"):
            collect_static([], apps / "shop_two" / "static", clear=True)


def test_working_directory_home_and_root_are_refused(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home" / "me"))
    (tmp_path / "home" / "me").mkdir(parents=True)
    for place in (Path("."), Path("/"), tmp_path / "home", tmp_path / "home" / "me"):
        with pytest.raises(UnsafeDestinationError, match="cannot clear"):
            collect_static([source], place, clear=True)


@pytest.mark.parametrize("mark", [".git/config", "viperctl.py", "pyproject.toml", "module.py"])
def test_a_directory_of_somebodys_work_is_refused(source: Path, dest: Path, mark: str) -> None:
    collect_static([source], dest)
    write(dest, {mark: "work"})
    with pytest.raises(UnsafeDestinationError, match="more than static files"):
        collect_static([source], dest, clear=True)
    assert tree(dest)[mark] == b"work"


def test_a_destination_that_does_not_exist_may_be_cleared(source: Path, dest: Path) -> None:
    assert collect_static([source], dest, clear=True) == 3
