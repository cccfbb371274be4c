"""One step through several middlewares, for the requests in which none of them finds anything to do.

Each middleware that is called costs a small request as much as its routing. Most requests bring no credentials, so all that
those middlewares of ours do is to leave something in the scope for whoever asks for it. What that is they declare; of those
that stand side by side one function is made, which leaves it all, or has the request take the ordinary way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from openviper.core.context import Exchange, current_exchange
from openviper.http.answer import Answer
from openviper.http.asgi import ASGIApp, Receive, Scope, Send
from openviper.http.methods import SAFE


class Shortcut(NamedTuple):
    """What a middleware does with an HTTP request that it has nothing to look up for, in an application of ours.

    Attributes:
        headers: A request with one of these takes the ordinary way.
        unsafe_headers: So does one with one of these whose method may change something.
        present: So does one whose scope has one of these keys.
        constants: What it puts into the scope.
        made: What it makes anew for each request: the key in the scope, the function, and the attribute of the exchange.
        needs: Keys that a shortcut outside of this one has to have made: nobody else can have changed what is there.
    """

    headers: frozenset[bytes] = frozenset()
    unsafe_headers: frozenset[bytes] = frozenset()
    present: frozenset[str] = frozenset()
    constants: Mapping[str, Any] = {}
    made: tuple[tuple[str, Callable[[], Any], str], ...] = ()
    needs: frozenset[str] = frozenset()


def shortcut_of(middleware: object, inner: ASGIApp) -> Shortcut | None:
    """Return what a middleware declares itself; what a class derived from it does is not known.

    Args:
        middleware: The middleware.
        inner: What has to stand right inside of it: a function that makes a middleware may put something of its own there.
    """
    if getattr(middleware, "app", None) is not inner:
        return None
    declare = vars(type(middleware)).get("request_shortcut")
    shortcut: Shortcut | None = None if declare is None else declare(middleware)
    return shortcut


def is_complete(shortcuts: Sequence[Shortcut]) -> bool:
    """Return whether each of these, the outermost first, has what it needs from those outside of it."""
    keys: set[str] = set()
    for shortcut in shortcuts:
        if not shortcut.needs <= keys:
            return False
        keys.update(key for key, _, _ in shortcut.made)
    return True


def combined(shortcuts: Sequence[Shortcut]) -> Shortcut:
    """Return what several do together; the outermost comes first."""
    constants: dict[str, Any] = {}
    for each in shortcuts:
        constants.update(each.constants)
    headers = frozenset[bytes]().union(*[each.headers for each in shortcuts])
    return Shortcut(
        headers=headers,
        unsafe_headers=headers.union(*[each.unsafe_headers for each in shortcuts]),
        present=frozenset[str]().union(*[each.present for each in shortcuts]),
        constants=constants,
        made=tuple(chain.from_iterable(each.made for each in shortcuts)),
    )


def fused(shortcuts: Sequence[Shortcut], ordinary: ASGIApp, app: ASGIApp) -> ASGIApp:
    """Return one application in place of several middlewares.

    Args:
        shortcuts: What they do, the outermost first.
        ordinary: The outermost of them, with the others inside.
        app: The application inside of all.
    """
    whole = combined(shortcuts)
    headers, unsafe_headers = whole.headers, whole.unsafe_headers
    leave = _left_by(whole)

    def at_once(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        # What an answer of ours goes through is of the request under way.
        exchange: Exchange | None = send if send.__class__ is Answer else _exchange_of(scope)
        if exchange is None:
            return ordinary(scope, receive, send)
        for name, _ in scope["headers"]:
            if name in unsafe_headers and (name in headers or scope["method"] not in SAFE):
                return ordinary(scope, receive, send)
        if leave(scope, exchange):
            return app(scope, receive, send)
        return ordinary(scope, receive, send)

    return at_once


def _left_by(whole: Shortcut) -> Callable[[Scope, Exchange], bool]:
    """Return a function that leaves in a scope what a shortcut says; it leaves nothing, and says so, where something is there.

    Its code is written for the purpose, a line for each thing: loops over them take four times as long.
    """
    namespace: dict[str, Any] = {}

    def name_for(value: object) -> str:
        name = f"given_{len(namespace)}"
        namespace[name] = value
        return name

    lines = [f" if {name_for(key)} in scope: return False" for key in whole.present]
    for key, value in whole.constants.items():
        lines.append(f" scope[{name_for(key)}] = {name_for(value)}")
    for key, make, attribute in whole.made:
        lines.append(f" exchange.{attribute} = scope[{name_for(key)}] = {name_for(make)}()")
    source = "\n".join(("def leave(scope, exchange):", *lines, " return True"))
    exec(source, namespace)  # noqa: S102 - attributes of an exchange, and names that are made here
    leave: Callable[[Scope, Exchange], bool] = namespace["leave"]
    return leave


def _exchange_of(scope: Scope) -> Exchange | None:
    """Return what is being answered, if that is an HTTP request."""
    return current_exchange.get() if scope["type"] == "http" else None
