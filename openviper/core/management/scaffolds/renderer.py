"""Rendering the template files, and writing a tree of them so that it appears as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import NamedTuple

from openviper.core.management.scaffolds.names import ScaffoldError
from openviper.utils.atomic_files import naming

HARMLESS = frozenset({"README", "LICENSE", "LICENCE", "COPYING"})
"""What may lie in a directory that a project is put into, whatever the extension."""


class GeneratedFile(NamedTuple):
    """One file of a generated tree.

    Attributes:
        path: Path below the tree's root; may hold the same ``$`` names as a template.
        template: Path below ``templates/``, or `None` for an empty file.
        mode: Permission bits, before the umask.
    """

    path: str
    template: str | None = None
    mode: int = 0o666


def render(template: str, values: Mapping[str, str]) -> str:
    """Return the text of a template with its ``$`` names filled in."""
    source = files("openviper.core.management.scaffolds").joinpath(
        "templates", *template.split("/")
    )
    return Template(source.read_text(encoding="utf-8")).substitute(values)


def write_tree(target: Path, tree: Sequence[GeneratedFile], values: Mapping[str, str]) -> None:
    """Create the directory `target` with all files of a tree, or nothing.

    The tree is built in a hidden directory beside the target and renamed into place.

    Raises:
        ScaffoldError: If the target exists, even as a broken link, or its parent is not a directory.
        OSError: If the parent is not writable or full.
    """
    require_directory(target.parent)
    require_absent(target)
    with _built(target.parent, target, tree, values) as building:
        require_absent(target)
        building.rename(target)


def fill_directory(target: Path, tree: Sequence[GeneratedFile], values: Mapping[str, str]) -> None:
    """Put all files of a tree into an existing directory that holds no work yet, or nothing.

    Hidden files and folders, such as ``.git``, a readme and a licence may be there.

    Raises:
        ScaffoldError: If anything else is there, or something that the tree brings too.
        OSError: If the directory is not writable or full.
    """
    require_directory(target)
    _require_empty(target)
    with _built(target, target, tree, values) as building:
        names = sorted(path.name for path in building.iterdir())
        for name in names:
            require_absent(target / name)
        moved: list[Path] = []
        try:
            for name in names:
                (building / name).rename(target / name)
                moved.append(target / name)
        except BaseException:
            for path in moved:
                path.rename(building / path.name)
            raise


def _require_empty(directory: Path) -> None:
    for path in sorted(directory.iterdir()):
        is_harmless = path.name.startswith(".") or path.stem.upper() in HARMLESS
        if not is_harmless:
            raise ScaffoldError(
                f"directory {str(directory)!r} already exists and is not empty: it holds {path.name!r}"
            )


@contextlib.contextmanager
def _built(
    place: Path, target: Path, tree: Sequence[GeneratedFile], values: Mapping[str, str]
) -> Iterator[Path]:
    """Build a tree in a hidden directory in `place`, which is gone afterwards unless it was renamed."""
    building = place / f".openviper.{secrets.token_hex(4)}.partial"
    try:
        with naming(target, building):
            building.mkdir()
            for item in tree:
                path = building / Template(item.path).substitute(values)
                path.parent.mkdir(parents=True, exist_ok=True)
                text = "" if item.template is None else render(item.template, values)
                write_file(path, text, mode=item.mode)
        yield building
    finally:
        shutil.rmtree(building, ignore_errors=True)


def write_file(path: Path, text: str, *, mode: int = 0o666) -> None:
    """Write a new file with the permission bits it is to keep.

    Raises:
        OSError: If the file exists, or cannot be written; then it is not left half.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with naming(path), os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def require_directory(path: Path) -> None:
    """Check that a directory exists.

    Raises:
        ScaffoldError: If it does not, or is something else.
    """
    if not path.is_dir():
        raise ScaffoldError(f"directory {str(path)!r} does not exist")


def require_absent(path: Path) -> None:
    """Check that nothing bears a name yet.

    Raises:
        ScaffoldError: If anything does, a broken link included.
    """
    if os.path.lexists(path):
        raise ScaffoldError(f"{str(path)!r} already exists")
