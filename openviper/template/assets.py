"""The addresses of static files, as templates write them.

`collectstatic` leaves a record of what it wrote beside the files. It is read here, below the room that writes it, as
templates need it and must not know more.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from openviper.conf import settings
from openviper.project.directory import in_project
from openviper.utils.importing import lazy_pattern

RECORD_NAME = ".openviper-static.json"
"""The record in the destination of `collectstatic`; hidden, so that no source file is likely to be called so."""
RECORD_VERSION = 2
"""What the record is written as; version 1 is read too."""

_cached: tuple[tuple[str, int, int], dict[str, str]] | None = None


_NAME = lazy_pattern(r"[^\\\0\ud800-\udfff]+")
_NO_PARTS = frozenset({"", ".", ".."})


def _is_name(name: object) -> bool:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return False
    return _NO_PARTS.isdisjoint(name.removesuffix("/").split("/"))


def static_url(name: str) -> str:
    """Return the address of a static file; in templates this is ``{{ static("css/site.css") }}``.

    With `DEBUG` off it is that of the copy whose name holds its content's hash, if `collectstatic --hash` has made one;
    otherwise that of the file itself.

    Args:
        name: The file's path below a static directory, with ``/``.

    Raises:
        ValueError: If `name` is empty, absolute or leads outside, or no file can have it.
    """
    if not _is_name(name):
        raise ValueError(f"{name!r} is not the path of a static file below a static directory")
    if not settings.DEBUG:
        name = hashed_names(in_project(settings.STATIC_ROOT)).get(name, name)
    return f"{settings.STATIC_URL.rstrip('/')}/{quote(name)}"


def hashed_names(directory: Path) -> dict[str, str]:
    """Return the hashed name of each file in the destination of `collectstatic`; empty if there is no record.

    The record is read again when it has changed, so a server need not be restarted after a collection.
    """
    path = os.path.join(directory, RECORD_NAME)
    try:
        status = os.stat(path)
    except OSError:
        return {}
    return _names_of(directory, (os.path.abspath(path), status.st_mtime_ns, status.st_size))


def _names_of(directory: Path, seen: tuple[str, int, int]) -> dict[str, str]:
    """Return what the record says that looked like this, from memory if it was read already."""
    global _cached
    if _cached is None or _cached[0] != seen:
        _cached = (seen, _names(read_record(directory)))
    return _cached[1]


def read_record(directory: Path) -> dict[str, Any]:
    """Return the record of the last collection; empty if there is none or it cannot be understood."""
    try:
        record = json.loads((directory / RECORD_NAME).read_bytes())
    except (OSError, ValueError):
        return {}
    if not isinstance(record, dict) or record.get("version") not in (1, RECORD_VERSION):
        return {}
    return record


def _names(record: dict[str, Any]) -> dict[str, str]:
    names = record.get("hashed")
    return (
        {str(name): str(other) for name, other in names.items()} if isinstance(names, dict) else {}
    )
