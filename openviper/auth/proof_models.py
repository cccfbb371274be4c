"""Models of what users prove who they are with, beside their password.

All of them name the user by the text of its primary key, as sessions do, so that any user model will do.
"""

from __future__ import annotations

from openviper.db.fields import (
    BigIntegerField,
    CharField,
    DateTimeField,
    IntegerField,
    SensitiveField,
)
from openviper.db.models import Model


class TOTPDevice(Model):
    """An authenticator app of a user, whose codes are asked for at each login once it is confirmed."""

    user_id = CharField(max_length=64, unique=True)
    secret = SensitiveField(null=False)
    # The last step whose code was used: no code is good twice.
    last_step = BigIntegerField(default=-1)
    created_at = DateTimeField(null=False)
    confirmed_at = DateTimeField(null=True)

    class Meta:
        table_name = "auth_totp_devices"


class RecoveryCode(Model):
    """A code for who has lost the app; known by its SHA-256 only, and good once."""

    user_id = CharField(max_length=64, db_index=True)
    code_hash = CharField(max_length=64)
    created_at = DateTimeField(null=False)
    used_at = DateTimeField(null=True)

    class Meta:
        table_name = "auth_recovery_codes"


class MailedCode(Model):
    """A code that was sent by mail to log in with, in the browser that has asked for it."""

    # The SHA-256 of what the session of that browser holds.
    handle_hash = CharField(max_length=64, unique=True)
    # Empty where nobody has the address: asking for a code leaves a row, whoever asks.
    user_id = CharField(max_length=64, default="")
    code_hash = CharField(max_length=64)
    attempts = IntegerField(default=0)
    expires_at = DateTimeField(null=False, db_index=True)

    class Meta:
        table_name = "auth_mailed_codes"


class VerifiedEmail(Model):
    """The address that a user has shown to be able to read; another address of the same user is not verified by it."""

    user_id = CharField(max_length=64, unique=True)
    email = CharField(max_length=254)
    verified_at = DateTimeField(null=False)

    class Meta:
        table_name = "auth_verified_emails"


class RememberedDevice(Model):
    """A browser that is not asked for the second factor of a user for some days; known by the SHA-256 of its token."""

    user_id = CharField(max_length=64, db_index=True)
    token_hash = CharField(max_length=64, unique=True)
    # Stands for the password: a device is forgotten when that changes.
    fingerprint = CharField(max_length=64)
    created_at = DateTimeField(null=False)
    used_at = DateTimeField(null=False)
    expires_at = DateTimeField(null=False, db_index=True)
    address = CharField(max_length=45, default="")
    user_agent = CharField(max_length=200, default="")

    class Meta:
        table_name = "auth_remembered_devices"
