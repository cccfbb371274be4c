"""From an exception to a response: JSON for programs (RFC 9457), a page for people, and the log for what is our fault."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from openviper.exceptions import HTTPException, TableNotFound, Unauthorized
from openviper.http.accept import media_weight, parse_choices
from openviper.http.asgi import Scope
from openviper.http.coercion import coerce_response
from openviper.http.hints import hint_for
from openviper.http.login_redirect import login_redirect
from openviper.http.redirects import RedirectResponse
from openviper.http.request import Request
from openviper.http.responses import HTMLResponse, Response
from openviper.i18n import gettext
from openviper.template import has_template, render_to_string
from openviper.utils.importing import lazy_module
from openviper.utils.json_text import encode_json
from openviper.utils.printable import printable
from openviper.validation.faults import ParseError

if TYPE_CHECKING:
    import html

    from openviper.http import debug_page
else:
    # What a server needs that has something to say about an error; the names of characters alone take 0.3 MB.
    html = lazy_module("html")
    debug_page = lazy_module("openviper.http.debug_page")

logger = logging.getLogger("openviper.request")

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{status} {title}</title>
<style>
:root{{color-scheme:light dark}}
body{{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto 0;padding:0 1.5rem}}
p.status{{font-size:4rem;font-weight:700;margin:0;opacity:.6;line-height:1}}
h1{{font-size:1.5rem;margin:.5rem 0}}
</style>
</head>
<body><main><p class="status">{status}</p><h1>{title}</h1><p>{detail}</p></main></body>
</html>
"""
PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
PROBLEM = "application/problem+json"

ExceptionHandler = Callable[[Request, Any], Any]


class ErrorHandlers:
    """What an application has registered for exceptions and for statuses.

    Attributes:
        is_empty: Whether that is nothing.
    """

    def __init__(self) -> None:
        self._by_class: dict[type[BaseException], ExceptionHandler] = {}
        self._by_status: dict[int, ExceptionHandler] = {}
        self.is_empty = True

    def add(self, what: type[BaseException] | int, handler: ExceptionHandler) -> None:
        """Register a handler for an exception and those derived from it, or for a status.

        Raises:
            ValueError: If the status is not one of errors.
        """
        self.is_empty = False
        if isinstance(what, int):
            if not 400 <= what <= 599:
                raise ValueError(f"{what!r} is not a status of errors; those are 400 to 599")
            self._by_status[what] = handler
        else:
            self._by_class[what] = handler

    def subject(self, error: BaseException) -> BaseException:
        """Return what an error is about; see `meant_by`. Where a handler for groups is registered, they stay groups."""
        wants_groups = any(issubclass(cls, BaseExceptionGroup) for cls in self._by_class)
        return error if wants_groups else meant_by(error)

    def find(self, error: BaseException) -> ExceptionHandler | None:
        """Return the handler for an exception: that of its own class, of its status, or of the nearest class above it."""
        own = self._by_class.get(type(error))
        if own is not None:
            return own
        by_status = self._by_status.get(status_of(error))
        if by_status is not None:
            return by_status
        above = (self._by_class.get(cls) for cls in type(error).__mro__[1:])
        return next((handler for handler in above if handler is not None), None)


def check_subject(what: object) -> None:
    """Check that there can be a handler for something: a class of exceptions, or a status.

    Raises:
        TypeError: If not, as where the decorator is written without either.
    """
    is_class = isinstance(what, type) and issubclass(what, BaseException)
    if not is_class and not isinstance(what, int):
        raise TypeError(
            f"exception_handler() takes a class of exceptions or a status of errors, not {what!r}"
        )


def status_of(error: BaseException) -> int:
    """Return the status that an exception is answered with."""
    if isinstance(error, HTTPException):
        return error.status_code
    return 503 if isinstance(error, TableNotFound) else 500


async def handled(handler: ExceptionHandler, request: Request, error: BaseException) -> Response:
    """Return what a handler makes of an error as a response; what is none gets the status of the error, as it is no success."""
    result = handler(request, error)
    if hasattr(result, "__await__"):
        result = await result
    response = coerce_response(result)
    status = status_of(error)
    if response is not result and status >= 400:
        response.status_code = status
    if response.needs_preparation:
        await response.prepare()
    return response


def meant_by(error: BaseException) -> BaseException:
    """Return what a group of errors is about, as of an `asyncio.TaskGroup`: the only one in it, or the first if all are HTTP errors.

    Anything else is returned as it is.
    """
    if not isinstance(error, BaseExceptionGroup):
        return error
    leaves = list(leaves_of(error))
    is_clear = len(leaves) == 1 or all(isinstance(leaf, HTTPException) for leaf in leaves)
    return leaves[0] if is_clear else error


def own_error(error: Exception | asyncio.CancelledError) -> Exception:
    """Return an error of the application: what it awaited may have been cancelled, without its being cancelled itself.

    Raises:
        asyncio.CancelledError: If the one that answers is to end.
    """
    if isinstance(error, Exception):
        return error
    task = asyncio.current_task()
    if task is None or task.cancelling():
        raise error
    own = RuntimeError("something that was awaited has been cancelled")
    own.__cause__ = error
    return own


def leaves_of(error: BaseException) -> Iterator[BaseException]:
    """Yield the errors in a group and in the groups in it; any other error itself."""
    if not isinstance(error, BaseExceptionGroup):
        yield error
        return
    for inner in error.exceptions:
        yield from leaves_of(inner)


_ANYTHING = (b"*/*", b"")


def wants_html(scope: Scope) -> bool:
    """Return whether the client asked for a page rather than for data."""
    accept = b""
    for name, value in scope["headers"]:
        if name == b"accept":
            accept += b"," + value if accept else value
    if accept in _ANYTHING:  # As programs say.
        return False
    if b"text/" not in accept.lower():
        return False
    return _prefers_page(parse_choices(accept.decode("latin-1")))


def _prefers_page(choices: dict[str, float]) -> bool:
    page = media_weight(choices, "text/html")
    data = max(media_weight(choices, media_type) for media_type in ("application/json", PROBLEM))
    # Browsers name the type; what is wanted as much as everything else is not asked for.
    return page > 0 and (page >= data if "text/html" in choices else page > data)


def log_error(request: Request, error: BaseException) -> None:
    """Log what is not the client's fault, once, with the way out where it is known."""
    hint = hint_for(error)
    logger.error(
        "%s %s failed%s",
        request.method,
        printable(request.path),
        f": {hint}" if hint else "",
        exc_info=error,
    )


def error_response(request: Request, error: Exception, *, debug: bool) -> Response:
    """Return the response for an error that no handler of the application takes care of; what is our fault is logged.

    Args:
        request: The request that failed.
        error: What was raised.
        debug: Show names of tables, and for unexpected errors the debug page.
    """
    meant = meant_by(error)
    if isinstance(meant, ParseError):
        return _faults_answer(request, meant)
    if isinstance(meant, HTTPException):
        return _to_login(request, meant) or answer(
            request, meant.status_code, meant.detail, meant.headers
        )
    log_error(request, error)
    if isinstance(error, TableNotFound):
        return answer(request, 503, str(error) if debug else "The database is not ready.")
    if not debug:
        return answer(request, 500, "Internal Server Error")
    return _debug_answer(request, error)


def _faults_answer(request: Request, error: ParseError) -> Response:
    """Return the faults of what was sent, each with its place, for programs under ``errors`` (RFC 9457, 3.2)."""
    if wants_html(request.scope):
        text = "; ".join(fault.line(gettext) for fault in error.faults)
        return _page(request, error.status_code, text, error.headers)
    extra = {"errors": [fault.as_dict(gettext) for fault in error.faults]}
    return _problem(error.status_code, gettext("What was sent does not fit."), extra)


def _to_login(request: Request, error: HTTPException) -> Response | None:
    """Return the way to the page to log in, for a browser that has to; `None` for everybody else."""
    if not isinstance(error, Unauthorized) or not wants_html(request.scope):
        return None
    address = login_redirect(request)
    return None if address is None else RedirectResponse(address, 303)


def _debug_answer(request: Request, error: Exception) -> Response:
    accept = parse_choices((request.header(b"accept") or b"").decode("latin-1"))
    if media_weight(accept, "application/json") > media_weight(accept, "text/html"):
        details = debug_page.debug_details(error)
        return _problem(500, details["message"], {"debug": details})
    page = debug_page.render_debug_page(error, request)
    return HTMLResponse(page, 500, {"content-security-policy": PAGE_POLICY})


def answer(
    request: Request, status: int, detail: Any, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an error as the client wants it.

    Args:
        request: The request.
        status: The HTTP status.
        detail: What the client is told: text, or in JSON whatever else.
        headers: Further headers.
    """
    if status in (204, 304) or status < 400:
        return Response(None, status, headers)
    if not wants_html(request.scope):
        return _problem(status, detail, {}, headers)
    return _page(request, status, detail, headers)


@lru_cache(maxsize=64)
def _plain_problem(status: int) -> tuple[bytes, tuple[tuple[bytes, bytes], ...]]:
    response = _problem(status, _PLAIN[status], {})
    return response.body, tuple(response.raw_headers)


_PLAIN = {404: "Not found."}
_new_response: Callable[[type[Response]], Response] = object.__new__


def plain_problem(scope: Scope, status: int) -> Response | None:
    """Return the answer to a request that no route fits, as programs get it; `None` for one that wants a page.

    Made once per status: this is what scanners ask for all day.
    """
    if wants_html(scope):
        return None
    body, headers = _plain_problem(status)
    response = _new_response(Response)
    response.status_code, response.body, response.raw_headers = status, body, list(headers)
    return response


def _problem(
    status: int,
    detail: Any,
    extra: Mapping[str, Any],
    headers: Mapping[str, str] | None = None,
) -> Response:
    title = HTTPException.default_detail(status)
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail, **extra}
    return Response(encode_json(content), status, headers, PROBLEM)


def _page(
    request: Request, status: int, detail: Any, headers: Mapping[str, str] | None
) -> Response:
    title = HTTPException.default_detail(status)
    told = as_sentence(detail)
    own = _own_page(request, status, title, told)
    if own is not None:
        return HTMLResponse(own, status, headers)
    page = PAGE.format(status=status, title=html.escape(title), detail=html.escape(told))
    return HTMLResponse(page, status, {"content-security-policy": PAGE_POLICY, **(headers or {})})


def _own_page(request: Request, status: int, title: str, detail: str) -> str | None:
    """Return the project's page for a status, ``404.html`` for example, or `None` if there is none that works."""
    name = f"{status}.html"
    try:
        if not has_template(name):
            return None
        context = {"request": request, "status": status, "title": title, "detail": detail}
        return render_to_string(name, context)
    except Exception as error:
        # That of a page which extends another that is missing too. A broken page for errors must not hide the error it is about.
        logger.error("template %r, the page for status %d, failed", name, status, exc_info=error)
        return None


def as_sentence(detail: Any) -> str:
    """Return a detail as a sentence for people."""
    if isinstance(detail, dict) and isinstance(detail.get("message"), str):
        reason = detail.get("reason")
        return f"{detail['message']} {reason}." if reason else detail["message"]
    if isinstance(detail, (dict, list)):
        return "; ".join(_sentences(detail))
    return str(detail)


def _sentences(detail: Any) -> list[str]:
    if isinstance(detail, dict):
        return [f"{name}: {' '.join(_sentences(value))}" for name, value in detail.items()]
    if isinstance(detail, list):
        return [sentence for value in detail for sentence in _sentences(value)]
    return [str(detail)]
