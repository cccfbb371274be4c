"""Limits on how often somebody may ask."""

from __future__ import annotations

import functools
import inspect
import ipaddress
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from openviper.auth.client import client_address
from openviper.conf import settings
from openviper.core.context import current_exchange, current_request
from openviper.exceptions import ImproperlyConfigured, TooManyRequests
from openviper.http.answer import Answer, Finish, finishing
from openviper.http.asgi import ASGIApp, Receive, Scope, Send
from openviper.http.connection import Connection
from openviper.http.errors import answer
from openviper.http.request import Request
from openviper.middleware.base import BaseMiddleware, MiddlewareEntry
from openviper.middleware.counters import (
    Counter,
    MemoryCounter,
    SteadyCounter,
    hashed_key,
    make_counter,
)
from openviper.utils.clock import now
from openviper.utils.datastructures import RawHeaders

KeyFunction = Callable[[Request], str]
"""Returns what a request is counted by."""


class Verdict(NamedTuple):
    """What is left of a limit.

    Attributes:
        limit: Requests per window.
        remaining: How many are left.
        retry_after: Seconds until there is one again; 0 if there is one.
        reset: Seconds until the window ends.
    """

    limit: int
    remaining: int
    retry_after: int
    reset: int


class Limit:
    """Requests per window of time, slid over two windows, as if those of the one before had come evenly spread over it.

    Args:
        requests: How many are let through.
        seconds: How long the window is.
        counter: What counts them; while it cannot, they are counted in this process.
        clock: The time, in seconds since 1970.

    Raises:
        TypeError: If these are no numbers, as where `rate_limit` is written without parentheses.
        ValueError: If they are less than 1.
    """

    def __init__(
        self,
        requests: int,
        seconds: float,
        counter: Counter,
        clock: Callable[[], float] = now,
    ) -> None:
        _check_limit(requests, seconds)
        self.requests = requests
        self.seconds = math.ceil(seconds)
        self._counter = SteadyCounter(counter)
        self._clock = clock

    async def take(self, key: str) -> Verdict:
        """Count one request, under a key of any length, and return what is left."""
        window, passed = divmod(self._clock(), self.seconds)
        # What another limit counts with the same counter is not counted here.
        key = hashed_key(key, f"{self.requests}/{self.seconds}")
        count, before = await self._counter.hit(key, int(window), self.seconds)
        # Those that were refused are not held against anybody in the next window.
        before = min(before, self.requests)
        # Of the window before, the part counts that still lies within one window's length.
        weighted = count + before * (1 - passed / self.seconds)
        reset = math.ceil(self.seconds - passed)
        if weighted <= self.requests:
            return Verdict(self.requests, int(self.requests - weighted), 0, reset)
        wait = math.ceil(self._wait(count, before, passed))
        return Verdict(self.requests, 0, max(1, wait), reset)

    def _wait(self, count: int, before: int, passed: float) -> float:
        """Return the seconds until one more request is let through, if none comes until then.

        Args:
            count: How many came in this window.
            before: How many came in the window before.
            passed: Seconds since this window began.
        """
        spare = self.requests - count - 1
        if spare >= 0 and before > 0:
            return self._fades(before, spare) - passed
        # In the next window this one is the one before.
        return self.seconds - passed + self._fades(min(count, self.requests), self.requests - 1)

    def _fades(self, before: int, spare: int) -> float:
        """Return how long a window has to go on until of those before it no more than `spare` count."""
        return self.seconds * max(0.0, 1 - spare / before)


def _check_limit(requests: Any, seconds: Any) -> None:
    if not isinstance(requests, int) or not isinstance(seconds, (int, float)):
        raise TypeError(
            f"a limit is requests in seconds, such as (60, 60), not {requests!r} in {seconds!r}"
        )
    if requests < 1 or not 1 <= seconds < math.inf:
        raise ValueError(
            f"a limit needs at least 1 request and 1 second, not {requests!r} in {seconds!r}"
        )


NETWORK_BITS = 64
"""Leading bits of an IPv6 address that are its network's: what one customer has of it."""


def by_address(request: Request) -> str:
    """Count by the client's address, behind `TRUSTED_PROXIES` too; an IPv6 client by its network, of which it has all addresses."""
    host = client_address(request.scope)
    return _network(host) if ":" in host else host


def _network(host: str) -> str:
    """Return the network of an IPv6 address, however it is written; of one that stands for an IPv4 address, that."""
    try:
        address = ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((address, NETWORK_BITS), strict=False))


def by_user(request: Request) -> str:
    """Count by the user, and by the address where there is none."""
    key = getattr(request.user, "pk", None)
    return by_address(request) if key is None else f"user:{key}"


def by_path(request: Request) -> str:
    """Count by address and path."""
    return f"{by_address(request)} {request.path}"


KEYS: dict[str, KeyFunction] = {
    "ip": by_address,
    "user": by_user,
    "path": by_path,
}


HEADERS_FIRST = ("SecurityMiddleware", "CORSMiddleware", "TrustedProxyMiddleware")
"""Middleware that an answer of 429 still has to pass, and that knows who asks."""


def with_rate_limit(entries: Sequence[MiddlewareEntry]) -> list[MiddlewareEntry]:
    """Return middleware with the limit that `RATE_LIMIT_REQUESTS` asks for, unless it is listed already.

    It stands behind those that give an answer its headers; to count by users, behind all.
    """
    names = [_class_name(entry) for entry in entries]
    limited = list(entries)
    if settings.RATE_LIMIT_REQUESTS == 0 or "RateLimitMiddleware" in names:
        return limited
    before = [place + 1 for place, name in enumerate(names) if name in HEADERS_FIRST]
    place = len(names) if settings.RATE_LIMIT_BY == "user" else max(before, default=0)
    limited.insert(place, RateLimitMiddleware)
    return limited


def _class_name(entry: MiddlewareEntry) -> str:
    target = entry[0] if isinstance(entry, tuple) else entry
    name = target if isinstance(target, str) else getattr(target, "__name__", "")
    return name.rpartition(".")[2]


class RateLimitMiddleware(BaseMiddleware):
    """Answers 429 to who asks too often, and says in every answer what is left.

    To count by users it stands behind the middleware that finds them.

    Args:
        app: The application inside.
        max_requests: Requests per window; the setting `RATE_LIMIT_REQUESTS` when not given.
        window_seconds: Length of the window; the setting `RATE_LIMIT_WINDOW` when not given.
        key_func: What requests are counted by; the setting `RATE_LIMIT_BY` when not given.
        counter: What counts them; the setting `RATE_LIMIT_BACKEND` when not given.

    Raises:
        ImproperlyConfigured: If nothing says how many requests are let through.
    """

    def __init__(
        self,
        app: ASGIApp,
        max_requests: int | None = None,
        window_seconds: float | None = None,
        key_func: KeyFunction | None = None,
        counter: Counter | None = None,
    ) -> None:
        super().__init__(app)
        requests = settings.RATE_LIMIT_REQUESTS if max_requests is None else max_requests
        if requests == 0:
            raise ImproperlyConfigured(
                "RateLimitMiddleware is listed, and RATE_LIMIT_REQUESTS is 0: say how many requests it lets through"
            )
        window = settings.RATE_LIMIT_WINDOW if window_seconds is None else window_seconds
        self.limit = Limit(requests, window, counter or make_counter(settings.RATE_LIMIT_BACKEND))
        self._key = key_func or KEYS[settings.RATE_LIMIT_BY]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count a request and answer it, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        verdict = await self.limit.take(_named("middleware", self._key(request)))
        send = finishing(_telling(verdict), scope, receive, send)
        if verdict.retry_after:
            error = TooManyRequests(verdict.retry_after)
            refusal = answer(request, 429, error.detail, error.headers)
            await refusal(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def _named(name: str, key: object) -> str:
    """Return what one limit counts a request by."""
    if not isinstance(key, str):
        raise TypeError(
            f"requests are counted by a text, not by {key!r}; a key function returns one"
        )
    return f"{name}\0{key}"


def _telling(verdict: Verdict) -> Finish:
    """Return what makes the headers of an answer say what is left of a limit, unless they say so of one of which less is left."""

    def finish(_answer: Answer, own: RawHeaders) -> RawHeaders:
        left = [value for name, value in own if name == REMAINING and value.isdigit()]
        if left and int(left[0][:9]) <= verdict.remaining:
            return own
        others = [pair for pair in own if not pair[0].startswith(b"ratelimit-")]
        return [*others, *limit_headers(verdict)]

    return finish


REMAINING = b"ratelimit-remaining"


def limit_headers(verdict: Verdict) -> list[tuple[bytes, bytes]]:
    """Return what an answer says about a limit."""
    return [
        (b"ratelimit-limit", b"%d" % verdict.limit),
        (REMAINING, b"%d" % verdict.remaining),
        (b"ratelimit-reset", b"%d" % verdict.reset),
    ]


def rate_limit(
    max_requests: int = 60,
    window_seconds: float = 60.0,
    key_func: KeyFunction = by_address,
    counter: Counter | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Limit one handler, or a method of a view; who asks too often gets a 429, and each answer says what is left.

    Args:
        max_requests: Requests per window.
        window_seconds: Length of the window.
        key_func: What requests are counted by.
        counter: What counts them; this process when not given.
    """
    limit = Limit(max_requests, window_seconds, counter or MemoryCounter())

    def decorate(handler: Callable[..., Any]) -> Callable[..., Any]:
        name = f"{handler.__module__}.{handler.__qualname__}"

        @functools.wraps(handler)
        async def limited(*args: Any, **kwargs: Any) -> Any:
            request = _request_among((*args, *kwargs.values()), name)
            verdict = await limit.take(_named(name, key_func(request)))
            exchange = current_exchange.get()
            if isinstance(exchange, Answer):
                exchange.finish_with(_telling(verdict))
            if verdict.retry_after:
                raise TooManyRequests(verdict.retry_after)
            result = handler(*args, **kwargs)
            return await result if inspect.isawaitable(result) else result

        return limited

    return decorate


def _request_among(values: Sequence[Any], name: str) -> Any:
    """Return the request, or the WebSocket, that a handler is called for, wherever among its arguments it stands.

    Raises:
        LookupError: If none is being answered.
    """
    found = next((value for value in values if isinstance(value, Connection)), None)
    request = current_request.get() if found is None else found
    if request is None:
        raise LookupError(f"{name} is limited by requests, and none is being answered")
    return request
