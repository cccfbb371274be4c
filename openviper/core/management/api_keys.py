"""What the command `api-keys` does: say which keys there are, make one, end one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from openviper import auth
from openviper.core.management.accounts import load_user_model
from openviper.core.management.base import CommandError, UsageError
from openviper.core.management.roles import load_users, name_field

if TYPE_CHECKING:
    from openviper.auth.models import APIKey


class ListedKey(NamedTuple):
    """A key as people may see it.

    Attributes:
        prefix: What it is known by.
        user: The name of its user; `None` when there is no such user any more.
        name: What it is for.
        scopes: What it may be used for.
        state: ``good``, ``revoked`` or ``expired``.
        created: When it was made, like the other moments in ISO 8601 and UTC.
        expires: When it ends by itself.
        revoked: When it was revoked.
        last_used: When it was used last, to the minute.
    """

    prefix: str
    user: str | None
    name: str
    scopes: list[str]
    state: str
    created: str | None
    expires: str | None
    revoked: str | None
    last_used: str | None


async def listed_keys(name: str | None) -> list[ListedKey]:
    """Return the keys of a user, or of all, the newest first.

    Raises:
        CommandError: If there is no such user.
    """
    model = load_user_model()
    user = None if name is None else (await load_users(model, [name]))[0]
    rows = await auth.list_api_keys(user)
    ids = {row.user_id for row in rows}
    owners = await model.objects.filter(pk__in=sorted(ids)) if ids else []
    names = {str(owner.pk): str(getattr(owner, name_field(model))) for owner in owners}
    return [_listed(row, names.get(row.user_id)) for row in rows]


def _listed(row: APIKey, user: str | None) -> ListedKey:
    return ListedKey(
        row.prefix,
        user,
        row.name,
        row.scopes.split(),
        _state(row),
        _text(row.created_at),
        _text(row.expires_at),
        _text(row.revoked_at),
        _text(row.last_used_at),
    )


def _state(row: APIKey) -> str:
    if row.revoked_at is not None:
        return "revoked"
    is_over = row.expires_at is not None and _in_utc(row.expires_at) <= datetime.now(UTC)
    return "expired" if is_over else "good"


def _in_utc(moment: datetime) -> datetime:
    # Late: `--help` needs no database.
    from openviper.db.fields.moments import in_utc

    return in_utc(moment)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else _in_utc(moment).isoformat(timespec="seconds")


def end_of_key(text: str) -> datetime:
    """Return the moment that a text of ISO 8601 names, in UTC where it says no other zone.

    Raises:
        UsageError: If it names none, or one that is over.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--expires must be a date such as 2031-01-31, not {text!r}") from None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    if moment <= datetime.now(UTC):
        raise UsageError(f"--expires {text} is over already")
    return moment


async def create_key(
    user_name: str, name: str, scopes: Sequence[str], expires_at: datetime | None
) -> str:
    """Return a new key, which nobody can look up afterwards.

    Raises:
        CommandError: If there is no such user, the user is switched off, or a scope is none.
    """
    (user,) = await load_users(load_user_model(), [user_name])
    if not getattr(user, "is_active", True):
        raise CommandError(f"user {user_name!r} is switched off, so the key would let nobody in")
    try:
        raw, _ = await auth.create_api_key(user, name=name, scopes=scopes, expires_at=expires_at)
    except ValueError as error:
        raise CommandError(str(error)) from error
    return raw


async def revoke_key(prefix: str) -> None:
    """End a key.

    Raises:
        CommandError: If there is no key with this prefix that is good.
    """
    if not await auth.revoke_api_key(prefix):
        raise CommandError(f"there is no key {prefix!r} that is good still")


def cells(keys: Sequence[ListedKey]) -> list[list[str]]:
    """Return the rows of a table of keys."""
    return [_cells(key) for key in keys]


def _cells(key: ListedKey) -> list[str]:
    until = {
        "good": f"until {key.expires}" if key.expires else "no end",
        "expired": f"expired {key.expires}",
        "revoked": f"revoked {key.revoked}",
    }
    used = f"used {key.last_used}" if key.last_used else "never used"
    scopes = " ".join(key.scopes) or "(no scopes)"
    return [key.prefix, key.user or "(no user)", scopes, until[key.state], used, key.name]
