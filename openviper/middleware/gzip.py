"""Compressed answers."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable
from typing import Any

from openviper.conf import settings
from openviper.http.accept import coding_weight, parse_choices
from openviper.http.answer import Answer, Finish, finishing
from openviper.http.asgi import ASGIApp, Message, Receive, Scope, Send
from openviper.http.conditions import etag_list
from openviper.middleware.base import BaseMiddleware
from openviper.utils.datastructures import MutableHeaders, RawHeaders, add_vary

LEVEL = 6
LONG = 64 * 1024
"""What is longer is compressed in a thread; in bytes."""
COMPRESSED = (
    b"image/",
    b"audio/",
    b"video/",
    b"application/zip",
    b"application/gzip",
    b"font/woff",
)
"""Types whose content is compressed already."""
STREAMED = b"text/event-stream"
"""Events have to arrive one by one; a compressor would keep them back."""


class GZipMiddleware(BaseMiddleware):
    """Compresses answers for clients that take ``gzip``.

    Pages that hold secrets of the user beside text that somebody else may choose give the secrets away by their compressed
    length (BREACH). So HTML is left alone where the request came with a cookie or the answer sets one, unless you ask for it.

    Args:
        app: The application inside.
        minimum_size: Shorter answers are left alone, in bytes; the setting `GZIP_MIN_SIZE` when not given.
        compress_private: Compress pages for users with a cookie too.
    """

    is_guarded = False

    def __init__(
        self, app: ASGIApp, minimum_size: int | None = None, *, compress_private: bool = False
    ) -> None:
        super().__init__(app)
        self.minimum_size = settings.GZIP_MIN_SIZE if minimum_size is None else minimum_size
        self.compress_private = compress_private

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer, compressed if the client wants it so."""
        if scope["type"] != "http":
            return self.app(scope, receive, send)
        asked = dict(scope["headers"])
        has_cookie = b"cookie" in asked
        may_take_it = scope["method"] != "HEAD" and b"accept-encoding" in asked
        if may_take_it and _takes_gzip(scope["headers"]):
            known = etag_list(asked.get(b"if-none-match", b"").decode("latin-1"))
            send = _Compressor(self, send, has_cookie=has_cookie, known=known).send
        else:
            send = finishing(self._not_compressing(has_cookie), scope, receive, send)
        return self.app(scope, receive, send)

    def _not_compressing(self, has_cookie: bool) -> Finish:
        """Return what has an answer say that other clients get it compressed."""

        def finish(answer: Answer, own: RawHeaders) -> RawHeaders:
            # What is not modified says the same as what it stands for (RFC 9110, 15.4.5).
            if answer.status == 304 or self.fits(answer.status, own, has_cookie=has_cookie):
                own = list(own)
                add_vary(own, "Accept-Encoding")
            return own

        return finish

    def fits(self, status: int, raw: RawHeaders, *, has_cookie: bool) -> bool:
        """Return whether an answer with this head is to be compressed, whatever the client takes."""
        headers = dict(raw)
        if status in (204, 206, 304) or b"content-encoding" in headers:
            return False
        media_type = headers.get(b"content-type", b"").lower()
        if media_type.startswith((*COMPRESSED, STREAMED)) and b"svg" not in media_type:
            return False
        if b"no-transform" in headers.get(b"cache-control", b"").lower():
            return False
        is_private = has_cookie or b"set-cookie" in headers
        return self.compress_private or not (is_private and media_type.startswith(b"text/html"))


def _takes_gzip(headers: RawHeaders) -> bool:
    wishes = b",".join(value for name, value in headers if name == b"accept-encoding")
    return coding_weight(parse_choices(wishes.decode("latin-1")), "gzip") > 0


class _Compressor:
    """Compresses one answer on its way.

    Args:
        middleware: What says which answers are compressed.
        send: Where the messages go.
        has_cookie: Whether the request has one.
        known: The tags of the copies that the client has.
    """

    def __init__(
        self, middleware: GZipMiddleware, send: Send, *, has_cookie: bool, known: list[str]
    ) -> None:
        self._known = known
        self._middleware = middleware
        self._send = send
        self._has_cookie = has_cookie
        self._start: Message | None = None
        self._zlib: Any = None

    async def send(self, message: Message) -> None:
        """Take a message of the application."""
        if message["type"] == "http.response.start":
            # Held back until the length of the body is known.
            self._start = message
        elif message["type"] != "http.response.body":
            await self._send(message)
        elif self._start is not None:
            start, self._start = self._start, None
            await self._first(start, message)
        elif self._zlib is not None:
            await self._further(message)
        else:
            await self._send(message)

    async def _first(self, start: Message, message: Message) -> None:
        raw = list(start.get("headers") or ())
        start = {**start, "headers": raw}
        if start["status"] == 304:
            self._stand_for_compressed(raw)
        if not self._compresses(start, message):
            await self._send(start)
            await self._send(message)
            return
        headers = MutableHeaders(raw)
        _announce(headers)
        self._zlib = zlib.compressobj(LEVEL, zlib.DEFLATED, 31)
        if message.get("more_body"):
            await self._send(start)
            await self._further(message)
            return
        packed = await self._packed(message.get("body", b""), zlib.Z_FINISH)
        headers["content-length"] = str(len(packed))
        await self._send(start)
        await self._send({"type": "http.response.body", "body": packed})

    def _compresses(self, start: Message, message: Message) -> bool:
        """Return whether this answer is compressed; one that could be says that it depends on the client."""
        raw: RawHeaders = start["headers"]
        if not self._middleware.fits(start["status"], raw, has_cookie=self._has_cookie):
            return False
        add_vary(raw, "Accept-Encoding")
        is_stream = bool(message.get("more_body"))
        return is_stream or len(message.get("body", b"")) >= self._middleware.minimum_size

    def _stand_for_compressed(self, raw: RawHeaders) -> None:
        """Give a 304 what the compressed answer had that the client keeps: caches look for a copy with the very tag."""
        add_vary(raw, "Accept-Encoding")
        headers = MutableHeaders(raw)
        weak = f"W/{headers.get('etag', '')}"
        if weak in self._known:
            headers["etag"] = weak

    async def _packed(self, data: bytes, mode: int) -> bytes:
        """Return data compressed, in a thread where that takes long."""
        if len(data) <= LONG:
            return self._pack(data, mode)
        return await asyncio.to_thread(self._pack, data, mode)

    def _pack(self, data: bytes, mode: int) -> bytes:
        packed: bytes = self._zlib.compress(data) + self._zlib.flush(mode)
        return packed

    async def _further(self, message: Message) -> None:
        more = message.get("more_body", False)
        # Each piece goes on its way, as it would without compression.
        data = await self._packed(
            message.get("body", b""), zlib.Z_SYNC_FLUSH if more else zlib.Z_FINISH
        )
        await self._send({"type": "http.response.body", "body": data, "more_body": more})


def _announce(headers: MutableHeaders) -> None:
    """Say in the head of an answer that it is compressed."""
    headers["content-encoding"] = "gzip"
    headers.delete("content-length")
    if headers.get("etag", "W/").startswith('"'):
        # Not byte for byte what the strong tag stands for (RFC 9110, 8.8.1).
        headers["etag"] = f"W/{headers['etag']}"
