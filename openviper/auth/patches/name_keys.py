"""Gives the users of an earlier version the keys by which their names are unique whatever the capitals."""

from __future__ import annotations

import logging

from openviper.auth.name_keys import KEYS, key_field
from openviper.auth.users import get_user_model
from openviper.db.models import Model, Q
from openviper.db.patches import db_patch

logger = logging.getLogger("openviper.auth")

BATCH = 500


@db_patch
async def fill_name_keys() -> None:
    """Fill in the keys of users that have none."""
    model: type[Model] = get_user_model()
    names = [name for name in KEYS if key_field(name) in model._fields]
    if not names:
        return
    without = Q()
    for name in names:
        without |= Q(**{key_field(name): None})
    last = None
    while True:
        rows = model.objects.filter(without)
        rows = rows if last is None else rows.filter(pk__gt=last)
        users = await rows.order_by("pk").limit(BATCH)
        if not users:
            return
        for user in users:
            await _fill(model, user, names)
        last = users[-1].pk


async def _fill(model: type[Model], user: Model, names: list[str]) -> None:
    for name in names:
        value = getattr(user, name)
        key = KEYS[name](value)
        same = Q(**{key_field(name): key})
        if await model.objects.filter(same).exclude(pk=user.pk).exists():
            logger.warning(
                "user %s: another user has the %s %r too, but for capitals; "
                "rename one of them, until then this one is known by the exact text only",
                user.pk,
                name.replace("_", " "),
                value,
            )
            continue  # The older one has it.
        await model.objects.filter(pk=user.pk).update(**{key_field(name): key})
