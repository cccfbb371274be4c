"""Responses: text, JSON, HTML, redirects and streams."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from datetime import datetime
from os import PathLike
from typing import Any, TypeAlias

from openviper.http.asgi import Receive, Scope, Send
from openviper.http.cookies import build_cookie
from openviper.http.encoding import encode_json
from openviper.utils.datastructures import MutableHeaders, RawHeaders, encode_header

NO_BODY = frozenset({204, 304})
"""Statuses whose answers have no body (RFC 9110, 15.3.5 and 15.4.5)."""


class Response:
    """An answer whose body is known as a whole.

    Args:
        content: Text, bytes or nothing.
        status_code: The HTTP status.
        headers: Further headers.
        media_type: The content type; ``charset=utf-8`` is added for text.

    Raises:
        TypeError: If `content` is neither text nor bytes.
    """

    media_type: str | None = None
    charset = "utf-8"
    needs_preparation = False
    """Whether `prepare` has to be awaited before the response is sent."""

    def __init__(
        self,
        content: str | bytes | None = None,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        self.status_code = status_code
        if media_type is not None:
            self.media_type = media_type
        self.body = self.render(content)
        self.raw_headers: RawHeaders = (
            [encode_header(*item) for item in headers.items()] if headers else []
        )
        self._finish_headers(len(self.body))

    def render(self, content: Any) -> bytes:
        """Return the body as bytes."""
        if content is None:
            return b""
        if isinstance(content, str):
            return content.encode(self.charset)
        if isinstance(content, (bytes, bytearray, memoryview)):
            return bytes(content)
        raise TypeError(f"content must be str or bytes, not {type(content).__name__}")

    def _finish_headers(self, length: int | None) -> None:
        raw = self.raw_headers
        names = {name for name, _ in raw} if raw else ()
        if length is not None and b"content-length" not in names and self._may_have_body():
            raw.append((b"content-length", str(length).encode()))
        media_type = self.media_type
        if media_type is not None and b"content-type" not in names:
            if media_type.startswith("text/") and "charset=" not in media_type:
                media_type += f"; charset={self.charset}"
            raw.append((b"content-type", media_type.encode("latin-1")))

    def _may_have_body(self) -> bool:
        return self.status_code >= 200 and self.status_code not in NO_BODY

    @property
    def headers(self) -> MutableHeaders:
        """The headers; may be changed until the response is sent."""
        return MutableHeaders(self.raw_headers)

    def set_cookie(
        self,
        key: str,
        value: str = "",
        max_age: int | None = None,
        expires: datetime | int | None = None,
        path: str | None = "/",
        domain: str | None = None,
        secure: bool = False,
        httponly: bool = False,
        samesite: str | None = "lax",
    ) -> None:
        """Send a cookie; see `openviper.http.cookies.build_cookie` for the arguments.

        Raises:
            ValueError: If a part could not be sent as it is, or would be rejected by browsers.
        """
        cookie = build_cookie(
            key,
            value,
            max_age=max_age,
            expires=expires,
            path=path,
            domain=domain,
            secure=secure,
            httponly=httponly,
            samesite=samesite,
        )
        self.raw_headers.append((b"set-cookie", cookie.encode("latin-1")))

    def delete_cookie(self, key: str, path: str = "/", domain: str | None = None) -> None:
        """Tell the browser to forget a cookie."""
        self.set_cookie(key, max_age=0, expires=0, path=path, domain=domain)

    async def prepare(self) -> None:
        """Do what may fail with an error that the client should be told, while that is still possible."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response; the body is left out for HEAD."""
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        body = self.body if scope["method"] != "HEAD" and self._may_have_body() else b""
        await send({"type": "http.response.body", "body": body})


class PlainTextResponse(Response):
    """Plain text."""

    media_type = "text/plain"

    def __init__(
        self,
        content: str | bytes | None = None,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(content, status_code, headers)


class JSONResponse(Response):
    """A value as JSON; see `openviper.http.encoding.encode_json` for what it may hold.

    Raises:
        TypeError: If something in the value has no form in JSON.
    """

    media_type = "application/json"

    def __init__(
        self,
        content: Any = None,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        indent: int | None = None,
    ) -> None:
        self._indent = indent
        super().__init__(content, status_code, headers)

    def render(self, content: Any) -> bytes:
        """Return the value as JSON."""
        return encode_json(content, indent=self._indent)


class HTMLResponse(Response):
    """HTML, given as text or made from a template.

    Args:
        content: The text.
        template: The name of a template instead, looked up in `template_dir`, `TEMPLATES_DIR` and the apps.
        context: What the template is given; `request` is added.

    Raises:
        ValueError: If there is both a content and a template, or the template's name leads outside.
        TemplateNotFoundError: If there is no such template.
    """

    media_type = "text/html"

    def __init__(
        self,
        content: str | bytes | None = None,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        template: str | None = None,
        context: Mapping[str, Any] | None = None,
        template_dir: str | PathLike[str] | None = None,
    ) -> None:
        if template is not None:
            if content is not None:
                raise ValueError("content and template exclude each other")
            from openviper.core.context import current_request
            from openviper.template import render_to_string

            values = {"request": current_request.get(), **(context or {})}
            content = render_to_string(template, values, template_dir=template_dir)
        super().__init__(content, status_code, headers)


Chunk: TypeAlias = "str | bytes"
Chunks: TypeAlias = "AsyncIterable[Chunk] | Iterable[Chunk]"
StreamContent: TypeAlias = "Chunks | Callable[[], Chunks]"


class StreamingResponse(Response):
    """An answer sent piece by piece, from an iterator or a function without arguments that returns one.

    Plain iterators run in a thread. Iteration stops when the client goes away.
    """

    media_type = "application/octet-stream"

    def __init__(
        self,
        content: StreamContent,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        self.content = content
        self.status_code = status_code
        if media_type is not None:
            self.media_type = media_type
        self.body = b""
        self.raw_headers = [encode_header(*item) for item in headers.items()] if headers else []
        self._finish_headers(None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces as they come."""
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        if scope["method"] == "HEAD" or not self._may_have_body():
            await send({"type": "http.response.body", "body": b""})
            return
        sending = asyncio.ensure_future(self._send_pieces(send))
        leaving = asyncio.ensure_future(disconnected(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (leaving, sending):
                task.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
        try:
            await sending
        except asyncio.CancelledError:
            if (
                not leaving.done() or leaving.cancelled()
            ):  # Not the client: this task itself was cancelled.
                raise

    async def _send_pieces(self, send: Send) -> None:
        content = self.content() if callable(self.content) else self.content
        pieces = content if isinstance(content, AsyncIterable) else _in_thread(iter(content))
        async for piece in pieces:
            data = piece.encode(self.charset) if isinstance(piece, str) else piece
            await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


_END = object()


async def _in_thread(iterator: Iterator[Chunk]) -> AsyncIterator[Chunk]:
    while True:
        piece: Any = await asyncio.to_thread(next, iterator, _END)
        if piece is _END:
            return
        yield piece


async def disconnected(receive: Receive) -> None:
    """Wait until the client has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass
