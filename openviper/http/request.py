"""A request: everything is read when it is first asked for."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

from openviper.exceptions import HTTPException
from openviper.http.asgi import Message, Receive, Scope
from openviper.http.cookies import parse_cookies
from openviper.http.url import URL, valid_host
from openviper.utils.datastructures import Headers, ImmutableMultiDict, QueryParams

MAX_BODY_SIZE = 10 * 1024 * 1024
"""Longest body that `body`, `json` and `form` read, in bytes; `stream` reads any."""
MAX_FORM_FIELDS = 1000


class ClientDisconnected(HTTPException):
    """The client went away before its body had arrived."""

    def __init__(self) -> None:
        super().__init__(400, "The client disconnected before the body was complete.")


async def _no_body() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


class Request:
    """An HTTP request.

    Args:
        scope: The ASGI scope.
        receive: Where the body comes from.

    Raises:
        TypeError: If the scope is neither of HTTP nor of a WebSocket.
    """

    __slots__ = (
        "_body",
        "_cookies",
        "_form",
        "_headers",
        "_query",
        "_receive",
        "_streamed",
        "path_params",
        "scope",
    )

    def __init__(self, scope: Scope, receive: Receive | None = None) -> None:
        if scope["type"] not in ("http", "websocket"):
            raise TypeError(f"a request needs an http or websocket scope, not {scope['type']!r}")
        self.scope = scope
        self.path_params: dict[str, Any] = scope.get("path_params") or {}
        self._receive = receive or _no_body
        self._headers: Headers | None = None
        self._query: QueryParams | None = None
        self._cookies: dict[str, str] | None = None
        self._body: bytes | None = None
        self._form: ImmutableMultiDict | None = None
        self._streamed = False

    @property
    def method(self) -> str:
        """The HTTP method in upper case."""
        method: str = self.scope.get("method", "GET")
        return method

    @property
    def path(self) -> str:
        """The path, percent-decoded."""
        path: str = self.scope["path"]
        return path

    @property
    def root_path(self) -> str:
        """Where the application is mounted."""
        root_path: str = self.scope.get("root_path", "")
        return root_path

    @property
    def client(self) -> tuple[str, int] | None:
        """Address and port of the other side."""
        client = self.scope.get("client")
        return (client[0], client[1]) if client else None

    @property
    def headers(self) -> Headers:
        """The headers."""
        if self._headers is None:
            self._headers = Headers(self.scope["headers"])
        return self._headers

    @property
    def query_params(self) -> QueryParams:
        """The parameters after ``?``."""
        if self._query is None:
            self._query = QueryParams(self.scope.get("query_string", b""))
        return self._query

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies by name."""
        if self._cookies is None:
            self._cookies = parse_cookies("; ".join(self.headers.getlist("cookie")))
        return self._cookies

    @property
    def url(self) -> URL:
        """The address, with the host from a valid ``Host`` header, else that of the server."""
        netloc = self.headers.get("host", "")
        if not valid_host(netloc):
            server = self.scope.get("server") or ("localhost", None)
            netloc = f"{server[0]}:{server[1]}" if server[1] else str(server[0])
        query = self.scope.get("query_string", b"").decode("latin-1")
        return URL(self.scope.get("scheme", "http"), netloc, self.path, query)

    @property
    def state(self) -> dict[str, Any]:
        """What middleware and handlers share about this request."""
        state: dict[str, Any] = self.scope.setdefault("openviper.state", {})
        return state

    @property
    def user(self) -> Any:
        """The user that authentication found, or `None` where nothing authenticates."""
        return self.scope.get("user")

    @property
    def auth(self) -> Any:
        """What authentication told about the credentials, or `None`."""
        return self.scope.get("auth")

    def header(self, name: bytes) -> bytes | None:
        """Return the raw value of a header given in lower case, without building `headers`."""
        for key, value in self.scope["headers"]:
            if key == name:
                return bytes(value)
        return None

    def is_secure(self) -> bool:
        """Tell whether the request came over TLS."""
        return self.scope.get("scheme", "http") in ("https", "wss")

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives; once.

        Raises:
            RuntimeError: If the body was streamed before.
            ClientDisconnected: If the client goes away before the end.
        """
        if self._body is not None:
            yield self._body
            return
        if self._streamed:
            raise RuntimeError("the body has been streamed already")
        self._streamed = True
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnected
            chunk = message.get("body", b"")
            if chunk:
                yield chunk
            if not message.get("more_body", False):
                return

    async def body(self) -> bytes:
        """Return the whole body.

        Raises:
            HTTPException: 413 if it is longer than `MAX_BODY_SIZE`.
            ClientDisconnected: If the client goes away before the end.
        """
        if self._body is None:
            declared = self.header(b"content-length")
            if declared is not None and declared.isdigit() and int(declared[:20]) > MAX_BODY_SIZE:
                raise HTTPException(413)
            chunks: list[bytes] = []
            size = 0
            async for chunk in self.stream():
                size += len(chunk)
                if size > MAX_BODY_SIZE:
                    raise HTTPException(413)
                chunks.append(chunk)
            self._body = b"".join(chunks)
        return self._body

    async def json(self) -> Any:
        """Return the body, which is JSON in UTF-8.

        Raises:
            HTTPException: 400 if it is not; the detail says where.
        """
        body = await self.body()
        try:
            return json.loads(body.decode("utf-8"))
        except json.JSONDecodeError as error:
            raise _bad_json(error.msg, error.lineno, error.colno) from None
        except UnicodeDecodeError:
            raise _bad_json("not UTF-8") from None
        except RecursionError:
            raise _bad_json("nested too deeply") from None
        except ValueError as error:  # A number with more digits than Python converts.
            raise _bad_json(str(error)) from None

    async def form(self) -> ImmutableMultiDict:
        """Return the fields of a form sent as ``application/x-www-form-urlencoded``.

        Raises:
            HTTPException: 415 for another content type, 400 if the body is malformed or has too many fields.
        """
        if self._form is None:
            kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind not in ("", "application/x-www-form-urlencoded"):
                raise HTTPException(415, f"Forms of type {kind!r} are not supported.")
            from urllib.parse import parse_qsl

            try:
                text = (await self.body()).decode("utf-8")
                fields = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS)
            except (UnicodeDecodeError, ValueError):
                raise HTTPException(400, "The form is malformed or has too many fields.") from None
            self._form = ImmutableMultiDict(fields)
        return self._form


def _bad_json(reason: str, line: int = 1, column: int = 1) -> HTTPException:
    return HTTPException(
        400,
        {
            "message": "The body is not valid JSON.",
            "reason": reason,
            "line": line,
            "column": column,
        },
    )
