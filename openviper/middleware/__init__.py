"""ASGI middleware, each class imported when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.middleware.auth import AuthenticationMiddleware as AuthenticationMiddleware
    from openviper.middleware.base import BaseMiddleware as BaseMiddleware
    from openviper.middleware.cors import CORSMiddleware as CORSMiddleware
    from openviper.middleware.cors import CORSPolicy as CORSPolicy
    from openviper.middleware.cors import cors_policy as cors_policy
    from openviper.middleware.csrf import CSRFMiddleware as CSRFMiddleware
    from openviper.middleware.db import DatabaseMiddleware as DatabaseMiddleware
    from openviper.middleware.errors import ServerErrorMiddleware as ServerErrorMiddleware
    from openviper.middleware.gzip import GZipMiddleware as GZipMiddleware
    from openviper.middleware.locale import LocaleMiddleware as LocaleMiddleware
    from openviper.middleware.proxies import TrustedProxyMiddleware as TrustedProxyMiddleware
    from openviper.middleware.ratelimit import RateLimitMiddleware as RateLimitMiddleware
    from openviper.middleware.ratelimit import rate_limit as rate_limit
    from openviper.middleware.request_id import RequestIDMiddleware as RequestIDMiddleware
    from openviper.middleware.security import SecurityMiddleware as SecurityMiddleware
    from openviper.middleware.timing import TimingMiddleware as TimingMiddleware
    from openviper.sessions.middleware import SessionMiddleware as SessionMiddleware

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.middleware.auth": ("AuthenticationMiddleware",),
        "openviper.middleware.csrf": ("CSRFMiddleware",),
        "openviper.sessions.middleware": ("SessionMiddleware",),
        "openviper.middleware.base": ("BaseMiddleware",),
        "openviper.middleware.cors": ("CORSMiddleware", "CORSPolicy", "cors_policy"),
        "openviper.middleware.db": ("DatabaseMiddleware",),
        "openviper.middleware.errors": ("ServerErrorMiddleware",),
        "openviper.middleware.gzip": ("GZipMiddleware",),
        "openviper.middleware.locale": ("LocaleMiddleware",),
        "openviper.middleware.proxies": ("TrustedProxyMiddleware",),
        "openviper.middleware.ratelimit": ("RateLimitMiddleware", "rate_limit"),
        "openviper.middleware.request_id": ("RequestIDMiddleware",),
        "openviper.middleware.security": ("SecurityMiddleware",),
        "openviper.middleware.timing": ("TimingMiddleware",),
    },
)
