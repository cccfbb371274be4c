"""A client that calls an ASGI application in the same process and on the same event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlencode, urljoin, urlsplit

from openviper.http.asgi import AUTH, HANDSHAKE_ANSWER, RAISE_ERRORS, TEST_CLIENT, USER, Scope
from openviper.testing.bodies import NO_BODY, Content, FilesGiven, Outgoing, make_body
from openviper.testing.cookies import Cookies
from openviper.testing.deadlines import Deadlines
from openviper.testing.exchange import Exchange
from openviper.testing.responses import StreamedResponse, TestResponse
from openviper.testing.websockets import WebSocketRefused, WebSocketSession
from openviper.utils.datastructures import RawHeaders, encode_header

if TYPE_CHECKING:
    from openviper.http.asgi import ASGIApp

__all__ = [
    "Cookies",
    "OpenViperTestClient",
    "StreamedResponse",
    "TestResponse",
    "WebSocketRefused",
    "WebSocketSession",
]

NO_COOKIES: Mapping[str, str] = {}
MAX_REDIRECTS = 20
PATH = "/%!$&'()*+,;=:@~"
"""What stands in a path as it is, besides letters and digits (RFC 3986, 3.3); percent signs are there already."""
QUERY = PATH + "?"
BODY_HEADERS = ("content-type", "content-length", "content-encoding", "transfer-encoding")
"""Headers that go with a body, and go when a redirect turns a request into a GET."""
CREDENTIALS = ("authorization", "cookie", "proxy-authorization")
"""Headers that are not sent on to another host."""


class _Call(NamedTuple):
    """A request that is to be sent."""

    method: str
    address: _Address
    headers: Mapping[str, str]
    cookies: Mapping[str, str]
    body: Outgoing


class OpenViperTestClient:
    """Sends requests to an application without a server; the lifespan is not run.

    Args:
        app: The application.
        base_url: What relative addresses are joined to.
        follow_redirects: Follow redirects unless a call says otherwise.
        headers: Sent with every request.
        cookies: Sent with every request; those that the application sets are kept as a browser keeps them.
        raise_app_exceptions: Raise an unexpected error of a handler or middleware instead of the 500 it becomes.
        root_path: The prefix that the application is served under.
        client: Address and port that requests come from.

    Attributes:
        user: Who requests come from, whatever they bring along; `None` leaves that to the application.
    """

    def __init__(
        self,
        app: ASGIApp,
        base_url: str = "http://testserver",
        *,
        follow_redirects: bool = False,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        raise_app_exceptions: bool = False,
        root_path: str = "",
        client: tuple[str, int] = ("testclient", 50000),
    ) -> None:
        self.app = app
        self.base_url = base_url
        self.follow_redirects = follow_redirects
        self.headers: dict[str, str] = dict(headers or {})
        self.cookies = Cookies(dict(cookies or {}))
        self.raise_app_exceptions = raise_app_exceptions
        self.root_path = root_path
        self.client = client
        self.user: Any = None
        self._deadlines = Deadlines()
        self._background: Any = getattr(app, "background", None)
        """What the application does behind its answers, if it is one of ours."""

    async def __aenter__(self) -> OpenViperTestClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Wait for the work that requests have left behind."""
        self._deadlines.stop()
        if self._background is not None:
            await self._background.finish()

    def get(self, url: str, **options: Any) -> Coroutine[Any, Any, TestResponse]:
        """Send a GET request; see `request` for the options."""
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> Coroutine[Any, Any, TestResponse]:
        """Send a POST request; see `request` for the options."""
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Any) -> Coroutine[Any, Any, TestResponse]:
        """Send a PUT request; see `request` for the options."""
        return self.request("PUT", url, **options)

    def patch(self, url: str, **options: Any) -> Coroutine[Any, Any, TestResponse]:
        """Send a PATCH request; see `request` for the options."""
        return self.request("PATCH", url, **options)

    def delete(self, url: str, **options: Any) -> Coroutine[Any, Any, TestResponse]:
        """Send a DELETE request; see `request` for the options."""
        return self.request("DELETE", url, **options)

    def head(self, url: str, **options: Any) -> Coroutine[Any, Any, TestResponse]:
        """Send a HEAD request; see `request` for the options."""
        return self.request("HEAD", url, **options)

    def options(self, url: str, **options: Any) -> Coroutine[Any, Any, TestResponse]:
        """Send an OPTIONS request; see `request` for the options."""
        return self.request("OPTIONS", url, **options)

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        json: Any = None,
        data: Mapping[str, Any] | None = None,
        content: Content | None = None,
        files: FilesGiven | None = None,
        follow_redirects: bool | None = None,
        timeout: float = 5.0,
    ) -> TestResponse:
        """Send a request and return the answer when it and the work left behind by it are complete.

        Args:
            method: The HTTP method.
            url: An address, relative to `base_url`; one of another host is served by the application too.
            params: Added to the query.
            headers: Further headers.
            cookies: Further cookies.
            json: The body as a value, sent as JSON.
            data: The body as form fields.
            content: The body as it is, or its pieces.
            files: Files of a form, by field: the content, or a tuple of name, content and perhaps content type.
            follow_redirects: In place of the client's own setting.
            timeout: Longest wait for the whole answer, in seconds.

        Raises:
            TimeoutError: If the answer is not complete in time.
            ValueError: If more than one kind of body is given.
        """
        body = make_body(json, data, content, files)
        call = self._call(method, url, params, headers, cookies, body)
        with self._deadlines.limit(timeout):
            response = await self._send(call)
        follow = self.follow_redirects if follow_redirects is None else follow_redirects
        if follow and response.is_redirect:
            return await self._follow(call, response, timeout)
        return response

    async def _follow(self, call: _Call, response: TestResponse, timeout: float) -> TestResponse:
        history: list[TestResponse] = []
        while response.is_redirect:
            if len(history) >= MAX_REDIRECTS:
                raise AssertionError(
                    f"more than {MAX_REDIRECTS} redirects, the last one to {call.address.url}"
                )
            history.append(response)
            call = self._redirected(call, response)
            with self._deadlines.limit(timeout):
                response = await self._send(call)
            response.history = list(history)
        return response

    def _call(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
        cookies: Mapping[str, str] | None,
        body: Outgoing,
    ) -> _Call:
        address = _address(f"{self.base_url.rstrip('/')}/", url, self.root_path)
        if params:
            address = _address(address.url, _query_of(address.url, params), self.root_path)
        sent: Mapping[str, str] = self.headers
        if headers or body.content_type or body.length != 0:
            sent = _described(body, _together(self.headers, headers or {}))
        return _Call(method.upper(), address, sent, cookies or NO_COOKIES, body)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        json: Any = None,
        data: Mapping[str, Any] | None = None,
        content: Content | None = None,
        files: FilesGiven | None = None,
        timeout: float = 5.0,
    ) -> AsyncIterator[StreamedResponse]:
        """Send a request and have the body of the answer while it is sent; see `request` for the arguments.

        Raises:
            TimeoutError: If the answer has not begun in time.
        """
        call = self._call(
            method, url, params, headers, cookies, make_body(json, data, content, files)
        )
        exchange = Exchange(call.body.pieces)
        running = asyncio.ensure_future(self._run(call, exchange))
        try:
            async with asyncio.timeout(timeout):
                await exchange.begun()
            if exchange.status is None:
                await running
            self._keep_cookies(exchange.headers, call.address)
            yield StreamedResponse(exchange)
        finally:
            exchange.leave()
            await asyncio.wait((running,), timeout=timeout)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def websocket(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        subprotocols: Sequence[str] = (),
        timeout: float = 5.0,
    ) -> WebSocketSession:
        """Return a WebSocket to use in ``async with``.

        Args:
            url: Its address, relative to `base_url`.
            headers: Further headers.
            cookies: Further cookies.
            subprotocols: The protocols that are offered.
            timeout: Longest wait for a message, in seconds.

        Raises:
            WebSocketRefused: On entering, if the application does not accept it.
        """
        call = self._call("GET", url, None, headers, cookies, NO_BODY)
        scope = self._scope(call)
        scheme = "wss" if scope["scheme"] in ("https", "wss") else "ws"
        # Servers can refuse one with an answer of HTTP, and then an application does so.
        able: dict[str, Any] = {HANDSHAKE_ANSWER: {}}
        scope.update(
            type="websocket", scheme=scheme, subprotocols=list(subprotocols), extensions=able
        )
        del scope["method"]

        def keep(answer: RawHeaders) -> None:
            self._keep_cookies(answer, call.address)

        return WebSocketSession(self.app, scope, timeout, keep)

    async def _send(self, call: _Call) -> TestResponse:
        exchange = Exchange(call.body.pieces)
        try:
            await self.app(self._scope(call), exchange.receive, exchange.send)
        except Exception as error:
            self._judge(error, call, exchange)
        if not exchange.is_complete:
            raise _cut_short(call, exchange)
        _check_length(call, exchange)
        self._keep_cookies(exchange.headers, call.address)
        if self._background is not None and self._background.is_busy:
            await self._background.finish()
        # It is complete, so it has begun.
        status = exchange.status or 0
        # A server sends no body in answer to HEAD, whatever the application gives it.
        content = b"" if call.method == "HEAD" else exchange.content()
        return TestResponse(status, exchange.headers, content, call.address.url)

    def _judge(self, error: Exception, call: _Call, exchange: Exchange) -> None:
        """Raise an error of the application, unless the answer was complete before it."""
        if self.raise_app_exceptions or exchange.status is None:
            raise error
        if not exchange.is_complete:
            raise _cut_short(call, exchange) from error

    async def _run(self, call: _Call, exchange: Exchange) -> None:
        try:
            await self.app(self._scope(call), exchange.receive, exchange.send)
        except Exception:
            if self.raise_app_exceptions or exchange.status is None:
                raise
        finally:
            exchange.end()

    def _keep_cookies(self, headers: RawHeaders, address: _Address) -> None:
        for name, value in headers:
            if name == b"set-cookie":
                self.cookies.take(value.decode("latin-1"), address.parts)

    def _raw_headers(self, call: _Call) -> RawHeaders:
        is_plain = not call.headers and not call.cookies and self.cookies.is_empty
        return [call.address.host] if is_plain else self._full_headers(call)

    def _full_headers(self, call: _Call) -> RawHeaders:
        raw = [_encoded(name, value) for name, value in call.headers.items()]
        if not any(name == b"host" for name, _ in raw):
            raw.insert(0, call.address.host)
        return [*raw, *self._cookie_header(call)]

    def _cookie_header(self, call: _Call) -> RawHeaders:
        further = "; ".join(f"{name}={value}" for name, value in call.cookies.items())
        cookies = "; ".join(filter(None, (self.cookies.header(call.address.parts), further)))
        return [_encoded("cookie", cookies)] if cookies else []

    def _scope(self, call: _Call) -> Scope:
        scope: Scope = dict(call.address.scope)
        scope["method"] = call.method
        scope["headers"] = self._raw_headers(call)
        scope["client"] = self.client
        scope[RAISE_ERRORS] = self.raise_app_exceptions
        if self.user is not None:
            scope.update({USER: self.user, AUTH: {"type": "forced"}})
        return scope

    def _redirected(self, call: _Call, response: TestResponse) -> _Call:
        """Return the request that follows a redirect, as a browser sends it."""
        location = _below(self.root_path, response.headers["location"])
        address = _address(call.address.url, location, self.root_path)
        is_get = _becomes_get(call.method, response.status_code)
        headers = _headers_for(address, call, is_get=is_get)
        cookies = call.cookies if _is_same_host(address, call.address) else NO_COOKIES
        if not is_get:
            return _Call(call.method, address, headers, cookies, _kept(call.body))
        method = "HEAD" if call.method == "HEAD" else "GET"
        return _Call(method, address, headers, cookies, NO_BODY)


class _Address(NamedTuple):
    """An address, and what a scope says of it."""

    url: str
    parts: SplitResult
    host: tuple[bytes, bytes]
    scope: dict[str, Any]


# Tests ask for the same few addresses again and again, and send the same few headers.

_encoded = lru_cache(maxsize=1024)(encode_header)


@lru_cache(maxsize=1024)
def _address(base: str, url: str, root_path: str) -> _Address:
    """Return an address that may be relative to another one, as that of a link on a page is."""
    parts = urlsplit(urljoin(base, url))
    # As browsers send it.
    path = quote(parts.path or "/", safe=PATH)
    parts = parts._replace(path=path, query=quote(parts.query, safe=QUERY))
    default_port = 443 if parts.scheme in ("https", "wss") else 80
    scope = {
        "type": "http",
        TEST_CLIENT: True,
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "scheme": parts.scheme,
        "path": root_path + unquote(path),
        "raw_path": (quote(root_path, safe=PATH) + path).encode(),
        "query_string": parts.query.encode(),
        "root_path": root_path,
        "server": (parts.hostname or "testserver", parts.port or default_port),
    }
    return _Address(parts.geturl(), parts, encode_header("host", parts.netloc), scope)


def _below(root_path: str, location: str) -> str:
    """Return where a redirect leads as tests say it: without the prefix that the application is served under."""
    parts = urlsplit(location)
    root = quote(root_path, safe=PATH)
    if not root or not f"{parts.path}/".startswith(f"{root}/"):
        return location
    return parts._replace(path=parts.path[len(root) :] or "/").geturl()


def _query_of(address: str, params: Mapping[str, Any]) -> str:
    """Return the query of an address with parameters added to it."""
    query = urlsplit(address).query
    return f"?{query}{'&' if query else ''}{urlencode(params, doseq=True)}"


def _cut_short(call: _Call, exchange: Exchange) -> AssertionError:
    asked = f"{call.method} {call.address.url}"
    if exchange.status is None:
        return AssertionError(f"the application sent no response to {asked}")
    sent = len(exchange.content())
    return AssertionError(
        f"the answer to {asked} was cut short: status {exchange.status} and {sent} bytes, but no end"
    )


def _check_length(call: _Call, exchange: Exchange) -> None:
    """Check that the body is as long as the answer says, as servers do, which else leave the client waiting."""
    if call.method == "HEAD" or exchange.status in (204, 304):
        return
    told = next((value for name, value in exchange.headers if name == b"content-length"), None)
    sent = len(exchange.content())
    if told is not None and told != b"%d" % sent:
        raise AssertionError(
            f"the answer to {call.method} {call.address.url} says {told.decode('latin-1')!r} bytes and has {sent}"
        )


def _together(headers: Mapping[str, str], further: Mapping[str, str]) -> dict[str, str]:
    """Return headers with further ones, which stand in place of those of the same name in whatever case."""
    named = {name.lower() for name in further}
    return {**{name: headers[name] for name in headers if name.lower() not in named}, **further}


def _described(body: Outgoing, headers: dict[str, str]) -> dict[str, str]:
    """Add the headers that say what a body is, unless they are given, and return all of them."""
    named = {name.lower() for name in headers}
    if body.content_type and "content-type" not in named:
        headers["content-type"] = body.content_type
    if body.length and "content-length" not in named:
        headers["content-length"] = str(body.length)
    if body.length is None and not named & {"content-length", "transfer-encoding"}:
        headers["transfer-encoding"] = "chunked"
    return headers


def _is_same_host(first: _Address, second: _Address) -> bool:
    return first.parts.netloc == second.parts.netloc


def _becomes_get(method: str, status_code: int) -> bool:
    return status_code == 303 or (status_code in (301, 302) and method == "POST")


def _headers_for(address: _Address, call: _Call, *, is_get: bool) -> dict[str, str]:
    """Return the headers that go along to the target of a redirect; another host gets no credentials."""
    dropped = BODY_HEADERS if is_get else ()
    if not _is_same_host(address, call.address):
        dropped = (*dropped, *CREDENTIALS, "host")
    return {name: value for name, value in call.headers.items() if name.lower() not in dropped}


def _kept(body: Outgoing) -> Outgoing:
    """Return a body that can be sent once more.

    Raises:
        AssertionError: If its pieces came from an iterator and are gone.
    """
    if not isinstance(body.pieces, list):
        raise AssertionError("a body in pieces cannot follow a redirect that keeps it")
    return body
