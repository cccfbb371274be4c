"""What belongs to a user and no foreign key takes away with it: rows that name it by the text of its primary key.

A primary key may be given out again, so nothing may be left that opens an account with this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from openviper.auth.proof_models import (
    MailedCode,
    RecoveryCode,
    RememberedDevice,
    TOTPDevice,
    VerifiedEmail,
)
from openviper.auth.token_models import APIKey, AuthToken
from openviper.auth.users import has_account_tables
from openviper.core.context import ignore_permissions

OWNED: tuple[type[Any], ...] = (
    APIKey, AuthToken, MailedCode, RecoveryCode, RememberedDevice, TOTPDevice, VerifiedEmail,
)  # fmt: skip
AT_ONCE = 500


async def delete_owned(model: type[Any], keys: Sequence[object]) -> None:
    """Delete what belongs to users that are deleted.

    Args:
        model: Their model.
        keys: Their primary keys.
    """
    if not has_account_tables(model):
        return
    with ignore_permissions():
        for start in range(0, len(keys), AT_ONCE):
            names = [str(key) for key in keys[start : start + AT_ONCE]]
            for owned in OWNED:
                await owned.objects.filter(user_id__in=names).delete()
