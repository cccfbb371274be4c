"""Collecting static files."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import stat
from pathlib import Path

import pytest

from openviper.staticfiles import collect_static, collection_run
from openviper.staticfiles.collect import carry_out
from openviper.staticfiles.collection_plan import make_plan
from openviper.staticfiles.copying import copy_file
from openviper.staticfiles.exceptions import CollectError
from openviper.template.assets import RECORD_NAME
from openviper.testing import override_openviper_settings
from tests.projects import write


def tree(directory: Path) -> dict[str, bytes]:
    """Return every file but the record, by name."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.name != RECORD_NAME
    }


def test_every_file_is_copied_with_permissions_and_time(source: Path, dest: Path) -> None:
    (source / "js/app.js").chmod(0o640)
    os.utime(source / "js/app.js", ns=(1, 1_600_000_000_123_456_789))
    assert collect_static([source], dest) == 3
    assert tree(dest) == tree(source)
    status = (dest / "js/app.js").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime_ns) == (0o640, 1_600_000_000_123_456_789)


def test_a_large_file_arrives_whole(source: Path, dest: Path) -> None:
    (source / "film.mp4").write_bytes(content := os.urandom(3_000_001))
    collect_static([source], dest)
    assert (dest / "film.mp4").read_bytes() == content


def test_a_large_file_arrives_whole_where_the_kernel_cannot_copy(
    source: Path, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> int:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "copy_file_range", refuse, raising=False)
    (source / "film.mp4").write_bytes(content := os.urandom(3_000_001))
    collect_static([source], dest)
    assert (dest / "film.mp4").read_bytes() == content


def test_an_unchanged_file_is_not_even_read(source: Path, dest: Path) -> None:
    collect_static([source], dest)
    before = (dest / "robots.txt").stat().st_ino
    (source / "robots.txt").chmod(
        0
    )  # Root reads it all the same; the inode shows that nobody wrote.
    assert carry_out(make_plan([source], dest)).copied == []
    assert (dest / "robots.txt").stat().st_ino == before


def test_a_changed_file_is_replaced_by_a_new_one(source: Path, dest: Path) -> None:
    collect_static([source], dest)
    with (dest / "robots.txt").open("rb") as reader:
        (source / "robots.txt").write_text("none of it")
        assert collect_static([source], dest) == 3
        assert reader.read() == b"all"  # Whoever is sending the old one sends all of it.
    assert (dest / "robots.txt").read_text() == "none of it"


def test_the_first_source_wins_and_the_file_counts_once(
    source: Path, dest: Path, tmp_path: Path
) -> None:
    other = write(tmp_path / "other", {"robots.txt": "other", "more.txt": "more"})
    assert collect_static([source, other], dest) == 4
    assert (dest / "robots.txt").read_text() == "all"
    conflicts = make_plan([source, other], dest).conflicts
    assert conflicts == [("robots.txt", str(source / "robots.txt"), str(other / "robots.txt"))]


def test_project_directories_come_before_those_of_apps(
    source: Path, dest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(
        tmp_path / "apps",
        {"shop_one/__init__.py": "", "shop_one/static/robots.txt": "app", "shop_one/static/a": ""},
    )
    monkeypatch.syspath_prepend(tmp_path / "apps")
    with override_openviper_settings(INSTALLED_APPS=("shop_one",)):
        assert collect_static([source], dest) == 4
    assert (dest / "robots.txt").read_text() == "all"


def test_a_file_and_a_directory_of_the_same_name_are_a_conflict(dest: Path, tmp_path: Path) -> None:
    one = write(tmp_path / "one", {"x": "file", "y/z": "below"})
    two = write(tmp_path / "two", {"x/deep/file": "below", "y": "file"})
    assert collect_static([one, two], dest) == 2
    assert tree(dest) == {"x": b"file", "y/z": b"below"}
    assert [conflict.name for conflict in make_plan([one, two], dest).conflicts] == [
        "x/deep/file",
        "y",
    ]


def test_missing_sources_are_passed_over(source: Path, dest: Path, tmp_path: Path) -> None:
    assert collect_static([tmp_path / "nowhere", source], dest) == 3


def test_links_inside_the_source_are_followed_and_others_are_not(
    source: Path, dest: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    (source / "out.txt").symlink_to(tmp_path / "secret")
    (source / "in.txt").symlink_to("robots.txt")
    (source / "dangling").symlink_to("nowhere")
    (source / "styles").symlink_to("css")
    (source / "css/loop").symlink_to(source)
    plan = make_plan([source], dest)
    carry_out(plan)
    assert set(tree(dest)) == {
        "css/site.css",
        "js/app.js",
        "robots.txt",
        "in.txt",
        "styles/site.css",
    }
    assert not (dest / "in.txt").is_symlink()
    assert len(plan.warnings) == 4  # The loop is met below both names.
    assert all(text.startswith("skipped ") for text in plan.warnings)


def test_a_pipe_is_skipped_with_a_warning(source: Path, dest: Path) -> None:
    os.mkfifo(source / "pipe")
    plan = make_plan([source], dest)
    assert carry_out(plan).total == 3
    assert plan.warnings == [f"skipped {str(source / 'pipe')!r}: it is not a regular file"]


def test_a_destination_inside_a_source_is_not_collected_into_itself(source: Path) -> None:
    for _ in range(3):
        assert collect_static([source], source / "collected") == 3
    assert set(tree(source / "collected")) == {"css/site.css", "js/app.js", "robots.txt"}


def test_a_source_that_is_the_destination_contributes_in_place(
    source: Path, tmp_path: Path
) -> None:
    other = write(tmp_path / "other", {"robots.txt": "other", "more.txt": "one"})
    for _ in range(2):
        assert collect_static([source, other], source, hashed=True, compress=True) == 4
    assert (source / "robots.txt").read_text() == "all"
    (other / "more.txt").write_text("the other")
    collect_static([source, other], source)
    assert (source / "more.txt").read_text() == "the other"


def test_a_copy_that_was_edited_in_such_a_source_is_not_overwritten(
    source: Path, tmp_path: Path
) -> None:
    other = write(tmp_path / "other", {"more.txt": "one"})
    collect_static([source, other], source)
    (source / "more.txt").write_text("my own version")
    collect_static([source, other], source)
    assert (source / "more.txt").read_text() == "my own version"


def test_a_link_in_the_destination_leads_nowhere(source: Path, dest: Path, tmp_path: Path) -> None:
    dest.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (dest / "css").symlink_to(tmp_path / "elsewhere")
    (dest / "robots.txt").symlink_to(tmp_path / "target")
    plan = make_plan([source], dest)
    assert carry_out(plan).total == 2
    assert "leads out of the destination" in plan.warnings[0]
    assert os.listdir(tmp_path / "elsewhere") == []
    assert not (tmp_path / "target").exists() and (dest / "robots.txt").read_text() == "all"


@pytest.mark.parametrize(
    ("present", "problem"), [("css", "is a file"), ("robots.txt/x", "is a directory")]
)
def test_something_of_another_kind_in_the_way_is_an_error_before_anything_is_written(
    source: Path, dest: Path, present: str, problem: str
) -> None:
    write(dest, {present: "mine"})
    with pytest.raises(CollectError, match=problem):
        collect_static([source], dest)
    assert tree(dest) == {present: b"mine"}


def test_a_destination_that_is_a_file_is_an_error(source: Path, dest: Path) -> None:
    dest.write_text("mine")
    with pytest.raises(CollectError, match="is not a directory"):
        collect_static([source], dest)


@pytest.mark.parametrize("exists", [True, False])
def test_a_failed_run_leaves_the_destination_as_it_was(
    source: Path, dest: Path, exists: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if exists:
        collect_static([source], dest)
        (source / "robots.txt").write_text("changed")
        (source / "css/site.css").write_text("changed too")
        (source / "css/new/deep").mkdir(parents=True)
        (source / "css/new/deep/a.css").write_text("new")
    before = tree(dest) if exists else None

    def fail_once(path: str, *rest: object) -> None:
        if path.endswith("site.css"):
            raise OSError(28, "No space left on device")
        copy_file(path, *rest)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(collection_run, "copy_file", fail_once)
    with pytest.raises(OSError, match="No space left") as caught:
        collect_static([source], dest)
    assert caught.value.filename == str(dest)
    assert not (dest / "css/new").exists()
    assert sorted(path.name for path in dest.parent.iterdir() if "partial" in path.name) == []
    assert (tree(dest) if dest.exists() else None) == before


# Hashed names


def test_a_hashed_name_holds_the_content_and_changes_with_it(source: Path, dest: Path) -> None:
    collect_static([source], dest, hashed=True)
    digest = hashlib.sha256(b"all").hexdigest()[:12]
    assert (dest / f"robots.{digest}.txt").read_bytes() == b"all"
    (source / "robots.txt").write_text("changed")
    collect_static([source], dest, hashed=True)
    new = hashlib.sha256(b"changed").hexdigest()[:12]
    assert (dest / f"robots.{new}.txt").read_bytes() == b"changed"
    assert (
        dest / f"robots.{digest}.txt"
    ).read_bytes() == b"all"  # Pages in a browser's cache still ask for it.


def test_hashes_of_unchanged_files_are_not_computed_again(
    source: Path, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect_static([source], dest, hashed=True, compress=True)
    before = (dest / RECORD_NAME).read_bytes()
    monkeypatch.setattr(
        collection_run, "digest_of_file", lambda path: pytest.fail(f"{path} was read")
    )
    monkeypatch.setattr(
        collection_run, "compress_file", lambda path, *rest: pytest.fail(f"{path} was read")
    )
    collect_static([source], dest, hashed=True, compress=True)
    assert (dest / RECORD_NAME).read_bytes() == before


def test_a_lost_hashed_name_is_made_again(source: Path, dest: Path) -> None:
    collect_static([source], dest, hashed=True)
    names = json.loads((dest / RECORD_NAME).read_bytes())["hashed"]
    (dest / names["robots.txt"]).unlink()
    collect_static([source], dest, hashed=True)
    assert (dest / names["robots.txt"]).read_bytes() == b"all"


def test_hashed_names_may_be_asked_for_later(source: Path, dest: Path) -> None:
    collect_static([source], dest)
    collect_static([source], dest, hashed=True)
    names = json.loads((dest / RECORD_NAME).read_bytes())["hashed"]
    assert all(
        (dest / hashed).read_bytes() == (source / name).read_bytes()
        for name, hashed in names.items()
    )
    assert len(names) == 3


# Companions


def test_compressible_files_get_a_companion_that_holds_the_same(source: Path, dest: Path) -> None:
    (source / "noise.js").write_bytes(os.urandom(5000))
    collect_static([source], dest, hashed=True, compress=True)
    companion = dest / "css/site.css.gz"
    assert gzip.decompress(companion.read_bytes()) == (source / "css/site.css").read_bytes()
    assert companion.stat().st_mtime_ns == (source / "css/site.css").stat().st_mtime_ns
    found = {name for name in tree(dest) if name.endswith(".gz")}
    assert len(found) == 2 and all(
        name.startswith("css/site.") for name in found
    )  # Too small, or no smaller.


def test_a_companion_follows_its_file(source: Path, dest: Path) -> None:
    collect_static([source], dest, compress=True)
    (source / "css/site.css").write_text("p {}\n" * 1000)
    collect_static([source], dest, compress=True)
    assert gzip.decompress((dest / "css/site.css.gz").read_bytes()) == b"p {}\n" * 1000


def test_a_companion_of_a_changed_file_is_removed_when_no_new_one_is_made(
    source: Path, dest: Path
) -> None:
    collect_static([source], dest, compress=True)
    collect_static([source], dest)
    assert (dest / "css/site.css.gz").exists()
    (source / "css/site.css").write_text("p {}\n" * 1000)
    collect_static([source], dest)
    assert not (dest / "css/site.css.gz").exists()


def test_a_companion_from_a_source_is_taken_as_it_is(source: Path, dest: Path) -> None:
    (source / "css/site.css.gz").write_bytes(b"from the build")
    for _ in range(2):
        collect_static([source], dest, compress=True, hashed=True)
    assert (dest / "css/site.css.gz").read_bytes() == b"from the build"


def test_a_damaged_record_is_no_obstacle(source: Path, dest: Path) -> None:
    collect_static([source], dest, hashed=True)
    for text in ('{"version":1}', "nonsense", '{"version":1,"files":[],"extra":{},"hashed":{}}'):
        (dest / RECORD_NAME).write_text(text)
        assert collect_static([source], dest, hashed=True) == 3
        assert len(json.loads((dest / RECORD_NAME).read_bytes())["hashed"]) == 3


def test_unfinished_work_of_a_killed_run_is_not_collected(source: Path, dest: Path) -> None:
    write(
        source, {".collected.0123abcd.partial/x": "left", "css/.site.css.0123abcd.partial": "left"}
    )
    assert collect_static([source], dest) == 3


LONG = ("a" * 251 + ".css", "é" * 126 + ".js", "b" * 252, "c." + "d" * 250, "e" * 248 + ".e.css")


def test_names_as_long_as_names_can_be_are_collected_again_and_again(
    tmp_path: Path, dest: Path
) -> None:
    source = write(tmp_path / "long", {f"x/{name}": f"{name} {'x' * 3000}" for name in LONG})
    for text in ("one " * 999, "another " * 999):
        assert collect_static([source], dest, hashed=True, compress=True) == len(LONG)
        for name in LONG:
            (source / "x" / name).write_text(f"{name} {text}")
    hashed = json.loads((dest / RECORD_NAME).read_bytes())["hashed"]
    assert len(set(hashed.values())) == len(LONG)
    for name, copy in hashed.items():
        assert (dest / copy).read_bytes() == (dest / name).read_bytes()


@pytest.mark.parametrize("refers", ["", "/* url(b.png) */"])
def test_what_is_left_of_an_earlier_collection_in_a_source_is_named(
    tmp_path: Path, dest: Path, refers: str
) -> None:
    source = write(tmp_path / "first", {"a.css": f"a {{}} {refers}", "b.png": "b"})
    collect_static([source], dest, hashed=True)
    (dest / RECORD_NAME).unlink()
    for target in (tmp_path / "second", tmp_path / "third"):
        with pytest.raises(CollectError, match=r"a source has '\w+\.[0-9a-f]{12}\.\w+'"):
            collect_static([dest], target, hashed=True)
        assert not target.exists()


def test_a_companion_that_cannot_be_written_leaves_nothing(
    source: Path, dest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect_static([source], dest)
    before = tree(dest)

    def full(writer: int, content: bytes) -> None:
        os.write(writer, content[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("openviper.staticfiles.copying._write_all", full)
    with pytest.raises(OSError, match="No space left"):
        collect_static([source], dest, compress=True)
    assert tree(dest) == before
