"""A client that calls an ASGI application in the same process and on the same event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlencode, urljoin, urlsplit

from openviper.http.asgi import RAISE_ERRORS, TEST_CLIENT, Scope
from openviper.testing.bodies import Content, FilesGiven, Outgoing, make_body
from openviper.testing.cookies import Cookies
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

MAX_REDIRECTS = 20
BODY_HEADERS = ("content-type", "content-length", "content-encoding", "transfer-encoding")
"""Headers that go with a body, and go when a redirect turns a request into a GET."""
CREDENTIALS = ("authorization", "cookie", "proxy-authorization")
"""Headers that are not sent on to another host."""


class _Call(NamedTuple):
    """A request that is to be sent."""

    method: str
    url: str
    headers: dict[str, str]
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
        await self._finish_background()

    async def get(self, url: str, **options: Any) -> TestResponse:
        """Send a GET request; see `request` for the options."""
        return await self.request("GET", url, **options)

    async def post(self, url: str, **options: Any) -> TestResponse:
        """Send a POST request; see `request` for the options."""
        return await self.request("POST", url, **options)

    async def put(self, url: str, **options: Any) -> TestResponse:
        """Send a PUT request; see `request` for the options."""
        return await self.request("PUT", url, **options)

    async def patch(self, url: str, **options: Any) -> TestResponse:
        """Send a PATCH request; see `request` for the options."""
        return await self.request("PATCH", url, **options)

    async def delete(self, url: str, **options: Any) -> TestResponse:
        """Send a DELETE request; see `request` for the options."""
        return await self.request("DELETE", url, **options)

    async def head(self, url: str, **options: Any) -> TestResponse:
        """Send a HEAD request; see `request` for the options."""
        return await self.request("HEAD", url, **options)

    async def options(self, url: str, **options: Any) -> TestResponse:
        """Send an OPTIONS request; see `request` for the options."""
        return await self.request("OPTIONS", url, **options)

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
        follow = self.follow_redirects if follow_redirects is None else follow_redirects
        history: list[TestResponse] = []
        while True:
            async with asyncio.timeout(timeout):
                response = await self._send(call)
            response.history = list(history)
            if not (follow and response.is_redirect):
                return response
            if len(history) >= MAX_REDIRECTS:
                raise AssertionError(
                    f"more than {MAX_REDIRECTS} redirects, the last one to {call.url}"
                )
            history.append(response)
            call = _redirected(call, response)

    def _call(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
        cookies: Mapping[str, str] | None,
        body: Outgoing,
    ) -> _Call:
        target = _with_params(urljoin(self.base_url + "/", url), params)
        sent = {**self.headers, **(headers or {})}
        named = {name.lower() for name in sent}
        for name, value in _described(body):
            if name not in named:
                sent[name] = value
        return _Call(method.upper(), target, sent, cookies or {}, body)

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
        exchange = Exchange(_fresh(call.body))
        running = asyncio.ensure_future(self._run(call, exchange))
        try:
            async with asyncio.timeout(timeout):
                await exchange.started.wait()
            if exchange.status is None:
                await running
            self._keep_cookies(exchange.headers, call.url)
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
        body = Outgoing([b""], "", 0)
        scope = self._scope(self._call("GET", url, None, headers, cookies, body))
        scheme = "wss" if scope["scheme"] in ("https", "wss") else "ws"
        scope.update(type="websocket", scheme=scheme, subprotocols=list(subprotocols))
        del scope["method"]
        return WebSocketSession(self.app, scope, timeout)

    async def _send(self, call: _Call) -> TestResponse:
        exchange = Exchange(_fresh(call.body))
        await self._run(call, exchange)
        if exchange.status is None:
            raise AssertionError(f"the application sent no response to {call.method} {call.url}")
        self._keep_cookies(exchange.headers, call.url)
        await self._finish_background()
        return TestResponse(exchange.status, exchange.headers, exchange.content(), call.url)

    async def _run(self, call: _Call, exchange: Exchange) -> None:
        try:
            await self.app(self._scope(call), exchange.receive, exchange.send)
        except Exception:
            if self.raise_app_exceptions or exchange.status is None:
                raise
        finally:
            exchange.end()

    async def _finish_background(self) -> None:
        background = getattr(self.app, "background", None)
        if background is not None:
            await background.finish()

    def _keep_cookies(self, headers: RawHeaders, url: str) -> None:
        for name, value in headers:
            if name == b"set-cookie":
                self.cookies.take(value.decode("latin-1"), urlsplit(url))

    def _raw_headers(self, call: _Call) -> RawHeaders:
        parts = urlsplit(call.url)
        raw = [encode_header(name, value) for name, value in call.headers.items()]
        if not any(name == b"host" for name, _ in raw):
            raw.insert(0, encode_header("host", parts.netloc))
        further = "; ".join(f"{name}={value}" for name, value in call.cookies.items())
        cookies = "; ".join(filter(None, (self.cookies.header(parts), further)))
        if cookies:
            raw.append(encode_header("cookie", cookies))
        return raw

    def _scope(self, call: _Call) -> Scope:
        parts = urlsplit(call.url)
        default_port = 443 if parts.scheme == "https" else 80
        path = self.root_path + (parts.path or "/")
        return {
            "type": "http",
            TEST_CLIENT: True,
            RAISE_ERRORS: self.raise_app_exceptions,
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": call.method,
            "scheme": parts.scheme,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": parts.query.encode(),
            "root_path": self.root_path,
            "headers": self._raw_headers(call),
            "client": self.client,
            "server": (parts.hostname or "testserver", parts.port or default_port),
        }


def _with_params(target: str, params: Mapping[str, Any] | None) -> str:
    if not params:
        return target
    address, _, _ = target.partition("#")  # A fragment is not sent.
    mark = "&" if urlsplit(address).query else "?"
    return f"{address}{mark}{urlencode(params, doseq=True)}"


def _described(body: Outgoing) -> Iterator[tuple[str, str]]:
    """Yield the headers that say what a body is."""
    if body.content_type:
        yield "content-type", body.content_type
    if body.length:
        yield "content-length", str(body.length)


def _fresh(body: Outgoing) -> list[bytes] | AsyncIterator[bytes]:
    """Return the pieces of a body; a list of its own, as sending uses it up."""
    return list(body.pieces) if isinstance(body.pieces, list) else body.pieces


def _redirected(call: _Call, response: TestResponse) -> _Call:
    """Return the request that follows a redirect, as a browser sends it."""
    target = urljoin(call.url, response.headers["location"])
    is_get = _becomes_get(call.method, response.status_code)
    headers = _headers_for(target, call, is_get=is_get)
    cookies = call.cookies if _is_same_host(target, call.url) else {}
    if not is_get:
        return _Call(call.method, target, headers, cookies, _kept(call.body))
    method = "HEAD" if call.method == "HEAD" else "GET"
    return _Call(method, target, headers, cookies, Outgoing([b""], "", 0))


def _is_same_host(target: str, url: str) -> bool:
    return urlsplit(target).netloc == urlsplit(url).netloc


def _becomes_get(method: str, status_code: int) -> bool:
    return status_code == 303 or (status_code in (301, 302) and method == "POST")


def _headers_for(target: str, call: _Call, *, is_get: bool) -> dict[str, str]:
    """Return the headers that go along to the target of a redirect; another host gets no credentials."""
    dropped = BODY_HEADERS if is_get else ()
    if not _is_same_host(target, call.url):
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
