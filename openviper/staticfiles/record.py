"""What a collection remembers of itself: which files it wrote, so that it never takes others for its own."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from openviper.template.assets import RECORD_NAME, RECORD_VERSION, read_record


class Known(NamedTuple):
    """A file under its own name, as it was after the last collection.

    Attributes:
        size: In bytes.
        mtime_ns: When its source was last changed, in nanoseconds since the epoch.
        digest: The part of its SHA-256 that its hashed name has; `None` if it was never needed.
        smaller: Whether gzip makes it smaller; `None` if that was never tried.
        is_copy: Whether the collection wrote it; otherwise it lay in the destination all along.
    """

    size: int
    mtime_ns: int
    digest: str | None = None
    smaller: bool | None = None
    is_copy: bool = True


@dataclass
class Record:
    """The memory of a destination.

    Attributes:
        files: The files of the last collection, by name.
        extra: Size and time of everything else that a collection wrote: hashed names, ``.gz`` files, and files whose
            source has gone since.
        hashed: The hashed name of each file that has one.
    """

    files: dict[str, Known] = field(default_factory=dict)
    extra: dict[str, tuple[int, int]] = field(default_factory=dict)
    hashed: dict[str, str] = field(default_factory=dict)

    def owns(self, name: str, stat: tuple[int, int]) -> bool:
        """Tell whether a collection wrote this file and nobody has changed it since; `stat` is size and time."""
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
        """Store the record in a destination, in one step.

        Nothing is flushed to disk: the files are not either, and after a power cut the next collection makes both good.
        """
        partial = directory / f".{RECORD_NAME}.{secrets.token_hex(4)}.partial"
        try:
            partial.write_bytes(self.encode())
            os.replace(partial, directory / RECORD_NAME)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


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
    files = {str(name): Known(*fields) for name, fields in document["files"].items()}
    extra = {
        str(name): (int(size), int(mtime)) for name, (size, mtime) in document["extra"].items()
    }
    return Record(
        files, extra, {str(name): str(other) for name, other in document["hashed"].items()}
    )
