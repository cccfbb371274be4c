"""The table of `DatabaseCache`; made by ``migrate`` when ``openviper.cache`` is installed."""

from __future__ import annotations

from openviper.cache.backends.database_sql import TABLE
from openviper.db.fields import BigIntegerField, BinaryField, CharField, FloatField
from openviper.db.models import Model


class CacheEntry(Model):
    """One entry: bytes, or a number that the database can add to. Written by `DatabaseCache` alone."""

    name = CharField(max_length=255, primary_key=True)
    content = BinaryField(null=True)
    number = BigIntegerField(null=True)
    ends_at = FloatField(db_index=True)

    class Meta:
        table_name = TABLE
