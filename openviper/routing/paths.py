"""The normal form of request paths."""

from __future__ import annotations

import re
from urllib.parse import unquote

from openviper.exceptions import HTTPException
from openviper.http.asgi import Scope


class PathSecurityError(HTTPException):
    """A path is written so that its parts could be mistaken; answered with 400."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(400, "The path is not valid.")


MAX_PATH_LENGTH = 2048
"""Longest path of a request, in characters, where the setting of this name does not say otherwise."""
SUSPICIOUS = re.compile(r"[\0%\\]|\.\.|//")
"""What no path without a closer look is passed with."""
is_suspicious = SUSPICIOUS.search


def below_root(scope: Scope) -> str:
    """Return the path of a request below where the application is mounted; in ASGI, `path` begins with `root_path`."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if root and path.startswith(root) and path[len(root) : len(root) + 1] in ("", "/"):
        return path[len(root) :] or "/"
    return path


def sanitize_request_path(path: str) -> str:
    """Return a decoded request path with repeated slashes collapsed.

    Raises:
        PathSecurityError: If it holds NUL, a ``..`` segment, or a slash or dots that are still percent-encoded.
    """
    if not is_suspicious(path):
        return path
    if "\0" in path:
        raise PathSecurityError(path)
    decoded = unquote(unquote(path))
    hides_slashes = decoded.count("/") != path.count("/") or "\0" in decoded
    if hides_slashes or ".." in decoded.replace("\\", "/").split("/"):
        raise PathSecurityError(path)
    return re.sub(r"/{2,}", "/", path)
