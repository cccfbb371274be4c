"""What a collection remembers of itself: which files it wrote, so that it never takes others for its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from openviper.template.assets import RECORD_NAME, RECORD_VERSION, read_record
from openviper.utils.atomic_files import atomic_write


class Known(NamedTuple):
    """A file under its own name, as it was after the last collection.

    Attributes:
        size: In bytes.
        mtime_ns: When its source was last changed, in nanoseconds since the epoch.
        digest: The part of the SHA-256 that its hashed name has; `None` if it was never needed.
        smaller: Whether gzip makes it smaller; `None` if that was never tried.
        is_copy: Whether the collection wrote it; otherwise it lay in the destination all along.
        references: Names of the files that it seems to refer to; `None` if nobody has looked.
    """

    size: int
    mtime_ns: int
    digest: str | None = None
    smaller: bool | None = None
    is_copy: bool = True
    references: tuple[str, ...] | None = None


@dataclass
class Record:
    """The memory of a destination.

    Attributes:
        files: The files of the last collection, by name.
        extra: Size and time of everything else that a collection wrote: hashed names, ``.gz`` files, and files whose
            source has gone since.
        hashed: The hashed name of each file that has one.
        is_stored: Whether it was read from a destination that was collected into.
    """

    files: dict[str, Known] = field(default_factory=dict)
    extra: dict[str, tuple[int, int]] = field(default_factory=dict)
    hashed: dict[str, str] = field(default_factory=dict)
    is_stored: bool = field(default=False, compare=False)

    def owns(self, name: str, stat: tuple[int, int]) -> bool:
        """Return whether a collection wrote this file and nobody has changed it since; `stat` is size and time."""
        known = self.files.get(name)
        if known is not None:
            return known.is_copy and stat == known[:2]
        return self.extra.get(name) == stat or name == RECORD_NAME

    def encode(self) -> bytes:
        """Return the record as it is stored."""
        files = {name: list(known) for name, known in sorted(self.files.items())}
        document = {
            "version": RECORD_VERSION,
            "hashed": dict(sorted(self.hashed.items())),
            "files": files,
            "extra": dict(sorted(self.extra.items())),
        }
        return json.dumps(document, separators=(",", ":")).encode()

    def write(self, directory: Path) -> None:
        """Store the record in a destination, in one step."""
        with atomic_write(directory / RECORD_NAME, mode=0o644) as file:
            file.write(self.encode())


def load_record(directory: Path) -> Record:
    """Return the record of a destination; an empty one if there is none or somebody has damaged it."""
    document = read_record(directory)
    try:
        return _decode(document)
    except (KeyError, TypeError, ValueError, AttributeError):
        return Record()


def _decode(document: Mapping[str, Any]) -> Record:
    if not document:
        return Record()
    is_current = document["version"] == RECORD_VERSION
    files = {str(name): _known(values, is_current) for name, values in document["files"].items()}
    extra = {
        str(name): (int(size), int(mtime)) for name, (size, mtime) in document["extra"].items()
    }
    hashed = {str(name): str(other) for name, other in document["hashed"].items()}
    return Record(files, extra, hashed if is_current else {}, is_stored=True)


def _known(values: Sequence[Any], is_current: bool) -> Known:
    known = Known(*values)
    if (
        not is_current
    ):  # Earlier versions did not rewrite references, so their hashes mean something else.
        return known._replace(digest=None, references=None)
    if known.references is None:
        return known
    return known._replace(references=tuple(str(name) for name in known.references))
