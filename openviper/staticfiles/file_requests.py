"""What a path and a range in a request mean, without touching a file."""

from __future__ import annotations

import os
import re
from urllib.parse import unquote

from openviper.http.files import parse_range
from openviper.staticfiles.finders import discover_app_static_dirs

__all__ = [
    "content_type",
    "discover_app_static_dirs",
    "is_shown_inline",
    "parse_range",
    "sanitize_relative_path",
]

_ODD = re.compile(r"[\x00-\x1f\x7f\\]")
_DRIVE = re.compile(r"[A-Za-z]:")
_ENCODED = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
    "compress": "application/x-compress",
}


def sanitize_relative_path(relative: str) -> str | None:
    """Return a decoded request path without empty parts and ``.``, or `None` if it could lead anywhere else.

    Refused, as it stands and after another percent-decoding: control characters, backslashes, ``..`` parts, absolute
    paths and drive letters; slashes and backslashes that are still encoded; on Windows colons.
    """
    lowered = relative.lower()
    if "%2f" in lowered or "%5c" in lowered:
        return None
    if _leads_elsewhere(relative) or _leads_elsewhere(unquote(relative)):
        return None
    return "/".join(part for part in relative.split("/") if part not in ("", "."))


def _leads_elsewhere(path: str) -> bool:
    is_absolute = path.startswith("/") or _DRIVE.match(path) is not None
    has_stream = os.name == "nt" and ":" in path
    return is_absolute or has_stream or ".." in path.split("/") or _ODD.search(path) is not None


def content_type(name: str) -> str:
    """Return the media type for a file name; a compressed file has that of its compression."""
    import mimetypes

    kind, encoding = mimetypes.guess_type(name, strict=False)
    if encoding is not None:
        return _ENCODED.get(encoding, "application/octet-stream")
    return kind or "application/octet-stream"


def is_shown_inline(kind: str) -> bool:
    """Return whether a browser may show an uploaded file: pictures, sound and films, but no SVG, which may hold scripts."""
    return kind.startswith(("image/", "audio/", "video/")) and not kind.startswith("image/svg")
