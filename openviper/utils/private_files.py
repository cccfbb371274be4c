"""Files that only the account of this process can read."""

from __future__ import annotations

import os
from contextlib import suppress

# Not from `typing`: a command that needs no database does not wait for it.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


def create_private(path: Path | str) -> None:
    """Create an empty file, mode 0600, that SQLite takes for a new database.

    Raises:
        FileExistsError: If there is one.
        OSError: If it cannot be made.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def ensure_private(path: Path | str) -> None:
    """Create the file as `create_private` does, unless something is there or it cannot be made, which who opens it will say.

    SQLite itself makes a database as readable as the umask lets it, and its journals like the database.
    """
    with suppress(OSError):
        create_private(path)
