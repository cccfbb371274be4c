"""The normal form of request paths."""

from __future__ import annotations

import re
from urllib.parse import unquote

from openviper.exceptions import HTTPException


class PathSecurityError(HTTPException):
    """A path is written so that its parts could be mistaken; answered with 400."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(400, "The path is not valid.")


_SUSPICIOUS = re.compile(r"[\0%\\]|\.\.|//")


def sanitize_request_path(path: str) -> str:
    """Return a decoded request path with repeated slashes collapsed.

    Raises:
        PathSecurityError: If it holds NUL, a ``..`` segment, or a slash or dots that are still percent-encoded.
    """
    if not _SUSPICIOUS.search(path):
        return path
    if "\0" in path:
        raise PathSecurityError(path)
    decoded = unquote(unquote(path))
    if decoded.count("/") != path.count("/") or ".." in decoded.replace("\\", "/").split("/") or "\0" in decoded:
        raise PathSecurityError(path)
    return re.sub(r"/{2,}", "/", path)
