from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

from openviper.vendoring import building, own
from openviper.vendoring.building import MAIN, build_tree
from openviper.vendoring.distributions import Needed, own_package
from openviper.vendoring.exceptions import VendorError
from openviper.vendoring.manifest import MANIFEST, digest, read_manifest
from openviper.vendoring.sbom import SBOM
from openviper.vendoring.writing import archive_bytes, write_folder

ROOT = Path(__file__).resolve().parents[3]
LARGEST_TREE = 10_000_000
"""Bytes of a tree without drivers, the manual included; packages of others are 1.7 MB of it."""
LARGEST_ARCHIVE = 4_000_000
"""Bytes of the same as one file."""


def test_every_file_but_the_manifest_is_in_the_manifest() -> None:
    tree = build_tree()
    sums = read_manifest(tree[MANIFEST], "here").all_files()
    assert sums == {name: digest(content) for name, content in tree.items() if name != MANIFEST}
    assert {MAIN, SBOM} <= set(tree)


def test_the_manual_can_stay_behind_and_that_is_said() -> None:
    whole, without = build_tree(), build_tree(with_manual=False)
    left = whole.keys() - without.keys()
    assert left and all(name.startswith("openviper/documentation/content/") for name in left)
    assert "openviper/documentation/site.py" in without
    assert without.manifest.not_vendored == [own.NO_MANUAL]
    assert whole.manifest.not_vendored == []


def test_two_trees_are_equal_byte_by_byte() -> None:
    assert dict(build_tree(("redis", "postgres"))) == dict(
        build_tree(("postgres", "redis", "redis"))
    )


def test_nothing_in_a_tree_says_where_it_was_made() -> None:
    place = os.fsencode(str(ROOT))
    assert [name for name, content in build_tree().items() if place in content] == []


def test_what_cannot_be_carried_is_said() -> None:
    notes = build_tree(("postgres", "mariadb", "redis")).manifest.not_vendored
    assert any("libpq5" in note for note in notes)
    assert any("python3-cryptography" in note for note in notes)
    assert build_tree().manifest.not_vendored == []


def test_a_tree_is_small() -> None:
    tree = build_tree()
    assert sum(map(len, tree.values())) < LARGEST_TREE
    assert len(archive_bytes(tree)) < LARGEST_ARCHIVE


@pytest.mark.parametrize(
    ("row", "with_manual"), [("folder", True), ("folder, `--without-manual`", False)]
)
def test_the_manual_says_how_large_a_tree_is(row: str, with_manual: bool) -> None:
    page = (ROOT / "docs/how-to/vendor.md").read_text("utf-8")
    cells = next(line for line in page.splitlines() if line.startswith(f"| {row} |")).split("|")
    tree = build_tree(with_manual=with_manual)
    size = sum(len(content) for content in tree.values()) / 1e6
    # Whoever writes code shall not have to change the page each time.
    assert float(cells[3]) == pytest.approx(size, rel=0.08)
    assert int(cells[2].replace(",", "")) == pytest.approx(len(tree), rel=0.08)


@pytest.mark.parametrize("name", ["parrot/wing.py", "parrot/Wing.py"])
def test_two_packages_with_one_file_do_not_go_together(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not every system tells capitals from small letters."""
    mine = own_package(())
    other = mine._replace(name="parrot", files={"parrot/wing.py": b""})
    third = mine._replace(name="perch", files={name: b""})
    monkeypatch.setattr(
        building, "collect", lambda _extras, **_wishes: Needed([mine, other, third], missing=[])
    )
    with pytest.raises(
        VendorError, match=f"{name!r} of 'perch' is 'parrot/wing.py' of 'parrot' already"
    ):
        build_tree()


def test_a_wrong_epoch_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(VendorError, match="SOURCE_DATE_EPOCH is 'yesterday'"):
        build_tree()


def test_a_tree_made_from_a_tree_has_the_same_packages(tmp_path: Path) -> None:
    tree = build_tree()
    write_folder(tree, tmp_path / "vendor")
    again = tmp_path / "again"
    subprocess.run(
        [sys.executable, "-I", "-S", str(tmp_path / "vendor"), "vendor", str(again)],
        check=True,
        cwd=tmp_path,
        env={},
        capture_output=True,
    )
    present = {
        path.relative_to(again).as_posix(): path.read_bytes()
        for path in again.rglob("*")
        if path.is_file()
    }
    differing = {name for name in tree if tree[name] != present.get(name)}
    # The manifest names the compiled modules that were there to be left out.
    assert differing <= {MANIFEST}


def test_a_tree_is_a_folder_of_installed_packages(tmp_path: Path) -> None:
    write_folder(build_tree(), tmp_path / "vendor")
    found = {
        entry.metadata["Name"].lower() for entry in distributions(path=[str(tmp_path / "vendor")])
    }
    assert {"openviper", "jinja2", "uvicorn"} <= found
