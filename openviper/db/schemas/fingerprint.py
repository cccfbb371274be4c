"""Knowing at a glance that there is nothing to do.

After a run that left nothing open, `migrate` stores a digest of everything it had looked at: the schema files, the
patch files, the live schema, the patches that have run. As long as all of it is the same, the next run may stop at once,
without the event loop, the connection pool or the comparison, which would take most of its time. It is only a shortcut:
whatever differs, in whatever way, leads to the full run.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

from openviper.conf import settings
from openviper.db.connections.url import DatabaseURL
from openviper.utils.resources import list_names, read_bytes, state_of
from openviper.version import VERSION

BOOKKEEPING_KEY = "*"
"""The row of the bookkeeping table that holds the digest; no table can have this name."""
LIVE_QUERIES = (
    "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name",
    "SELECT app, name, phase FROM openviper_patches ORDER BY app, name, phase",
)
"""The live schema, and the patches that have run; the second table need not exist."""


def digest(apps: Mapping[str, str], live: Sequence[Sequence[Sequence[Any]]]) -> str:
    """Return the digest of the files of apps and of the rows of `LIVE_QUERIES`.

    Args:
        apps: The directory of each app by its name.
        live: The rows of each query, none where the table does not exist.
    """
    # The user model decides what the shipped files refer to.
    found = hashlib.sha256(f"{VERSION} {sqlite3.sqlite_version} {settings.USER_MODEL}\n".encode())
    for app, directory in sorted(apps.items()):
        for folder, suffix in (("schemas", ".json"), ("patches", ".py")):
            for name, content in _contents(os.path.join(directory, folder), suffix):
                found.update(f"{app} {folder} {name} {len(content)}\n".encode())
                found.update(content)
    for rows in live:
        found.update(repr([tuple(row) for row in rows]).encode())
    return found.hexdigest()


def _contents(folder: str, suffix: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the files of a folder that end with `suffix`."""
    try:
        names = sorted(list_names(folder))
    except OSError:
        return
    for name in names:
        if name.endswith(suffix):
            yield name, read_bytes(os.path.join(folder, name))


def stamp(apps: Mapping[str, str]) -> list[Any] | None:
    """Return what differs whenever `digest` does, without reading the files; `None` if only reading them can tell.

    Args:
        apps: The directory of each app by its name.
    """
    found: list[Any] = [settings.USER_MODEL]
    for app, directory in sorted(apps.items()):
        for folder in ("schemas", "patches"):
            try:
                with os.scandir(os.path.join(directory, folder)) as entries:
                    states = {entry.name: state_of(entry.stat()) for entry in entries}
            except FileNotFoundError:
                states = {}
            except OSError:  # It lies in an archive.
                return None
            if None in states.values():
                return None
            found.append((app, folder, states))
    return found


def has_nothing_to_do(url: str, apps: Mapping[str, str]) -> bool:
    """Return whether a database is known to need nothing; `False` of all but SQLite files.

    Args:
        url: The database.
        apps: The directory of each app by its name.
    """
    database = DatabaseURL.parse(url)
    is_file = database.vendor == "sqlite" and not database.is_memory
    return is_file and is_up_to_date(str(database.path), apps)


def is_up_to_date(path: str, apps: Mapping[str, str]) -> bool:
    """Return whether an SQLite database is known to need nothing; `False` means only that one has to look.

    Args:
        path: The database file.
        apps: The directory of each app by its name.
    """
    if not os.path.isfile(path):
        return False
    try:
        stored, live = _stored(path)
        return stored is not None and stored == digest(apps, live)
    except (sqlite3.Error, OSError):
        return False


def _stored(path: str) -> tuple[str | None, list[list[Any]]]:
    """Return the digest that a database file holds, and the rows of `LIVE_QUERIES`."""
    with closing(sqlite3.connect(path, timeout=1)) as connection:
        row = connection.execute(
            "SELECT applied FROM openviper_schema WHERE table_name = ?", (BOOKKEEPING_KEY,)
        ).fetchone()
        master = connection.execute(LIVE_QUERIES[0]).fetchall()
        with_patches = any(entry[1] == "openviper_patches" for entry in master)
        patches = connection.execute(LIVE_QUERIES[1]).fetchall() if with_patches else []
    return (None if row is None else row[0]), [master, patches]
