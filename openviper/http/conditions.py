"""Conditional requests and ranges (RFC 9110, sections 13 and 14); nothing that a client sends is an error of ours."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal, TypeAlias

from openviper.exceptions import HTTPException
from openviper.http.responses import Response
from openviper.utils.datastructures import Headers

# Eighteen digits are more bytes than there are; longer numbers would take their time to convert.
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})\Z", re.IGNORECASE)
_TAG = re.compile(r'(?:W/)?"[^"]*"')
MAX_DATE = 64
"""Longest date that is looked at, in characters."""

Verdict: TypeAlias = Literal["send", "not modified", "failed"]


def etag_list(header: str) -> list[str]:
    """Return the entity tags of a header, weak ones with ``W/``; a tag may hold commas."""
    return _TAG.findall(header)


def evaluate(request: Headers, method: str, etag: str, modified: float | None = None) -> Verdict:
    """Return what the conditions of a request ask for, in the order of RFC 9110, 13.2.2.

    Args:
        request: The headers.
        method: The method; only GET and HEAD are answered with "not modified".
        etag: The tag of what there is; empty if there is nothing.
        modified: When it was changed last, in seconds since 1970.
    """
    if _precondition_fails(request, etag, modified):
        return "failed"
    reads = method in ("GET", "HEAD")
    tags = request.get("if-none-match")
    # With a tag the date does not count (RFC 9110, 13.1.3).
    if tags is None:
        return "not modified" if reads and _is_unchanged(request, modified) else "send"
    return _verdict_on_tags(tags, etag, reads=reads)


def _verdict_on_tags(tags: str, etag: str, *, reads: bool) -> Verdict:
    if not _names(tags, etag, weak=True):
        return "send"
    return "not modified" if reads else "failed"


def _is_unchanged(request: Headers, modified: float | None) -> bool:
    since = date_seconds(request.get("if-modified-since"))
    return since is not None and modified is not None and int(modified) <= since


def _precondition_fails(request: Headers, etag: str, modified: float | None) -> bool:
    tags = request.get("if-match")
    if tags is not None:
        return not _names(tags, etag, weak=False)
    since = date_seconds(request.get("if-unmodified-since"))
    return since is not None and modified is not None and int(modified) > since


def _names(header: str, etag: str, *, weak: bool) -> bool:
    if header.strip() == "*":
        return bool(etag)
    if weak:
        return etag.removeprefix("W/") in [tag.removeprefix("W/") for tag in etag_list(header)]
    return not etag.startswith("W/") and etag in etag_list(header)


def check_conditions(
    request: Headers, method: str, etag: str, modified: float | None = None
) -> Response | None:
    """Return the 304 that answers a request whose copy is still good, or `None` if it has to be answered in full.

    For resources of your own: with the tag of the stored version, a PUT with ``If-Match`` cannot overwrite what its
    client has not seen.

    Raises:
        HTTPException: 412 if the client demanded another version than there is.
    """
    verdict = evaluate(request, method, etag, modified)
    if verdict == "failed":
        raise HTTPException(412)
    return Response(None, 304, {"etag": etag}) if verdict == "not modified" else None


def date_seconds(text: str | None) -> float | None:
    """Return a date of a header in seconds since 1970; `None` if there is none or it makes no sense."""
    if text is None or len(text) > MAX_DATE:
        return None
    try:
        moment = parsedate_to_datetime(text)
        # The form of asctime, which is to be understood still, names no zone; it is that of Greenwich (RFC 9110, 5.6.7).
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, ArithmeticError, LookupError):
        # A year of twelve digits, a month that does not exist: whatever is wrong, it is not a date.
        return None


def requested_range(
    request: Headers, size: int, etag: str, modified: float
) -> tuple[int, int] | None:
    """Return the part asked for as start and end, empty if it lies behind the file; `None` means all of it."""
    header = request.get("range")
    if header is None or size == 0:
        return None
    part = parse_range(header, size)
    if part == "ignore" or not _range_is_current(request.get("if-range"), etag, modified):
        return None
    return (0, 0) if part == "unsatisfiable" else (part[0], part[1] + 1)


def _range_is_current(condition: str | None, etag: str, modified: float) -> bool:
    """Return whether a part fits the copy that the client has; only strong tags say that (RFC 9110, 13.1.5)."""
    if condition is None:
        return True
    condition = condition.strip()
    if condition.startswith(('"', "W/")):
        return condition == etag and not etag.startswith("W/")
    return date_seconds(condition) == int(modified)


def parse_range(header: str, size: int) -> tuple[int, int] | Literal["ignore", "unsatisfiable"]:
    """Return what a `Range` header asks of a file (RFC 9110, 14.1.2).

    Args:
        header: The header; anything but one well-formed range of bytes is ``"ignore"``, which means all of the file.
        size: The file's size, in bytes.

    Returns:
        The first and the last byte; or ``"unsatisfiable"`` if the range lies behind the end, or the file is empty.
    """
    match = _RANGE.match(header.strip())
    if match is None:
        return "ignore"
    first, last = match.groups()
    if not first:
        return _last_bytes(int(last or 0), size)
    return _between(int(first), int(last) if last else None, size)


def _between(
    start: int, end: int | None, size: int
) -> tuple[int, int] | Literal["ignore", "unsatisfiable"]:
    if end is not None and end < start:
        return "ignore"
    if start >= size:
        return "unsatisfiable"
    return start, size - 1 if end is None else min(end, size - 1)


def _last_bytes(count: int, size: int) -> tuple[int, int] | Literal["ignore", "unsatisfiable"]:
    if count == 0:
        return "ignore"
    return (max(0, size - count), size - 1) if size else "unsatisfiable"
