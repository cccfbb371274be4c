"""Users and their e-mail addresses: who has one, and who has shown to be able to read mail there."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from openviper.auth.audit import AuditEvent, record_event
from openviper.auth.models import VerifiedEmail
from openviper.auth.together import with_its_events
from openviper.auth.user_queries import identified_by
from openviper.auth.users import get_user_model
from openviper.auth.validators import email_key, normalize_email
from openviper.core.context import ignore_permissions
from openviper.db.fields.moments import in_utc
from openviper.exceptions import IntegrityError


async def find_user_by_email(email: str) -> Any | None:
    """Return the active user with an address, however it is written; of several the one with this very spelling.

    Mail goes to the address that is stored, and never to what was typed: databases differ in which letters are alike.
    """
    model = get_user_model()
    with ignore_permissions():
        rows = model.objects.filter(identified_by(model, "email", email))
        users: list[Any] = await rows.order_by("pk")[:10]
    active = [user for user in users if getattr(user, "is_active", True)]
    same = [user for user in active if user.email == email]
    return next(iter(same or active), None)


async def is_email_taken(email: str) -> bool:
    """Return whether a user, active or not, has an address, however it is written."""
    model = get_user_model()
    with ignore_permissions():
        rows = model.objects.filter(identified_by(model, "email", email))
        return bool(await rows.exists())


async def is_email_verified(user: Any) -> bool:
    """Return whether a user has shown to be able to read mail at the present address."""
    with ignore_permissions():
        row = await VerifiedEmail.objects.get_or_none(user_id=str(user.pk))
    return row is not None and row.email == user.email


async def verification_mark(user: Any) -> str:
    """Return what changes with each verification of an address of a user, so that a link made before is worthless after it.

    The address alone would not do: a user who goes back to an address before would have its links good again.
    """
    with ignore_permissions():
        row = await VerifiedEmail.objects.get_or_none(user_id=str(user.pk))
    return "" if row is None else in_utc(row.verified_at).isoformat()


async def mark_email_verified(user: Any) -> None:
    """Note that a user can read mail at the present address."""
    async with with_its_events(VerifiedEmail):
        with ignore_permissions():
            await VerifiedEmail.objects.update_or_create(
                user_id=str(user.pk),
                defaults={"email": user.email, "verified_at": datetime.now(UTC)},
            )
        await record_event(AuditEvent.EMAIL_VERIFIED, user)


async def change_email(user: Any, email: str) -> bool:
    """Give a user another address, which is verified.

    Args:
        user: The user, as it was when the change was asked for.
        email: The new address.

    Returns:
        Whether it was done: not if the user has got another address meanwhile, or somebody else has this one.
    """
    new, before = normalize_email(email), user.email
    if await is_email_taken(new) and email_key(new) != email_key(before):
        return False
    try:
        async with with_its_events(type(user), VerifiedEmail):
            return await _set_email(user, new)
    except IntegrityError:
        return False


async def _set_email(user: Any, new: str) -> bool:
    before = user.email
    rows: Any = type(user).objects.filter(pk=user.pk, email=before)
    with ignore_permissions():
        if await rows.update(email=new) != 1:
            return False
    user.email = new
    await record_event(AuditEvent.EMAIL_CHANGED, user, details={"from": before, "to": new})
    await mark_email_verified(user)
    return True
