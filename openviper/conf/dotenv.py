r"""Reading `.env` files.

A file holds ``KEY=VALUE``, one to a line and optionally after ``export``; ``#`` begins a comment. A value in single
quotes is literal; in double quotes ``\n \t \" \\ \$`` are escapes; both may run over several lines. Unquoted, a value
ends at a ``#`` that follows a blank. In unquoted and double-quoted values ``${NAME}`` is replaced, and
``${NAME:-default}`` too, by the default where `NAME` is not set or empty.
"""

from __future__ import annotations

import logging
import os
import re
from collections import ChainMap
from collections.abc import Mapping
from pathlib import Path

from openviper.exceptions import ImproperlyConfigured
from openviper.project.dotenv_file import find_dotenv
from openviper.utils.importing import lazy_pattern

logger = logging.getLogger("openviper.conf")

NAMES_VARIABLE = "OPENVIPER_DOTENV_NAMES"
"""Tells a process started by this one which variables come from the file, which it reads anew."""
PROCESS_VARIABLES = lazy_pattern(r"PATH|PYTHON[A-Z0-9_]*|(?:LD|DYLD)_[A-Z0-9_]*")
"""Variables that decide which programs run; a file beside a project is no place to set them."""

_KEY = lazy_pattern(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*")
_DOUBLE = lazy_pattern(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_SINGLE = lazy_pattern(r"'([^']*)'")
_REST_OF_LINE = lazy_pattern(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_COMMENT = lazy_pattern(r"\s#")
_LOOKS_LIKE_KEY = lazy_pattern(r"[ \t]*(?:export[ \t]+)?[A-Za-z_][A-Za-z0-9_]*[ \t]*=[ \t]*\Z")
_REFERENCE = lazy_pattern(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_ESCAPE_OR_REFERENCE = lazy_pattern(r"\\(.)|\$\{([^}]*)(\}?)", re.DOTALL)
_BARE_REFERENCE = lazy_pattern(
    r"(?!)()|\$\{([^}]*)(\}?)"
)  # The first group is that of escapes: none.
_ESCAPES = {"n": "\n", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


class _Malformed(ValueError):
    """A line that is not of the form of the module's documentation."""


def parse_dotenv(text: str, known: Mapping[str, str]) -> tuple[dict[str, str], list[int]]:
    r"""Parse the text of a `.env` file.

    Args:
        text: The text; a byte order mark is ignored, and only ``\n`` or ``\r\n`` ends a line.
        known: Variables that ``${NAME}`` may refer to; they win over those above in the file.

    Returns:
        The values, and the numbers of the lines that are malformed.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n")
    values: dict[str, str] = {}
    scope = ChainMap(dict(known), values)
    malformed: list[int] = []
    position, number = 0, 1
    while position < len(text):
        line_end = text.find("\n", position) + 1 or len(text)
        line = text[position:line_end].strip()
        after = line_end
        if line and not line.startswith("#"):
            try:
                name, value, after = _read_assignment(text, position, line_end, scope)
                values[name] = value
            except _Malformed:
                malformed.append(number)
        number += text.count("\n", position, after)
        position = after
    return values, malformed


def _read_assignment(
    text: str, start: int, line_end: int, known: Mapping[str, str]
) -> tuple[str, str, int]:
    """Return the name and the value that begin at `start`, and where the line after them begins."""
    key = _KEY.match(text, start, line_end)
    if key is None:
        raise _Malformed
    value, after = _read_value(text, key.end(), line_end, known)
    return key[1], value, after


def _read_value(text: str, start: int, line_end: int, known: Mapping[str, str]) -> tuple[str, int]:
    """Return the value that begins at `start`, and where the line after it begins."""
    if text.startswith("'", start):
        return _read_quoted(text, start, _SINGLE)
    if text.startswith('"', start):
        escaped, after = _read_quoted(text, start, _DOUBLE)
        return _expand(escaped, _ESCAPE_OR_REFERENCE, known), after
    return _expand(_bare(text[start:line_end]), _BARE_REFERENCE, known), line_end


def _read_quoted(text: str, start: int, pattern: re.Pattern[str]) -> tuple[str, int]:
    """Return what stands between the quotes at `start`, and where the line after the closing one begins."""
    quoted = pattern.match(text, start)
    if quoted is None or _swallows_a_line(quoted[1]):
        raise _Malformed
    rest = _REST_OF_LINE.match(text, quoted.end())
    if rest is None:
        raise _Malformed
    return quoted[1], rest.end()


def _bare(text: str) -> str:
    """Return an unquoted value without the comment behind it."""
    return _COMMENT.split(f" {text}", maxsplit=1)[0].strip()


def _swallows_a_line(quoted: str) -> bool:
    # A quote that was never closed ends at the opening one of a later line: A='x \n B='y'.
    _, newline, last_line = quoted.rpartition("\n")
    return bool(newline) and _LOOKS_LIKE_KEY.match(last_line) is not None


def _expand(text: str, pattern: re.Pattern[str], known: Mapping[str, str]) -> str:
    # One pass, so that an escaped backslash does not begin another escape and ${} inside a value stays as it is.
    def replace(match: re.Match[str]) -> str:
        escaped, reference, closed = match.groups()
        if escaped is not None:
            return _ESCAPES.get(escaped, match[0])
        return _referred(reference if closed else "", known)

    return pattern.sub(replace, text)


def _referred(reference: str, known: Mapping[str, str]) -> str:
    """Return the value of ``NAME``, or of ``NAME:-default`` the default where there is none."""
    parts = _REFERENCE.fullmatch(reference)
    if parts is None:
        raise _Malformed
    return known.get(parts[1], "") or parts[2] or ""


def load_dotenv(start: Path | None = None) -> Path | None:
    """Put the values of the project's `.env` into `os.environ`; variables that exist already stay as they are.

    `OPENVIPER_DOTENV` names a file to use instead, or is ``0`` to use none. Lines that are malformed, and variables that
    decide which programs run (`PATH`, ``LD_*``, ``PYTHON*``), are reported and skipped.

    Args:
        start: Where the way up begins; the working directory when not given.

    Returns:
        The file that was read, or `None`.

    Raises:
        ImproperlyConfigured: If the file cannot be read: its values may be what keeps a command from the wrong
            database.
    """
    path = _chosen_file(start)
    if path is None:
        return None
    text = _read(path)
    _forget_earlier_values()
    values, malformed = parse_dotenv(text, os.environ)
    for number in malformed:
        logger.warning("%s, line %d is not of the form KEY=VALUE and is skipped", path, number)
    _take(path, values)
    return path


def _chosen_file(start: Path | None) -> Path | None:
    choice = os.environ.get("OPENVIPER_DOTENV", "")
    if choice == "0":
        return None
    found = choice or find_dotenv(start)
    return Path(found) if found else None


def _take(path: Path, values: Mapping[str, str]) -> None:
    """Put values into the environment, as far as they are allowed and not given already."""
    refused = [name for name in values if PROCESS_VARIABLES.fullmatch(name)]
    for name in refused:
        logger.warning("%s: %s decides which programs run and is not taken from there", path, name)
    taken = values.keys() - os.environ.keys() - set(refused)
    os.environ.update({name: values[name] for name in taken})
    os.environ[NAMES_VARIABLE] = ",".join(name for name in values if name in taken)


def _forget_earlier_values() -> None:
    """Take out what this process, or the one that started it, has taken from a `.env`: the file may say otherwise now."""
    for name in filter(None, os.environ.pop(NAMES_VARIABLE, "").split(",")):
        os.environ.pop(name, None)


def _read(path: Path) -> str:
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
        raise ImproperlyConfigured(f"cannot read {str(path)!r}: {reason}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ImproperlyConfigured(
            f"cannot read {str(path)!r}: line {line} is not UTF-8; save the file in that encoding"
        ) from error
    _refuse_nul(path, text)
    return text


def _refuse_nul(path: Path, text: str) -> None:
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ImproperlyConfigured(f"cannot read {str(path)!r}: line {line} holds a NUL character")
