"""The table of what has happened to accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from openviper.db.fields import CharField, DateTimeField, JSONField
from openviper.db.fields.moments import in_utc
from openviper.db.models import Model


class AccountEvent(Model):
    """Something that has happened to an account. Rows are added and, when they are old, deleted; nothing changes them.

    Users are named by key and name, and not referred to: the event stays when the user is gone.
    """

    event = CharField(max_length=40, db_index=True)
    user_id = CharField(max_length=64, null=True, db_index=True)
    username = CharField(max_length=150, default="")
    # Who did it: the key of a user, `os:name` for a person at a command line, or nothing for nobody known.
    actor = CharField(max_length=150, default="")
    address = CharField(max_length=45, default="")
    user_agent = CharField(max_length=200, default="")
    request_id = CharField(max_length=128, default="")
    details: JSONField[dict[str, Any]] = JSONField(default=dict)
    happened_at = DateTimeField(auto_now_add=True, db_index=True, editable=False)

    class Meta:
        table_name = "auth_account_events"

    @property
    def moment(self) -> datetime:
        """When it has happened: aware and in UTC, whatever `USE_TZ` says."""
        return in_utc(self.happened_at)

    def __str__(self) -> str:
        return f"{self.event} {self.username or self.user_id or ''}".strip()
