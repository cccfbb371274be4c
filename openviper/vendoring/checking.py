"""Is a tree what its manifest says? Every file is read; what changed, is missing or was added is named."""

from __future__ import annotations

import importlib.util
import marshal
import sys
from collections.abc import Iterator
from types import CodeType
from typing import NamedTuple

from openviper.vendoring.exceptions import DamagedFileError, TreeChangedError, VendorError
from openviper.vendoring.manifest import MANIFEST, Manifest, digest
from openviper.vendoring.places import CACHES, Place, manifest_of

_HEADER = 16
"""Bytes before the code in a cache file (PEP 552)."""
_LEVELS = {"1": 1, "2": 2}
"""Levels of optimization by what stands in the name of a cache file (PEP 488)."""


class Verdict(NamedTuple):
    """What came of looking at a tree.

    Attributes:
        path: The folder or archive.
        form: The form that the tree was made in.
        files: How many files the manifest names.
        manifest_sum: The SHA-256 of the manifest itself, to be compared with one that was noted elsewhere.
        changed: Files whose content is another one.
        missing: Files that are not there.
        added: Files that the manifest does not name.
        caches: Compiled files in ``__pycache__`` that are not the compiled form of the source beside them.
        unread: Compiled files of other versions of Python and of other programs, which this one cannot compare.
    """

    path: str
    form: str
    files: int
    manifest_sum: str
    changed: list[str]
    missing: list[str]
    added: list[str]
    caches: list[str]
    unread: list[str]

    @property
    def is_intact(self) -> bool:
        """Whether nothing differs."""
        return not (self.changed or self.missing or self.added or self.caches)

    def findings(self) -> Iterator[str]:
        """Yield one sentence for each difference."""
        yield from (f"changed: {name!r}" for name in self.changed)
        yield from (f"missing: {name!r}" for name in self.missing)
        yield from (f"added: {name!r}" for name in self.added)
        yield from (f"compiled from something else: {name!r}" for name in self.caches)

    def require_intact(self) -> None:
        """Raise unless nothing differs.

        Raises:
            TreeChangedError: If something does.
        """
        if not self.is_intact:
            raise TreeChangedError(self.path, list(self.findings()))


def check_tree(place: Place, *, with_caches: bool = True) -> Verdict:
    """Compare a tree with its manifest.

    Python prefers a compiled file to the source whose time and size are noted in it, whatever it was compiled from. So
    with `with_caches` the sources are compiled again and compared with the caches of this version of Python. Without it
    caches are passed over.

    Args:
        place: The tree.
        with_caches: Whether to look at the files in ``__pycache__``.

    Raises:
        VendorError: If there is no manifest, it is damaged, or a file cannot be read.
    """
    manifest, content = manifest_of(place)
    wanted = manifest.all_files()
    present = set(place.names()) - {MANIFEST}
    sources = {name: _content(place, name) for name in sorted(present & wanted.keys())}
    intact = {
        name: found
        for name, found in sources.items()
        if found is not None and digest(found) == wanted[name]
    }
    others = sorted(present - wanted.keys())
    caches = list(filter(_is_cache, others))
    ours = list(filter(_is_ours, caches)) if with_caches else []
    return Verdict(
        path=place.path,
        form=manifest.form,
        files=len(wanted),
        manifest_sum=digest(content),
        changed=sorted(sources.keys() - intact.keys()),
        missing=sorted(wanted.keys() - present),
        added=sorted(set(others) - set(caches)),
        caches=[name for name in ours if not _is_right(place, name, intact)],
        unread=sorted(set(caches) - set(ours)) if with_caches else [],
    )


def _content(place: Place, name: str) -> bytes | None:
    """Return the content of a file; `None` if it is none, or damaged, which leaves the others to be looked at."""
    try:
        return place.read(name)
    except DamagedFileError:
        return None


def _is_cache(name: str) -> bool:
    parts = name.split("/")
    return len(parts) > 1 and parts[-2] == CACHES and name.endswith(".pyc")


def _parts_of(cache: str) -> tuple[str, str]:
    """Return the name of the source that a cache file belongs to, and what says by whom and how it was compiled."""
    folder, _, file = cache.rpartition(f"{CACHES}/")
    stem, _, ending = file.partition(".")
    return f"{folder}{stem}.py", ending.removesuffix(".pyc")


def _is_ours(cache: str) -> bool:
    """Return whether this Python would read a cache file."""
    return _parts_of(cache)[1].split(".")[0] == sys.implementation.cache_tag


def _is_right(place: Place, cache: str, sources: dict[str, bytes]) -> bool:
    name, ending = _parts_of(cache)
    source = sources.get(name)
    content = _content(place, cache)
    if source is None or content is None:
        return False
    if content[:4] != importlib.util.MAGIC_NUMBER:
        return True  # Python does not read it, and makes a new one.
    level = _LEVELS.get(ending.rpartition(".opt-")[2], 0)
    try:
        code = marshal.loads(content[_HEADER:])
        again = compile(source, name, "exec", dont_inherit=True, optimize=level)
    except (ValueError, EOFError, TypeError, SyntaxError, MemoryError):
        return False
    # Where the source lay when it was compiled is no part of the comparison.
    return isinstance(code, CodeType) and code == again and _details(code) == _details(again)


def _details(code: CodeType) -> list[object]:
    """Return what the comparison of code objects passes over, of one and of all in it."""
    found: list[object] = [code.co_stacksize, code.co_qualname, code.co_cellvars, code.co_freevars]
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found += _details(constant)
    return found


def expect_manifest(verdict: Verdict, expected: str) -> None:
    """Check that the manifest is the one whose sum was noted elsewhere.

    Args:
        verdict: The tree.
        expected: The SHA-256 of the manifest; an empty text expects nothing.

    Raises:
        VendorError: If it is another one.
    """
    if expected and verdict.manifest_sum != expected.strip().lower():
        raise VendorError(
            f"{MANIFEST} in {verdict.path!r} has the sum {verdict.manifest_sum}, not {expected!r}"
        )


def manifest_sum(manifest: Manifest) -> str:
    """Return the SHA-256 of a manifest."""
    return digest(manifest.dump())
