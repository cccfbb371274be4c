"""What is demanded of settings in production: enforced at start, and told by ``check --deploy`` before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from openviper.conf.base import Settings

INSECURE_SECRET_KEYS = frozenset({"", "INSECURE-CHANGE-ME", "dev-insecure-key"})
MIN_SECRET_KEY_LENGTH = 50
MIN_HSTS_SECONDS = 31_536_000


class ProductionRule(NamedTuple):
    """A rule about one setting.

    Attributes:
        setting: The setting.
        code: What `check` calls a violation.
        broken: Returns whether settings violate the rule.
        message: Says it; ends before "in production".
    """

    setting: str
    code: str
    broken: Callable[[Settings], bool]
    message: str


class Violation(NamedTuple):
    """A rule that settings violate.

    Attributes:
        setting: The setting.
        code: What `check` calls it.
        message: What is demanded, without a full stop.
    """

    setting: str
    code: str
    message: str


def is_internal_http(s: Settings) -> bool:
    """Return whether a project says that it is reached over plain HTTP only, in a closed network."""
    return s.DEPLOYMENT == "internal-http"


def is_insecure_secret_key(key: str) -> bool:
    """Return whether a key is empty or one that everybody knows."""
    return key in INSECURE_SECRET_KEYS


def _is_short(key: str) -> bool:
    return not is_insecure_secret_key(key) and len(key) < MIN_SECRET_KEY_LENGTH


def _has_short_former_key(s: Settings) -> bool:
    return any(key and len(key) < MIN_SECRET_KEY_LENGTH for key in s.SECRET_KEY_FALLBACKS)


def _has_short_token_key(s: Settings) -> bool:
    """Return whether a key of tokens has fewer bytes than the hash of its algorithm (RFC 7518, section 3.2)."""
    needed = int(s.JWT_ALGORITHM.removeprefix("HS")) // 8
    keys = (s.JWT_SECRET_KEY, *s.JWT_SECRET_KEY_FALLBACKS)
    return any(key and len(key.encode()) < needed for key in keys)


RULES: tuple[ProductionRule, ...] = (
    ProductionRule("DEBUG", "security.E001", lambda s: s.DEBUG, "DEBUG must be False"),
    ProductionRule(
        "SECRET_KEY",
        "security.E002",
        lambda s: is_insecure_secret_key(s.SECRET_KEY),
        "SECRET_KEY must be set",
    ),
    ProductionRule(
        "SECRET_KEY",
        "security.E002",
        lambda s: _is_short(s.SECRET_KEY),
        f"SECRET_KEY must have at least {MIN_SECRET_KEY_LENGTH} characters",
    ),
    ProductionRule(
        "SECURE_SSL_REDIRECT",
        "security.E003",
        lambda s: not (s.SECURE_SSL_REDIRECT or is_internal_http(s)),
        "SECURE_SSL_REDIRECT must be True",
    ),
    ProductionRule(
        "SECURE_HSTS_SECONDS",
        "security.E004",
        lambda s: s.SECURE_HSTS_SECONDS < MIN_HSTS_SECONDS and not is_internal_http(s),
        f"SECURE_HSTS_SECONDS must be at least {MIN_HSTS_SECONDS}",
    ),
    ProductionRule(
        "ALLOWED_HOSTS",
        "security.E005",
        lambda s: not s.ALLOWED_HOSTS or "*" in s.ALLOWED_HOSTS,
        "ALLOWED_HOSTS must name the hosts, and neither be empty nor hold '*'",
    ),
    ProductionRule(
        "SECRET_KEY_FALLBACKS",
        "security.E011",
        _has_short_former_key,
        f"each of SECRET_KEY_FALLBACKS must have at least {MIN_SECRET_KEY_LENGTH} characters",
    ),
    ProductionRule(
        "JWT_SECRET_KEY",
        "security.E012",
        _has_short_token_key,
        "JWT_SECRET_KEY and each of its fallbacks must be as long as the hash of JWT_ALGORITHM (32 bytes for HS256)",
    ),
)
"""Every rule. A feature that needs one adds it here, with a code in `check`'s list."""


def violations(s: Settings) -> Iterator[Violation]:
    """Yield the rules that settings violate; their values must have the right types."""
    for rule in RULES:
        if rule.broken(s):
            yield Violation(rule.setting, rule.code, rule.message)


def validate_production(s: Settings, errors: list[str]) -> None:
    """Add a sentence for each rule for production that settings violate."""
    errors.extend(f"{violation.message} in production." for violation in violations(s))
