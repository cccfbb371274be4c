"""Mails about accounts, sent once the answer is on its way: how long an answer takes tells nothing about them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from openviper.auth.throttle import LoginThrottle
from openviper.conf import settings
from openviper.core.email.sender import send_email
from openviper.core.email.templates import render_template_content
from openviper.exceptions import ImproperlyConfigured
from openviper.http.asgi import TEST_CLIENT
from openviper.http.hosts import matches_host
from openviper.http.request import Request
from openviper.http.url import split_host
from openviper.i18n import get_language, gettext, override_language

THROTTLE = "mail"


async def limit_mails(request: Request, address: str) -> None:
    """Count a mail that somebody wants to have sent; many to one address, or for one client, have to wait.

    Raises:
        LoginThrottledError: If it comes too early.
    """
    await LoginThrottle(address, request.scope, purpose=THROTTLE).take()


def site_link(request: Request, name: str, **params: Any) -> str:
    """Return the address of an account page for a mail.

    Its host is that of `SITE_URL`. Without this setting it is the request's, but only where `ALLOWED_HOSTS` names it:
    anybody can send any ``Host`` header, and a link in a mail must not lead to whoever that is.

    Raises:
        ImproperlyConfigured: If there is no host that can be trusted.
    """
    return f"{_site(request)}{request.url_for(name, **params)}"


def _site(request: Request) -> str:
    if settings.SITE_URL:
        return settings.SITE_URL.rstrip("/")
    scheme = "https" if request.is_secure() else "http"
    host, port = split_host(request.url.netloc)
    _check_host(host, is_test=TEST_CLIENT in request.scope)
    # Another port of this host may be somebody else's.
    server = request.scope.get("server") or ("", "")
    is_ours = bool(port) and port == str(server[1])
    return f"{scheme}://{host}:{port}" if is_ours else f"{scheme}://{host}"


def _check_host(host: str, *, is_test: bool) -> None:
    named = [pattern for pattern in settings.ALLOWED_HOSTS if pattern != "*"]
    if is_test:
        named.append("testserver")
    if not matches_host(host, named):
        raise ImproperlyConfigured(
            f"links in mails need a host, and {host!r} is not named in ALLOWED_HOSTS; set SITE_URL"
        )


def mail_later(request: Request, write: Callable[[], Awaitable[None]]) -> None:
    """Have mails written once the answer is sent, in the language of the request."""
    language = get_language()

    async def written() -> None:
        with override_language(language):
            await write()

    request.after_response(written)


async def send_account_mail(address: str, subject: str, template: str, **context: Any) -> None:
    """Send one mail, as text and HTML.

    Args:
        address: Whom it goes to.
        subject: The subject.
        template: The name of the two templates in ``accounts/mail``, without their endings.
        context: What they are given beside `site`, the project's name, `subject` and `language`.
    """
    names = {"site": settings.PROJECT_NAME, "subject": subject, "language": get_language()}
    text, _ = render_template_content(f"accounts/mail/{template}.txt", {**names, **context})
    _, html = render_template_content(f"accounts/mail/{template}.html", {**names, **context})
    await send_email(address, subject, text, html)


def notify(request: Request, address: str, sentence: str) -> None:
    """Tell a user by mail what has happened to the account, in case that was somebody else."""

    async def write() -> None:
        subject = gettext("Your account at %(site)s") % {"site": settings.PROJECT_NAME}
        await send_account_mail(address, subject, "notice", sentence=sentence)

    mail_later(request, write)
