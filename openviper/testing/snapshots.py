"""Comparing a value with what it was when somebody last looked at it."""

from __future__ import annotations

import difflib
import json
import os
import re
from pathlib import Path
from typing import Any

from openviper.utils.atomic_files import naming

FOLDER = "__snapshots__"
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_owners: dict[Path, tuple[str, str]] = {}
"""Which value of which test each file of this run is for."""


class Snapshot:
    """The stored values of one test.

    Args:
        folder: Where they are stored.
        name: What their files are called, for the test.
        update: Whether to store what comes, instead of comparing it.
    """

    def __init__(self, folder: Path, name: str, *, update: bool = False) -> None:
        self._folder = folder
        self._name = name
        self._update = update
        self._count = 0
        self._taken: set[Path] = set()

    def __call__(self, value: object, name: str = "") -> None:
        """Compare a value with the stored one; see `assert_matches_snapshot`.

        Args:
            value: The value: text as it is, anything else as JSON.
            name: Tells several values of one test from each other; else they are numbered.

        Raises:
            ValueError: If the file is that of another value: one test has two of the same name, or the names of two tests
                or values differ in nothing that the name of a file keeps.
        """
        self._count += 1
        suffix = _UNSAFE.sub("_", name) if name else "" if self._count == 1 else str(self._count)
        stem = _UNSAFE.sub("_", self._name)
        path = self._folder / f"{stem}{f'.{suffix}' if suffix else ''}.txt"
        self._take(path, name or str(self._count))
        assert_matches_snapshot(value, path, update=self._update)

    def _take(self, path: Path, name: str) -> None:
        """Have a file be for one value only: of two, an update would keep the last, and every later run fail."""
        if path in self._taken:
            raise ValueError(
                f"this test has two values for the snapshot {str(path)!r}; name them apart"
            )
        self._taken.add(path)
        mine = (self._name, name)
        owner = _owners.setdefault(path, mine)
        if owner != mine:
            raise ValueError(
                f"the snapshot {str(path)!r} is that of {owner[0]!r} too; name the tests or their parameters apart"
            )


def assert_matches_snapshot(value: object, path: str | Path, *, update: bool = False) -> None:
    """Compare a value with the one that is stored in a file; stored is what is not there yet, except where `CI` is set.

    Args:
        value: The value: text as it is, anything else as JSON.
        path: The file.
        update: Store the value instead.

    Raises:
        AssertionError: If the value is another one; the message shows the difference. Or if nothing is stored where `CI`
            is set.
        TypeError: If JSON has no form for the value.
    """
    path = Path(path)
    text = as_text(value)
    if update or not path.exists():
        _store(text, path, update)
        return
    stored = path.read_bytes().decode("utf-8", "surrogatepass")
    if stored != text:
        raise AssertionError(
            f"the value is not that of {str(path)!r} (store it with --snapshot-update):\n"
            f"{_difference(stored, text)}"
        )


def _store(text: str, path: Path, update: bool) -> None:
    if not update and os.environ.get("CI", "").lower() not in ("", "0", "false"):
        raise AssertionError(
            f"there is no snapshot {str(path)!r}; run the test where CI is not set, look at what it stores, and commit it"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    with naming(path):
        path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")


def as_text(value: object) -> str:
    """Return a value as it is stored."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("utf-8", "backslashreplace")
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, default=_plain) + "\n"


def _plain(value: Any) -> Any:
    """Return what JSON has a form for, of what it has none for."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    if isinstance(value, (tuple, list)):
        return list(value)
    if hasattr(value, "hex") or hasattr(value, "as_tuple"):  # A UUID, a decimal number.
        return str(value)
    raise TypeError(f"a snapshot cannot hold {value!r}")


def _difference(stored: str, text: str) -> str:
    lines = difflib.unified_diff(
        stored.splitlines(), text.splitlines(), "stored", "value", lineterm=""
    )
    shown = "\n".join(lines)
    return shown or "only the ends of lines differ"
