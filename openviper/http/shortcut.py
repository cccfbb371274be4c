"""One step through several middlewares, for the requests in which none of them finds anything to do.

Each middleware that is called costs a small request as much as its routing. Most requests bring no credentials, so all that
those middlewares of ours do is to look at the headers and to leave something in the scope for whoever asks for it. What that is
they declare; of those that stand side by side one function is made, which looks once and leaves it all, or has the request
take the ordinary way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

from openviper.core.context import current_exchange
from openviper.http.answer import Answer, Finish
from openviper.http.asgi import ASGIApp, Receive, Scope, Send
from openviper.http.methods import SAFE

NUL, LF, CR = b"\0\n\r"


class HeadCheck(NamedTuple):
    """What a head has to be like for a middleware that judges heads to find nothing.

    Attributes:
        hosts: Whether a host is allowed, of those that were asked for before.
        single: Headers that must not occur twice.
        finishes: What completes the headers of the answer, by the scheme and the method that need no look.
    """

    hosts: Mapping[bytes, bool]
    single: frozenset[bytes]
    finishes: Mapping[tuple[str, str], Finish]


class Shortcut(NamedTuple):
    """What a middleware does with an HTTP request that it has nothing to look up for, in an application of ours.

    Attributes:
        headers: A request with one of these takes the ordinary way.
        unsafe_headers: So does one with one of these whose method may change something.
        present: So does one whose scope has one of these keys.
        constants: What it puts into the scope.
        made: What it makes anew for each request: the key in the scope, the function, and the attribute of the exchange.
        needs: Keys that a shortcut outside of this one has to have made: nobody else can have changed what is there.
        head: What the head has to be like.
    """

    headers: frozenset[bytes] = frozenset()
    unsafe_headers: frozenset[bytes] = frozenset()
    present: frozenset[str] = frozenset()
    constants: Mapping[str, Any] = {}
    made: tuple[tuple[str, Callable[[], Any], str], ...] = ()
    needs: frozenset[str] = frozenset()
    head: HeadCheck | None = None


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
        head=next((each.head for each in shortcuts if each.head is not None), None),
    )


Entrance: TypeAlias = "Callable[[Scope, Answer], bool]"
"""Does with a request what middlewares do that find nothing in it; or does nothing and returns `False`."""


class Fused:
    """One application in place of several middlewares.

    Args:
        shortcuts: What they do, the outermost first.
        ordinary: The outermost of them, with the others inside.
        inner: The application inside of all.

    Attributes:
        enter: Does what they do.
        inner: The application inside of all.
    """

    def __init__(self, shortcuts: Sequence[Shortcut], ordinary: ASGIApp, inner: ASGIApp) -> None:
        whole = combined(shortcuts)
        self._judges = whole.head is not None
        self.enter = _passing(whole) if whole.head is None else _judging(whole, whole.head)
        self.inner = inner
        self._ordinary = ordinary

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve a request in one step, or whatever it is in the ordinary way."""
        # What an answer of ours goes through is of the request under way.
        if send.__class__ is Answer:
            answer: Answer | None = send
        else:
            # Who judges heads completes the answer too, inside of whoever wants to see that.
            answer = None if self._judges else _answer_to(scope)
        if answer is not None and self.enter(scope, answer):
            return self.inner(scope, receive, send)
        return self._ordinary(scope, receive, send)


def entrance_of(stack: ASGIApp, app: ASGIApp) -> Entrance:
    """Return the one step from a server to an application; if there is anything else between them, no request takes it."""
    fused = getattr(stack, "__self__", None)
    return fused.enter if isinstance(fused, Fused) and fused.inner == app else no_entrance


def no_entrance(_scope: Scope, _answer: Answer) -> bool:
    """Have every request take the ordinary way."""
    return False


def _passing(whole: Shortcut) -> Entrance:
    """Return the step through middlewares that look for names of headers only."""
    headers, unsafe_headers = whole.headers, whole.unsafe_headers
    leave = _left_by(whole)

    def enter(scope: Scope, answer: Answer) -> bool:
        for name, _ in scope["headers"]:
            if name in unsafe_headers and (name in headers or scope["method"] not in SAFE):
                return False
        return leave(scope, answer)

    return enter


def _judging(whole: Shortcut, head: HeadCheck) -> Entrance:
    """Return the step through middlewares of which one judges heads; all look at each header once."""
    judge = _Judge(whole, head.hosts, head.single)
    harmless, hosts, is_good = judge.harmless, judge.hosts, judge.is_good
    finish_for = head.finishes.get
    leave = _left_by(whole)

    def enter(scope: Scope, answer: Answer) -> bool:
        finish = finish_for((scope.get("scheme", ""), scope["method"]))
        if finish is None:
            return False
        rest: list[tuple[bytes, bytes]] = []
        try:
            for pair in scope["headers"]:
                if pair not in harmless:
                    rest.append(pair)
        except TypeError:  # Some servers give lists, which no set can hold.
            return False
        # Of most requests only the host is left.
        is_host = len(rest) == 1 and rest[0] in hosts
        if not (is_host or is_good(scope, rest)) or not leave(scope, answer):
            return False
        if answer.finish is None:  # As nearly always; the rest is not worth a call.
            answer.finish = finish
        else:
            answer.finish_with(finish)
        return True

    return enter


COMMON = frozenset(
    b"accept accept-encoding accept-language cache-control connection dnt pragma priority sec-ch-ua sec-ch-ua-mobile "
    b"sec-ch-ua-platform sec-fetch-dest sec-fetch-mode sec-fetch-user te upgrade-insecure-requests user-agent".split()
)
"""Headers that hold no secret, and the same for many requests."""
MOST_HARMLESS = 512
LONGEST_HARMLESS = 256
"""How many of those are remembered, and of which length in bytes at most: anybody can send any."""


class _Judge:
    """Judges headers. Clients send the same few again and again; what was judged is known by a look into a set.

    Args:
        whole: What the middlewares do.
        verdicts: Whether a host is allowed, of those that were asked for before.
        single: Headers that must not occur twice.

    Attributes:
        harmless: Headers with nothing in them, whatever the others are.
        hosts: Headers that name an allowed host.
    """

    def __init__(
        self, whole: Shortcut, verdicts: Mapping[bytes, bool], single: frozenset[bytes]
    ) -> None:
        self._headers, self._unsafe_headers = whole.headers, whole.unsafe_headers
        self._common = COMMON - single - whole.unsafe_headers
        self._verdicts = verdicts
        self.harmless: set[tuple[bytes, bytes]] = set()
        self.hosts: set[tuple[bytes, bytes]] = set()

    def is_good(self, scope: Scope, pairs: Sequence[tuple[bytes, bytes]]) -> bool:
        """Return whether nobody finds anything in these headers, nor misses the host."""
        found = dict(pairs)
        refused = self._headers if scope["method"] in SAFE else self._unsafe_headers
        # Whether one may be there twice is for the ordinary way to say.
        if len(found) != len(pairs) or not refused.isdisjoint(found) or has_break(found.values()):
            return False
        if self.hosts.isdisjoint(pairs) or not self._common.isdisjoint(found):
            self._learn(pairs)
        return not self.hosts.isdisjoint(pairs)

    def _learn(self, pairs: Sequence[tuple[bytes, bytes]]) -> None:
        for pair in pairs:
            name, value = pair
            if name == b"host" and self._verdicts.get(value):
                self.hosts.add(pair)
            is_short = name in self._common and len(value) <= LONGEST_HARMLESS
            if is_short and len(self.harmless) < MOST_HARMLESS:
                self.harmless.add(pair)


def has_break(values: Iterable[bytes]) -> bool:
    """Return whether the value of a header holds what ends a header, or a text."""
    text = b"".join(values)
    return LF in text or CR in text or NUL in text


def _left_by(whole: Shortcut) -> Entrance:
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
    leave: Entrance = namespace["leave"]
    return leave


def _answer_to(scope: Scope) -> Answer | None:
    """Return the answer under way, if that is to an HTTP request."""
    exchange = current_exchange.get() if scope["type"] == "http" else None
    return exchange if isinstance(exchange, Answer) else None
