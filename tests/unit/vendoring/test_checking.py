from __future__ import annotations

import importlib.util
import marshal
import os
import py_compile
import sys
from pathlib import Path
from types import CodeType

import pytest

from openviper.vendoring.checking import Verdict, check_tree, expect_manifest
from openviper.vendoring.exceptions import TreeChangedError, VendorError
from openviper.vendoring.places import Folder
from openviper.vendoring.writing import write_folder
from tests.unit.vendoring.trees import SOURCE, small_tree

CACHE = f"parrot/__pycache__/__init__.{sys.implementation.cache_tag}.pyc"


@pytest.fixture
def vendor(tmp_path: Path) -> Path:
    write_folder(small_tree(), tmp_path / "vendor")
    return tmp_path / "vendor"


def look(vendor: Path) -> Verdict:
    return check_tree(Folder(str(vendor)))


def test_an_untouched_tree_is_intact(vendor: Path) -> None:
    verdict = look(vendor)
    assert verdict.is_intact and verdict.files == 2
    verdict.require_intact()


def test_what_changed_is_missing_or_was_added_is_named(vendor: Path) -> None:
    (vendor / "parrot/__init__.py").write_bytes(SOURCE + b"#")
    (vendor / "__main__.py").unlink()
    (vendor / "evil.pth").touch()
    (vendor / "parrot/link").symlink_to("/etc")
    os.mkfifo(vendor / "parrot/pipe")
    verdict = look(vendor)
    assert verdict.changed == ["parrot/__init__.py"]
    assert verdict.missing == ["__main__.py"]
    assert verdict.added == ["evil.pth", "parrot/link", "parrot/pipe"]
    with pytest.raises(
        TreeChangedError, match=r"changed: 'parrot/__init__\.py', missing: '__main__\.py'"
    ):
        verdict.require_intact()


def test_a_link_in_the_place_of_a_file_counts_as_a_change(vendor: Path, tmp_path: Path) -> None:
    (tmp_path / "same.py").write_bytes(SOURCE)
    (vendor / "parrot/__init__.py").unlink()
    (vendor / "parrot/__init__.py").symlink_to(tmp_path / "same.py")
    assert look(vendor).changed == ["parrot/__init__.py"]


def test_odd_names_are_shown_in_a_way_that_can_be_printed(vendor: Path) -> None:
    (vendor / os.fsdecode(b"odd\xff\n")).touch()
    assert list(look(vendor).findings()) == ["added: 'odd\\udcff\\n'"]


def test_a_long_list_is_cut_in_the_message_and_whole_in_the_error(vendor: Path) -> None:
    for number in range(9):
        (vendor / f"extra{number}").touch()
    with pytest.raises(TreeChangedError, match="and 4 more") as caught:
        look(vendor).require_intact()
    assert len(caught.value.findings) == 9


@pytest.mark.parametrize("optimize", [0, 1, 2])
def test_what_python_has_compiled_itself_is_no_change(vendor: Path, optimize: int) -> None:
    py_compile.compile(str(vendor / "parrot/__init__.py"), optimize=optimize, doraise=True)
    assert list((vendor / "parrot/__pycache__").iterdir())
    assert look(vendor).is_intact


def test_a_cache_of_other_code_is_found_although_its_head_fits(vendor: Path) -> None:
    cache = Path(py_compile.compile(str(vendor / "parrot/__init__.py"), doraise=True) or "")
    head = cache.read_bytes()[:16]
    other = compile(SOURCE.replace(b"42", b"41"), "parrot/__init__.py", "exec")
    cache.write_bytes(head + marshal.dumps(other))
    verdict = look(vendor)
    assert verdict.caches == [CACHE]
    assert list(verdict.findings()) == [f"compiled from something else: {CACHE!r}"]
    assert check_tree(Folder(str(vendor)), with_caches=False).is_intact


def test_a_cache_whose_code_would_overrun_its_stack_is_found(vendor: Path) -> None:
    """The comparison of code objects passes over some of what makes them."""
    cache = Path(py_compile.compile(str(vendor / "parrot/__init__.py"), doraise=True) or "")
    code = compile(SOURCE, "parrot/__init__.py", "exec", dont_inherit=True)
    consts = [
        one.replace(co_stacksize=one.co_stacksize + 1) if isinstance(one, CodeType) else one
        for one in code.co_consts
    ]
    other = code.replace(co_consts=tuple(consts))
    assert other == code
    cache.write_bytes(cache.read_bytes()[:16] + marshal.dumps(other))
    assert look(vendor).caches == [CACHE]


@pytest.mark.parametrize("rest", [b"", b"\0", b"\xff" * 50, marshal.dumps("no code")])
def test_a_cache_that_holds_no_code_is_found(vendor: Path, rest: bytes) -> None:
    cache = vendor / CACHE
    cache.parent.mkdir()
    cache.write_bytes(importlib.util.MAGIC_NUMBER + bytes(12) + rest)
    assert look(vendor).caches == [CACHE]


def test_a_cache_without_a_source_is_found(vendor: Path) -> None:
    cache = vendor / f"parrot/__pycache__/gone.{sys.implementation.cache_tag}.pyc"
    cache.parent.mkdir()
    cache.touch()
    assert look(vendor).caches == [cache.relative_to(vendor).as_posix()]


def test_caches_of_other_pythons_are_counted_but_not_compared(vendor: Path) -> None:
    cache = vendor / "parrot/__pycache__/__init__.cpython-399.pyc"
    cache.parent.mkdir()
    cache.touch()
    verdict = look(vendor)
    assert verdict.is_intact and len(verdict.unread) == 1


def test_a_compiled_file_beside_its_source_is_an_addition(vendor: Path) -> None:
    (vendor / "parrot/other.pyc").touch()
    assert look(vendor).added == ["parrot/other.pyc"]


def test_the_manifest_may_be_told_apart_by_its_sum(vendor: Path) -> None:
    verdict = look(vendor)
    expect_manifest(verdict, "")
    expect_manifest(verdict, verdict.manifest_sum.upper())
    with pytest.raises(VendorError, match="has the sum"):
        expect_manifest(verdict, "0" * 64)


def test_a_folder_without_a_manifest_is_no_tree(tmp_path: Path) -> None:
    with pytest.raises(VendorError, match="there is no VENDOR.json in"):
        look(tmp_path)
