"""The settings of a project: one frozen dataclass with every field the framework reads.

A project subclasses `Settings`, decorates the subclass ``@dataclasses.dataclass(frozen=True)`` and changes defaults or
adds fields of its own.

This file is long because it declares every setting, one after the other.

To add a setting, declare it in `Settings` with `setting` or `mapping`, which take its line of the reference and its
rules, and read it as ``settings.NAME`` where it has its effect; a test fails for a setting that nothing reads. Then run
`scripts/build_settings_doc.py`. A name that stands in `openviper.conf.former` is taken out there. What is demanded in
production only is in `openviper.conf.production`.
"""

from __future__ import annotations

import base64
import dataclasses
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from openviper.conf import defaults
from openviper.conf.declaration import mapping, setting
from openviper.conf.rules import (
    address_below,
    at_least,
    between,
    cookie_domain,
    cookie_name,
    cookie_path,
    header_words,
    hosts,
    language,
    languages,
    log_level,
    methods,
    more_than,
    origin,
    origins,
    permissions_policy,
    positive_time,
    proxies,
    redirect_hosts,
    session_store,
    sha256_digits,
    time_zone,
    trusted_origins,
)
from openviper.conf.types import ConfigMap
from openviper.exceptions import ImproperlyConfigured
from openviper.utils.signatures import own_annotations

MASK = "***"
SENSITIVE_FIELDS = frozenset(
    {
        "SECRET_KEY",
        "SECRET_KEY_FALLBACKS",
        "DATABASES",
        "CACHES",
        "EMAIL",
        "AI_PROVIDERS",
        "TASKS",
        "JWT_SECRET_KEY",
        "JWT_SECRET_KEY_FALLBACKS",
        "DATABASE_URL",
    }
)
SENSITIVE_SUFFIXES = ("_SECRET", "_TOKEN", "_PASSWORD", "_API_KEY", "_SECRET_KEY")


def is_sensitive(name: str) -> bool:
    """Return whether a field's value must not be shown."""
    return name in SENSITIVE_FIELDS or name.endswith(SENSITIVE_SUFFIXES)


def generate_secret_key(length: int = 64) -> str:
    """Return URL-safe text made from random bytes.

    Args:
        length: Number of random bytes; 64 bytes give 86 characters.

    Raises:
        ValueError: If `length` is less than 1.
    """
    if length < 1:
        raise ValueError(f"length must be at least 1, not {length!r}")
    # What `secrets.token_urlsafe` does, without its imports: the cryptographic library behind `hmac` takes 4 MB and 8 ms
    # of each process in development, where a key is made at the start.
    return base64.urlsafe_b64encode(os.urandom(length)).rstrip(b"=").decode("ascii")


_OWN_INIT = {"init": False}
"""`dataclass` is not to make `Settings.__init__`, as compiling it takes 5 ms of every start, half of the class's time.

Not written out below, as the type checker goes by what it would have made.
"""


@dataclasses.dataclass(frozen=True, slots=True, repr=False, eq=False, **_OWN_INIT)
class Settings:
    """Every setting with its default; see docs/reference/settings.md for what each one means."""

    PROJECT_NAME: str = setting(
        "OpenViper Application", "Name of the project, for people.", section="Project"
    )
    DEBUG: bool = setting(True, "Show details of errors in the browser. Must be off in production.")
    TESTING: bool = setting(False, "Set while tests run; allows the password algorithm `plain`.")
    ALLOWED_HOSTS: tuple[str, ...] = setting(
        ("localhost", "127.0.0.1"), "Host names that requests may name.", check=hosts
    )
    INSTALLED_APPS: tuple[str, ...] = setting(
        (),
        "Packages with models, commands and templates. The project's own package is added first.",
    )
    SILENCED_SYSTEM_CHECKS: tuple[str, ...] = setting(
        (), "Codes of findings that `check` leaves out, see the [reference](checks.md)."
    )
    VENDOR_CHECK: str = setting(
        "off",
        "Whether each process compares the vendored tree that it runs from with `VENDOR.json` when it starts: "
        "`off`, `warn` in the log, or `refuse` to start; see [vendoring](../how-to/vendor.md).",
        choices=("off", "warn", "refuse"),
    )
    VENDOR_MANIFEST_SHA256: str = setting(
        "",
        "What the SHA-256 of `VENDOR.json` has to be where `VENDOR_CHECK` is on; not looked at when empty.",
        check=sha256_digits,
    )
    USE_TZ: bool = setting(
        True, "Dates and times are aware and in UTC; otherwise naive and in `TIME_ZONE`."
    )
    TIME_ZONE: str = setting(
        "UTC", "Name of the time zone that naive dates and times are in.", check=time_zone
    )
    MIDDLEWARE: tuple[str, ...] = setting(
        (
            "openviper.middleware.security.SecurityMiddleware",
            "openviper.sessions.middleware.SessionMiddleware",
            "openviper.middleware.auth.AuthenticationMiddleware",
            "openviper.middleware.csrf.CSRFMiddleware",
        ),
        "Dotted paths of the middleware classes, the outermost first.",
        dotted=True,
    )
    SECRET_KEY: str = setting(
        "",
        "Key for everything signed or encrypted; at least 50 characters in production. "
        "Outside production an empty one is replaced by a random one.",
    )
    SECRET_KEY_FALLBACKS: tuple[str, ...] = setting(
        (),
        "Keys that `SECRET_KEY` was before; what they have signed or encrypted is good still.",
    )
    DATABASES: ConfigMap = mapping(
        defaults.databases,
        "Databases by alias; `default` is required. The address is in `OPTIONS` under `URL`.",
        section="Database",
    )
    DATABASE_URL: str = setting(
        "",
        "Address of the default database where `DATABASES` gives none; given as "
        "`OPENVIPER_DATABASE_URL` it replaces that one.",
    )
    DATABASE_ECHO: bool = setting(
        False, "Log statements; used only where `DATABASES` says nothing."
    )
    DATABASE_SLOW_QUERY: float | None = setting(
        None,
        "Log statements that take longer than so many seconds; used only where `DATABASES` says nothing.",
        check=at_least(0),
    )
    DATABASE_POOL_SIZE: int = setting(
        5, "Connections kept open, 1 to 100; used only where `DATABASES` says nothing."
    )
    DATABASE_MAX_OVERFLOW: int = setting(
        10, "Further connections under load, 0 to 200; used only where `DATABASES` says nothing."
    )
    DATABASE_POOL_RECYCLE: int = setting(
        3600,
        "Age in seconds at which a connection is replaced; used only where `DATABASES` says nothing.",
    )
    DATABASE_ROUTERS: tuple[str, ...] = setting(
        (),
        "Dotted paths of database routers; used only where `DATABASES` says nothing.",
        dotted=True,
    )
    MAX_QUERY_ROWS: int | None = setting(
        None, "Most rows that a query without a limit returns; `None` means all.", check=at_least(1)
    )
    QUERY_CACHE: str = setting(
        "",
        "Alias of the cache that keeps results of queries for all processes; when empty, each process keeps its own.",
    )
    QUERY_CACHE_MAX_SIZE: int = setting(
        2048, "Most results that the query cache of a process holds.", check=at_least(0)
    )
    QUERY_CACHE_MAX_ENTRY_ROWS: int = setting(
        10000, "Results with more rows are not cached.", check=at_least(0)
    )
    MAX_JSON_SIZE: int = setting(
        1048576, "Most bytes of an encoded JSON value; never more than 50 MiB.", check=at_least(0)
    )
    CACHES: ConfigMap = mapping(
        defaults.caches,
        "Caches by alias: a `BACKEND` (`memory`, `file`, `database`, `redis`, `null`, or the dotted path of a class) with "
        "its `OPTIONS`, see [caches](../how-to/cache.md). Without `default`, that one is in memory.",
    )
    MODEL_EVENTS: ConfigMap = mapping(
        dict, 'Handlers of model events: `{"module.Class": {event: [dotted paths]}}`.'
    )
    SENSITIVE_FIELDS_STRICT: bool = setting(
        False,
        "Refuse values of `SensitiveField` that an earlier version has encrypted, or nobody has; "
        "for when `rotate-secrets` has rewritten all.",
    )
    PASSWORD_HASHERS: tuple[str, ...] = setting(
        ("scrypt", "pbkdf2_sha256"),
        "Password algorithms; the first one that can be used makes new hashes.",
        section="Accounts",
    )
    PASSWORD_MIN_LENGTH: int = setting(
        8,
        "Fewest characters of a new password; 15 where it is all that guards an account.",
        check=at_least(8),
    )
    PASSWORD_RULES: tuple[str, ...] = setting(
        (
            "openviper.auth.password_rules.not_common",
            "openviper.auth.password_rules.not_personal",
            "openviper.auth.password_rules.no_blocked_words",
        ),
        "Dotted paths of what else a new password is checked with.",
        dotted=True,
    )
    PASSWORD_BLOCKED_WORDS: tuple[str, ...] = setting(
        (), "Words that new passwords must not be made of: the service, the company, the town."
    )
    USERNAME_CHARACTERS: str = setting(
        "unicode",
        "`unicode`: letters of one script, none of which pass for those of another; `ascii`: no others.",
        choices=("unicode", "ascii"),
    )
    USER_MODEL: str = setting(
        "openviper.auth.models.User", "Dotted path of the user model.", dotted=True
    )
    AUTH_BACKENDS: tuple[str, ...] = setting(
        ("openviper.auth.backends.ModelBackend",),
        "Dotted paths of the classes that check a name and a password, in order.",
        dotted=True,
    )
    DEFAULT_AUTHENTICATION_CLASSES: tuple[str, ...] = setting(
        ("openviper.auth.authentications.SessionAuthentication",),
        "Dotted paths of the classes that tell who sends a request, in order.",
        dotted=True,
    )
    LOGIN_URL: str = setting(
        "accounts:login",
        "The page to log in, as a path or the name of a route; browsers are sent there instead of a 401. "
        "Where there is no such route, they get the 401.",
    )
    LOGIN_REDIRECT_URL: str = setting(
        "/", "Where a login leads that nothing else was asked for before."
    )
    RECENT_LOGIN_SECONDS: int = setting(
        900,
        "Seconds for which a proof of identity is good for what `require_recent_login` guards.",
        check=at_least(1),
    )
    LOGIN_FAILURES_PER_ACCOUNT: int = setting(
        5,
        "Failed logins for one name before the next ones are delayed; 0 for no limit.",
        check=at_least(0),
    )
    LOGIN_FAILURES_PER_ADDRESS: int = setting(
        20,
        "Failed logins from one address before the next ones are delayed; 0 for no limit.",
        check=at_least(0),
    )
    LOGIN_MAX_DELAY: int = setting(
        900, "Longest delay after failed logins, in seconds.", check=at_least(1)
    )
    PASSWORD_RESET_SECONDS: int = setting(
        3600, "Seconds for which a link to reset a password is good.", check=at_least(60)
    )
    EMAIL_LINK_SECONDS: int = setting(
        86400,
        "Seconds for which links are good that show who can read an address: to sign up, verify or change it.",
        check=at_least(60),
    )
    MAILED_CODE_SECONDS: int = setting(
        600, "Seconds for which a code sent by mail logs in.", check=at_least(30)
    )
    TWO_FACTOR_DEVICE_DAYS: int = setting(
        0,
        "Days for which people may have a browser remembered, which is not asked for their second factor meanwhile; 0 for never.",
        check=between(0, 400),
    )
    SITE_URL: str = setting(
        "",
        "Scheme and host of links in mails, such as `https://www.example.org`. When empty they are those of the "
        "request, as long as `ALLOWED_HOSTS` names the host.",
        check=origin,
    )
    PASSWORD_QUEUE_SIZE: int = setting(
        100,
        "Passwords that wait to be checked in this process; beyond it is answered with 503.",
        check=at_least(1),
    )
    AUTH_AUDIT: str = setting(
        "table",
        "Where events of accounts are recorded: `table` (and log), `log`, or `off`.",
        choices=("table", "log", "off"),
    )
    AUTH_AUDIT_KEEP: timedelta = setting(
        timedelta(days=365), "How long events of accounts are kept.", check=positive_time
    )
    JWT_ALGORITHM: str = setting(
        "HS256",
        "How tokens are signed.",
        section="Tokens",
        choices=("HS256", "HS384", "HS512"),
    )
    JWT_SECRET_KEY: str = setting("", "The key of tokens; one made from `SECRET_KEY` when empty.")
    JWT_SECRET_KEY_FALLBACKS: tuple[str, ...] = setting(
        (), "Keys that `JWT_SECRET_KEY` was before; tokens signed with them are good still."
    )
    JWT_ISSUER: str = setting("", "Who issues tokens (`iss`); others are refused. Empty for none.")
    JWT_AUDIENCE: str = setting(
        "", "Whom tokens are for (`aud`); others are refused. Empty for none."
    )
    JWT_ACCESS_TOKEN_EXPIRE: timedelta = setting(
        timedelta(minutes=30), "Life of an access token.", check=positive_time
    )
    JWT_REFRESH_TOKEN_EXPIRE: timedelta = setting(
        timedelta(days=7), "Life of a refresh token.", check=positive_time
    )
    JWT_LEEWAY_SECONDS: int = setting(
        30, "How far the clocks of hosts may be apart, in seconds.", check=at_least(0)
    )
    SESSION_STORE: str = setting(
        "database",
        "`database`, `cookie` (signed), `redis`, `cache`, `memory` (for tests), or the dotted path of a store.",
        section="Sessions",
        check=session_store,
    )
    SESSION_REDIS_URL: str = setting(
        "redis://127.0.0.1:6379/0", "Address of the Redis server that keeps sessions."
    )
    SESSION_CACHE: str = setting(
        "default", "Alias of the cache that keeps sessions where `SESSION_STORE` is `cache`."
    )
    SESSION_TIMEOUT: timedelta = setting(
        timedelta(hours=1), "Time without use after which a session ends.", check=positive_time
    )
    SESSION_REMEMBER_TIMEOUT: timedelta = setting(
        timedelta(days=14),
        "The same for a session that outlives the browser, after `login(remember=True)`.",
        check=positive_time,
    )
    SESSION_MAX_AGE: timedelta = setting(
        timedelta(days=30), "Age at which a session ends, used or not.", check=positive_time
    )
    SESSION_COOKIE_NAME: str = setting(
        "sessionid",
        "Name of the session's cookie; with the prefix `__Host-` no sub-domain can set it.",
        check=cookie_name,
    )
    SESSION_COOKIE_SECURE: bool = setting(
        False,
        "Send it over https only, even if it was set over http. Set over https, it always is.",
    )
    SESSION_COOKIE_HTTPONLY: bool = setting(True, "Keep it from scripts.")
    SESSION_COOKIE_SAMESITE: str = setting(
        "Lax",
        "When it is sent with requests from other sites.",
        choices=("Lax", "Strict", "None"),
    )
    SESSION_COOKIE_PATH: str = setting("/", "Paths it is sent to.", check=cookie_path)
    SESSION_COOKIE_DOMAIN: str | None = setting(
        None, "Hosts it is sent to; only the one that has set it, when `None`.", check=cookie_domain
    )
    CSRF_COOKIE_NAME: str = setting(
        "csrftoken", "Name of the cookie that forms are compared with.", check=cookie_name
    )
    CSRF_COOKIE_SECURE: bool = setting(
        False,
        "Send it over https only, even if it was set over http. Set over https, it always is.",
    )
    CSRF_COOKIE_HTTPONLY: bool = setting(
        False, "Keep it from scripts, which then take the token from the page."
    )
    CSRF_COOKIE_SAMESITE: str = setting(
        "Lax",
        "When it is sent with requests from other sites.",
        choices=("Lax", "Strict", "None"),
    )
    CSRF_TRUSTED_ORIGINS: tuple[str, ...] = setting(
        (),
        "Other origins whose pages may send forms: `https://app.example.org`, `https://*.example.org`.",
        check=trusted_origins,
    )
    DEPLOYMENT: str = setting(
        "https",
        "`https`, or `internal-http` for a closed network without HTTPS, where production then demands none.",
        section="Security",
        choices=("https", "internal-http"),
    )
    SECURE_SSL_REDIRECT: bool = setting(False, "Redirect HTTP to HTTPS.")
    SECURE_HSTS_SECONDS: int = setting(
        0,
        "Seconds for which browsers use HTTPS only; at least 31536000 in production.",
        check=at_least(0),
    )
    SECURE_HSTS_INCLUDE_SUBDOMAINS: bool = setting(False, "Say so for sub-domains as well.")
    SECURE_HSTS_PRELOAD: bool = setting(False, "Agree to the browsers' preload lists.")
    SECURE_CONTENT_SECURITY_POLICY: ConfigMap | None = setting(
        None, "Directives of the Content-Security-Policy header; `None` sends none.", env=False
    )
    SECURE_CSP_REPORT_ONLY: bool = setting(
        False, "Have browsers report what the content security policy forbids, and forbid nothing."
    )
    SECURE_REFERRER_POLICY: str = setting(
        "strict-origin-when-cross-origin",
        "The Referrer-Policy header; empty sends none.",
        check=header_words(
            *("no-referrer", "no-referrer-when-downgrade", "origin", "origin-when-cross-origin"),
            *("same-origin", "strict-origin", "strict-origin-when-cross-origin", "unsafe-url"),
        ),
    )
    SECURE_PERMISSIONS_POLICY: str | None = setting(
        None, "The Permissions-Policy header; `None` sends none.", check=permissions_policy
    )
    SECURE_CROSS_ORIGIN_OPENER_POLICY: str | None = setting(
        None,
        "The Cross-Origin-Opener-Policy header; `None` sends none.",
        check=header_words(
            "unsafe-none", "same-origin-allow-popups", "same-origin", "noopener-allow-popups"
        ),
    )
    SECURE_CROSS_ORIGIN_EMBEDDER_POLICY: str | None = setting(
        None,
        "The Cross-Origin-Embedder-Policy header; `None` sends none.",
        check=header_words("unsafe-none", "require-corp", "credentialless"),
    )
    SECURE_CROSS_ORIGIN_RESOURCE_POLICY: str | None = setting(
        None,
        "The Cross-Origin-Resource-Policy header; `None` sends none.",
        check=header_words("same-site", "same-origin", "cross-origin"),
    )
    X_FRAME_OPTIONS: str = setting(
        "DENY", "The X-Frame-Options header.", check=header_words("deny", "sameorigin")
    )
    TRUSTED_PROXIES: tuple[str, ...] = setting(
        (),
        "Addresses or networks of proxies whose `Forwarded` and `X-Forwarded-*` headers are believed; `unix` for those "
        "that connect through a Unix socket.",
        check=proxies,
    )
    ALLOWED_REDIRECT_HOSTS: tuple[str, ...] = setting(
        (), "Hosts that redirects may lead to; none means `ALLOWED_HOSTS`.", check=redirect_hosts
    )
    WEBSOCKET_ALLOWED_ORIGINS: tuple[str, ...] = setting(
        (),
        "Origins beside our own whose pages may open WebSockets: `https://app.example.org`, `https://*.example.org` or `*`.",
        check=origins,
    )
    CORS_ALLOWED_ORIGINS: tuple[str, ...] = setting(
        (),
        "Origins whose pages may read answers: `https://app.example.org`, `https://*.example.org` or `*`.",
        section="Middleware",
        check=origins,
    )
    CORS_ALLOW_CREDENTIALS: bool = setting(False, "Let those pages send cookies along.")
    CORS_ALLOWED_METHODS: tuple[str, ...] = setting(
        ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"),
        "Methods that those pages may use; `*` for any.",
        check=methods,
    )
    CORS_ALLOWED_HEADERS: tuple[str, ...] = setting(
        ("*",),
        "Headers that those pages may send; `*` for any.",
        check=methods,
    )
    CORS_EXPOSE_HEADERS: tuple[str, ...] = setting(
        (),
        "Headers of answers that those pages may read beside the usual ones.",
        check=methods,
    )
    CORS_MAX_AGE: int = setting(
        600, "Seconds for which browsers remember what is allowed.", check=at_least(0)
    )
    CORS_ALLOW_PRIVATE_NETWORK: bool = setting(
        False, "Let pages of public origins reach this server in a private network."
    )
    RATE_LIMIT_REQUESTS: int = setting(
        0,
        "Requests let through per window; 0 for no limit. Adds `RateLimitMiddleware` where it is not listed.",
        check=at_least(0),
    )
    RATE_LIMIT_WINDOW: int = setting(
        60, "Length of the window of the rate limit, in seconds.", check=at_least(1)
    )
    RATE_LIMIT_BY: str = setting(
        "ip", "What requests are counted by.", choices=("ip", "user", "path")
    )
    RATE_LIMIT_BACKEND: str = setting(
        "memory",
        "Where they are counted: in each process, in the default database, or in Redis.",
        choices=("memory", "database", "redis"),
    )
    RATE_LIMIT_REDIS_URL: str = setting(
        "redis://127.0.0.1:6379/0", "Address of the Redis server that counts."
    )
    GZIP_MIN_SIZE: int = setting(
        500, "Shorter answers are not compressed, in bytes.", check=at_least(0)
    )
    MAX_PATH_LENGTH: int = setting(
        2048,
        "Longest path of a request, in characters; beyond it is answered with 414.",
        section="Requests",
        check=at_least(1),
    )
    MAX_BODY_SIZE: int = setting(
        10485760, "Longest body that `Request.body` reads, in bytes.", check=at_least(1)
    )
    MAX_JSON_BODY_SIZE: int = setting(2621440, "Longest JSON body, in bytes.", check=at_least(1))
    MAX_FORM_SIZE: int = setting(
        1048576, "Longest form without its files, in bytes.", check=at_least(1)
    )
    MAX_FORM_FIELDS: int = setting(1000, "Most fields of a form.", check=at_least(1))
    MAX_UPLOAD_SIZE: int = setting(
        104857600, "Longest form with its files, in bytes.", check=at_least(1)
    )
    MAX_UPLOAD_FILES: int = setting(100, "Most files of a form.", check=at_least(1))
    UPLOAD_MEMORY_SIZE: int = setting(
        1048576, "Most bytes of an upload that are kept in memory.", check=at_least(0)
    )
    REQUEST_BODY_TIMEOUT: float = setting(
        30.0, "Longest wait for the next piece of a body, in seconds.", check=more_than(0)
    )
    WEBSOCKET_MAX_SIZE: int = setting(
        1048576, "Longest message of a WebSocket, in bytes.", check=at_least(1)
    )
    WEBSOCKET_IDLE_TIMEOUT: float = setting(
        300.0,
        "Seconds without a message after which a WebSocket is closed; 0 for never.",
        check=at_least(0),
    )
    WEBSOCKET_RECHECK_SECONDS: float = setting(
        60.0,
        "Seconds after which a WebSocket asks again whether its user may go on.",
        check=more_than(0),
    )
    JSON: str = setting(
        "json",
        "What writes the JSON of answers: `json`, the standard library, or `orjson`, a faster package; read at start.",
        choices=("json", "orjson"),
    )
    STATIC_URL: str = setting(
        "/static/",
        "Address below which static files are served.",
        section="Files and templates",
        check=address_below,
    )
    STATIC_ROOT: str = setting("./static/", "Directory that static files are collected in.")
    STATICFILES_DIRS: tuple[str, ...] = setting(
        ("static/",), "Directories with static files beside those of the apps."
    )
    MEDIA_URL: str = setting(
        "/media/", "Address below which uploaded files are served.", check=address_below
    )
    MEDIA_ROOT: str = setting("./media/", "Directory of uploaded files.")
    DEFAULT_FILE_STORAGE: str = setting(
        "openviper.storage.FileSystemStorage",
        "Dotted path of the class that keeps uploaded files; called without arguments.",
        dotted=True,
    )
    MAX_FILE_SIZE: int = setting(10485760, "Most bytes of an uploaded file.", check=at_least(0))
    TEMPLATES_DIR: str = setting("templates/", "Directory of the project's templates.")
    TEMPLATE_AUTO_RELOAD: bool = setting(True, "Read a template again when its file has changed.")
    TEMPLATE_CONTEXT_PROCESSORS: tuple[str, ...] = setting(
        (),
        "Dotted paths of functions of the request that return names for every template.",
        dotted=True,
    )
    JINJA_PLUGINS: ConfigMap = mapping(
        dict,
        '`{"enable": 1, "path": "jinja_plugins"}` gives templates the functions in `filters/*.py` and `globals/*.py` below '
        "that folder of each app and of the project.",
    )
    LANGUAGE_CODE: str = setting(
        "en",
        "Language of texts where nothing else was chosen.",
        section="Languages",
        check=language,
    )
    LANGUAGES: tuple[str, ...] = setting(
        ("en",), "Languages that `LocaleMiddleware` chooses from.", check=languages
    )
    LANGUAGE_COOKIE_NAME: str = setting(
        "language", "Cookie with the language a user has chosen.", check=cookie_name
    )
    LOCALE_DIRS: tuple[str, ...] = setting(
        ("locale/",), "Directories with catalogues beside the folder `locale` of each app."
    )
    LOG_LEVEL: str = setting(
        "INFO",
        "`CRITICAL`, `ERROR`, `WARNING`, `INFO`, `DEBUG` or `NOTSET`.",
        section="Services",
        check=log_level,
    )
    LOG_FORMAT: str = setting(
        "text", "`text`, or `json` for one object per line.", choices=("text", "json")
    )
    LOGGING: ConfigMap = mapping(
        dict, "If not empty, given to `logging.config.dictConfig` in place of everything else."
    )
    EMAIL: ConfigMap = mapping(
        dict,
        "How mail is sent; its keys are in the [reference of mail](email.md). A key wins over its "
        "setting below.",
    )
    EMAIL_BACKEND: str | None = setting(
        None, "`console`, `smtp`, `file`, `memory`, or the dotted path of a class.", dotted=True
    )
    EMAIL_HOST: str | None = setting(None, "The SMTP server.")
    EMAIL_PORT: int | None = setting(None, "Its port; 465, 587 or 25 by the kind of encryption.")
    EMAIL_USERNAME: str | None = setting(None, "Whom to log in as.")
    EMAIL_PASSWORD: str | None = setting(None, "The password.")
    EMAIL_USE_TLS: bool | None = setting(None, "Encrypt with STARTTLS.")
    EMAIL_USE_SSL: bool | None = setting(None, "Encrypt from the start.")
    EMAIL_CA_FILE: str | None = setting(
        None, "A PEM file of certificate authorities to trust instead of the system's."
    )
    EMAIL_TIMEOUT: float | None = setting(None, "Seconds that a step of sending may take.")
    EMAIL_FAIL_SILENTLY: bool | None = setting(
        None, "Whether `send_email` returns `False` instead of raising."
    )
    EMAIL_BACKGROUND: bool | None = setting(
        None, "Whether mail is left to a worker; if one lives, when not set."
    )
    EMAIL_FILE_PATH: str | None = setting(None, "Where the backend `file` writes.")
    EMAIL_SPOOL_DIR: str | None = setting(None, "Where large messages wait for a worker.")
    DEFAULT_FROM_EMAIL: str | None = setting(None, "The sender of messages without one.")
    TASKS: ConfigMap = mapping(defaults.tasks, "How background jobs run.")
    OPENAPI: ConfigMap = mapping(
        dict,
        "The document of the API and its page: `enabled`, `title`, `version`, `description`, `schema_url`, `docs_url`, "
        "`exclude` (first words of paths), `permission` (dotted path; without one there are none in production).",
        section="API",
    )
    ENABLE_AI_PROVIDERS: bool = setting(
        False, "Use `AI_PROVIDERS`, and providers that installed packages bring."
    )
    AI_PROVIDERS: ConfigMap = mapping(
        dict,
        'Servers of models by name: `{"local": {"provider": "ollama", "model": "llama3.2"}}`; the keys are in the '
        "[reference of AI](ai.md).",
    )
    BACKUP: ConfigMap = mapping(
        dict,
        "What is done with a finished backup: `after` is the dotted name of a function that is called with it.",
    )

    def __init_subclass__(cls) -> None:
        # `dataclass` leaves a `__repr__` of the class itself alone, and would else make one that shows secrets.
        if "__repr__" not in cls.__dict__:
            cls.__repr__ = Settings.__repr__  # type: ignore[method-assign]  # deliberately, see above

    def __new__(cls, *_: object, **__: object) -> Self:
        # Before `__init__`, which a property in the place of a field would make fail without an explanation.
        errors = list(_ignored_values(cls))
        if errors:
            raise ImproperlyConfigured("; ".join(errors))
        return object.__new__(cls)  # `super()` does not know the class that `slots=True` makes.

    if not TYPE_CHECKING:

        def __init__(self, **values):
            for name, field in Settings.__dataclass_fields__.items():
                value = values.pop(name) if name in values else _default_of(field)
                object.__setattr__(self, name, value)
            if values:
                raise TypeError(f"there is no setting {next(iter(values))!r}")

    def as_dict(self, *, mask_sensitive: bool = True) -> ConfigMap:
        """Return all fields by name.

        Args:
            mask_sensitive: Show ``"***"`` in place of every secret that is not empty.
        """
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        if mask_sensitive:
            return {
                name: MASK if value and is_sensitive(name) else value
                for name, value in values.items()
            }
        return values

    def __getitem__(self, name: str) -> Any:
        if name not in self.__dataclass_fields__:
            raise KeyError(name)
        return getattr(self, name)

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.as_dict().items())
        return f"{type(self).__name__}({shown})"


def _default_of(field: dataclasses.Field[Any]) -> Any:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _ignored_values(cls: type[Settings]) -> Iterator[str]:
    """Yield what is wrong with each class between a project's and `Settings` whose values would have no effect."""
    for base in cls.__mro__:
        if base in (Settings, object):
            continue
        yield from _unannotated(base)
        if "__dataclass_fields__" not in vars(base) and _declares_settings(base, cls):
            yield (
                f"settings class {base.__name__!r} is not decorated, so its values would be ignored; "
                "put @dataclasses.dataclass(frozen=True) above it"
            )


def _unannotated(base: type) -> Iterator[str]:
    # A copy: from Python 3.14 on, to ask a class for its annotations adds to what it holds.
    for name, value in list(vars(base).items()):
        if _is_ignored(name, value, base):
            yield (
                f"{name} in settings class {base.__name__!r} has no annotation and would be ignored; "
                f"write `{name}: {_type_of(name, value)} = ...`"
            )


def _is_ignored(name: str, value: object, base: type) -> bool:
    is_setting = name.isupper() and not name.startswith("_")
    if not is_setting or name in own_annotations(base):
        return False
    # A property or method of the project's own works as it stands; only a field's value comes from somewhere else.
    return name in Settings.__dataclass_fields__ or not hasattr(value, "__get__")


def _declares_settings(base: type, cls: type[Settings]) -> bool:
    return base is cls or any(name.isupper() for name in own_annotations(base))


def _type_of(name: str, value: object) -> str:
    field = Settings.__dataclass_fields__.get(name)
    if field is not None:
        return str(field.type)
    return "tuple[str, ...]" if isinstance(value, tuple) else type(value).__name__
