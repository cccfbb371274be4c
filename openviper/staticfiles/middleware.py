"""Middleware that serves files from directories."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from openviper.exceptions import ImproperlyConfigured
from openviper.http.asgi import ASGIApp, Receive, Scope, Send
from openviper.http.files import FileResponse, content_disposition
from openviper.http.responses import PlainTextResponse, Response
from openviper.routing.paths import below_root
from openviper.staticfiles.file_requests import (
    content_type,
    is_shown_inline,
    sanitize_relative_path,
)
from openviper.staticfiles.ignored_names import IgnoredNames
from openviper.utils.datastructures import Headers
from openviper.utils.opened_files import open_below

NOSNIFF = {"x-content-type-options": "nosniff"}
_LEFT_OUT = IgnoredNames()
_HIDDEN = IgnoredNames([".*"], with_defaults=False)
_REFUSES_GZIP = re.compile(r"gzip\s*;\s*q\s*=\s*0(\.0*)?\s*\Z")
Opened = tuple[BinaryIO, os.stat_result]


def _paths(directories: Sequence[str | os.PathLike[str]]) -> list[Path]:
    if isinstance(directories, (str, os.PathLike)):
        raise TypeError(f"directories are a list such as [{directories!r}], not one of them")
    return list(map(Path, directories))


class StaticFilesMiddleware:
    """Serves the files of some directories below a path and passes everything else on.

    Symbolic links below a directory are not followed, directories are not listed.

    Args:
        app: The application inside.
        url_path: The path that the files lie below.
        directories: Where they are looked for, in order; ``["static"]`` when not given.
        cache_max_age: How long browsers may keep a file without asking, in seconds; `None` makes them ask each time.
        max_file_size: Larger files are refused with 413; in bytes.
        untrusted: Have browsers save what is neither picture nor sound nor film: somebody else has uploaded it.

    Raises:
        ImproperlyConfigured: If every path would lie below the path.
        TypeError: If the directories are not several.
    """

    def __init__(
        self,
        app: ASGIApp,
        url_path: str = "/static",
        directories: Sequence[str | os.PathLike[str]] | None = None,
        cache_max_age: int | None = 3600,
        max_file_size: int = 52428800,
        *,
        untrusted: bool = False,
    ) -> None:
        self.app = app
        self.url_path = "/" + url_path.strip("/")
        if self.url_path == "/":
            raise ImproperlyConfigured(f"below {url_path!r} every path would be that of a file")
        self.cache_max_age = cache_max_age
        self.max_file_size = max_file_size
        self.untrusted = untrusted
        self._directories = _paths(["static"] if directories is None else directories)

    @property
    def directories(self) -> list[Path]:
        """Where files are looked for, as given."""
        return list(self._directories)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for a file; pass everything else on."""
        path = below_root(scope) if scope["type"] == "http" else ""
        if not path.startswith(f"{self.url_path}/"):
            await self.app(scope, receive, send)
            return
        response = await self._respond(scope, path[len(self.url_path) + 1 :])
        await response(scope, receive, send)

    async def _respond(self, scope: Scope, relative: str) -> Response:
        if scope["method"] not in ("GET", "HEAD"):
            return _refusal(405, "Method Not Allowed", allow="GET, HEAD")
        name = sanitize_relative_path(relative)
        if name is None:
            return _refusal(400, "Bad Request")
        if not name or relative.endswith("/") or self._is_private(name):
            return _refusal(404, "Not Found")
        return await self._send(name, _accepts_gzip(Headers(scope["headers"])))

    def _is_private(self, name: str) -> bool:
        """Return whether a file, or a folder on the way to it, is one that `collectstatic` leaves out; of uploads, a hidden one."""
        ignored = _HIDDEN if self.untrusted else _LEFT_OUT
        return any(ignored.matches(part, name) for part in name.split("/"))

    async def _send(self, name: str, wants_gzip: bool) -> Response:
        found = await asyncio.to_thread(self._find, name, wants_gzip)
        if found is None:
            return _refusal(404, "Not Found")
        file, status = found.opened
        if status.st_size > self.max_file_size:
            file.close()
            return _refusal(413, "Content Too Large")
        return self._file_response(name, found)

    def _find(self, name: str, wants_gzip: bool) -> _Found | None:
        """Open a file in the first directory that has it."""
        for directory in self._directories:
            opened = open_file(directory, name)
            if opened is not None:
                return _with_companion(directory, name, opened, wants_gzip)
        return None

    def _file_response(self, name: str, found: _Found) -> Response:
        kind = content_type(name)
        headers = {**NOSNIFF, "cache-control": self._cache_control()}
        if found.has_variant:
            headers["vary"] = "Accept-Encoding"
        if found.is_variant:
            headers["content-encoding"] = "gzip"
        if self.untrusted and not is_shown_inline(kind):
            headers["content-disposition"] = content_disposition(name.rpartition("/")[2])
        return FileResponse(name, headers=headers, media_type=kind, opened=found.opened)

    def _cache_control(self) -> str:
        age = self.cache_max_age
        return "no-cache" if age is None else f"public, max-age={age}"


class _Found(NamedTuple):
    """A file that was asked for.

    Attributes:
        opened: The file, or its compressed form, open.
        has_variant: Whether there is a compressed form.
        is_variant: Whether that is what was opened.
    """

    opened: Opened
    has_variant: bool
    is_variant: bool


def _with_companion(directory: Path, name: str, opened: Opened, wants_gzip: bool) -> _Found:
    """Choose between a file and its compressed form, and close the other."""
    packed = open_file(directory, f"{name}.gz")
    if packed is None:
        return _Found(opened, has_variant=False, is_variant=False)
    # A companion that is older than the file holds what the file was before.
    is_current = packed[1].st_mtime_ns >= opened[1].st_mtime_ns
    chosen, spare = (packed, opened) if is_current and wants_gzip else (opened, packed)
    spare[0].close()
    return _Found(chosen, has_variant=is_current, is_variant=chosen is packed)


def open_file(directory: Path, name: str) -> Opened | None:
    """Open a regular file below a directory without following a link on the way; `None` if that cannot be done."""
    try:
        descriptor = open_below(directory, name)
    except (OSError, ValueError):  # Missing, a link, no permission, too long, or a lone surrogate.
        return None
    return os.fdopen(descriptor, "rb"), os.fstat(descriptor)


def _accepts_gzip(headers: Headers) -> bool:
    offered = [
        part.strip().lower() for part in ",".join(headers.getlist("accept-encoding")).split(",")
    ]
    return any(
        part.partition(";")[0].strip() == "gzip" and not _REFUSES_GZIP.match(part)
        for part in offered
    )


def _refusal(status: int, text: str, **headers: str) -> Response:
    return PlainTextResponse(text, status, {**NOSNIFF, **headers})
