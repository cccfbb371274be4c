"""Deleting an account with all that belongs to it."""

from __future__ import annotations

from typing import Any

from openviper.auth.owned import delete_owned
from openviper.auth.together import with_its_events
from openviper.core.context import ignore_permissions
from openviper.sessions.stores.configured import session_store


async def close_account(user: Any) -> None:
    """Delete a user, with its sessions, tokens, keys and second factor.

    Raises:
        IntegrityError: If rows of others refer to the user, and are not to be deleted with it; then nothing is.
    """
    pk = user.pk
    with ignore_permissions():
        async with with_its_events(user):
            await user.delete()
            # A model that does not derive from `AbstractUser` knows nothing of these.
            await delete_owned(type(user), [pk])
    store = session_store()
    if store.can_list:
        await store.delete_user_sessions(str(pk))
