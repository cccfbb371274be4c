"""The page a developer sees when a handler fails: type, message, source lines; never values of variables."""

from __future__ import annotations

import html
import linecache
import re
from collections.abc import Iterator

from openviper.http.request import Request

MAX_MESSAGE = 4096
"""Longest message shown, in characters."""
CONTEXT_LINES = 7
"""Source lines shown before and after the one that failed."""
MASK = "********"
SECRET_NAME = re.compile(
    r"passw|secret|token|api[_-]?key|authorization|cookie|session|credential", re.IGNORECASE
)
_ASSIGNMENT = re.compile(
    r"""((?:passw\w*|\w*secret\w*|\w*token\w*|\w*api[_-]?key\w*)["']?\s*[=:]\s*)(["'])(?:\\.|(?!\2).)*\2""",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"(://[^/\s:@]*:)[^@\s/]+@")

STYLE = """body{font-family:system-ui,sans-serif;margin:2rem;line-height:1.4}
pre{background:#f4f4f4;padding:.5rem;overflow:auto}
.now{background:#fdd;display:block}h1{font-size:1.3rem}h2{font-size:1rem;margin-bottom:.2rem}
table{border-collapse:collapse}
td{padding:.1rem .8rem .1rem 0;vertical-align:top;font-family:monospace}"""


def mask_secrets(text: str) -> str:
    """Return text with the project's keys, quoted values of secret-sounding names and passwords in addresses hidden."""
    for secret in _own_secrets():
        text = text.replace(secret, MASK)
    return _URL_PASSWORD.sub(rf"\1{MASK}@", _ASSIGNMENT.sub(rf"\1\2{MASK}\2", text))


def _own_secrets() -> list[str]:
    from openviper.conf import settings

    # What is short would be masked inside innocent words, and is no secret worth the name.
    return [settings.SECRET_KEY] if len(settings.SECRET_KEY) >= 8 else []


def render_debug_page(exc: BaseException, request: Request | None = None) -> str:
    """Return the page for an exception and the request that led to it."""
    parts = [f"<h1>{_escape(type(exc).__name__)}: {_message(exc)}</h1>"]
    for error, relation in _chain(exc):
        if relation:
            parts.append(f"<h1>{relation}: {_escape(type(error).__name__)}: {_message(error)}</h1>")
        parts.extend(_frames(error))
    if request is not None:
        parts.append(_request(request))
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_escape(type(exc).__name__)}</title>'
        f"<style>{STYLE}</style></head>\n<body>{body}</body></html>\n"
    )


def _escape(text: str) -> str:
    return html.escape(mask_secrets(text))


def _message(error: BaseException) -> str:
    return _escape(str(error)[:MAX_MESSAGE])


def _chain(exc: BaseException) -> Iterator[tuple[BaseException, str]]:
    seen: set[int] = set()
    relation = ""
    current: BaseException | None = exc
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current, relation
        if current.__cause__ is not None:
            current, relation = current.__cause__, "Caused by"
        elif current.__suppress_context__:
            return
        else:
            current, relation = current.__context__, "While handling"


def _frames(error: BaseException) -> Iterator[str]:
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        lines = []
        for number in range(
            max(1, trace.tb_lineno - CONTEXT_LINES), trace.tb_lineno + CONTEXT_LINES + 1
        ):
            line = linecache.getline(code.co_filename, number, trace.tb_frame.f_globals)
            if line:
                text = f"{number:5} {_escape(line.rstrip())}"
                lines.append(
                    f'<span class="now">{text}</span>' if number == trace.tb_lineno else f"{text}\n"
                )
        yield f"<h2>{_escape(code.co_filename)}:{trace.tb_lineno} in {_escape(code.co_name)}</h2>"
        yield f"<pre>{''.join(lines)}</pre>"
        trace = trace.tb_next


def _request(request: Request) -> str:
    rows = [("method", request.method), ("path", request.path)]
    rows += [(f"query {name}", value) for name, value in request.query_params.multi_items()]
    rows += [(name, request.headers[name]) for name in request.headers]
    shown = (
        f"<tr><td>{_escape(name)}</td><td>{MASK if SECRET_NAME.search(name) else _escape(value)}</td></tr>"
        for name, value in rows
    )
    return f"<h1>Request</h1><table>{''.join(shown)}</table>"
