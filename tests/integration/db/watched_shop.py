"""A model whose statements are watched."""

from __future__ import annotations

from openviper.db.fields import CharField
from openviper.db.models import Model


class Product(Model):
    _app_name = "watched_shop"

    name = CharField(max_length=40, unique=True)

    def __repr__(self) -> str:
        return f"<{self.name}>"
