"""`cached`: keeping what a function returns, for each list of arguments."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import string
import types
import weakref
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, Protocol, TypeAlias, TypeVar, overload
from urllib.parse import quote

from openviper.cache.base import BaseCache
from openviper.cache.configured import get_cache
from openviper.cache.exceptions import CacheKeyError, CacheValueError
from openviper.cache.lifetimes import TTL, lifetime_of
from openviper.cache.values import canonical_text
from openviper.conf import settings
from openviper.utils.signatures import signature_of

P = ParamSpec("P")
R = TypeVar("R")

KeyMaker: TypeAlias = "str | Callable[..., str] | None"
"""A text with the names of parameters in braces, or a function of the arguments that returns the key."""
TagMaker: TypeAlias = "Sequence[str] | Callable[..., Iterable[str]]"
"""The tags, or a function of the arguments that returns them."""

_of_modules: weakref.WeakSet[CachedFunction[Any, Any]] = weakref.WeakSet()
"""What modules have decorated, for `check`; what a function decorates for itself may never be called."""


class CachedFunction(Generic[P, R]):
    """A function whose results are kept; called like the function, and awaited.

    A plain function runs in a thread when it has to run. What it is called with makes the key.
    """

    def __init__(
        self,
        function: Callable[P, Any],
        *,
        ttl: TTL,
        key: KeyMaker,
        tags: TagMaker,
        cache: str | BaseCache,
    ) -> None:
        if not hasattr(function, "__qualname__"):
            raise TypeError(f"cached() decorates a function, not {function!r}")
        self._function = function
        self._signature = signature_of(function)
        self._is_async = inspect.iscoroutinefunction(function)
        self._ttl = ttl
        self._tags = tags
        self._cache = cache
        self._name = f"{function.__module__}.{function.__qualname__}"
        self._key = _checked_key(key, self._signature, self._name)
        self.__name__ = function.__name__
        update_wrapper(self, function)
        if "<locals>" not in function.__qualname__:
            _of_modules.add(self)

    def __repr__(self) -> str:
        return f"<cached {self._name}>"

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what the function returns for these arguments, now or a while ago.

        Raises:
            CacheKeyError: If an argument cannot be part of a key.
            CacheValueError: If a cache cannot keep the result.
        """
        key, tags = self.key_for(*args, **kwargs), self._tags_for(args, kwargs)

        async def compute() -> Any:
            if self._is_async:
                return await self._function(*args, **kwargs)
            return await asyncio.to_thread(self._function, *args, **kwargs)

        result: R = await self.cache.get_or_set(key, compute, self._ttl, tags=tags)
        return result

    def __get__(self, instance: object | None, owner: type | None = None) -> Any:
        """Return the function, bound to an instance if it is reached through one."""
        return self if instance is None else types.MethodType(self, instance)

    @property
    def name(self) -> str:
        """The dotted name of the function."""
        return self._name

    @property
    def alias(self) -> str | None:
        """The alias of the cache, or None where it was given itself."""
        return self._cache if isinstance(self._cache, str) else None

    @property
    def cache(self) -> BaseCache:
        """The cache."""
        return get_cache(self._cache) if isinstance(self._cache, str) else self._cache

    def key_for(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """Return the key of the entry for these arguments.

        Raises:
            CacheKeyError: If an argument cannot be part of a key.
            TypeError: If the function does not take these arguments.
        """
        bound = self._signature.bind(*args, **kwargs)
        if callable(self._key):
            return self._own_key(self._key(*args, **kwargs))
        bound.apply_defaults()
        if isinstance(self._key, str):
            return self._key.format_map(self._quoted(bound.arguments))
        text = canonical_text([self._part(item) for item in bound.arguments.items()])
        return f"{self._name}:{hashlib.sha256(text.encode()).hexdigest()}"

    def _own_key(self, key: object) -> str:
        if not isinstance(key, str):
            raise CacheKeyError(f"the key function of {self._name} must return text, not {key!r}")
        return key

    def _part(self, argument: tuple[str, object]) -> list[object]:
        """Return a parameter and its argument, if that can be part of a key."""
        name, value = argument
        try:
            canonical_text(value)
        except CacheValueError:
            raise CacheKeyError(
                f"argument {name!r} of {self._name} is a {type(value).__qualname__!r}, which cannot be part of a key; "
                "give cached() a `key` made from what tells the calls apart"
            ) from None
        return [name, value]

    def _quoted(self, arguments: dict[str, object]) -> dict[str, str]:
        """Return arguments as texts in which no separator stands, so that two lists never give one key."""
        parts = [self._part(item) for item in self._used(arguments)]
        return {str(name): _quoted(value) for name, value in parts}

    def _used(self, arguments: dict[str, object]) -> list[tuple[str, object]]:
        names = _fields(self._key) if isinstance(self._key, str) else set()
        return [(name, value) for name, value in arguments.items() if name in names]

    def _tags_for(self, args: Any, kwargs: Any) -> list[str]:
        tags = self._tags(*args, **kwargs) if callable(self._tags) else self._tags
        if isinstance(tags, str):
            raise TypeError(f"tags of {self._name} must be several texts, not {tags!r}")
        return list(tags)

    async def forget(self, *args: P.args, **kwargs: P.kwargs) -> bool:
        """Remove the result for these arguments; return whether there was one.

        Raises:
            CacheUnavailableError: If the store does not answer.
        """
        return await self.cache.delete(self.key_for(*args, **kwargs))


def _quoted(value: object) -> str:
    # Text as it is; of others, what tells 1 from "1" and True.
    if isinstance(value, str):
        return quote(value, safe="", errors="surrogatepass")
    return "=" + quote(canonical_text(value), safe="")


def _fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def _checked_key(key: KeyMaker, signature: inspect.Signature, function: str) -> KeyMaker:
    """Return what makes the key.

    Raises:
        ValueError: If a text names something that is no parameter.
    """
    if isinstance(key, str):
        unknown = sorted(_fields(key) - set(signature.parameters))
        if unknown:
            raise ValueError(f"key {key!r}: {function} has no parameter {unknown[0]!r}")
        if any(spec or conversion for _, _, spec, conversion in string.Formatter().parse(key)):
            raise ValueError(f"key {key!r}: only the names of parameters may stand in braces")
    return key


def _check_parts(key: object, tags: object, cache: object) -> None:
    if key is not None and not isinstance(key, str) and not callable(key):
        raise TypeError(f"cached(): key must be a text or a function, not {key!r}")
    check_tags(tags, "cached")
    check_cache(cache, "cached")


def check_tags(tags: object, of: str) -> None:
    """Check tags where they are declared.

    Args:
        tags: The tags, or what makes them.
        of: The decorator, for errors.

    Raises:
        TypeError: If they are neither several texts nor a function.
    """
    if callable(tags):
        return
    if isinstance(tags, str) or not isinstance(tags, Iterable):
        raise TypeError(f"{of}(): tags must be several texts, such as [{tags!r}], not {tags!r}")
    for tag in tags:
        if not isinstance(tag, str):
            raise TypeError(f"{of}(): the tag {tag!r} is no text")


def unknown_caches() -> list[tuple[str, str]]:
    """Return the functions of modules, sorted, that are kept in a cache `CACHES` does not have, each with its alias."""
    known = {"default", *settings.CACHES}
    found = [
        (one.name, one.alias) for one in list(_of_modules) if one.alias and one.alias not in known
    ]
    return sorted(found)


def check_cache(cache: object, of: str) -> None:
    """Check that a cache is one, or the alias of one; raises a `TypeError` that names the decorator `of`."""
    if not isinstance(cache, (str, BaseCache)):
        raise TypeError(f"{of}(): cache must be an alias or a cache, not {cache!r}")


class _Decorator(Protocol):
    """What `cached` returns."""

    @overload
    def __call__(self, function: Callable[P, Awaitable[R]], /) -> CachedFunction[P, R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> CachedFunction[P, R]: ...


def cached(
    ttl: TTL = None,
    *,
    key: KeyMaker = None,
    tags: TagMaker = (),
    cache: str | BaseCache = "default",
) -> _Decorator:
    """Keep what a function returns; the decorated function is awaited, whether it was asynchronous or not.

    ``@cached(ttl=60)``. Of all who ask for the same at the same time one has it computed; see `BaseCache.get_or_set`.

    Args:
        ttl: Seconds for which a result is kept, or a timedelta; the cache's own when not given.
        key: Makes the key, such as ``"user:{user_id}"`` or a function of the arguments; when not given, the function's name
            with all arguments, which then have to be numbers, texts and such, alone or in containers.
        tags: What `invalidate_tags` may name, or a function of the arguments that returns it.
        cache: The alias of the cache, or a cache.

    Raises:
        TypeError: If the key, the tags or the cache are none, or what is decorated cannot be called.
        ValueError: If the key names a parameter that the function does not have, or the ttl makes no sense.
    """
    lifetime_of(ttl, None)  # What is wrong is an error here, not at the first call.
    _check_parts(key, tags, cache)

    def decorate(function: Callable[..., Any]) -> Any:
        return CachedFunction(function, ttl=ttl, key=key, tags=tags, cache=cache)

    return decorate
