r"""Reading `.env` files.

Lines are ``KEY=VALUE``, optionally after ``export``. A value in single quotes is literal; in double quotes
``\n \t \" \\`` are escapes; unquoted, it ends at a ``#`` that follows a blank. ``${NAME}`` is replaced in unquoted and
double-quoted values.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path

logger = logging.getLogger("openviper.conf")

STOP_AT = ("viperctl.py", "pyproject.toml", ".git")
"""A directory with one of these is the last one searched on the way up."""

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=[ \t]*(.*?)\s*\Z", re.DOTALL)
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?\Z')
_SINGLE = re.compile(r"'([^']*)'\s*(?:#.*)?\Z")
_NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


def find_dotenv(start: Path) -> Path | None:
    """Return the nearest `.env` from `start` upwards, within the project."""
    for directory in (start, *start.parents):
        candidate = directory / ".env"
        if candidate.is_file():
            return candidate
        if any((directory / name).exists() for name in STOP_AT):
            return None
    return None


def parse_dotenv(text: str, known: Mapping[str, str]) -> tuple[dict[str, str], list[int]]:
    """Parse the text of a `.env` file.

    Args:
        text: The text; a byte order mark is ignored.
        known: Variables that ``${NAME}`` may refer to besides those above in the file.

    Returns:
        The values, and the numbers of the lines that are malformed.
    """
    values: dict[str, str] = {}
    malformed: list[int] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.match(line)
        value = None if match is None else _value(match.group(2), {**values, **known})
        if match is None or value is None:
            malformed.append(number)
        else:
            values[match.group(1)] = value
    return values, malformed


def _value(raw: str, known: Mapping[str, str]) -> str | None:
    if raw.startswith("'"):
        single = _SINGLE.match(raw)
        return single.group(1) if single else None
    if raw.startswith('"'):
        double = _DOUBLE.match(raw)
        return None if double is None else _unescape(double.group(1), known)
    bare = "" if raw.startswith("#") else re.split(r"\s#", raw, maxsplit=1)[0].rstrip()
    return _expand(bare, known)


def _unescape(text: str, known: Mapping[str, str]) -> str:
    # One pass, so that an escaped backslash does not begin another escape and ${} inside a value stays as it is.
    def replace(match: re.Match[str]) -> str:
        if match.group(1) is not None:
            return _ESCAPES.get(match.group(1), match.group(0))
        return known.get(match.group(2), "")

    return re.sub(r"\\(.)|\$\{([A-Za-z_][A-Za-z0-9_]*)\}", replace, text)


def _expand(text: str, known: Mapping[str, str]) -> str:
    return _NAME.sub(lambda match: known.get(match.group(1), ""), text)


def load_dotenv(start: Path | None = None) -> Path | None:
    """Put the values of the project's `.env` into `os.environ`; variables that exist already stay as they are.

    `OPENVIPER_DOTENV` names a file to use instead, or is ``0`` to use none.

    Returns:
        The file that was read, or `None`.
    """
    choice = os.environ.get("OPENVIPER_DOTENV", "")
    if choice == "0":
        return None
    path = Path(choice) if choice else find_dotenv(start or Path.cwd())
    if path is None:
        return None
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        logger.warning("cannot read %s: %s", path, error)
        return None
    values, malformed = parse_dotenv(text, os.environ)
    for number in malformed:
        logger.warning("%s, line %d is not of the form KEY=VALUE and is skipped", path, number)
    for name, value in values.items():
        os.environ.setdefault(name, value)
    return path
