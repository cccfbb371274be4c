"""What an application does besides in debug mode."""

from __future__ import annotations

from openviper.core.app_resolver import AppResolver
from openviper.db.connections.observers import watch_all_statements
from openviper.http.asgi import ASGIApp
from openviper.middleware.mail_preview import MailPreviewMiddleware
from openviper.middleware.statements import RequestStatements
from openviper.staticfiles.finders import register_app_locator
from openviper.staticfiles.serving import serve_files


def for_development(app: ASGIApp) -> ASGIApp:
    """Wrap an application in what serves files and the last mails, and have the statements of a request noted for the debug page."""
    register_app_locator(lambda name: AppResolver().resolve_app(name)[0])
    watch_all_statements(RequestStatements())
    return MailPreviewMiddleware(serve_files(app))
