"""The Python types of the columns of models."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from openviper.db.fields.base import Field
from openviper.db.fields.decimals import DecimalField
from openviper.db.fields.durations import DurationField
from openviper.db.fields.moments import DateField, DateTimeField, TimeField
from openviper.db.fields.numbers import BooleanField, FloatField, IntegerField
from openviper.db.fields.structured import UUIDField
from openviper.db.fields.text import TextField

# The first class that fits decides, so those that are derived stand before what they are derived from.
_TYPES: Sequence[tuple[type[Any], type[Any]]] = (
    (BooleanField, bool),
    (IntegerField, int),
    (FloatField, float),
    (DecimalField, Decimal),
    (DateTimeField, datetime),
    (DateField, date),
    (TimeField, time),
    (DurationField, timedelta),
    (UUIDField, UUID),
    (TextField, str),
)


def plain_type(field: Field[Any]) -> type[Any] | None:
    """Return the type of the values of a column that holds a single one, a file by its name; `None` for any other field."""
    return next((of for kind, of in _TYPES if isinstance(field, kind)), None)
