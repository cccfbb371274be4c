"""`vendor` and `verify`, run as a person runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from openviper.core.management.base import UsageError
from openviper.core.management.commands import vendor as vendor_module
from openviper.core.management.commands.vendor import Command as Vendor
from openviper.core.management.commands.verify import Command as Verify
from openviper.vendoring.building import Tree
from openviper.vendoring.exceptions import TreeChangedError, VendorError
from openviper.vendoring.manifest import MANIFEST, digest
from openviper.vendoring.places import manifest_of, open_place
from openviper.vendoring.writing import write_archive, write_folder
from tests.unit.core.management.speaking import Said, said, terminal
from tests.unit.vendoring.trees import small_tree

NOTHING = {
    "directory": None,
    "extras": "",
    "pyz": None,
    "without_manual": False,
    "compact": None,
    "check": False,
    "update": False,
    "diff": None,
    "force": False,
    "json": False,
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty directory, with a small tree in place of what is installed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(vendor_module, "build_tree", lambda _extras, **_wishes: small_tree())
    return tmp_path


def vendor(**options: object) -> Said:
    where = terminal()
    return said(where, Vendor(where).handle(**{**NOTHING, **options}))


def verify(place: str | None = None, manifest_sha256: str = "", *, as_json: bool = False) -> Said:
    where = terminal()
    Verify(where).handle(place=place, manifest_sha256=manifest_sha256, json=as_json)
    return said(where, 0)


def test_a_folder_is_made_and_described(here: Path) -> None:
    printed = vendor().out
    assert "vendor: 1 packages, 3 files" in printed
    assert "parrot 1.0  MIT" in printed
    assert "SHA-256 of VENDOR.json: " in printed
    assert (here / "vendor/parrot/__init__.py").is_file()


@pytest.mark.parametrize("option", ["directory", "pyz", "diff"])
def test_an_empty_name_is_not_taken_for_none(here: Path, option: str) -> None:
    with pytest.raises(UsageError, match="is an empty text"):
        vendor(**{option: ""})
    assert list(here.iterdir()) == []


def test_an_archive_alone_is_made_without_a_folder(here: Path) -> None:
    assert "one.pyz (" in vendor(pyz="one.pyz").out
    assert [path.name for path in here.iterdir()] == ["one.pyz"]


def test_both_are_made_when_both_are_named(here: Path) -> None:
    vendor(pyz="one.pyz", directory="lib")
    assert sorted(path.name for path in here.iterdir()) == ["lib", "one.pyz"]


def test_what_cannot_be_vendored_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[list[str], bool]] = []

    def build(extras: list[str], *, with_manual: bool, form: str) -> object:
        asked.append((extras, with_manual))
        tree = small_tree()
        object.__setattr__(tree.manifest, "not_vendored", ["libpq5 is a library"])
        return tree

    monkeypatch.setattr(vendor_module, "build_tree", build)
    assert "libpq5 is a library" in vendor(extras=" postgres, redis,").err
    vendor(directory="lean", without_manual=True)
    assert asked == [(["postgres", "redis"], True), ([], False)]


@pytest.fixture
def in_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make small trees of the form that is asked for, of which the compact one says what it was made from."""

    def build(_extras: object, *, with_manual: bool, form: str) -> Tree:
        tree = small_tree()
        object.__setattr__(tree.manifest, "form", form)
        (package,) = tree.manifest.packages
        if form == "compact":
            ((name, value),) = package.files.items()
            tree[name] = b"ANSWER=42\n"
            object.__setattr__(package, "files", {name: digest(tree[name])})
            object.__setattr__(package, "origins", {name: value})
        tree[MANIFEST] = tree.manifest.dump()
        return tree

    monkeypatch.setattr(vendor_module, "build_tree", build)


def form_of(place: str) -> str:
    return manifest_of(open_place(place))[0].form


@pytest.mark.usefixtures("in_forms")
def test_a_tree_keeps_its_form_when_it_is_brought_up_to_date() -> None:
    assert (
        "vendor (compact): 1 packages"
        in vendor(compact=True, pyz="one.pyz", directory="vendor").out
    )
    vendor(directory="lib")
    vendor(update=True, pyz="one.pyz", directory="vendor")
    vendor(update=True, pyz="one.pyz", directory="lib")
    assert [form_of(place) for place in ("vendor", "one.pyz", "lib")] == [
        "compact",
        "compact",
        "full",
    ]


@pytest.mark.usefixtures("in_forms")
def test_a_tree_changes_its_form_when_that_is_said() -> None:
    vendor(compact=True)
    said_so = vendor(update=True, compact=False).out
    assert "form: compact -> full\nNothing else differs.\n" in said_so
    assert form_of("vendor") == "full"


@pytest.mark.usefixtures("in_forms")
def test_trees_of_two_forms_are_compared_by_what_they_were_made_from() -> None:
    vendor(directory="lib")
    vendor(compact=True)
    outcome = vendor(diff="lib")
    assert outcome == ("form: compact -> full\nNothing else differs.\n", "", 0)
    assert json.loads(vendor(diff="lib", json=True).out)["forms"] == ["compact", "full"]


@pytest.mark.usefixtures("in_forms")
def test_the_form_is_told_where_a_tree_is_checked() -> None:
    vendor(compact=True)
    assert "vendor (compact): all 2 files" in vendor(check=True).out
    assert json.loads(vendor(check=True, json=True).out)["form"] == "compact"


@pytest.mark.usefixtures("in_forms")
def test_a_tree_that_a_killed_writer_moved_aside_keeps_its_form(here: Path) -> None:
    vendor(compact=True)
    (here / "vendor").rename(here / ".vendor.0123abcd.partial.old")
    vendor(update=True)
    assert form_of("vendor") == "compact"


def test_what_only_looks_leaves_nothing_out() -> None:
    with pytest.raises(UsageError, match="--without-manual makes something"):
        vendor(check=True, without_manual=True)


def test_an_update_shows_what_is_new(monkeypatch: pytest.MonkeyPatch) -> None:
    vendor(pyz="one.pyz", directory="vendor")
    monkeypatch.setattr(
        vendor_module, "build_tree", lambda _extras, **_wishes: small_tree("1.1", b"x = 2\n")
    )
    printed = vendor(update=True).out
    assert "parrot 1.0 -> 1.1\n0 files added, 0 removed, 1 changed" in printed
    assert "parrot 1.0 -> 1.1" in vendor(update=True, pyz="one.pyz").out
    assert "Nothing differs." in vendor(update=True).out


def test_an_update_of_an_archive_that_is_not_there_makes_it(here: Path) -> None:
    vendor(update=True, pyz="one.pyz")
    assert (here / "one.pyz").is_file()


def test_a_file_that_is_no_archive_of_ours_is_not_replaced(here: Path) -> None:
    (here / "work.txt").write_text("important")
    with pytest.raises(VendorError, match="neither a folder nor an archive"):
        vendor(update=True, pyz="work.txt")
    assert (here / "work.txt").read_text() == "important"


def test_a_check_tells_every_difference_and_fails(here: Path) -> None:
    vendor()
    assert "all 2 files are as they were made" in vendor(check=True).out
    (here / "vendor/extra.py").touch()
    where = terminal()
    with pytest.raises(TreeChangedError):
        Vendor(where).handle(**{**NOTHING, "check": True})
    assert said(where, 0).out == "added: 'extra.py'\n"


def test_a_difference_is_told_by_the_exit_code_too() -> None:
    write_folder(small_tree(), Path("vendor"))
    write_archive(small_tree("2.0", perch=b""), Path("new.pyz"))
    outcome = vendor(diff="new.pyz")
    assert (
        outcome.out == "parrot 1.0 -> 2.0\nperch 2.0 added\n1 files added, 0 removed, 0 changed\n"
    )
    assert outcome.result == 1
    assert vendor(diff="vendor") == ("Nothing differs.\n", "", 0)


def test_outcomes_can_be_had_as_json(here: Path) -> None:
    write_folder(small_tree(), Path("vendor"))
    write_folder(small_tree("2.0"), Path("other"))
    assert json.loads(vendor(diff="other", json=True).out)["packages"] == ["parrot 1.0 -> 2.0"]
    assert json.loads(vendor(check=True, json=True).out)["intact"] is True
    (here / "vendor/extra.py").touch()
    where = terminal()
    with pytest.raises(TreeChangedError):
        Verify(where).handle(place="vendor", manifest_sha256="", json=True)
    assert json.loads(said(where, 0).out)["added"] == ["extra.py"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"check": True, "pyz": "x"}, "--pyz makes something"),
        ({"diff": "x", "extras": "redis"}, "--extras makes something"),
        ({"check": True, "compact": False}, "--compact makes something"),
        ({"force": True}, "--force goes with --update"),
        ({"json": True}, "--json goes with --check or --diff"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        vendor(**options)


def test_verify_looks_at_vendor_unless_it_runs_from_a_tree_itself() -> None:
    write_folder(small_tree(), Path("vendor"))
    assert "vendor: all 2 files" in verify().out


def test_verify_compares_the_manifest_with_a_noted_sum() -> None:
    write_archive(small_tree(), Path("one.pyz"))
    noted = verify("one.pyz").out.strip().rpartition(" ")[2]
    verify("one.pyz", noted)
    with pytest.raises(VendorError, match="has the sum"):
        verify("one.pyz", "0" * 64)


def test_verify_counts_compiled_files_that_it_cannot_compare(here: Path) -> None:
    write_folder(small_tree(), Path("vendor"))
    (here / "vendor/parrot/__pycache__").mkdir()
    (here / "vendor/parrot/__pycache__/__init__.cpython-399.pyc").touch()
    assert "1 compiled files are of another Python" in verify().err


def test_verify_without_a_tree_says_so() -> None:
    with pytest.raises(VendorError, match="there is no folder or archive 'vendor'"):
        verify()
