"""Checks of what comes from outside: paths, names of results, names in archives."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePath

from openviper.backup.exceptions import BackupError

# Leaves room for the stamp, the extensions and the ".partial" around it within the usual 255 bytes.
MAX_NAME_LENGTH = 150
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


class ValidationError(BackupError, ValueError):
    """A path or name is not acceptable."""


def validate_backup_path(path: str | os.PathLike[str]) -> Path:
    """Check the directory for results and return it resolved.

    Raises:
        ValidationError: If it holds a NUL or a ``..``, or is the root of the file system.
    """
    resolved = _resolved(_checked(path))
    if resolved == Path(resolved.anchor):
        raise ValidationError(
            f"Refusing to write backups into the file system root {str(resolved)!r}"
        )
    if resolved.exists() and not resolved.is_dir():
        raise ValidationError(f"Backup path is not a directory: {str(resolved)!r}")
    return resolved


def validate_backup_file(path: str | os.PathLike[str]) -> Path:
    """Check a backup file and return it resolved.

    Raises:
        ValidationError: If the path holds a NUL or a ``..``, or is not an existing, readable, regular file.
    """
    file = _expanded(_checked(path))
    if not file.exists():
        raise ValidationError(f"Backup file not found: {str(file)!r}")
    if not file.is_file():
        raise ValidationError(f"Backup file is not a regular file: {str(file)!r}")
    if not os.access(file, os.R_OK):
        raise ValidationError(f"Backup file is not readable: {str(file)!r}")
    return _resolved(file)


def validate_backup_name(name: str) -> str:
    """Check the name given to a result, which is one path component without its extension.

    Raises:
        ValidationError: If it could leave the directory, be hidden, be taken for an option, or is too long.
    """
    if "\0" in name:
        raise ValidationError(f"Null byte detected in the name {name!r}")
    if "/" in name or "\\" in name or ".." in name:
        raise ValidationError(f"Path traversal detected in the name {name!r}")
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME_LENGTH:
        raise ValidationError(
            f"Invalid backup name {name!r}: letters, digits, '.', '_' and '-', not starting with '.' or '-', "
            f"at most {MAX_NAME_LENGTH} characters"
        )
    return name


def validate_filename(name: str, extension: str) -> str:
    """Check the exact file name given to a result, and return it with its extension.

    Raises:
        ValidationError: If it is not acceptable as a name, or has the extension of another form.
    """
    for other in {".tar.gz", ".sql"} - {extension}:
        if name.endswith(other):
            raise ValidationError(
                f"Invalid file name {name!r}: this result is written as {extension!r}"
            )
    return validate_backup_name(name.removesuffix(extension)) + extension


def require_directory(path: str | os.PathLike[str], what: str) -> Path:
    """Return an existing directory into which we may write, resolved.

    Raises:
        ValidationError: If it is none.
    """
    directory = validate_backup_path(path)
    if not directory.is_dir():
        raise ValidationError(f"{what} is not a directory: {str(directory)!r}")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise ValidationError(f"{what} cannot be written: {str(directory)!r}")
    return directory


def validate_archive_member(name: str, target_dir: str | os.PathLike[str]) -> Path:
    """Return the path an archive member would get below `target_dir`.

    Raises:
        ValidationError: If the name holds a NUL or leads out of the directory.
    """
    if "\0" in name:
        raise ValidationError(f"Null byte detected in the archive member {name!r}")
    root = Path(target_dir).resolve()
    path = (root / name).resolve()
    if PurePath(name).is_absolute() or ".." in PurePath(name).parts or root not in path.parents:
        raise ValidationError(f"Path traversal detected in the archive member {name!r}")
    return path


def _checked(path: str | os.PathLike[str]) -> Path:
    text = os.fspath(path)
    if "\0" in text:
        raise ValidationError(f"Null byte detected in the path {text!r}")
    if not text:
        raise ValidationError("The path is empty")
    if ".." in PurePath(text).parts:
        # The same place, written without going up, is welcome.
        raise ValidationError(
            f"Path traversal detected in {text!r}: give the absolute path {_absolute(text)!r} instead"
        )
    return Path(text)


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as exc:
        raise ValidationError(f"Unknown user in the path {str(path)!r}") from exc


def _resolved(path: Path) -> Path:
    try:
        return _expanded(path).resolve()
    except FileNotFoundError as exc:
        raise ValidationError(
            "The working directory does not exist any more: change into another one, or give an absolute path"
        ) from exc
    except RuntimeError as exc:
        raise ValidationError(f"The path {str(path)!r} is a circle of links") from exc


def _absolute(text: str) -> str:
    try:
        return os.path.abspath(text)
    except OSError:  # the working directory is gone
        return text
