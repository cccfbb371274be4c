"""Names of stored files: which characters they may have, and that they stay inside."""

from __future__ import annotations

import os
import re
import secrets

MAX_COMPONENT = 255
"""The longest part of a path, in bytes, that common file systems take."""
_UNSAFE = re.compile(r"[^A-Za-z0-9_.+-]")
_DRIVE = re.compile(r"\A[A-Za-z]:")


def clean_name(name: str) -> str:
    """Return a name of which every part holds only ``A-Z a-z 0-9 _ . + -`` and does not begin with a dot.

    Drives, leading slashes, empty parts, ``.`` and ``..`` are dropped; other characters become ``_``. Parts that are too
    long lose their end, but not their suffix.

    Raises:
        ValueError: If the name holds NUL, or nothing of it is left.
    """
    if "\0" in name:
        raise ValueError("a file name must not hold NUL")
    parts = _DRIVE.sub("", name.replace("\\", "/")).split("/")
    cleaned = "/".join(_clean_part(part) for part in parts if part not in ("", ".", ".."))
    if not cleaned:
        raise ValueError(f"{name!r} is not a file name")
    return cleaned


def _clean_part(part: str) -> str:
    part = _UNSAFE.sub("_", part)
    if part.startswith("."):
        part = "_" + part[1:]
    if len(part) <= MAX_COMPONENT:
        return part
    stem, suffix = os.path.splitext(part)
    suffix = suffix[:32]
    return stem[: MAX_COMPONENT - len(suffix)] + suffix


def check_name(name: str) -> str:
    """Return the name of a stored file as it is, if it can be one.

    Raises:
        ValueError: If it is empty, absolute, holds NUL, a backslash or half a surrogate pair, or has a part ``..`` or one that no
            file system has room for.
    """
    if "\0" in name or "\\" in name or not all(map(_is_part, name.split("/"))):
        raise ValueError(f"{name!r} is not the name of a stored file")
    return name


def _is_part(part: str) -> bool:
    try:
        length = len(part.encode())
    except UnicodeEncodeError:
        return False
    return part not in ("", ".", "..") and length <= MAX_COMPONENT


def folder_parts(path: str) -> list[str]:
    """Return the parts of a directory's name, which may end in a slash; none for the uppermost one, which is ``""``.

    Raises:
        ValueError: See `check_name`.
    """
    if not path:
        return []
    if not path.rstrip("/"):
        raise ValueError(f"{path!r} is not the name of a directory of stored files")
    return check_name(path.rstrip("/")).split("/")


def generate_unique_name(name: str) -> str:
    """Return the name with eight random hexadecimal digits before its suffix, none of its parts too long."""
    folder, slash, last = name.rpartition("/")
    stem, suffix = os.path.splitext(last)
    suffix = suffix[:32]
    token = f"_{secrets.token_hex(4)}"
    return f"{folder}{slash}{stem[: MAX_COMPONENT - len(token) - len(suffix)]}{token}{suffix}"
