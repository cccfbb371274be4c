"""The settings of a project: one frozen dataclass with every field the framework reads.

A project subclasses `Settings`, decorates the subclass ``@dataclasses.dataclass(frozen=True)`` and changes defaults or
adds fields of its own. Fields marked with `env=False` cannot be set from the environment.
"""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

from openviper.conf import defaults
from openviper.conf.types import ConfigMap
from openviper.exceptions import ImproperlyConfigured
from openviper.version import VERSION

MASK = "***"
SENSITIVE_FIELDS = frozenset(
    {
        "SECRET_KEY",
        "DATABASES",
        "CACHES",
        "EMAIL",
        "AI_PROVIDERS",
        "TASKS",
        "JWT_SECRET_KEY",
        "DATABASE_URL",
    }
)
SENSITIVE_SUFFIXES = ("_SECRET", "_TOKEN", "_PASSWORD", "_API_KEY", "_SECRET_KEY")


def is_sensitive(name: str) -> bool:
    """Tell whether a field's value must not be shown."""
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
    import secrets

    return secrets.token_urlsafe(length)


def _map(make: Any = dict) -> Any:
    return dataclasses.field(default_factory=make, metadata={"env": False})


@dataclasses.dataclass(frozen=True, slots=True, repr=False, eq=False)
class Settings:
    """Every setting with its default; see docs/reference/settings.md for what each one means."""

    PROJECT_NAME: str = "OpenViper Application"
    VERSION: str = VERSION
    DEBUG: bool = True
    TESTING: bool = False
    ALLOWED_HOSTS: tuple[str, ...] = ("localhost", "127.0.0.1")
    INSTALLED_APPS: tuple[str, ...] = ()
    SILENCED_SYSTEM_CHECKS: tuple[str, ...] = ()
    USE_TZ: bool = True
    TIME_ZONE: str = "UTC"
    MIDDLEWARE: tuple[str, ...] = ("openviper.middleware.security.SecurityMiddleware",)
    ADMIN_SETTINGS: ConfigMap = _map(defaults.admin_settings)
    SECRET_KEY: str = ""

    DATABASES: ConfigMap = _map(defaults.databases)
    DATABASE_URL: str = ""
    DATABASE_ECHO: bool = False
    DATABASE_POOL_SIZE: int = 5
    DATABASE_MAX_OVERFLOW: int = 10
    DATABASE_POOL_RECYCLE: int = 3600
    DATABASE_ROUTERS: tuple[str, ...] = ()
    CACHES: ConfigMap = _map(defaults.caches)
    MAX_QUERY_ROWS: int | None = None
    QUERY_CACHE_MAX_SIZE: int = 2048
    QUERY_CACHE_MAX_ENTRY_ROWS: int = 10000
    MAX_JSON_SIZE: int = 1048576
    MODEL_EVENTS: ConfigMap = _map()

    PASSWORD_HASHERS: tuple[str, ...] = ("scrypt", "pbkdf2_sha256")
    USER_MODEL: str = "openviper.auth.models.User"
    AUTH_SESSION_ENABLED: bool = True
    AUTH_BACKENDS: tuple[str, ...] = (
        "openviper.auth.backends.jwt_backend.JWTBackend",
        "openviper.auth.backends.session_backend.SessionBackend",
    )
    AUTH_HOOKS: ConfigMap = _map()
    PERM_CACHE_TTL: int = 3600
    SESSION_STORE: str = "database"
    SESSION_TIMEOUT: timedelta = timedelta(hours=1)
    SESSION_COOKIE_NAME: str = "sessionid"
    SESSION_COOKIE_AGE: timedelta | None = None
    SESSION_COOKIE_SECURE: bool = False
    SESSION_COOKIE_HTTPONLY: bool = True
    SESSION_COOKIE_SAMESITE: str = "Lax"
    SESSION_COOKIE_PATH: str = "/"
    SESSION_COOKIE_DOMAIN: str | None = None
    DEFAULT_AUTHENTICATION_CLASSES: tuple[str, ...] = (
        "openviper.auth.authentications.JWTAuthentication",
        "openviper.auth.authentications.SessionAuthentication",
    )
    DEFAULT_PERMISSION_CLASSES: tuple[str, ...] = ()
    DEFAULT_THROTTLE_CLASSES: tuple[str, ...] = ()
    JWT_ALGORITHM: str = "HS256"
    JWT_SECRET_KEY: str = ""
    JWT_ACCESS_TOKEN_EXPIRE: timedelta = timedelta(minutes=30)
    JWT_REFRESH_TOKEN_EXPIRE: timedelta = timedelta(days=7)
    OAUTH2_EVENTS: dict[str, str] = dataclasses.field(default_factory=dict, metadata={"env": False})

    CSRF_COOKIE_NAME: str = "csrftoken"
    CSRF_COOKIE_AGE: timedelta | None = None
    CSRF_COOKIE_SECURE: bool = False
    CSRF_COOKIE_HTTPONLY: bool = False
    CSRF_COOKIE_SAMESITE: str = "Lax"
    CSRF_TRUSTED_ORIGINS: tuple[str, ...] = ()
    CORS_ALLOWED_ORIGINS: tuple[str, ...] = ()
    CORS_ALLOW_CREDENTIALS: bool = False
    CORS_ALLOWED_METHODS: tuple[str, ...] = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    CORS_ALLOWED_HEADERS: tuple[str, ...] = ("*",)
    CORS_EXPOSE_HEADERS: tuple[str, ...] = ()
    CORS_MAX_AGE: int = 600
    SECURE_SSL_REDIRECT: bool = False
    SECURE_HSTS_SECONDS: int = 0
    SECURE_HSTS_INCLUDE_SUBDOMAINS: bool = False
    SECURE_HSTS_PRELOAD: bool = False
    SECURE_COOKIES: bool = False
    SECURE_BROWSER_XSS_FILTER: bool = False
    SECURE_CONTENT_SECURITY_POLICY: ConfigMap | None = dataclasses.field(
        default=None, metadata={"env": False}
    )
    SECURE_PERMISSIONS_POLICY: str | None = None
    SECURE_CROSS_ORIGIN_OPENER_POLICY: str | None = None
    SECURE_CROSS_ORIGIN_EMBEDDER_POLICY: str | None = None
    SECURE_CROSS_ORIGIN_RESOURCE_POLICY: str | None = None
    X_FRAME_OPTIONS: str = "DENY"
    TRUSTED_PROXIES: tuple[str, ...] = ()
    ALLOWED_REDIRECT_HOSTS: tuple[str, ...] = ()
    RATE_LIMIT_BACKEND: str = "memory"
    RATE_LIMIT_REQUESTS: int = 10000
    RATE_LIMIT_WINDOW: int = 60
    RATE_LIMIT_BY: str = "ip"

    STATIC_URL: str = "/static/"
    STATIC_ROOT: str = "./static/"
    STATICFILES_DIRS: tuple[str, ...] = ("static/",)
    STATIC_STORAGE: str = "local"
    MEDIA_URL: str = "/media/"
    MEDIA_ROOT: str = "./media/"
    MEDIA_DIR: str = "./media/"
    MEDIA_STORAGE: str = "local"
    DEFAULT_FILE_STORAGE: str = "openviper.storage.FileSystemStorage"
    MAX_FILE_SIZE: int = 10485760
    TEMPLATES_DIR: str = "templates/"
    TEMPLATE_AUTO_RELOAD: bool = True
    JINJA_PLUGINS: ConfigMap = _map()

    LOG_LEVEL: str = "INFO"
    LOG_FORMAT: str = "text"
    LOGGING: ConfigMap = _map()
    EMAIL: ConfigMap = _map(defaults.email)
    EMAIL_BACKEND: str | None = None
    EMAIL_HOST: str | None = None
    EMAIL_PORT: int | None = None
    EMAIL_USERNAME: str | None = None
    EMAIL_PASSWORD: str | None = None
    EMAIL_USE_TLS: bool | None = None
    EMAIL_USE_SSL: bool | None = None
    EMAIL_CA_FILE: str | None = None
    EMAIL_TIMEOUT: float | None = None
    EMAIL_FAIL_SILENTLY: bool | None = None
    EMAIL_BACKGROUND: bool | None = None
    EMAIL_FILE_PATH: str | None = None
    EMAIL_SPOOL_DIR: str | None = None
    DEFAULT_FROM_EMAIL: str | None = None
    TASKS: ConfigMap = _map(defaults.tasks)
    BACKUP: ConfigMap = _map()
    ENABLE_AI_PROVIDERS: bool = False
    AI_PROVIDERS: ConfigMap = _map()
    OPENAPI: ConfigMap = _map(defaults.openapi)
    COUNTRY_FIELD: ConfigMap = _map(defaults.country_field)

    def __init_subclass__(cls) -> None:
        # `dataclass` leaves a `__repr__` of the class itself alone, and would else make one that shows secrets.
        if "__repr__" not in cls.__dict__:
            cls.__repr__ = Settings.__repr__  # type: ignore[method-assign]  # deliberately, see above

    def __post_init__(self) -> None:
        if "__dataclass_fields__" not in type(self).__dict__:
            raise ImproperlyConfigured(
                f"settings class {type(self).__name__!r} is not decorated, so its values would be ignored; "
                "put @dataclasses.dataclass(frozen=True) above it"
            )
        # MEDIA_DIR is the older name: whichever of the two a project changes, the other one follows.
        if self.MEDIA_ROOT != "./media/" and self.MEDIA_DIR == "./media/":
            object.__setattr__(self, "MEDIA_DIR", self.MEDIA_ROOT)
        elif self.MEDIA_DIR != "./media/" and self.MEDIA_ROOT == "./media/":
            object.__setattr__(self, "MEDIA_ROOT", self.MEDIA_DIR)

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
