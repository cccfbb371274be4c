"""What the application under test answered."""

from __future__ import annotations

import json as jsonlib
from collections.abc import AsyncIterator
from typing import Any

from openviper.testing.cookies import parse_set_cookie
from openviper.testing.exchange import Exchange
from openviper.utils.datastructures import Headers, RawHeaders

REDIRECTS = frozenset({301, 302, 303, 307, 308})


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
        """The body as text, in the character set that the content type names, else UTF-8.

        Raises:
            LookupError: If there is no such character set.
        """
        _, _, parameter = self.headers.get("content-type", "").lower().partition("charset=")
        charset = parameter.partition(";")[0].strip(' "')
        return self.content.decode(charset or "utf-8", "replace")

    def json(self) -> Any:
        """Return the body, which is JSON."""
        return jsonlib.loads(self.content)

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies that this answer sets."""
        lines = self.headers.getlist("set-cookie")
        return {name: value for name, value, _ in map(parse_set_cookie, lines)}

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


class StreamedResponse:
    """An answer whose body is read while it is sent.

    Attributes:
        status_code: The HTTP status.
        headers: The headers.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.status_code = exchange.status or 0
        self.headers = Headers(exchange.headers)

    async def aiter_bytes(self) -> AsyncIterator[bytes]:
        """Yield the pieces of the body as they are sent.

        Raises:
            AssertionError: If the body is cut short.
        """
        while (piece := await self._exchange.next_piece()) is not None:
            yield piece
        if not self._exchange.is_complete:
            raise AssertionError("the body was cut short")

    async def aiter_lines(self) -> AsyncIterator[str]:
        """Yield the lines of the body, which is text, as they are sent."""
        rest = b""
        async for piece in self.aiter_bytes():
            # A piece may end within a letter; a line never does.
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                yield line.decode()
        if rest:
            yield rest.decode()

    async def aread(self) -> bytes:
        """Return what is left of the body."""
        return b"".join([piece async for piece in self.aiter_bytes()])

    def disconnect(self) -> None:
        """Go away before the end, as a client does that closes its page."""
        self._exchange.leave()
