"""The settings of mail: ``EMAIL[key]``, else the flat setting, else the default; key by key, read once."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

from openviper.conf import Settings, settings
from openviper.conf.sections import unknown_key_errors
from openviper.core.email.addresses import parse_mailbox
from openviper.exceptions import ImproperlyConfigured
from openviper.project.directory import project_directory

SECTION = "EMAIL"
ALIASES = {"user": "username", "from": "default_sender"}
FLAT = {"default_sender": "DEFAULT_FROM_EMAIL"}
"""Flat settings that are not called ``EMAIL_<KEY>``."""
PATHS = ("ca_file", "cert_file", "key_file", "file_path", "spool_dir", "log_dir")
"""Keys whose relative paths lie in the project, whatever the working directory of a process is."""
FLAGS = ("use_tls", "use_ssl", "fail_silently", "background")
SERVER_KEYS = frozenset(
    "host port username password use_tls use_ssl timeout ca_file cert_file key_file access_token "
    "local_hostname max_connections".split()
)
"""Keys that an entry of ``EMAIL["servers"]`` may have."""
LOG_FORMATS = ("text", "json")


@dataclass(frozen=True)
class EmailSettings:
    """Where and how mail is handed over.

    Attributes:
        backend: ``console``, ``smtp``, ``file``, ``memory``, or the dotted path of a class.
        host: The server's name, which its certificate has to bear.
        port: Its port; 0 for the usual one: 465 with `use_ssl`, 587 with `use_tls`, else 25.
        username: Whom to log in as; empty for nobody.
        password: The password.
        access_token: An OAuth 2 token instead of a password, or a function that returns one.
        use_tls: Encrypt with STARTTLS (RFC 3207).
        use_ssl: Encrypt from the start (RFC 8314).
        timeout: Longest wait for a step, in seconds.
        ca_file: A PEM file of certificate authorities to trust instead of the system's.
        cert_file: A PEM file with the certificate that this side shows.
        key_file: A PEM file with its key, if `cert_file` does not hold it.
        local_hostname: The name this side gives itself; the machine's when empty.
        max_connections: Most connections at a time.
        servers: Further servers, tried in order when the one before does not answer or has no room.
        default_sender: The address of messages that have none of their own.
        envelope_sender: Where reports about lost mail go; `default_sender` or the message's own when not given.
        fail_silently: Have `send_email` return `False` instead of raising.
        background: Leave messages to a worker, or not; `None` for whether one lives that takes them.
        file_path: Directory of the backend ``file``.
        spool_dir: Directory of large messages on their way to a worker, and of the preview.
        log_dir: Directory of a log of mail; none when not given.
        log_format: ``text`` or ``json``.
    """

    host: str = "localhost"
    port: int = 0
    username: str = ""
    password: str | None = field(default=None, repr=False)
    use_tls: bool = False
    use_ssl: bool = False
    default_sender: str = "noreply@example.com"
    timeout: float = 10.0
    ca_file: str | None = None
    max_connections: int = 4
    access_token: str | Callable[[], str] | None = field(default=None, repr=False)
    cert_file: str | None = None
    key_file: str | None = None
    local_hostname: str = ""
    servers: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    envelope_sender: str | None = None
    backend: str = "console"
    fail_silently: bool = False
    background: bool | None = None
    file_path: str = "mail"
    spool_dir: str = "mail_spool"
    log_dir: str | None = None
    log_format: str = "text"

    def __post_init__(self) -> None:
        if self.port == 0:
            object.__setattr__(self, "port", usual_port(self.use_tls, self.use_ssl))

    @classmethod
    def from_settings(cls) -> EmailSettings:
        """Return the settings of the project, read once.

        Raises:
            ImproperlyConfigured: If a key is unknown or a value cannot be; every problem is named.
        """
        return email_settings()

    @classmethod
    def from_config(cls, section: Mapping[str, Any]) -> EmailSettings:
        """Return what a mapping with the keys of ``EMAIL`` says; keys that are not there, or `None`, have their default.

        Raises:
            ImproperlyConfigured: If a key is unknown or a value cannot be; every problem is named.
        """
        given = _named(section)
        problems = config_errors(given)
        if problems:
            raise ImproperlyConfigured("; ".join(problems))
        if "servers" in given:
            given["servers"] = tuple(dict(server) for server in given["servers"])
        # 0 and 1 are taken too, and mean what they say.
        return cls(**given | {name: bool(given[name]) for name in FLAGS if name in given})


def usual_port(use_tls: bool, use_ssl: bool) -> int:
    """Return the port of a kind of encryption (RFC 8314, 3; RFC 5321, 4.5.4.2)."""
    if use_ssl:
        return 465
    return 587 if use_tls else 25


class _Read(NamedTuple):
    source: Settings | None
    settings: EmailSettings


_read: _Read | None = None


def email_settings() -> EmailSettings:
    """Return the project's settings of mail, with paths made absolute; read again only when the settings change.

    Raises:
        ImproperlyConfigured: If a key is unknown or a value cannot be; every problem is named.
    """
    global _read
    if _read is None or settings.instance is None or _read.source is not settings.instance:
        section = _with_flat_settings(settings.EMAIL)
        read = EmailSettings.from_config(section)
        _read = _Read(settings.instance, _in_project(read, project_directory()))
    return _read.settings


def _in_project(read: EmailSettings, directory: str) -> EmailSettings:
    """Return settings whose paths are absolute; relative ones, as most people write them, are meant from the project."""
    values = {key: getattr(read, key) for key in PATHS}
    servers = tuple({**server, **_absolute(server, directory)} for server in read.servers)
    return replace(read, servers=servers, **_absolute(values, directory))


def _absolute(values: Mapping[str, Any], directory: str) -> dict[str, Any]:
    paths = {key: values[key] for key in PATHS if values.get(key)}
    return {key: os.path.join(directory, path) for key, path in paths.items()}


def _with_flat_settings(section: Mapping[str, Any]) -> dict[str, Any]:
    values = _named(section)
    for name in _KNOWN:
        flat = getattr(settings, FLAT.get(name, f"EMAIL_{name.upper()}"), None)
        if name not in values and flat is not None:
            values[name] = flat
    return values


def _named(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys that have a value, under their first name."""
    return {ALIASES.get(key, key): value for key, value in section.items() if value is not None}


_KNOWN: dict[str, Any] = {item.name: item.default for item in fields(EmailSettings)}
"""Every key with its default."""


# What is wrong with a section


def config_errors(section: Mapping[str, Any]) -> list[str]:
    """Return one sentence for everything that is wrong with a mapping with the keys of ``EMAIL``."""
    known = frozenset(_KNOWN)
    errors = unknown_key_errors(SECTION, section, {*known, *ALIASES})
    values = _named(section)
    errors += _value_errors(SECTION, {name: values[name] for name in values if name in known})
    servers = values.get("servers", ())
    if isinstance(servers, (list, tuple)):
        for place, server in enumerate(servers):
            errors += _server_errors(f"{SECTION}['servers'][{place}]", server)
    return errors


def _server_errors(where: str, server: object) -> list[str]:
    if not isinstance(server, Mapping):
        return [f"{where} must be a mapping, not {type(server).__name__}"]
    values = {key: value for key, value in server.items() if key in SERVER_KEYS}
    errors = unknown_key_errors(where, server, SERVER_KEYS) + _value_errors(where, values)
    return errors if server.get("host") else [*errors, f"{where} has no host"]


def _value_errors(where: str, values: Mapping[str, Any]) -> list[str]:
    problems = [_value_problem(name, value) for name, value in values.items()]
    errors = [f"{where}[{problem}" for problem in problems if problem is not None]
    for first, second in _EXCLUSIVE:
        if values.get(first) and values.get(second):
            errors.append(f"{where}: {first!r} and {second!r} exclude each other")
    return errors


def _value_problem(name: str, value: object) -> str | None:
    rule = _RULES[name]
    if value is None or rule.accepts(value):
        return None
    shown = type(value).__name__ if name in _SECRET else repr(value)
    return f"{name!r}] must be {rule.words}, not {shown}"


_EXCLUSIVE = (("use_tls", "use_ssl"), ("password", "access_token"))


class _Rule(NamedTuple):
    accepts: Callable[[Any], bool]
    words: str


_SECRET = frozenset({"password", "access_token", "servers"})


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_port(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536


def _is_seconds(value: Any) -> bool:
    return _is_number(value) and 0 < value <= threading.TIMEOUT_MAX


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_mailbox(value: Any) -> bool:
    try:
        parse_mailbox(value)
    except ValueError:
        return False
    return True


_TEXT = _Rule(lambda value: isinstance(value, str), "a text")
_PATH = _Rule(lambda value: isinstance(value, str) and "\0" not in value, "a path as text")
_FLAG = _Rule(lambda value: value in (True, False), "True or False")
_COUNT = _Rule(_is_count, "a positive whole number")
_RULES: dict[str, _Rule] = {
    **dict.fromkeys(("host", "username", "password", "local_hostname", "backend"), _TEXT),
    "default_sender": _Rule(_is_mailbox, "a mail address"),
    "envelope_sender": _Rule(
        lambda value: value == "" or _is_mailbox(value), "a mail address, or ''"
    ),
    **dict.fromkeys(PATHS, _PATH),
    **dict.fromkeys(FLAGS, _FLAG),
    "max_connections": _COUNT,
    "port": _Rule(_is_port, "a positive number up to 65535"),
    "timeout": _Rule(_is_seconds, "a positive number of seconds"),
    "access_token": _Rule(
        lambda value: isinstance(value, str) or callable(value), "a text or a function"
    ),
    "servers": _Rule(lambda value: isinstance(value, (list, tuple)), "a list of mappings"),
    "log_format": _Rule(lambda value: value in LOG_FORMATS, "'text' or 'json'"),
}
"""What is accepted for each key, and how to say so."""
