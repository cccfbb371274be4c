"""Accidents while static files are collected: killed, a full disk, a second collector, another owner."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from openviper.staticfiles import collect_static
from openviper.staticfiles.collection_lock import only_collection
from openviper.template.assets import RECORD_NAME
from tests.projects import write
from tests.unit.staticfiles.test_collect import tree

SLOW = """
import os, sys
from openviper.conf import Settings, settings
settings.configure(Settings(INSTALLED_APPS=()))
from openviper.staticfiles import collect_static, collection_run
copy, count = collection_run.copy_file, 0
def slow(*args):
    global count
    count += 1
    copy(*args)
    if count == 5:
        print("begun", flush=True)
        sys.stdin.readline()
collection_run.copy_file = slow
print(collect_static([sys.argv[1]], sys.argv[2], hashed=True), flush=True)
"""
LIMITED = """
import resource, signal, sys
from openviper.conf import Settings, settings
settings.configure(Settings(INSTALLED_APPS=()))
from openviper.staticfiles import collect_static
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    collect_static([sys.argv[1]], sys.argv[2])
except OSError as error:
    print("refused", error.errno)
"""


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """Return a source and a destination that was collected into once."""
    source = write(tmp_path / "source", {f"f{number}.css": f"old {number}" for number in range(20)})
    dest = tmp_path / "collected"
    collect_static([source], dest, hashed=True)
    return source, dest


def start(source: Path, dest: Path) -> subprocess.Popen[str]:
    """Start a collection that stops in the middle until it is told to go on."""
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, source, dest], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    return process


@pytest.mark.parametrize("is_new", [True, False])
def test_a_killed_collection_changes_nothing_and_the_next_one_cleans_up(
    places: tuple[Path, Path], is_new: bool, tmp_path: Path
) -> None:
    source, dest = places
    if is_new:
        dest = tmp_path / "new"
    write(source, {f"f{number}.css": f"new {number}" for number in range(20)})
    before = tree(dest) if dest.exists() else {}
    process = start(source, dest)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    left = {name: text for name, text in tree(dest).items() if not name.endswith(".partial")}
    assert left == before
    assert collect_static([source], dest, hashed=True) == 20
    assert not [path for path in tmp_path.rglob("*.partial")]
    assert (dest / "f3.css").read_text() == "new 3"


def test_a_second_collector_waits_for_the_first(places: tuple[Path, Path]) -> None:
    source, dest = places
    write(source, {f"f{number}.css": f"new {number}" for number in range(20)})
    first = start(source, dest)
    waited: list[bool] = []

    def wait() -> None:
        waited.append(True)
        assert first.stdin is not None
        first.stdin.write("go on\n")
        first.stdin.flush()

    with only_collection(dest, wait) as is_alone:
        assert is_alone and waited == [True]
        # The first has given every name by now.
        assert (dest / "f19.css").read_text() == "new 19"
    assert first.communicate()[0] == "20\n"


def test_the_right_ends_with_the_process(places: tuple[Path, Path]) -> None:
    source, dest = places
    write(source, {f"f{number}.css": f"new {number}" for number in range(20)})
    first = start(source, dest)
    first.kill()
    first.communicate()
    with only_collection(dest, lambda: pytest.fail("nobody holds it")):
        pass


def test_a_disk_that_is_full_leaves_the_destination_as_it_was(places: tuple[Path, Path]) -> None:
    source, dest = places
    write(source, {"f1.css": "new", "zz.bin": "x" * 200_000})
    before = tree(dest)
    record = (dest / RECORD_NAME).read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, source, dest], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("refused"), done.stderr
    assert tree(dest) == before and (dest / RECORD_NAME).read_bytes() == record
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_a_folder_that_becomes_a_link_leads_nowhere(
    places: tuple[Path, Path], tmp_path: Path
) -> None:
    source, dest = places
    outside = tmp_path / "outside"
    outside.mkdir()
    write(source, {"deep/a.css": "a"})
    (dest / "deep").symlink_to(outside)
    collect_static([source], dest)
    assert os.listdir(outside) == []
    collect_static([source], dest, clear=True)
    assert os.listdir(outside) == [] and outside.exists()
    assert not (dest / "deep").is_symlink()


def test_a_forged_record_does_not_lead_out_of_the_destination(
    places: tuple[Path, Path], tmp_path: Path
) -> None:
    source, dest = places
    victim = write(tmp_path / "victim", {"a.txt": "mine"}) / "a.txt"
    status = victim.stat()
    known = [status.st_size, status.st_mtime_ns]
    names = {"../victim/a.txt": known, str(victim): known}
    text = '{"version": 2, "files": {}, "hashed": {}, "extra": %s}'
    import json

    (dest / RECORD_NAME).write_text(text % json.dumps(names))
    collect_static([source], dest, clear=True)
    assert victim.read_text() == "mine"
