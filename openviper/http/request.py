"""A request: everything is read when it is first asked for."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from math import inf
from typing import Any

from openviper.core.context import current_exchange
from openviper.exceptions import HTTPException
from openviper.http.asgi import BACKGROUND, BODY, ROUTE, Message, Receive, Scope
from openviper.http.body import UNREAD, Body, BodyTimeoutError, ClientDisconnected
from openviper.http.connection import Connection
from openviper.http.forms import Files, FormData, MultipartReader, check_charset, parse_urlencoded
from openviper.http.json_body import LONG, read_json, read_short_json
from openviper.http.limits import Limits, effective_limits
from openviper.utils.datastructures import encode_header

__all__ = ["BodyTimeoutError", "ClientDisconnected", "Request"]

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
EARLY_HINT = "http.response.early_hint"
"""The extension and the message of ASGI by which a server sends early hints."""
_ABOVE = {digits: 10**digits for digits in range(1, 20)}
"""The least number that is greater than each of so many digits."""


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


class Request(Connection):
    """An HTTP request.

    Args:
        scope: The ASGI scope.
        receive: Where the body comes from.

    Raises:
        TypeError: If the scope is not one of HTTP.
    """

    def __init__(self, scope: Scope, receive: Receive = _no_body) -> None:
        if scope["type"] not in ("http", "websocket"):
            raise TypeError(f"a request needs an http or websocket scope, not {scope['type']!r}")
        self.scope = scope
        self._receive = receive

    @property
    def method(self) -> str:
        """The HTTP method in upper case."""
        method: str = self.scope.get("method", "GET")
        return method

    @property
    def limits(self) -> Limits:
        """How much of the body is taken: what the route says, else the settings."""
        route = self.scope.get(ROUTE)
        return effective_limits(None if route is None else route.limits)

    @property
    def _body(self) -> Body:
        body: Body | None = self.scope.get(BODY)
        if body is None:
            body = self.scope[BODY] = Body(self._receive)
        return body

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it arrives; once.

        Raises:
            RuntimeError: If the body was streamed before.
            BodyTimeoutError: If a piece takes longer than `REQUEST_BODY_TIMEOUT`.
            ClientDisconnected: If the client goes away before the end.
        """
        body = self._body
        if body.data is None:
            body.claim()
            async with aclosing(body.chunks(self.limits.timeout)) as chunks:
                async for chunk in chunks:
                    yield chunk
        elif body.data:
            yield body.data

    async def body(self) -> bytes:
        """Return the whole body.

        Raises:
            HTTPException: 413 if it is longer than `MAX_BODY_SIZE`.
            BodyTimeoutError: If it does not arrive in time.
            ClientDisconnected: If the client goes away before the end.
        """
        body: Body | None = self.scope.get(BODY)
        if body is not None and body.data is not None:
            # Whoever read it has kept to the limit that holds for what it was read as.
            return body.data
        limits = self.limits
        return await self._whole(limits.body, limits.timeout)

    async def _whole(self, limit: int, timeout: float) -> bytes:
        data = self._ready(limit)
        return await self._waited_for(limit, timeout) if data is None else data

    def _ready(self, limit: int) -> bytes | None:
        """Return the whole body if it is there; else `None`, and it has to be waited for."""
        body = self._body
        if body.data is None:
            self._check_declared_length(limit)
            body.claim()
            body.data = body.at_once(limit)
        elif len(body.data) > limit:
            raise HTTPException(413)
        return body.data

    async def _waited_for(self, limit: int, timeout: float) -> bytes:
        body = self._body
        data = body.data = await body.whole(limit, timeout)
        return data

    def _check_declared_length(self, limit: int) -> None:
        declared = self.header(b"content-length")
        if declared is None or limit >= _ABOVE.get(len(declared), inf):
            return  # Most lengths have too few digits to be over the limit, whatever these are.
        # A length of twenty digits is too long, whatever they are; one of thousands would take its time to convert.
        if declared.isdigit() and int(declared[:20]) > limit:
            raise HTTPException(413)

    async def json(self) -> Any:
        """Return the body, which is JSON in UTF-8; whoever asks again is given the same object.

        Raises:
            HTTPException: 400 if it is not, and the detail says where; 413 if it is longer than `MAX_JSON_BODY_SIZE`.
        """
        body = self._body
        if body.value is UNREAD:
            limits = self.limits
            data = self._ready(limits.json)
            if data is None:
                data = await self._waited_for(limits.json, limits.timeout)
            body.value = read_short_json(data) if len(data) <= LONG else await read_json(data)
        return body.value

    async def form(self) -> FormData:
        """Return the fields and files of a form, sent either as ``application/x-www-form-urlencoded`` or in parts.

        Raises:
            HTTPException: 415 for another content type, 400 if the form is malformed or has too many fields or files,
                413 if it is longer than `MAX_FORM_SIZE`, or with its files than `MAX_UPLOAD_SIZE`.
        """
        body = self._body
        if body.form is None:
            try:
                body.form = await self._read_form()
            except HTTPException as error:
                body.failure = error
                raise
        return body.form

    async def _read_form(self) -> FormData:
        content_type = self.headers.get("content-type", "")
        media_type = content_type.partition(";")[0].strip().lower()
        limits = self.limits
        if media_type in ("", URLENCODED):
            check_charset(content_type)
            return await parse_urlencoded(await self._whole(limits.form, limits.timeout), limits)
        if media_type != MULTIPART:
            raise HTTPException(415, f"Forms of type {media_type!r} are not supported.")
        self._check_declared_length(limits.upload)
        # Closed here, also where the form is refused half-way: left to the collector, it may outlive its event loop.
        async with aclosing(self.stream()) as pieces:
            return await MultipartReader(content_type, limits).read(pieces)

    async def files(self) -> Files:
        """Return the files of the form; see `form` for what it raises."""
        return (await self.form()).files

    def release_later(self, function: Callable[[], Awaitable[None]]) -> None:
        """Have something let go of when the request is over, whatever becomes of the answer."""
        self._body.releases += (function,)

    async def is_disconnected(self) -> bool:
        """Return whether the client has gone away; known once the body is read."""
        return await self._body.is_disconnected()

    async def disconnected(self) -> None:
        """Wait until the client has gone away; what is left of the body is dropped."""
        await self._body.disconnected()

    async def read_ahead(self) -> None:
        """Read the body, unless it is longer than `Request.body` reads: whoever wants that reads it in another way.

        Raises:
            HTTPException: If it cannot be read.
        """
        declared = self.header(b"content-length")
        if declared is None:
            is_short = self.header(b"transfer-encoding") is None
        else:
            is_short = not declared.isdigit() or int(declared[:20]) <= self.limits.body
        if is_short:
            await self.body()

    async def left(self) -> None:
        """Wait until the body is read, by whom it is for, and then until the client has gone away."""
        await self._body.taken()
        await self.disconnected()

    async def send_early_hints(self, *links: str) -> bool:
        """Tell the browser what the page will need while it is being made (103 Early Hints, RFC 8297).

        Args:
            links: Values of ``Link`` headers, such as ``</static/site.css>; rel=preload; as=style``.

        Returns:
            Whether they were sent: `False` where the server has no ASGI extension ``http.response.early_hint``, as uvicorn
            has not, and once the answer has begun.

        Raises:
            ValueError: If one cannot be sent as a header.
        """
        values = [encode_header("link", link)[1] for link in links]
        exchange = current_exchange.get()
        if EARLY_HINT not in (self.scope.get("extensions") or ()):
            return False
        if exchange is None or exchange.send is None or exchange.is_started:
            return False
        await exchange.send({"type": EARLY_HINT, "links": values})
        return True

    def after_response(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> None:
        """Call a function, plain or async, once the answer is sent.

        It runs even if the client has left; not if the handler that has asked for it fails; what it raises is logged.
        Middleware asks before it passes the request on. A plain function runs in a thread. The server waits for it when it stops; what must survive a crash belongs into a task.

        Raises:
            TypeError: If it is no function, such as the coroutine that one has made already.
        """
        if not callable(function):
            raise TypeError(
                f"after_response() takes a function and its arguments, not {function!r}"
            )
        self.scope.setdefault(BACKGROUND, []).append((function, args, kwargs))
