"""Models of what programs log in with.

All of them name the user by the text of its primary key, as sessions do, so that any user model will do.
"""

from __future__ import annotations

from openviper.db.fields import BooleanField, CharField, DateTimeField
from openviper.db.models import Model


class AuthToken(Model):
    """A token without content, known by its SHA-256 only."""

    key_hash = CharField(max_length=64, unique=True)
    user_id = CharField(max_length=64, db_index=True)
    fingerprint = CharField(max_length=64, default="")
    created_at = DateTimeField(null=False)
    expires_at = DateTimeField(null=True, db_index=True)
    is_active = BooleanField(default=True)

    class Meta:
        table_name = "auth_tokens"


class APIKey(Model):
    """A key for a program: its first part is shown, of the second the SHA-256 is known."""

    prefix = CharField(max_length=16, unique=True)
    key_hash = CharField(max_length=64)
    name = CharField(max_length=100, default="")
    user_id = CharField(max_length=64, db_index=True)
    # Words with a space between, as OAuth has them (RFC 6749, section 3.3).
    scopes = CharField(max_length=1000, default="")
    created_at = DateTimeField(null=False)
    expires_at = DateTimeField(null=True)
    revoked_at = DateTimeField(null=True)
    last_used_at = DateTimeField(null=True)

    class Meta:
        table_name = "auth_api_keys"
