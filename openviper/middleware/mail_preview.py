"""The last mails of a project in development, to look at in a browser: ``/openviper/mail``.

Only while `DEBUG` is on, for the hosts of `ALLOWED_HOSTS`, and without a script: the HTML body of a mail is shown in a
frame that runs nothing and loads nothing.
"""

from __future__ import annotations

import asyncio
import time
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from openviper.conf import settings
from openviper.http.asgi import TEST_CLIENT, ASGIApp, Receive, Scope, Send
from openviper.http.redirects import matches_host
from openviper.http.responses import HTMLResponse, PlainTextResponse, Response
from openviper.http.url import split_host, valid_host
from openviper.routing.paths import below_root
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from email.message import EmailMessage

    from openviper.core.email import preview
else:
    preview = lazy_module("openviper.core.email.preview")  # Few requests ask for it.

PATH = "/openviper/mail"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; frame-ancestors 'self'"
_BODY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"
_HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title>
<style>body{{font-family:system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;line-height:1.5}}
table{{border-collapse:collapse;width:100%}}td,th{{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ddd}}
pre{{white-space:pre-wrap;background:#f6f6f6;padding:1rem}}iframe{{width:100%;height:30rem;border:1px solid #ddd}}</style>
</head>
<body>
{body}
</body>
</html>
"""


class MailPreviewMiddleware:
    """Answers below ``/openviper/mail`` and passes everything else on.

    Args:
        app: The application inside.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for the preview; pass everything else on."""
        path = below_root(scope) if scope["type"] == "http" else ""
        if path != PATH and not path.startswith(f"{PATH}/"):
            await self.app(scope, receive, send)
            return
        response = await _respond(scope, path[len(PATH) :].strip("/"))
        await response(scope, receive, send)


async def _respond(scope: Scope, rest: str) -> Response:
    if not _is_allowed_host(scope):
        # A page elsewhere whose name leads to this machine must not read mails, with their links to set passwords.
        return PlainTextResponse("Bad Request: this host is not allowed.", 400, _HEADERS)
    if scope["method"] not in ("GET", "HEAD"):
        return PlainTextResponse("Method Not Allowed", 405, {**_HEADERS, "allow": "GET, HEAD"})
    root = f"{scope.get('root_path', '')}{PATH}"
    if not rest:
        return _html(_list_page(root, await asyncio.to_thread(preview.kept_messages)), _POLICY)
    return await _respond_message(root, rest)


async def _respond_message(root: str, rest: str) -> Response:
    name, _, view = rest.partition("/")
    content = await asyncio.to_thread(preview.read_kept, name)
    if content is None or view not in _VIEWS:
        return PlainTextResponse("Not Found", 404, _HEADERS)
    # In a thread: it may have many megabytes.
    return await asyncio.to_thread(_VIEWS[view], f"{root}/{quote(name)}", content)


def _is_allowed_host(scope: Scope) -> bool:
    raw = next((value for name, value in scope["headers"] if name == b"host"), b"")
    host = raw.decode("latin-1")
    if host == "testserver" and TEST_CLIENT in scope:
        return True
    allowed = tuple(settings.ALLOWED_HOSTS)
    return valid_host(host) and matches_host(split_host(host)[0], allowed)


def _html(body: str, policy: str, title: str = "Mail") -> HTMLResponse:
    page = _PAGE.format(title=escape(title), body=body)
    return HTMLResponse(page, headers={**_HEADERS, "content-security-policy": policy})


def _list_page(root: str, messages: list[preview.KeptMessage]) -> str:
    rows = [_row(root, kept) for kept in messages]
    if not rows:
        return "<h1>Mail</h1><p>No mail was sent yet.</p>"
    head = "<tr><th>Sent</th><th>To</th><th>Subject</th><th>Bytes</th></tr>"
    return f"<h1>Mail</h1><table>{head}{''.join(rows)}</table>"


def _row(root: str, kept: preview.KeptMessage) -> str:
    sent = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(kept.kept_at))
    link = f'<a href="{escape(root)}/{escape(kept.name)}">{escape(kept.subject) or "(none)"}</a>'
    return f"<tr><td>{sent}</td><td>{escape(kept.to)}</td><td>{link}</td><td>{kept.size}</td></tr>"


def _message_page(root: str, content: bytes) -> Response:
    message = preview.read_message(content)
    parts = [_header_table(message)]
    if message.get_body(("html",)) is not None:
        parts.append(f'<h2>HTML</h2><iframe sandbox src="{escape(root)}/html"></iframe>')
    text = message.get_body(("plain",))
    if text is not None:
        parts.append(f"<h2>Text</h2><pre>{escape(preview.text_of(text))}</pre>")
    parts += [_files(message), f'<p><a href="{escape(root)}/source">Source</a></p>']
    subject = str(message["Subject"] or "")
    return _html(f"<h1>{escape(subject)}</h1>{''.join(parts)}", _POLICY, subject)


def _header_table(message: EmailMessage) -> str:
    rows = [
        f"<tr><th>{escape(name)}</th><td>{escape(str(value))}</td></tr>"
        for name, value in message.items()
    ]
    return f"<table>{''.join(rows)}</table>"


def _files(message: EmailMessage) -> str:
    items = [
        f"<li>{escape(part.get_filename() or '')} ({escape(part.get_content_type())})</li>"
        for part in message.iter_attachments()
    ]
    return f"<h2>Attachments</h2><ul>{''.join(items)}</ul>" if items else ""


def _html_view(_root: str, content: bytes) -> Response:
    part = preview.read_message(content).get_body(("html",))
    if part is None:
        return PlainTextResponse("Not Found", 404, _HEADERS)
    headers = {**_HEADERS, "content-security-policy": _BODY_POLICY}
    return HTMLResponse(preview.text_of(part), headers=headers)


def _source_view(_root: str, content: bytes) -> Response:
    return PlainTextResponse(content.decode("utf-8", "replace"), headers=_HEADERS)


_VIEWS = {"": _message_page, "html": _html_view, "source": _source_view}
