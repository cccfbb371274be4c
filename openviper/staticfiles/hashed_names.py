"""The names of copies that hold a hash of their content, also of files that refer to each other.

A file that refers to others is rewritten to name their copies, so its own name depends on theirs: change a picture, and
the style sheet that shows it has a new name too. Files that refer to each other in a circle, as modules may, have the
hash of all of them together.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence

from openviper.staticfiles.exceptions import CollectError

DIGEST_LENGTH = 12
"""Hexadecimal digits of the SHA-256 in a hashed name: 48 bits tell the versions of one file apart."""


def digest_of_file(path: str) -> str:
    """Return the part of a file's SHA-256 that goes into its name."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:DIGEST_LENGTH]


def digest_of(content: bytes) -> str:
    """Return the part of the SHA-256 of some bytes that goes into a name."""
    return hashlib.sha256(content).hexdigest()[:DIGEST_LENGTH]


MAX_NAME = 255
"""Most bytes that the last part of a path has on common file systems."""
LONGEST_SUFFIX = 32
"""Most characters behind the last dot that are taken for the kind of a file."""


def hashed_name(name: str, digest: str) -> str:
    """Return the name of a file with its hash before the suffix, ``css/site.3f2a….css``; a stem that is too long is cut."""
    stem, suffix = os.path.splitext(name)
    if len(suffix) > LONGEST_SUFFIX:
        stem, suffix = name, ""
    folder, slash, last = stem.rpartition("/")
    room = MAX_NAME - len(os.fsencode(f".{digest}{suffix}.gz"))
    while len(os.fsencode(last)) > room:
        last = last[: room - len(os.fsencode(last))]
    return f"{folder}{slash}{last}.{digest}{suffix}"


def check_free(copy: str, name: str, collected: Collection[str]) -> None:
    """Check that no source has a file with the hashed name of another one.

    Args:
        copy: The hashed name.
        name: The name of the file.
        collected: The names of all files.

    Raises:
        CollectError: If one has.
    """
    if copy in collected:
        raise CollectError(
            f"a source has {copy!r}, which the copy of {name!r} with a hash in its name is called; "
            "remove it, or whatever else an earlier collection has left in that source"
        )


def circles(references: Mapping[str, Sequence[str]]) -> Iterator[list[str]]:
    """Yield the names that refer to others, those first whom others refer to; names in a circle together.

    Tarjan's algorithm, with a stack of its own as chains of imports may be long.

    Args:
        references: The names that each one refers to; those that are no keys refer to nothing.
    """
    search = _Search(references)
    for name in references:
        if name not in search.index:
            yield from search.visit(name)


class _Search:
    def __init__(self, references: Mapping[str, Sequence[str]]) -> None:
        self.references = references
        self.index: dict[str, int] = {}
        self.lowest: dict[str, int] = {}
        self.open: list[str] = []
        self.is_open: set[str] = set()

    def visit(self, start: str) -> Iterator[list[str]]:
        """Yield the circles that can be reached from a name and were not seen before."""
        work = [(start, self._enter(start))]
        while work:
            name, targets = work[-1]
            target = next(targets, None)
            if target is not None:
                self._look_at(name, target, work)
                continue
            work.pop()
            if work:
                self._lower(work[-1][0], self.lowest[name])
            if self.lowest[name] == self.index[name]:
                yield self._close(name)

    def _look_at(self, name: str, target: str, work: list[tuple[str, Iterator[str]]]) -> None:
        if target not in self.index:
            work.append((target, self._enter(target)))
        elif target in self.is_open:
            self._lower(name, self.index[target])

    def _enter(self, name: str) -> Iterator[str]:
        self.index[name] = self.lowest[name] = len(self.index)
        self.open.append(name)
        self.is_open.add(name)
        return (target for target in self.references[name] if target in self.references)

    def _lower(self, name: str, index: int) -> None:
        self.lowest[name] = min(self.lowest[name], index)

    def _close(self, name: str) -> list[str]:
        circle: list[str] = []
        while not circle or circle[-1] != name:
            circle.append(self.open.pop())
        self.is_open.difference_update(circle)
        return sorted(circle)
