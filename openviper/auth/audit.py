"""What has happened to accounts: who, what, when and from where, in the log and in a table (OWASP ASVS 5, chapter V16).

Logging in and out, sessions, tokens and API keys, and changes of users, roles and permissions record themselves. An event is
recorded in the transaction of the act: if that is undone, so is the row; the line in the log stays. What cannot be stored is
an error in the log and stops nothing.
"""

from __future__ import annotations

import getpass
import logging
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from openviper.auth.audit_models import AccountEvent
from openviper.auth.client import UNKNOWN, client_address
from openviper.conf import settings
from openviper.conf.signing import fingerprint
from openviper.core.context import (
    current_exchange,
    current_request_id,
    current_user,
    ignore_permissions,
    serves_others,
)
from openviper.db.connection import atomic
from openviper.db.models import Q
from openviper.exceptions import TableNotFound
from openviper.http.connection import Connection
from openviper.http.masking import MASK, SECRET_NAME, mask_secrets
from openviper.sessions.session import user_agent_of

logger = logging.getLogger("openviper.auth.audit")

MAX_DETAILS = 20
MAX_VALUE = 200
"""Characters of a detail that are kept."""
DELETED_AT_ONCE = 1000
DIGEST_LENGTH = 12


class AuditEvent(StrEnum):
    """What happens to accounts."""

    LOGGED_IN = "login"
    LOGIN_FAILED = "login.failed"
    LOGGED_OUT = "logout"
    REAUTHENTICATED = "login.confirmed"
    REAUTHENTICATION_FAILED = "login.confirmation_failed"
    SESSION_ENDED = "session.ended"
    USER_CREATED = "user.created"
    USER_DELETED = "user.deleted"
    USERNAME_CHANGED = "user.renamed"
    EMAIL_CHANGED = "email.changed"
    EMAIL_VERIFIED = "email.verified"
    PASSWORD_CHANGED = "password.changed"
    PASSWORD_RESET_ASKED = "password.reset_asked"
    PASSWORD_RESET = "password.reset"
    RIGHTS_CHANGED = "rights.changed"
    ROLE_GIVEN = "role.given"
    ROLE_TAKEN = "role.taken"
    TOKEN_CREATED = "token.created"
    TOKEN_REVOKED = "token.revoked"
    TOKEN_REUSED = "token.reused"
    API_KEY_CREATED = "api_key.created"
    API_KEY_REVOKED = "api_key.revoked"
    TWO_FACTOR_ON = "two_factor.on"
    TWO_FACTOR_OFF = "two_factor.off"
    TWO_FACTOR_FAILED = "two_factor.failed"
    RECOVERY_CODE_USED = "two_factor.recovery_used"
    DEVICE_REMEMBERED = "two_factor.device_remembered"
    DEVICE_FORGOTTEN = "two_factor.device_forgotten"


async def record_event(
    event: AuditEvent,
    user: Any = None,
    request: Connection | None = None,
    *,
    username: str = "",
    details: Mapping[str, object] | None = None,
) -> None:
    """Record that something has happened to an account.

    Who did it is the user of the request, or outside of servers the person at the command line.

    Args:
        event: What has happened.
        user: Whose account, as an instance or a primary key; `None` if it is nobody's.
        request: Where it came from; the request being answered when not given.
        username: What was typed as a name where there is no such user: never stored as it is, as people type passwords there,
            but so that equal ones can be told.
        details: What else is to be known, as JSON has it; values of secret-sounding names are masked, long ones cut.
    """
    if settings.AUTH_AUDIT == "off":
        return
    row = AccountEvent(
        event=str(event),
        user_id=_key_of(user),
        username=_plain(getattr(user, "username", None) or getattr(user, "name", None), 150),
        actor=_actor(user, event),
        details=_cleaned(details or {}, username),
        request_id=_plain(current_request_id.get(), 128),
        **_origin(request),
    )
    logger.log(
        _level(),
        "%s user=%r name=%r actor=%r address=%s agent=%r details=%r",
        row.event, row.user_id, row.username, row.actor, row.address or UNKNOWN, row.user_agent, row.details,
    )  # fmt: skip
    if settings.AUTH_AUDIT == "table":
        await _store(row)


def _level() -> int:
    """Return the level of the line in the log: a command whose event is stored need not tell its user of it too."""
    is_of_command = current_exchange.get() is None and not serves_others()
    is_told_twice = is_of_command and settings.AUTH_AUDIT == "table"
    return logging.DEBUG if is_told_twice else logging.INFO


async def _store(row: AccountEvent) -> None:
    try:
        with ignore_permissions():
            async with (
                atomic()
            ):  # In a transaction that is a savepoint: an error here does not spoil it.
                await row.save()
    except TableNotFound:
        logger.error("account events have no table: run migrate, or set AUTH_AUDIT to 'log'")
    except Exception as error:  # Whatever it is, it must not undo a login or keep somebody in.
        logger.error("the event %s could not be stored: %s", row.event, error)


def _key_of(user: Any) -> str | None:
    key = getattr(user, "pk", user)
    return None if key is None else str(key)[:64]


def _actor(user: Any, event: AuditEvent) -> str:
    exchange = current_exchange.get()
    if event is AuditEvent.LOGGED_IN:
        return _key_of(user) or ""
    acting = exchange.user if exchange is not None else current_user.get()
    key = _key_of(getattr(acting, "pk", None))
    if key is not None:
        return key
    is_at_a_prompt = exchange is None and not serves_others()
    return _person_at_the_prompt() if is_at_a_prompt else ""


def _person_at_the_prompt() -> str:
    try:
        return f"os:{_plain(getpass.getuser(), 140)}"
    except (KeyError, OSError, ImportError):  # Containers run as numbers that have no name.
        return "os:?"


def _origin(request: Connection | None) -> dict[str, str]:
    exchange = current_exchange.get()
    known = None if exchange is None else exchange.scope
    scope = known if request is None else request.scope
    if scope is None or "headers" not in scope:
        return {}
    address = client_address(scope)
    return {
        "address": "" if address == UNKNOWN else _plain(address, 45),
        "user_agent": user_agent_of(scope),
    }


def _cleaned(details: Mapping[str, object], username: str) -> dict[str, Any]:
    """Return details without secrets and control characters, and of a bounded size."""
    cleaned = {
        _plain(name, 40): MASK if SECRET_NAME.search(name) else _value(value)
        for name, value in list(details.items())[:MAX_DETAILS]
    }
    if username and settings.SECRET_KEY:
        cleaned["typed"] = fingerprint("audit-name", username[:MAX_VALUE])[:DIGEST_LENGTH]
    return cleaned


def _value(value: object) -> object:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(item) for item in list(value)[:MAX_DETAILS]]
    return _plain(mask_secrets(str(value)[:MAX_VALUE]), MAX_VALUE)


def _plain(text: object, length: int) -> str:
    """Return text that every database and log takes: printable characters, and not too many."""
    shown = "" if text is None else str(text)[: 2 * length]
    return "".join(filter(_is_plain, shown))[:length]


def _is_plain(char: str) -> bool:
    return char == " " or (char.isprintable() and unicodedata.category(char) != "Cs")


async def find_events(
    user: Any = None,
    *,
    events: tuple[str, ...] = (),
    address: str = "",
    since: datetime | None = None,
    limit: int = 100,
) -> list[AccountEvent]:
    """Return what has happened, the latest first.

    Args:
        user: The account it has happened to, or who did it; an instance or a primary key. All when `None`.
        events: Which events; a word such as ``login`` stands for those that begin with it and a dot, too. All when empty.
        address: Where it came from.
        since: Not what has happened before; aware.
        limit: How many at most.
    """
    rows = AccountEvent.objects.all()
    if user is not None:
        rows = rows.filter(Q(user_id=_key_of(user)) | Q(actor=_key_of(user)))
    if events:
        wanted = Q()
        for name in events:
            wanted |= Q(event=name) | Q(event__startswith=f"{name}.")
        rows = rows.filter(wanted)
    if address:
        rows = rows.filter(address=address)
    if since is not None:
        rows = rows.filter(happened_at__gte=since)
    with ignore_permissions():
        return await rows.order_by("-happened_at", "-pk").limit(limit)


async def clear_account_events(older_than: timedelta | None = None) -> int:
    """Delete events that are older than `AUTH_AUDIT_KEEP`, a thousand at a time, and return their number.

    Args:
        older_than: Another age.
    """
    age = settings.AUTH_AUDIT_KEEP if older_than is None else older_than
    before = datetime.now(UTC) - age
    deleted = 0
    with ignore_permissions():
        while True:
            old = AccountEvent.objects.filter(happened_at__lt=before).order_by("happened_at")
            keys = await old.limit(DELETED_AT_ONCE).values_list("pk", flat=True)
            if not keys:
                return deleted
            deleted += await AccountEvent.objects.filter(pk__in=keys).delete()
