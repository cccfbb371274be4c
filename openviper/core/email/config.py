"""The settings of mail: ``EMAIL[key]``, else the flat setting, else the default; key by key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from openviper.exceptions import ImproperlyConfigured

DEFAULTS: dict[str, Any] = {
    "backend": "console",
    "host": "localhost",
    "port": None,
    "username": "",
    "password": None,
    "use_tls": False,
    "use_ssl": False,
    "ca_file": None,
    "timeout": 10,
    "max_connections": 4,
    "default_sender": "noreply@example.com",
    "fail_silently": False,
    "background": None,
    "file_path": "mail",
    "spool_dir": "mail_spool",
    "log_dir": None,
    "log_format": "text",
}
"""Every key with its default; `port` follows from the kind of encryption."""
ALIASES = {"user": "username", "from": "default_sender"}
FLAT = {"default_sender": "DEFAULT_FROM_EMAIL"}
"""Flat settings that are not called ``EMAIL_<KEY>``."""


def read_email_config() -> dict[str, Any]:
    """Return every key of `DEFAULTS` with its value in the settings, and the port that goes with it."""
    from openviper.conf import settings

    given = {ALIASES.get(key, key): value for key, value in settings.EMAIL.items()}
    config: dict[str, Any] = {}
    for key, default in DEFAULTS.items():
        value = given.get(key)
        if value is None:
            value = getattr(settings, FLAT.get(key, f"EMAIL_{key.upper()}"), None)
        config[key] = default if value is None else value
    if config["port"] is None:
        config["port"] = 465 if config["use_ssl"] else 587 if config["use_tls"] else 25
    return config


@dataclass(frozen=True)
class EmailSettings:
    """Where and how mail is handed over.

    Attributes:
        host: The server's name, which its certificate has to bear.
        port: Its port.
        username: Whom to log in as; empty for nobody.
        password: The password.
        use_tls: Encrypt with STARTTLS (RFC 3207).
        use_ssl: Encrypt from the start (RFC 8314).
        default_sender: The address of messages that have none of their own.
        timeout: Longest wait for a step, in seconds.
        ca_file: A PEM file of certificate authorities to trust instead of the system's.
        max_connections: Most connections at a time.
    """

    host: str = "localhost"
    port: int = 25
    username: str = ""
    password: str | None = field(default=None, repr=False)
    use_tls: bool = False
    use_ssl: bool = False
    default_sender: str = "noreply@example.com"
    timeout: float = 10.0
    ca_file: str | None = None
    max_connections: int = 4

    @classmethod
    def from_settings(cls) -> EmailSettings:
        """Return the settings of the project.

        Raises:
            ImproperlyConfigured: If a value cannot be.
        """
        return cls.from_config(read_email_config())

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> EmailSettings:
        """Return what a configuration as of `read_email_config` says.

        Raises:
            ImproperlyConfigured: If a value cannot be.
        """
        if config["use_tls"] and config["use_ssl"]:
            raise ImproperlyConfigured("EMAIL: 'use_tls' and 'use_ssl' exclude each other")
        for key, kinds in (("port", int), ("timeout", (int, float)), ("max_connections", int)):
            value = config[key]
            if not isinstance(value, kinds) or isinstance(value, bool) or value <= 0:
                raise ImproperlyConfigured(
                    f"EMAIL[{key!r}] must be a positive number, not {value!r}"
                )
        return cls(**{name: config[name] for name in cls.__dataclass_fields__})
