"""What every template has beside what the view gives it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from openviper.conf import settings
from openviper.core.context import current_request, unnoted_user
from openviper.exceptions import ImproperlyConfigured
from openviper.i18n import get_language
from openviper.utils.importing import import_string, lazy_module

if TYPE_CHECKING:
    import html
else:
    html = lazy_module("html")  # It brings all names of characters along, 0.3 MB.

ContextProcessor = Callable[[Any], Mapping[str, Any]]
"""A function of the request, or of `None` outside of one, that returns names for templates."""

CSRF_FIELD = "csrfmiddlewaretoken"
"""The field of a form with the token."""
KNOWN_NAMES = ("request", "user", "messages", "csp_nonce", "csrf_token", "language")
"""What is always there; see `base_context`."""


def url_for(name: str, /, **params: Any) -> str:
    """Return the address of a named route; in templates this is ``{{ url_for("blog:post", id=5) }}``.

    Raises:
        LookupError: If there is no route of this name, or no request is being answered.
        ValueError: If a parameter is missing or does not fit.
    """
    request = current_request.get()
    if request is None:
        raise LookupError(
            f"no request is being answered, so there is no address for route {name!r}"
        )
    try:
        return str(request.url_for(name, **params))
    except KeyError:
        raise LookupError(f"there is no route {name!r}") from None


class LazyNonce:
    """The nonce of the answer's content security policy; it is made, and put into the policy, when it is written."""

    def __init__(self, request: Any) -> None:
        self._request = request

    def __str__(self) -> str:
        return "" if self._request is None else str(self._request.csp_nonce)

    def __html__(self) -> str:
        return str(self)


class LazyToken:
    """The token that forms send back against forgery; it is made when it is written."""

    def __init__(self, request: Any) -> None:
        self._request = request

    def __str__(self) -> str:
        return "" if self._request is None else str(self._request.csrf_token)

    def __html__(self) -> str:
        return str(self)


class HiddenField:
    """A hidden field, as HTML."""

    def __init__(self, name: str, value: str) -> None:
        self._text = (
            f'<input type="hidden" name="{html.escape(name)}" value="{html.escape(value)}">'
        )

    def __str__(self) -> str:
        return self._text

    __html__ = __str__


def csrf_field() -> HiddenField | str:
    """Return the hidden field with the token; in templates this is ``{{ csrf_field() }}``, inside each form that posts.

    Empty where there is no `CSRFMiddleware`, and so no token.
    """
    token = str(LazyToken(current_request.get()))
    return HiddenField(CSRF_FIELD, token) if token else ""


class WatchedUser:
    """Nobody, in templates: a page that asks depends on who asks, one that does not may be kept for all.

    Args:
        user: The anonymous user.
        request: The request to tell.
    """

    def __init__(self, user: Any, request: Any) -> None:
        self._user = user
        self._request = request

    def _asked(self) -> Any:
        self._request.note_personal()
        return self._user

    def __getattr__(self, name: str) -> Any:
        return getattr(self._asked(), name)

    def __bool__(self) -> bool:
        return bool(self._asked())

    def __eq__(self, other: object) -> bool:
        return bool(self._asked() == other)

    def __hash__(self) -> int:
        return hash(self._user)

    def __str__(self) -> str:
        return str(self._asked())


class Messages:
    """The messages for the user, taken from the request when a template goes through them."""

    def __init__(self, request: Any) -> None:
        self._request = request

    def __iter__(self) -> Iterator[Any]:
        return iter(() if self._request is None else self._request.take_messages())

    def __bool__(self) -> bool:
        return self._request is not None and self._request.has_messages


def base_context(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names for a template: the general ones, those of `TEMPLATE_CONTEXT_PROCESSORS`, then the given ones.

    Raises:
        ImproperlyConfigured: If a context processor cannot be imported or returns something else than a mapping.
    """
    request = given.get("request") or current_request.get()
    context: dict[str, Any] = {
        "request": request,
        "user": _user(request),
        "messages": Messages(request),
        "csp_nonce": LazyNonce(request),
        "csrf_token": LazyToken(request),
        "language": get_language(),
    }
    for path in settings.TEMPLATE_CONTEXT_PROCESSORS:
        context.update(_processed(path, request))
    context.update(given)
    return context


def _user(request: Any) -> Any:
    """Return who asks."""
    user = unnoted_user()
    if request is None or user:
        if user and request is not None and hasattr(request, "note_personal"):
            request.note_personal()
        return user
    if user is None:
        return request.user
    return WatchedUser(user, request)


def _processed(path: str, request: Any) -> Mapping[str, Any]:
    try:
        processor: ContextProcessor = import_string(path)
    except ImportError as error:
        raise ImproperlyConfigured(
            f"context processor {path!r} cannot be imported: {error}"
        ) from error
    names = processor(request)
    if not isinstance(names, Mapping):
        raise ImproperlyConfigured(
            f"context processor {path!r} must return a mapping, not {type(names).__name__!r}"
        )
    for name in names:
        if not isinstance(name, str):
            raise ImproperlyConfigured(
                f"context processor {path!r} has {name!r} in place of a name"
            )
    return names
