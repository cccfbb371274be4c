"""The page a developer sees when a handler fails: your line first, what the variables were, what the database was asked."""

from __future__ import annotations

import html
import linecache
import os
import reprlib
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from types import FrameType, TracebackType
from typing import Any, NamedTuple

from openviper.http.asgi import STATE
from openviper.http.hints import hint_for, message_of
from openviper.http.masking import HARMLESS_HEADERS, MASK, SECRET_NAME, mask_secrets
from openviper.http.request import Request
from openviper.utils.resources import library_place

MAX_MESSAGE = 4096
"""Longest message shown, in characters."""
MAX_VALUE = 1024
"""Longest value shown, in characters."""
MAX_VARIABLES = 40
MAX_CALLS = 50
"""Most calls shown of an error, of yours and of libraries each: the innermost and the outermost, as of a recursion."""
MAX_ERRORS = 30
"""Most errors shown, of those that led to one and of those in groups."""
CONTEXT_LINES = 7
"""Source lines shown before and after the one that failed."""
STATEMENTS = "openviper.statements"
"""The statements of the request, in its state: pairs of a text and its time in seconds."""

STYLE = """:root{color-scheme:light dark}
body{font:15px/1.45 system-ui,sans-serif;margin:0 auto;max-width:70rem;padding:1.5rem}
pre{background:#8881;padding:.5rem;overflow:auto;margin:.2rem 0 .6rem}
.now{background:#e443;display:block}h1{font-size:1.35rem;margin:.2rem 0}h2{font-size:1rem;margin:1.2rem 0 .2rem}
.hint{background:#fd03;padding:.4rem .6rem;border-left:4px solid #d90}
.where{font-family:monospace;margin:.8rem 0 0}.yours .where{font-weight:700}
details>summary{cursor:pointer}details.library{opacity:.75}
table{border-collapse:collapse;font-family:monospace;font-size:13px}
td{padding:.1rem .8rem .1rem 0;vertical-align:top;white-space:pre-wrap;overflow-wrap:anywhere}
td:first-child{overflow-wrap:break-word}"""

_LIBRARIES = tuple(
    path + os.sep
    for path in {
        library_place(),
        sysconfig.get_path("stdlib"),
        sysconfig.get_path("purelib"),
        sysconfig.get_path("platlib"),
    }
)


class Frame(NamedTuple):
    """One call on the way to an error."""

    frame: FrameType
    line: int

    @property
    def filename(self) -> str:
        """The file of its code."""
        return self.frame.f_code.co_filename

    @property
    def is_yours(self) -> bool:
        """Whether its code belongs to the project rather than to a library."""
        name = os.path.abspath(self.filename)
        return not (name.startswith(_LIBRARIES) or self.filename.startswith("<"))


def frames_of(error: BaseException) -> list[Frame]:
    """Return the calls that led to an error, the innermost one first."""
    frames: list[Frame] = []
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        frames.append(Frame(trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    return frames[::-1]


def render_debug_page(exc: BaseException, request: Request | None = None) -> str:
    """Return the page for an exception and the request that led to it."""
    body = _without(map(html.escape, _secret_values(exc)), "\n".join(_parts(exc, request)))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{_escape(type(exc).__name__)}</title>'
        f"<style>{STYLE}</style></head>\n<body>{body}</body></html>\n"
    )


def _without(secrets: Iterable[str], text: str) -> str:
    """Return a text without what variables hold, which the message of an error may tell."""
    for secret in secrets:
        text = text.replace(secret, MASK)
    return text


def _parts(exc: BaseException, request: Request | None) -> Iterator[str]:
    yield _heading("", exc)
    hint = hint_for(exc)
    if hint:
        yield f'<p class="hint">{_escape(hint)}</p>'
    if request is None:
        yield from _errors(exc)
        return
    yield f"<p>{_escape(request.method)} {_escape(request.path)}</p>"
    yield from _errors(exc)
    yield _statements(request)
    yield _request(request)


def _errors(exc: BaseException) -> Iterator[str]:
    """Yield the calls of an error and, under headings, of those that led to it."""
    for error, relation in _chain(exc):
        if relation:
            yield _heading(relation, error)
        yield from _calls(error)


def debug_details(exc: BaseException) -> dict[str, Any]:
    """Return what the page says about an error, for programs."""
    calls = [
        f"{call.filename}:{call.line} in {call.frame.f_code.co_name}"
        for call in _ends(frames_of(exc))
    ]
    message = _without(_secret_values(exc), message_of(exc))
    return {
        "type": type(exc).__name__,
        "message": mask_secrets(message[:MAX_MESSAGE]),
        "hint": hint_for(exc),
        "frames": calls,
    }


def _escape(text: str) -> str:
    return html.escape(mask_secrets(text))


def _heading(relation: str, error: BaseException) -> str:
    prefix = f"{relation}: " if relation else ""
    return f"<h1>{prefix}{_escape(type(error).__name__)}: {_escape(message_of(error)[:MAX_MESSAGE])}</h1>"


def _chain(exc: BaseException) -> Iterator[tuple[BaseException, str]]:
    """Yield an error, those in a group, and those that led to each, every one once, with how it belongs to the first."""
    seen: set[int] = set()
    pending: list[tuple[BaseException, str]] = [(exc, "")]
    while pending and len(seen) < MAX_ERRORS:
        error, relation = pending.pop(0)
        if id(error) in seen:
            continue
        seen.add(id(error))
        yield error, relation
        pending[:0] = [*_members(error), *_origin(error)]


def _members(error: BaseException) -> list[tuple[BaseException, str]]:
    if not isinstance(error, BaseExceptionGroup):
        return []
    return [(inner, "In the group") for inner in error.exceptions]


def _origin(error: BaseException) -> list[tuple[BaseException, str]]:
    """Return the error that led to this one, if one did, and how."""
    if error.__cause__ is not None:
        return [(error.__cause__, "Caused by")]
    context = None if error.__suppress_context__ else error.__context__
    return [] if context is None else [(context, "While handling")]


def _calls(error: BaseException) -> Iterator[str]:
    """Yield your calls, the innermost one open and first, then those of libraries, folded."""
    yours, libraries = _sorted_out(frames_of(error))
    for number, call in enumerate(_ends(yours)):
        yield f'<div class="yours">{_call(call, is_open=number == 0)}</div>'
    if len(yours) > MAX_CALLS:
        yield f"<p>These are {MAX_CALLS} of {len(yours)} calls of yours: the innermost and the outermost.</p>"
    if libraries:
        yield _folded(libraries)


def _sorted_out(calls: list[Frame]) -> tuple[list[Frame], list[Frame]]:
    """Return your calls, of which the innermost of all is taken for one if there are none, and those of libraries."""
    yours = [call for call in calls if call.is_yours]
    others = [call for call in calls if not call.is_yours]
    return (yours, others) if yours else (others[:1], others[1:])


def _ends(calls: list[Frame]) -> list[Frame]:
    """Return the innermost and the outermost of many calls."""
    half = MAX_CALLS // 2
    return calls if len(calls) <= MAX_CALLS else [*calls[:half], *calls[-half:]]


def _folded(calls: list[Frame]) -> str:
    shown = "".join(_call(call, is_open=False) for call in _ends(calls))
    count = f"{MAX_CALLS} of {len(calls)}" if len(calls) > MAX_CALLS else f"{len(calls)}"
    summary = f"<summary>{count} calls of OpenViper and libraries</summary>"
    return f'<details class="library">{summary}{shown}</details>'


def _call(call: Frame, *, is_open: bool) -> str:
    name = call.frame.f_code.co_name
    where = f'<p class="where">{_escape(call.filename)}:{call.line} in {_escape(name)}</p>'
    return f"{where}<pre>{''.join(_source(call))}</pre>{_folded_variables(call, is_open=is_open)}"


def _folded_variables(call: Frame, *, is_open: bool) -> str:
    # Those of libraries hold the request over and over, and say little about your mistake.
    variables = _table(_variables(call.frame)) if call.is_yours else ""
    shown = " open" if is_open else ""
    return f"<details{shown}><summary>Variables</summary>{variables}</details>" if variables else ""


def _source(call: Frame) -> Iterator[str]:
    first = max(1, call.line - CONTEXT_LINES)
    for number in range(first, call.line + CONTEXT_LINES + 1):
        line = linecache.getline(call.filename, number, call.frame.f_globals)
        if not line:
            continue
        text = f"{number:5} {_escape(line.rstrip()[:MAX_VALUE])}"
        yield f'<span class="now">{text}</span>' if number == call.line else f"{text}\n"


class _Repr(reprlib.Repr):
    """Values as text of bounded length, with the contents of containers to three levels."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxstring = self.maxother = self.maxlong = MAX_VALUE
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = 20


_repr = _Repr()


def _variables(frame: FrameType) -> Iterator[tuple[str, str]]:
    variables: Mapping[str, Any] = frame.f_locals
    for name in list(variables)[:MAX_VARIABLES]:
        if name.startswith("__"):
            continue
        yield name, MASK if SECRET_NAME.search(name) else _shown(variables[name])


def _secret_values(exc: BaseException) -> set[str]:
    """Return the texts that your variables with secret-sounding names hold."""
    values: set[str] = set()
    for error, _ in _chain(exc):
        for call in frames_of(error):
            if call.is_yours:
                values.update(_secret_texts(call.frame.f_locals))
    return values


def _secret_texts(variables: Mapping[str, Any]) -> Iterator[str]:
    for name, value in variables.items():
        # Not `isinstance`, which asks a proxy for its class, and not the methods of a class of the project's.
        text = str.__str__(value) if issubclass(type(value), str) else ""
        # What is short would be masked inside innocent words.
        if SECRET_NAME.search(name) and 6 <= len(text) <= MAX_VALUE:
            yield text


def _shown(value: Any) -> str:
    try:
        return _repr.repr(value)[:MAX_VALUE]
    except Exception as error:  # A `__repr__` of the project may raise anything.
        return f"<{type(value).__name__} whose repr raises {type(error).__name__}>"


def _statements(request: Request) -> str:
    statements: list[tuple[str, float]] = request.scope.get(STATE, {}).get(STATEMENTS, [])
    if not statements:
        return ""
    rows = ((f"{seconds * 1000:.1f} ms", text[:MAX_VALUE]) for text, seconds in statements)
    return f"<h2>{len(statements)} statements of the database</h2>{_table(rows)}"


def _request(request: Request) -> str:
    rows = [("method", request.method), ("path", request.path)]
    rows += [_query_row(*pair) for pair in request.query_params.multi_items()]
    rows += [_header_row(name, request.headers[name]) for name in request.headers]
    return f"<h2>Request</h2>{_table(rows)}"


def _query_row(name: str, value: str) -> tuple[str, str]:
    return f"query {name}", MASK if SECRET_NAME.search(name) else value


def _header_row(name: str, value: str) -> tuple[str, str]:
    return name, value if HARMLESS_HEADERS.fullmatch(name) else MASK


def _table(rows: Any) -> str:
    cells = "".join(
        f"<tr><td>{_escape(name[:MAX_VALUE])}</td><td>{_escape(value[:MAX_VALUE])}</td></tr>"
        for name, value in rows
    )
    return f"<table>{cells}</table>" if cells else ""
