"""Sessions as rows; made by ``migrate`` when ``openviper.sessions`` is installed."""

from __future__ import annotations

from openviper.db.fields import (
    BooleanField,
    CharField,
    DateTimeField,
    IntegerField,
    TextField,
)
from openviper.db.models import Model


class StoredSession(Model):
    """One session. `session_key` is the SHA-256 of what the browser holds, so that a copy of the table opens none."""

    session_key = CharField(max_length=64, unique=True)
    user_id = CharField(max_length=64, null=True, db_index=True)
    fingerprint = CharField(max_length=64, default="")
    data = TextField(default="{}")
    created_at = DateTimeField(null=False)
    authenticated_at = DateTimeField(null=True)
    used_at = DateTimeField(null=False)
    expires_at = DateTimeField(null=False, db_index=True)
    is_remembered = BooleanField(default=False)
    address = CharField(max_length=45, default="")
    user_agent = CharField(max_length=200, default="")
    version = IntegerField(default=0)

    class Meta:
        table_name = "openviper_sessions"
