#!/usr/bin/env python3
"""Write `docs/reference/settings.md` from the `Settings` class.

python3 scripts/build_settings_doc.py            write the page
python3 scripts/build_settings_doc.py --check    exit with 1 if the page is not what would be written
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "settings.md"
sys.path.insert(0, str(ROOT))

from openviper.conf.base import Settings, is_sensitive  # noqa: E402
from openviper.conf.environment import is_overridable  # noqa: E402

GROUPS: dict[str, dict[str, str]] = {
    "Project": {
        "PROJECT_NAME": "Name of the project, for people.",
        "VERSION": "Version of the project, for people. Only `OPENVIPER_VERSION` is read, not `VERSION`.",
        "DEBUG": "Show details of errors in the browser. Must be off in production.",
        "TESTING": "Set while tests run; allows the password algorithm `plain`.",
        "ALLOWED_HOSTS": "Host names that requests may name.",
        "INSTALLED_APPS": "Packages with models, commands and templates. The project's own package is added first.",
        "SILENCED_SYSTEM_CHECKS": "Codes of findings that `check` leaves out, see the [reference](checks.md).",
        "USE_TZ": "Dates and times are aware and in UTC; otherwise naive and in `TIME_ZONE`.",
        "TIME_ZONE": "Name of the time zone that naive dates and times are in.",
        "MIDDLEWARE": "Dotted paths of the middleware classes, the outermost first.",
        "ADMIN_SETTINGS": "Titles of the admin pages.",
        "SECRET_KEY": "Key for everything signed or encrypted; at least 50 characters in production. "
        "Outside production an empty one is replaced by a random one.",
    },
    "Database": {
        "DATABASES": "Databases by alias; `default` is required. The address is in `OPTIONS` under `URL`.",
        "DATABASE_URL": "Address of the default database where `DATABASES` gives none; given as `OPENVIPER_DATABASE_URL` it replaces that one.",
        "DATABASE_ECHO": "Log statements; used only where `DATABASES` says nothing.",
        "DATABASE_POOL_SIZE": "Connections kept open, 1 to 100; used only where `DATABASES` says nothing.",
        "DATABASE_MAX_OVERFLOW": "Further connections under load, 0 to 200; used only where `DATABASES` says nothing.",
        "DATABASE_POOL_RECYCLE": "Age in seconds at which a connection is replaced; used only where `DATABASES` says "
        "nothing.",
        "DATABASE_ROUTERS": "Dotted paths of database routers; used only where `DATABASES` says nothing.",
        "CACHES": "Caches by alias.",
        "MAX_QUERY_ROWS": "Most rows that a query without a limit returns; `None` means all.",
        "QUERY_CACHE_MAX_SIZE": "Most results that the query cache holds.",
        "QUERY_CACHE_MAX_ENTRY_ROWS": "Results with more rows are not cached.",
        "MAX_JSON_SIZE": "Most bytes of an encoded JSON value; never more than 50 MiB.",
        "MODEL_EVENTS": 'Handlers of model events: `{"module.Class": {event: [dotted paths]}}`.',
    },
    "Accounts": {
        "PASSWORD_HASHERS": "Password algorithms; the first one that can be used makes new hashes.",
        "USER_MODEL": "Dotted path of the user model.",
        "AUTH_SESSION_ENABLED": "Whether logins are kept in sessions.",
        "AUTH_BACKENDS": "Dotted paths of the classes that find the user of a request.",
        "AUTH_HOOKS": "What happens when a login hook fails.",
        "PERM_CACHE_TTL": "Seconds for which a user's permissions are remembered.",
        "SESSION_STORE": "`database`, or the dotted path of a session store.",
        "SESSION_TIMEOUT": "Time after which a session ends.",
        "SESSION_COOKIE_NAME": "Name of the session cookie.",
        "SESSION_COOKIE_AGE": "Lifetime of the session cookie; `None` means `SESSION_TIMEOUT`.",
        "SESSION_COOKIE_SECURE": "Send the session cookie over HTTPS only.",
        "SESSION_COOKIE_HTTPONLY": "Keep the session cookie from scripts.",
        "SESSION_COOKIE_SAMESITE": "`Lax`, `Strict` or `None`; `None` needs `SESSION_COOKIE_SECURE`.",
        "SESSION_COOKIE_PATH": "Path that the session cookie is sent for.",
        "SESSION_COOKIE_DOMAIN": "Domain that the session cookie is sent to; `None` means the host alone.",
        "DEFAULT_AUTHENTICATION_CLASSES": "Ways to authenticate a request, in the order in which they are tried.",
        "DEFAULT_PERMISSION_CLASSES": "Permissions that a view needs unless it says otherwise; none means public.",
        "DEFAULT_THROTTLE_CLASSES": "Throttles of a view unless it says otherwise.",
        "JWT_ALGORITHM": "HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384 or ES512.",
        "JWT_SECRET_KEY": "Key for tokens; empty means `SECRET_KEY`.",
        "JWT_ACCESS_TOKEN_EXPIRE": "Lifetime of an access token.",
        "JWT_REFRESH_TOKEN_EXPIRE": "Lifetime of a refresh token.",
        "OAUTH2_EVENTS": "Handlers for `on_success`, `on_fail`, `on_error` and `on_initial`.",
    },
    "Security": {
        "CSRF_COOKIE_NAME": "Name of the CSRF cookie.",
        "CSRF_COOKIE_AGE": "Lifetime of the CSRF cookie; `None` means until the browser is closed.",
        "CSRF_COOKIE_SECURE": "Send the CSRF cookie over HTTPS only.",
        "CSRF_COOKIE_HTTPONLY": "Keep the CSRF cookie from scripts, which then cannot send the token.",
        "CSRF_COOKIE_SAMESITE": "`Lax`, `Strict` or `None`; `None` needs `CSRF_COOKIE_SECURE`.",
        "CSRF_TRUSTED_ORIGINS": "Other origins that may send forms.",
        "CORS_ALLOWED_ORIGINS": "Origins whose scripts may call this one; none means nobody.",
        "CORS_ALLOW_CREDENTIALS": "Let those scripts send cookies.",
        "CORS_ALLOWED_METHODS": "Methods those scripts may use.",
        "CORS_ALLOWED_HEADERS": "Headers those scripts may send; `*` is refused in production.",
        "CORS_EXPOSE_HEADERS": "Headers those scripts may read.",
        "CORS_MAX_AGE": "Seconds for which browsers remember the answer to a preflight request.",
        "SECURE_SSL_REDIRECT": "Redirect HTTP to HTTPS.",
        "SECURE_HSTS_SECONDS": "Seconds for which browsers use HTTPS only; at least 31536000 in production.",
        "SECURE_HSTS_INCLUDE_SUBDOMAINS": "Say so for sub-domains as well.",
        "SECURE_HSTS_PRELOAD": "Agree to the browsers' preload lists.",
        "SECURE_COOKIES": "Send every cookie of the framework over HTTPS only.",
        "SECURE_BROWSER_XSS_FILTER": "Deprecated: turn on the filter of old browsers.",
        "SECURE_CONTENT_SECURITY_POLICY": "Directives of the Content-Security-Policy header; `None` sends none.",
        "SECURE_PERMISSIONS_POLICY": "The Permissions-Policy header; `None` sends none.",
        "SECURE_CROSS_ORIGIN_OPENER_POLICY": "The Cross-Origin-Opener-Policy header; `None` sends none.",
        "SECURE_CROSS_ORIGIN_EMBEDDER_POLICY": "The Cross-Origin-Embedder-Policy header; `None` sends none.",
        "SECURE_CROSS_ORIGIN_RESOURCE_POLICY": "The Cross-Origin-Resource-Policy header; `None` sends none.",
        "X_FRAME_OPTIONS": "The X-Frame-Options header.",
        "TRUSTED_PROXIES": "Addresses of proxies whose X-Forwarded-For header is believed.",
        "ALLOWED_REDIRECT_HOSTS": "Hosts that redirects may lead to; none means `ALLOWED_HOSTS`.",
        "RATE_LIMIT_BACKEND": "`memory` or `redis`.",
        "RATE_LIMIT_REQUESTS": "Requests allowed in a window; 0 means any number.",
        "RATE_LIMIT_WINDOW": "Length of the window in seconds.",
        "RATE_LIMIT_BY": "What is counted apart: `ip`, `user` or `path`.",
    },
    "Files and templates": {
        "STATIC_URL": "Address below which static files are served.",
        "STATIC_ROOT": "Directory that static files are collected in.",
        "STATICFILES_DIRS": "Directories with static files beside those of the apps.",
        "STATIC_STORAGE": "`local`.",
        "MEDIA_URL": "Address below which uploaded files are served.",
        "MEDIA_ROOT": "Directory of uploaded files.",
        "MEDIA_DIR": "Another name for `MEDIA_ROOT`; whichever is changed, the other one follows.",
        "MEDIA_STORAGE": "`local`.",
        "DEFAULT_FILE_STORAGE": "Dotted path of the class that keeps uploaded files; called without arguments.",
        "MAX_FILE_SIZE": "Most bytes of an uploaded file.",
        "TEMPLATES_DIR": "Directory of the project's templates.",
        "TEMPLATE_AUTO_RELOAD": "Read a template again when its file has changed.",
        "JINJA_PLUGINS": 'Discovery of template filters: `{"enable": 1, "path": "jinja_plugins"}`.',
    },
    "Services": {
        "LOG_LEVEL": "`CRITICAL`, `ERROR`, `WARNING`, `INFO`, `DEBUG` or `NOTSET`.",
        "LOG_FORMAT": "`text`, or `json` for one object per line.",
        "LOGGING": "If not empty, given to `logging.config.dictConfig` in place of everything else.",
        "EMAIL": "How mail is sent; its keys are in the [reference of mail](email.md). A key wins over its setting below.",
        "EMAIL_BACKEND": "`console`, `smtp`, `file`, `memory`, or the dotted path of a class.",
        "EMAIL_HOST": "The SMTP server.",
        "EMAIL_PORT": "Its port; 465, 587 or 25 by the kind of encryption.",
        "EMAIL_USERNAME": "Whom to log in as.",
        "EMAIL_PASSWORD": "The password.",
        "EMAIL_USE_TLS": "Encrypt with STARTTLS.",
        "EMAIL_USE_SSL": "Encrypt from the start.",
        "EMAIL_CA_FILE": "A PEM file of certificate authorities to trust instead of the system's.",
        "EMAIL_TIMEOUT": "Seconds that a step of sending may take.",
        "EMAIL_FAIL_SILENTLY": "Whether `send_email` returns `False` instead of raising.",
        "EMAIL_BACKGROUND": "Whether mail is left to a worker; if one lives, when not set.",
        "EMAIL_FILE_PATH": "Where the backend `file` writes.",
        "EMAIL_SPOOL_DIR": "Where large messages wait for a worker.",
        "DEFAULT_FROM_EMAIL": "The sender of messages without one.",
        "TASKS": "How background jobs run.",
        "ENABLE_AI_PROVIDERS": "Whether `AI_PROVIDERS` is read.",
        "AI_PROVIDERS": "Providers of language models by name.",
        "OPENAPI": "Title and addresses of the API's description. Must be off in production.",
        "COUNTRY_FIELD": "Further countries, and how strictly country codes are checked.",
    },
}

HEAD = """# Settings

<!-- Generated by scripts/build_settings_doc.py; change that, not this. -->

A project's settings are a frozen dataclass that derives from `openviper.conf.Settings`, in the module that
`OPENVIPER_SETTINGS_MODULE` names. A value comes from the first of these that gives one:

1. the environment variable `OPENVIPER_<NAME>`, then the bare `<NAME>`;
2. the nearest `.env` file from the working directory upwards, which fills in environment variables that are not set
   (`OPENVIPER_DOTENV` names another file, or is `0` for none);
3. the project's settings class;
4. the default below.

In the environment, lists are separated by commas, truth is `1 true yes on` or `0 false no off`, and durations are
seconds or `90s`, `15m`, `12h`, `7d`. Settings without a variable are mappings and can be set in the class only.
Settings marked *secret* are shown as `***`.
"""


def render() -> str:
    """Return the text of the page.

    Raises:
        ValueError: If a setting has no meaning here, or a meaning no setting.
    """
    fields = {field.name: field for field in dataclasses.fields(Settings)}
    described = [name for group in GROUPS.values() for name in group]
    if sorted(described) != sorted(fields):
        raise ValueError(f"settings and meanings differ: {sorted(set(described) ^ set(fields))}")
    defaults = Settings().as_dict(mask_sensitive=False)
    lines = [HEAD]
    for title, group in GROUPS.items():
        lines += [
            f"## {title}",
            "",
            "| Setting | Type | Default | Variable | Meaning |",
            "| --- | --- | --- | --- | --- |",
        ]
        for name, meaning in group.items():
            field, default = fields[name], defaults[name]
            variable = f"`OPENVIPER_{name}`" if is_overridable(field, default) else ""
            note = " *Secret.*" if is_sensitive(name) else ""
            cells = [
                f"`{name}`",
                _type(field.type),
                _default(name, default),
                variable,
                meaning + note,
            ]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def _type(annotation: Any) -> str:
    shown = str(annotation).replace("ConfigMap", "dict").replace("|", "\\|")
    return f"`{shown}`"


def _default(name: str, value: Any) -> str:
    if name == "VERSION":
        return "OpenViper's own"
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.0f} s"
    return f"`{value!r}`"


def main() -> int:
    """Write or check the page and return the exit code."""
    parser = argparse.ArgumentParser(description="Write docs/reference/settings.md.")
    parser.add_argument(
        "--check", action="store_true", help="only tell whether the page is current"
    )
    text = render()
    if parser.parse_args().check:
        current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
        if not current:
            print(
                "docs/reference/settings.md is out of date; run scripts/build_settings_doc.py",
                file=sys.stderr,
            )
        return 0 if current else 1
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
