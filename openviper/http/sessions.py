"""What a request's session offers; `openviper.sessions` keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, Protocol, TypeVar, overload

from openviper.exceptions import ImproperlyConfigured
from openviper.http.asgi import Scope

T = TypeVar("T")


class _Missing:
    """Stands for no value."""


MISSING = _Missing()


class SessionKey(Generic[T]):
    """A name in sessions together with the type of its value: ``CART = SessionKey[list[int]]("cart", list)``.

    Args:
        name: The name.
        default: Makes the value of a session that has none; without it, that is a `KeyError`.
    """

    def __init__(self, name: str, default: Callable[[], T] | None = None) -> None:
        self.name = name
        self.default = default

    def __repr__(self) -> str:
        return f"SessionKey({self.name!r})"


class SessionAccess(Protocol):
    """A session as handlers see it: a mapping of JSON values that outlives the request."""

    @property
    def key(self) -> str | None:
        """What the browser holds; `None` for a session that is not stored."""
        ...

    @property
    def id(self) -> str | None:
        """What names the session in lists; `None` for one that is not stored."""
        ...

    @property
    def user_id(self) -> str | None:
        """The primary key, as text, of the user who has logged in."""
        ...

    @property
    def is_empty(self) -> bool:
        """Whether it holds nothing."""
        ...

    @overload
    def __getitem__(self, key: SessionKey[T], /) -> T: ...
    @overload
    def __getitem__(self, key: str, /) -> Any: ...

    @overload
    def __setitem__(self, key: SessionKey[T], value: T, /) -> None: ...
    @overload
    def __setitem__(self, key: str, value: Any, /) -> None: ...

    def __delitem__(self, key: str | SessionKey[Any], /) -> None:
        """Remove a value; a `KeyError` if there is none."""
        ...

    def __contains__(self, key: object, /) -> bool:
        """Return whether there is a value of this name."""
        ...

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        ...

    def __len__(self) -> int:
        """Return how many values there are."""
        ...

    @overload
    def get(self, key: SessionKey[T], default: T, /) -> T: ...
    @overload
    def get(self, key: SessionKey[T], default: None = None, /) -> T | None: ...
    @overload
    def get(self, key: str, default: Any = None, /) -> Any: ...

    def set(self, key: str | SessionKey[Any], value: Any, /) -> None:
        """Set a value."""
        ...

    def pop(self, key: str | SessionKey[Any], default: Any = MISSING, /) -> Any:
        """Remove a value and return it."""
        ...

    def setdefault(self, key: str | SessionKey[Any], default: Any = None, /) -> Any:
        """Return a value, which becomes `default` if there is none."""
        ...

    def update(self, values: Mapping[str, Any] = ..., /, **named: Any) -> None:
        """Set several values."""
        ...

    def clear(self) -> None:
        """Remove every value; the user stays logged in."""
        ...

    async def save(self) -> None:
        """Store what has changed now, and not only when the answer begins."""
        ...


class KeptSession(Protocol):
    """The session of a request before somebody has asked for it; shared by copies of the scope."""

    def open(self, scope: Scope) -> SessionAccess:
        """Return the session, made when it is first asked for."""
        ...

    def note(self, scope: Scope) -> None:
        """Note that the answer depends on who asks."""
        ...


class AbsentSession:
    """Stands for a session where nothing keeps one: empty, and loud when something is to be kept."""

    key: str | None = None
    id: str | None = None
    user_id: str | None = None
    is_empty = True

    def __getitem__(self, key: str | SessionKey[Any], /) -> Any:
        raise KeyError(key.name if isinstance(key, SessionKey) else key)

    def __contains__(self, key: object, /) -> bool:
        return False

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def get(self, key: str | SessionKey[Any], default: Any = None, /) -> Any:
        """Return `default`."""
        return default

    def pop(self, key: str | SessionKey[Any], default: Any = MISSING, /) -> Any:
        """Return `default`, or raise `KeyError`."""
        return self[key] if default is MISSING else default

    def _refuse(self, *_: Any, **__: Any) -> Any:
        raise ImproperlyConfigured(
            "there are no sessions here: MIDDLEWARE has no openviper.sessions.middleware.SessionMiddleware"
        )

    __setitem__ = __delitem__ = set = setdefault = update = _refuse

    def clear(self) -> None:
        """Do nothing, as there is nothing."""

    async def save(self) -> None:
        """Do nothing, as there is nothing."""
