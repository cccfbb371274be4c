"""A client that calls an ASGI application in the same process and on the same event loop."""

from __future__ import annotations

import asyncio
import json as jsonlib
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlencode, urljoin, urlsplit

from openviper.http.asgi import RAISE_ERRORS, Message
from openviper.middleware.security import TEST_CLIENT
from openviper.utils.datastructures import Headers, RawHeaders, encode_header

if TYPE_CHECKING:
    from openviper.http.asgi import ASGIApp

REDIRECTS = frozenset({301, 302, 303, 307, 308})
PORTS = {"http": 80, "https": 443}
MAX_REDIRECTS = 20


class TestResponse:
    """What the application answered.

    Attributes:
        status_code: The HTTP status.
        headers: The headers, several values of one name included.
        content: The body.
        url: The address that was asked for.
        history: The redirects that led here.
    """

    __test__ = False  # Not a test class, whatever its name says to pytest.

    def __init__(self, status_code: int, raw_headers: RawHeaders, content: bytes, url: str) -> None:
        self.status_code = status_code
        self.headers = Headers(raw_headers)
        self.content = content
        self.url = url
        self.history: list[TestResponse] = []

    @property
    def text(self) -> str:
        """The body as text, in the character set that the content type names, else UTF-8."""
        _, _, charset = self.headers.get("content-type", "").partition("charset=")
        return self.content.decode(charset.strip() or "utf-8", "replace")

    def json(self) -> Any:
        """Return the body, which is JSON."""
        return jsonlib.loads(self.content)

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that this answer sets."""
        return {name: value for name, value, _ in _set_cookies(self.headers)}

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status_code < 300

    @property
    def is_redirect(self) -> bool:
        """Whether this answer sends the client elsewhere."""
        return self.status_code in REDIRECTS and "location" in self.headers

    def raise_for_status(self) -> TestResponse:
        """Return this response.

        Raises:
            AssertionError: If the status is 4xx or 5xx.
        """
        if self.status_code >= 400:
            raise AssertionError(f"{self.url} answered with {self.status_code}: {self.text[:500]}")
        return self

    def __repr__(self) -> str:
        return f"<TestResponse [{self.status_code}]>"


class Cookies(dict[str, str]):
    """The cookies a client sends with every request."""

    def set(self, name: str, value: str) -> None:
        """Set a cookie."""
        self[name] = value


class OpenViperTestClient:
    """Sends requests to an application without a server; the lifespan is not run.

    Args:
        app: The application.
        base_url: What relative addresses are joined to.
        follow_redirects: Follow redirects unless a call says otherwise.
        headers: Sent with every request.
        cookies: Sent with every request; those that the application sets are added.
        raise_app_exceptions: Raise an unexpected error of a handler or middleware instead of the 500 it becomes.
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
    ) -> None:
        self.app = app
        self.base_url = base_url
        self.follow_redirects = follow_redirects
        self.headers: dict[str, str] = dict(headers or {})
        self.cookies = Cookies(cookies or {})
        self.raise_app_exceptions = raise_app_exceptions

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
        """Close the client; it holds nothing that needs it, but what replaces it may."""

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
        content: bytes | str | None = None,
        follow_redirects: bool | None = None,
        timeout: float = 5.0,
    ) -> TestResponse:
        """Send a request and return the answer when it is complete.

        Args:
            method: The HTTP method.
            url: An address, relative to `base_url`; one of another host is served by the application too.
            params: Added to the query.
            headers: Further headers.
            cookies: Further cookies.
            json: The body as a value, sent as JSON.
            data: The body as form fields.
            content: The body as it is.
            follow_redirects: In place of the client's own setting.
            timeout: Longest wait for the whole answer, in seconds.

        Raises:
            TimeoutError: If the answer is not complete in time.
        """
        target = _with_query(urljoin(self.base_url + "/", url), params)
        body, content_type = _body(json, data, content)
        sent = _with_content_type({**self.headers, **(headers or {})}, content_type)
        follow = self.follow_redirects if follow_redirects is None else follow_redirects
        history: list[TestResponse] = []
        while True:
            async with asyncio.timeout(timeout):
                jar = {**self.cookies, **(cookies or {})}
                response = await self._send(method, target, sent, jar, body)
            response.history = list(history)
            self._keep_cookies(response)
            if not (follow and response.is_redirect):
                return response
            if len(history) >= MAX_REDIRECTS:
                raise AssertionError(
                    f"more than {MAX_REDIRECTS} redirects, the last one to {target}"
                )
            history.append(response)
            target = urljoin(target, response.headers["location"])
            if _becomes_get(method, response.status_code):
                method, body = "GET", b""

    def _keep_cookies(self, response: TestResponse) -> None:
        for name, value, gone in _set_cookies(response.headers):
            if gone:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value

    async def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        cookies: Mapping[str, str],
        body: bytes,
    ) -> TestResponse:
        parts = urlsplit(url)
        scope: dict[str, Any] = {
            "type": "http",
            TEST_CLIENT: True,
            RAISE_ERRORS: self.raise_app_exceptions,
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method.upper(),
            "scheme": parts.scheme,
            "path": unquote(parts.path or "/"),
            "raw_path": (parts.path or "/").encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": _raw_headers(headers, parts.netloc, cookies, body),
            "client": ("testclient", 50000),
            "server": (parts.hostname or "testserver", parts.port or PORTS.get(parts.scheme, 80)),
        }
        exchange = _Exchange(body)
        try:
            await self.app(scope, exchange.receive, exchange.send)
        except Exception:
            if self.raise_app_exceptions or exchange.status is None:
                raise
        if exchange.status is None:
            raise AssertionError(f"the application sent no response to {method} {url}")
        return TestResponse(exchange.status, exchange.headers, b"".join(exchange.chunks), url)


def _with_query(url: str, params: Mapping[str, Any] | None) -> str:
    if not params:
        return url
    return url + ("&" if urlsplit(url).query else "?") + urlencode(params, doseq=True)


def _with_content_type(headers: dict[str, str], content_type: str) -> dict[str, str]:
    is_given = any(name.lower() == "content-type" for name in headers)
    return headers if is_given or not content_type else {**headers, "content-type": content_type}


def _becomes_get(method: str, status: int) -> bool:
    # RFC 9110 section 15.4: "See Other" always, the two old codes after a POST, as browsers do.
    return status == 303 or (status in (301, 302) and method == "POST")


def _raw_headers(
    headers: Mapping[str, str], host: str, cookies: Mapping[str, str], body: bytes
) -> RawHeaders:
    raw = [encode_header(name, value) for name, value in headers.items()]
    if not any(name == b"host" for name, _ in raw):
        raw.insert(0, encode_header("host", host))
    if cookies:
        jar = "; ".join(f"{name}={value}" for name, value in cookies.items())
        raw.append(encode_header("cookie", jar))
    if body:
        raw.append((b"content-length", str(len(body)).encode()))
    return raw


class _Exchange:
    """The server's side of one request."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._finished = asyncio.Event()
        self.status: int | None = None
        self.headers: RawHeaders = []
        self.chunks: list[bytes] = []

    async def receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._finished.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = list(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            self.chunks.append(message.get("body", b""))
            if not message.get("more_body", False):
                self._finished.set()


def _body(
    json: Any, data: Mapping[str, Any] | None, content: bytes | str | None
) -> tuple[bytes, str]:
    if content is not None:
        return (content.encode() if isinstance(content, str) else content), ""
    if data is not None:
        return urlencode(data, doseq=True).encode(), "application/x-www-form-urlencoded"
    if json is not None:
        return jsonlib.dumps(json).encode(), "application/json"
    return b"", ""


def _set_cookies(headers: Headers) -> list[tuple[str, str, bool]]:
    found = []
    for line in headers.getlist("set-cookie"):
        try:
            parsed = SimpleCookie(line)
        except CookieError:
            continue
        found += [(name, morsel.value, morsel["max-age"] == "0") for name, morsel in parsed.items()]
    return found
