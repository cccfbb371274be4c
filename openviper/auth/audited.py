"""Has changes of users and of what they may do recorded; see `openviper.auth.audit`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.auth import audit
else:
    audit = lazy_module("openviper.auth.audit")  # Most who import the models change no account.

RIGHTS = ("is_superuser", "is_staff", "is_active", "role_profile_id")
"""Fields of a user that decide what the user may do."""
WATCHED = ("username", "email", "password", *RIGHTS)


def watched_changes(user: Any, written: list[Any] | None) -> dict[str, Any]:
    """Return the old values of the watched fields that saving a stored user will change."""
    names = None if written is None else {getattr(name, "name", name) for name in written}
    changed: Mapping[str, Any] = user.get_changed_fields()
    found: dict[str, Any] = {}
    for name in WATCHED:
        field = name.removesuffix("_id")
        is_written = names is None or name in names or field in names
        old = name if name in changed else field
        if is_written and old in changed:
            found[name] = changed[old]
    return found


async def record_user_saved(user: Any, *, is_new: bool, changed: Mapping[str, Any]) -> None:
    """Record that a user was made, or what of it has changed."""
    events = audit.AuditEvent
    if is_new:
        rights = {name: True for name in ("is_superuser", "is_staff") if getattr(user, name)}
        await audit.record_event(events.USER_CREATED, user, details=rights)
        return
    if "username" in changed:
        details = {"from": changed["username"], "to": user.username}
        await audit.record_event(events.USERNAME_CHANGED, user, details=details)
    if "email" in changed:
        details = {"from": changed["email"], "to": user.email}
        await audit.record_event(events.EMAIL_CHANGED, user, details=details)
    if "password" in changed:
        await audit.record_event(events.PASSWORD_CHANGED, user)
    rights = {name: getattr(user, name) for name in RIGHTS if name in changed}
    if rights:
        await audit.record_event(events.RIGHTS_CHANGED, user, details=rights)


async def record_user_deleted(user: Any) -> None:
    """Record that a user was deleted."""
    await audit.record_event(audit.AuditEvent.USER_DELETED, user)


async def record_bulk_change(model: type[Any], change: str, rows: int, names: list[str]) -> None:
    """Record that rows were changed by one statement, which does not say which they are.

    Args:
        model: Their model.
        change: ``insert``, ``update`` or ``delete``.
        rows: How many there were.
        names: The fields that were set.
    """
    details = {"model": model.__name__, "change": change, "rows": rows, "fields": names}
    if rows:
        await audit.record_event(audit.AuditEvent.RIGHTS_CHANGED, details=details)


async def record_grant(row: Any, change: str) -> None:
    """Record that a row which decides what users may do was inserted, updated or deleted."""
    events = audit.AuditEvent
    values = {name: row.__dict__.get(field.attname) for name, field in row._fields.items()}
    shown = {name: values[name] for name in values if isinstance(values[name], str | int | bool)}
    details = {"model": type(row).__name__, "change": change, **shown}
    if type(row).__name__ != "UserRole":
        await audit.record_event(events.RIGHTS_CHANGED, details=details)
        return
    event = {"insert": events.ROLE_GIVEN, "delete": events.ROLE_TAKEN}.get(change)
    role = await row.role  # By its name, which says more when the role is gone.
    details = {"role": row.role_id if role is None else role.name}
    await audit.record_event(event or events.RIGHTS_CHANGED, row.user_id, details=details)
