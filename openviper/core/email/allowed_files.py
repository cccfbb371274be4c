"""Reading files from the directories that files may be attached from, and from nowhere else."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from openviper.exceptions import ImproperlyConfigured
from openviper.project.directory import in_project
from openviper.utils.opened_files import open_below

_CIRCLE = "file {!r} is not attached: its links go round in a circle"
_OUTSIDE = "file {!r} is outside of the directories in ATTACHMENT_ALLOWED_DIRS"


def allowed_directories(given: object) -> list[str]:
    """Return the directories that files may be attached from; relative ones are meant from the project.

    Raises:
        ImproperlyConfigured: If they are no list, whose letters would be taken one by one, or one is empty.
    """
    if not isinstance(given, (list, tuple, set, frozenset)):
        raise ImproperlyConfigured(f"ATTACHMENT_ALLOWED_DIRS must be a list, not {given!r}")
    for directory in given:
        if not isinstance(directory, (str, os.PathLike)) or not os.fspath(directory):
            raise ImproperlyConfigured(
                f"ATTACHMENT_ALLOWED_DIRS holds {directory!r}, which is no directory"
            )
    return [str(in_project(directory)) for directory in given]


def read_allowed_file(
    path: Path, filename: str, directories: Sequence[str], max_bytes: int
) -> bytes:
    """Return the content of a file below one of some directories.

    Links are followed as long as they lead to a file below one of the directories. The file is then opened part by part,
    so a link that is put into its place meanwhile is refused. A hard link cannot be told from the file it is.

    Args:
        path: The file; a relative path is meant from the project.
        filename: What errors call it.
        directories: The directories.
        max_bytes: Most bytes of content.

    Raises:
        ValueError: If it lies elsewhere, is not a regular file, or is too large.
        OSError: If it is missing or cannot be read.
    """
    allowed = [os.path.realpath(directory) for directory in directories]
    resolved = _resolved(path, filename, allowed)
    for directory in allowed:
        if _is_below(resolved, directory):
            return _read(_opened(directory, resolved, filename), filename, max_bytes)
    raise ValueError(_OUTSIDE.format(filename))


def _read(descriptor: int, filename: str, max_bytes: int) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        is_larger = os.fstat(descriptor).st_size > max_bytes
        content = b"" if is_larger else file.read(max_bytes + 1)
    if is_larger or len(content) > max_bytes:
        raise ValueError(f"file {filename!r} is larger than the {max_bytes} bytes that are allowed")
    return content


def _opened(directory: str, resolved: str, filename: str) -> int:
    try:
        return open_below(directory, os.path.relpath(resolved, directory))
    except ValueError:
        raise ValueError(f"{filename!r} is not a regular file") from None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise ValueError(_OUTSIDE.format(filename)) from None
        raise type(error)(error.errno, error.strerror, filename) from None


def _is_below(path: str, directory: str) -> bool:
    return path != directory and Path(path).is_relative_to(directory)


def _resolved(path: Path, filename: str, allowed: Sequence[str]) -> str:
    """Return the real path of a file; for one outside of the directories no error says whether it exists."""
    try:
        return str(in_project(path).resolve(strict=True))
    except ValueError as error:
        raise ValueError(f"file {filename!r} is not attached: {error}") from None
    except (OSError, RuntimeError) as error:
        if isinstance(error, RuntimeError) or error.errno == errno.ELOOP:
            raise ValueError(_CIRCLE.format(filename)) from None
        written = os.path.abspath(in_project(path))
        if not any(_is_below(written, directory) for directory in allowed):
            raise ValueError(_OUTSIDE.format(filename)) from None
        raise type(error)(error.errno, error.strerror, filename) from None
