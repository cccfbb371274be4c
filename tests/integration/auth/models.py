"""A model that rights can be granted on."""

from __future__ import annotations

from openviper.db.fields import CharField
from openviper.db.models import Model


class Note(Model):
    """A note."""

    _app_name = "notes"

    text = CharField(max_length=50)

    class Meta:
        table_name = "test_auth_notes"
