"""Putting a tree into a folder or an archive: all of it or nothing, and proven before it takes its name."""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openviper.utils.atomic_files import atomic_write, naming, sync_directory
from openviper.vendoring.building import Tree
from openviper.vendoring.checking import check_tree
from openviper.vendoring.exceptions import SHOWN, VendorError
from openviper.vendoring.manifest import MANIFEST, Manifest
from openviper.vendoring.places import Folder, manifest_of, open_place
from openviper.vendoring.sbom import source_date_epoch
from openviper.vendoring.turns import turn

SHEBANG = b"#!/usr/bin/env python3\n"
PROOF_SECONDS = 120.0
"""Longest wait for the proof that a tree can be imported."""
EARLIEST = 315532800
"""The first moment that an archive can note: 1980-01-01, in seconds since 1970."""
_AT_FDCWD = -100
_EXCHANGE = 2
# Not site-packages and not the working directory: what is imported can only come from the tree or the standard library.
_PROOF = "import importlib, sys; sys.path.insert(0, sys.argv[1]); [importlib.import_module(name) for name in sys.argv[2:]]"
NEEDS_LIBRARY = frozenset({"psycopg"})
"""Modules that cannot be imported where a library of the system is missing; `own.EXTRAS` says which."""


def write_folder(tree: Tree, target: Path) -> None:
    """Write a tree into a new folder.

    Raises:
        VendorError: If the folder exists and is not empty, or the tree cannot be imported; nothing was written.
        OSError: If the place cannot be written to; nothing was left.
    """
    _require_place(target)
    with turn(target):
        _require_new(target)
        with _built(tree, target) as building:
            if target.is_dir():
                target.rmdir()
            building.rename(target)
    sync_directory(target.parent)


def _require_place(target: Path) -> None:
    """Refuse a target that has no name of its own, or no folder around it."""
    if target.name in ("", ".."):
        raise VendorError(f"{str(target)!r} has no name of its own; name a folder to put beside it")
    if not target.parent.is_dir():
        raise VendorError(f"the folder {str(target.parent)!r} does not exist")


def _refuse_link(target: Path) -> None:
    if target.is_symlink():
        raise VendorError(f"{str(target)!r} is a link; name the folder that it leads to")


def _require_new(target: Path) -> None:
    if not os.path.lexists(target):
        return
    if target.is_dir():
        _refuse_link(target)
    if not target.is_dir():
        raise VendorError(f"{str(target)!r} exists and is not a folder")
    if any(target.iterdir()):
        hint = "; --update replaces it" if (target / MANIFEST).is_file() else ""
        raise VendorError(f"{str(target)!r} exists and is not empty{hint}")


def replace_folder(tree: Tree, target: Path, *, force: bool = False) -> Manifest:
    """Put a tree in the place of an older one, in one step where the system can.

    Whoever is killed meanwhile leaves one of the two trees in place, or, where there is no such step, the old one under a
    hidden name beside it, from which the next run takes it back.

    Args:
        tree: The new tree.
        target: The folder of the old one.
        force: Replace it even if files of it have been changed by hand.

    Returns:
        The manifest of the old tree.

    Raises:
        VendorError: If the folder holds no tree, was changed by hand, or the new tree cannot be imported.
        OSError: If the place cannot be written to; the old tree is then in place.
    """
    _require_place(target)
    _refuse_link(target)
    with turn(target):
        old, _ = manifest_of(open_place(target))
        if not force:
            _require_untouched(target)
        with _built(tree, target) as building:
            if not _exchange(building, target):
                _swap(building, target)
    sync_directory(target.parent)
    return old


def _require_untouched(target: Path) -> None:
    verdict = check_tree(Folder(str(target)), with_caches=False)
    if verdict.is_intact:
        return
    changes = list(verdict.findings())
    shown = ", ".join(changes[:SHOWN])
    more = f", and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
    raise VendorError(
        f"{str(target)!r} was changed since it was made, and that would be lost: {shown}{more}; --force replaces it"
    )


def _swap(building: Path, target: Path) -> None:
    """Exchange two folders in two steps; whoever looks between them finds none."""
    aside = building.with_name(f"{building.name}.old")
    target.rename(aside)
    try:
        building.rename(target)
    except BaseException:
        aside.rename(target)
        raise
    aside.rename(building)


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two folders in one step, and return whether the system could (Linux: renameat2)."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        library = ctypes.CDLL(None, use_errno=True)
        done = library.renameat2(
            _AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second), _EXCHANGE
        )
    except (OSError, AttributeError):
        return False
    return bool(done == 0)


@contextlib.contextmanager
def _built(tree: Tree, target: Path) -> Iterator[Path]:
    """Write and prove a tree in a hidden folder beside its place; what has that name at the end is deleted."""
    building = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        with naming(target, building):
            _write_files(tree, building)
        prove(building, tree.modules)
        yield building
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _write_files(tree: Tree, building: Path) -> None:
    building.mkdir()
    for name, content in tree.items():
        path = building / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def prove(place: Path, modules: tuple[str, ...]) -> None:
    """Import modules from a tree in an interpreter that sees nothing else.

    Raises:
        VendorError: If one cannot be imported, or there can be no second process.
    """
    wanted = [module for module in modules if module not in NEEDS_LIBRARY]
    # -B: the proof leaves no compiled files in the tree. -S: no site-packages.
    command = [sys.executable, "-I", "-S", "-B", "-c", _PROOF, str(place.absolute()), *wanted]
    try:
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PROOF_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise VendorError(f"cannot prove that the tree works: {error}") from error
    if result.returncode:
        last = result.stderr.strip().rpartition("\n")[2]
        raise VendorError(f"the tree would not work on its own: {last}")


def archive_bytes(tree: Tree) -> bytes:
    """Return a tree as an executable archive that can also stand on the path; equal trees give equal bytes.

    Raises:
        VendorError: If `SOURCE_DATE_EPOCH` is not a date.
    """
    return SHEBANG + zip_bytes(tree, before=len(SHEBANG))


def zip_bytes(files: Mapping[str, bytes], *, before: int = 0) -> bytes:
    """Return files as a zip archive, with nothing in it that says when or where it was made.

    Args:
        files: The files by name.
        before: How many bytes will stand before the archive, which its addresses count.

    Raises:
        VendorError: If `SOURCE_DATE_EPOCH`, which gives the time of the files, is not a date.
    """
    try:
        moment = max(source_date_epoch() or 0, EARLIEST)
    except ValueError as error:
        raise VendorError(str(error)) from error
    buffer = BytesIO()
    buffer.write(bytes(before))
    with ZipFile(buffer, "a", ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in sorted(files.items()):
            info = ZipInfo(name, time.gmtime(moment)[:6])
            info.compress_type = ZIP_DEFLATED
            info.create_system = 3  # Unix, wherever it is made.
            info.external_attr = 0o100644 << 16
            archive.writestr(info, content)
    return buffer.getvalue()[before:]


def write_archive(tree: Tree, target: Path, *, replace: bool = False) -> None:
    """Write a tree as one executable file.

    Args:
        tree: The tree.
        target: The file.
        replace: Whether an older archive of this name may be replaced.

    Raises:
        VendorError: If the file exists and may not be replaced, or the tree cannot be imported; nothing was written.
        OSError: If it cannot be written; an older file is then as it was.
    """
    if target.is_dir():
        raise VendorError(f"{str(target)!r} is a folder")
    _require_place(target)
    content = archive_bytes(tree)
    with turn(target):
        if os.path.lexists(target) and not replace:
            raise VendorError(f"{str(target)!r} exists; --update replaces it")
        _put_archive(content, tree.modules, target)


def _put_archive(content: bytes, modules: tuple[str, ...], target: Path) -> None:
    proof = target.with_name(f".{target.name}.{secrets.token_hex(4)}.proof.pyz")
    try:
        with naming(target, proof):
            proof.write_bytes(content)
        prove(proof, modules)
    finally:
        proof.unlink(missing_ok=True)
    umask = os.umask(0)
    os.umask(umask)
    with atomic_write(target, mode=0o777 & ~umask) as file:
        file.write(content)
