"""Private files that carry a password to a tool, and the checks of what goes to its command line."""

from __future__ import annotations

import os
from pathlib import Path

from openviper.backup.paths import ValidationError


def write_private(path: Path, text: str) -> Path:
    """Write a new text file that only we can read.

    Raises:
        FileExistsError: If there is one.
    """
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)
    return path


def validate_subprocess_arg(value: str, *, label: str = "argument") -> str:
    """Check a value from a URL that becomes an argument of a tool.

    No shell ever sees it, so only two things matter.

    Raises:
        ValidationError: If it holds a NUL, or a tool could take it for an option.
    """
    if "\0" in value:
        raise ValidationError(f"Null byte detected in the {label}")
    if value.startswith("-"):
        raise ValidationError(f"Invalid {label} {value!r}: it could be taken for an option")
    return value


def validate_password(password: str) -> str:
    """Check a password that goes into a line of a file.

    Raises:
        ValidationError: If it holds a NUL or a line break.
    """
    if any(character in password for character in "\0\r\n"):
        raise ValidationError("Invalid password: it holds a NUL or a line break")
    return password


def passfile_line(password: str) -> str:
    """Return the line of a libpq passfile (PostgreSQL manual, "The Password File") for any server."""
    escaped = validate_password(password).replace("\\", "\\\\").replace(":", "\\:")
    return f"*:*:*:*:{escaped}\n"


def option_file(password: str) -> str:
    """Return an option file of the MariaDB and MySQL clients that holds a password."""
    escaped = validate_password(password).replace("\\", "\\\\").replace('"', '\\"')
    return f'[client]\npassword="{escaped}"\n'
