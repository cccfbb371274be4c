"""Where browsers are sent to log in, and where they go on afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from openviper.conf import settings
from openviper.http.redirects import RedirectRefusedError, check_redirect

if TYPE_CHECKING:
    from openviper.http.connection import Connection
    from openviper.http.request import Request

NEXT = "next"
"""The parameter with the page to go on with."""


def login_address(request: Connection) -> str | None:
    """Return the page to log in; `None` if the project has none."""
    return _address(request, settings.LOGIN_URL)


def _address(request: Connection, target: str) -> str | None:
    if not target or target.startswith(("/", "http://", "https://")):
        return target or None
    try:
        return request.url_for(target)
    except LookupError:
        return None


def login_redirect(request: Request) -> str | None:
    """Return where a browser that has to log in is sent; `None` if there is no such page, or this is it.

    What it has asked for with GET comes along as ``next``.
    """
    address = login_address(request)
    if address is None or urlsplit(address).path == request.path:
        return None
    if request.method not in ("GET", "HEAD"):
        return address
    asked = request.url
    wanted = asked.path + (f"?{asked.query}" if asked.query else "")
    mark = "&" if "?" in address else "?"
    return f"{address}{mark}{NEXT}={quote(wanted)}"


def next_address(request: Connection, given: str | None = None) -> str:
    """Return where to go on after a login: the page that was asked for before, if it is one of ours.

    Args:
        request: The request; its parameter ``next`` counts when nothing is given.
        given: An address, from a form for example.

    Returns:
        A path on this host; that of `LOGIN_REDIRECT_URL` for anything that would lead elsewhere.
    """
    wanted = request.query_params.get(NEXT, "") if given is None else given
    if is_own_page(wanted):
        return wanted
    return _address(request, settings.LOGIN_REDIRECT_URL) or "/"


def is_own_page(address: str) -> bool:
    """Return whether an address is a path on this host, however browsers read it."""
    if not address.startswith("/") or address.startswith(("//", "/\\")):
        return False
    try:
        check_redirect(address)
    except RedirectRefusedError:
        return False
    return True
