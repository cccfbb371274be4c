"""`cache_page`: keeping the answers of a handler, for those who may all have the same one."""

from __future__ import annotations

import functools
import hashlib
import inspect
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias, TypeVar

from openviper.cache import BaseCache, get_cache
from openviper.cache.exceptions import CacheValueError
from openviper.cache.functions import check_cache, check_tags
from openviper.cache.lifetimes import TTL, lifetime_of
from openviper.core.context import Watcher, current_exchange, current_request
from openviper.http.asgi import PERSONAL, SESSION, Scope
from openviper.http.coercion import coerce_response
from openviper.http.conditions import check_conditions
from openviper.http.page_makers import Making, PageMakers
from openviper.http.request import Request
from openviper.http.responses import Response
from openviper.i18n import get_language
from openviper.utils.datastructures import Headers, RawHeaders

H = TypeVar("H", bound=Callable[..., Any])
TagMaker: TypeAlias = "Sequence[str] | Callable[[Request], Iterable[str]]"
"""The tags of a page, or a function of the request that returns them."""

CREDENTIALS = ("authorization", "x-api-key")
"""Headers of requests whose answers are for one person."""
FORBIDDING = frozenset({"private", "no-store", "no-cache"})
"""What a handler says in ``Cache-Control`` to have an answer not kept."""
_AGE = re.compile(r"(?:s-maxage|max-age)=([0-9]{1,9})\Z")


def cache_page(
    ttl: TTL = None,
    *,
    vary: Sequence[str] = (),
    tags: TagMaker = (),
    cache: str | BaseCache = "default",
) -> Callable[[H], H]:
    """Keep the answers of a handler to GET and HEAD, and give them to all who ask for the same address.

    Stands between the route's decorator and the handler, or among the `middlewares` of a route or a router. What is the
    same address: scheme, host, path, query, the language, and the headers that the answer names in ``Vary``.

    Kept is only an answer with status 200 that is sent in one piece, sets no cookie, says nothing against it in
    ``Cache-Control``, and was made without a look at the user, the session, the cookies or a nonce. A request with
    credentials (``Authorization``, ``X-API-Key``) gets an answer of its own. Of many who ask for an address at once, one has the
    handler called in each process, and the others get its answer, if it is kept. An answer that is kept gets an ``ETag`` and,
    if it says nothing itself, ``Cache-Control: max-age``; from the cache it comes with its ``Age``.

    Args:
        ttl: Seconds for which an answer is kept, or a timedelta; the cache's own when not given. A shorter ``max-age`` of
            the answer counts.
        vary: Headers that answers depend on beside those that they name themselves.
        tags: What `BaseCache.invalidate_tags` may name, or a function of the request that returns it.
        cache: The alias of the cache, or a cache.

    Raises:
        TypeError: If the tags, the headers or the cache are none.
        ValueError: If the ttl makes no sense.
    """
    # What makes no sense is an error here, and not with the first request.
    lifetime_of(ttl, None)
    check_cache(cache, "cache_page")
    check_tags(tags, "cache_page")
    names = _checked_vary(vary)

    def decorate(handler: H) -> H:
        pages = _Pages(cache, ttl, names, tags)

        @functools.wraps(handler)
        async def cached_page(*args: Any, **kwargs: Any) -> Any:
            request = _request_of(args, kwargs)

            async def call() -> Any:
                result = handler(*args, **kwargs)
                return await result if inspect.isawaitable(result) else result

            return await call() if request is None else await pages.answer(request, call)

        wrapped: Any = cached_page
        wrapped.cache_alias = cache if isinstance(cache, str) else None
        return wrapped  # type: ignore[no-any-return]  # It is called as the handler is.

    return decorate


def _checked_vary(vary: Sequence[str]) -> tuple[str, ...]:
    if isinstance(vary, str) or not all(isinstance(name, str) for name in vary):
        raise TypeError(
            f"cache_page(): vary are names of headers, such as ['Accept'], not {vary!r}"
        )
    return tuple(vary)


def _request_of(args: Sequence[Any], kwargs: dict[str, Any]) -> Request | None:
    """Return the request that a handler is called for, wherever among its arguments it stands."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, Request):
            return value
    request = current_request.get()
    return request if isinstance(request, Request) else None


class _Page(NamedTuple):
    """An answer as it is kept.

    Attributes:
        headers: Those that the handler has set, with the tag.
        body: The body.
        stored_at: When it was made, in seconds since 1970.
        vary: The headers of requests that it depends on.
    """

    headers: RawHeaders
    body: bytes
    stored_at: float
    vary: list[str]

    def response(self, request: Request, age: int) -> Response:
        """Return the answer: 304 if the client has it already.

        Raises:
            HTTPException: 412 if the client demands another version.
        """
        own = Headers(self.headers)
        response = check_conditions(request.headers, request.method, own.get("etag", ""))
        if response is None:
            response = Response(self.body)
            response.raw_headers = list(self.headers)
        else:
            response.raw_headers = [
                pair for pair in self.headers if pair[0] not in (b"content-length", b"content-type")
            ]
        response.raw_headers.append((b"age", b"%d" % age))
        return response


class _Pages:
    """The kept answers of one handler."""

    def __init__(
        self, cache: str | BaseCache, ttl: TTL, vary: tuple[str, ...], tags: TagMaker
    ) -> None:
        self._cache, self._ttl = cache, ttl
        self._vary, self._tags = vary, tags
        self._makers = PageMakers()

    @property
    def _store(self) -> BaseCache:
        return get_cache(self._cache) if isinstance(self._cache, str) else self._cache

    async def answer(self, request: Request, call: Callable[[], Any]) -> Any:
        """Return a kept answer, or the handler's."""
        if not _is_for_all(request):
            return await call()
        address = _address(request)
        page = await self._find(request, address)
        if page is None and await self._makers.wait(address):
            page = await self._find(request, address)
        if page is not None:
            return page.response(request, max(0, int(time.time() - page.stored_at)))
        with self._makers.making(address) as making:
            return await self._make(request, address, call, making)

    async def _make(
        self, request: Request, address: str, call: Callable[[], Any], making: Making
    ) -> Response:
        """Return the handler's answer, kept if it may be."""
        personal = _Personal(request)
        # As they are now: what is invalidated while the handler runs voids its page.
        tags = await self._store.take_tags(self._tags_of(request))
        response = coerce_response(await call())
        lifetime = 0 if personal.is_so() else self._lifetime(response)
        if request.method == "GET":
            making.is_kept = False
        if lifetime == 0 or request.method != "GET" or not response.body:
            return response
        page = _page_of(response, self._vary, lifetime)
        ttl = float("inf") if lifetime is None else lifetime
        with suppress(CacheValueError):  # Larger than the cache takes; it is sent all the same.
            await self._keep(request, address, page, ttl, tags)
            making.is_kept = True
        return page.response(request, 0)

    def _tags_of(self, request: Request) -> Iterable[str]:
        return self._tags(request) if callable(self._tags) else self._tags

    async def _find(self, request: Request, address: str) -> _Page | None:
        found = await self._store.get(address)
        if isinstance(found, list):  # The headers that answers depend on; each has its own place.
            found = await self._store.get(_varied(address, found, request))
        return _Page(*found) if isinstance(found, tuple) and len(found) == 4 else None

    async def _keep(
        self, request: Request, address: str, page: _Page, ttl: float, tags: Mapping[str, str]
    ) -> None:
        cache = self._store
        if not page.vary:
            await cache.set(address, tuple(page), ttl, tags=tags)
            return
        known = await cache.get(address)
        names = sorted({*page.vary, *(known if isinstance(known, list) else ())})
        # First the page: who finds the names finds it too.
        await cache.set(_varied(address, names, request), tuple(page), ttl, tags=tags)
        await cache.set(address, names, ttl, tags=tags)

    def _lifetime(self, response: Response) -> float | None:
        """Return the seconds for which an answer may be kept: 0 for not at all, `None` for as long as there is room."""
        if not _may_be_kept(response):
            return 0
        own = lifetime_of(self._ttl, self._store.default_ttl)
        ages = [int(match[1]) for word in _control(response) if (match := _AGE.match(word))]
        if not ages:
            return own
        return min(*ages, float("inf") if own is None else own, float("inf"))


def _control(response: Response) -> list[str]:
    """Return what an answer says in ``Cache-Control``, in small letters."""
    words = Headers(response.raw_headers).get("cache-control", "").split(",")
    return [word.strip().lower() for word in words]


def _may_be_kept(response: Response) -> bool:
    """Return whether an answer is one that others may get too, as far as it says itself."""
    headers = Headers(response.raw_headers)
    if response.status_code != 200 or response.needs_preparation:
        return False
    if "set-cookie" in headers or "*" in _names(headers):
        return False
    return not any(word.partition("=")[0] in FORBIDDING for word in _control(response))


def _is_for_all(request: Request) -> bool:
    """Return whether a request may get the answer that others get."""
    is_read = request.method in ("GET", "HEAD")
    return is_read and not any(name in request.headers for name in CREDENTIALS)


def _names(headers: Headers) -> list[str]:
    """Return the headers that an answer names in ``Vary``, in small letters."""
    words = ",".join(headers.getlist("vary")).split(",")
    return [word.strip().lower() for word in words if word.strip()]


def _page_of(response: Response, vary: Sequence[str], lifetime: float | None) -> _Page:
    """Return an answer as it is kept, with what says how long it is good."""
    body = response.body
    headers = Headers(response.raw_headers)
    names = sorted({*_names(headers), *map(str.lower, vary)})
    kept = [pair for pair in response.raw_headers if pair[0] != b"vary"]
    if names:
        kept.append((b"vary", ", ".join(name.title() for name in names).encode("latin-1")))
    if "etag" not in headers:
        kept.append((b"etag", b'"%s"' % hashlib.sha256(body).hexdigest()[:32].encode()))
    if "cache-control" not in headers and lifetime is not None:
        kept.append((b"cache-control", b"max-age=%d" % lifetime))
    return _Page(kept, body, time.time(), names)


def _address(request: Request) -> str:
    """Return the key of what a request asks for."""
    scope = request.scope
    parts = (
        str(scope.get("scheme", "http")),
        request.headers.get("host", ""),
        request.root_path,
        str(scope.get("raw_path") or request.path),
        repr(scope.get("query_string", b"")),
        get_language(),
    )
    return f"page:{_digest(parts)}"


def _varied(address: str, names: Sequence[str], request: Request) -> str:
    """Return the key of what a request asks for that depends on some of its headers."""
    values = [f"{name}={','.join(request.headers.getlist(name))}" for name in names]
    return f"{address}:{_digest(values)}"


def _digest(parts: Iterable[str]) -> str:
    # The length before each: where one ends and the next begins makes a difference.
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class _Personal:
    """Notices whether an answer depends on who asks, from now on.

    What middleware has looked at before, the user's language for one, is not in the page unless it is looked at again.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._exchange = current_exchange.get()
        request.forget_cookies()
        request.scope.pop(PERSONAL, None)
        self._was_used = self._session_is_used()
        self._note = _Note(self._exchange.watcher if self._exchange is not None else None)
        if self._exchange is not None:
            self._exchange.watcher = self._note

    def _session_is_used(self) -> bool:
        return bool(getattr(self._request.scope.get(SESSION), "is_used", False))

    def is_so(self) -> bool:
        """Return whether the user, the session, the cookies or a nonce were used."""
        exchange = self._exchange
        return bool(
            self._request.scope.get(PERSONAL)
            or self._note.is_noted
            or self._request.has_read_cookies
            or (self._session_is_used() and not self._was_used)
            or (exchange is not None and exchange.nonce is not None)
        )


class _Note:
    """Remembers that somebody asked who it is, and tells who wanted to know that before."""

    is_noted = False

    def __init__(self, watcher: Watcher | None) -> None:
        self._watcher = watcher

    def note(self, scope: Scope) -> None:
        """Note it."""
        self.is_noted = True
        if self._watcher is not None:
            self._watcher.note(scope)
