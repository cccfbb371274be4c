"""The Python types of the columns of models."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from openviper.db import fields
from openviper.db.fields.plain_types import plain_type


@pytest.mark.parametrize(
    ("field", "of"),
    [
        (fields.BooleanField(), bool),
        (fields.IntegerField(), int),
        (fields.FloatField(), float),
        (fields.DecimalField(max_digits=4, decimal_places=1), Decimal),
        (fields.DateTimeField(), datetime.datetime),
        (fields.DateField(), datetime.date),
        (fields.TimeField(), datetime.time),
        (fields.DurationField(), datetime.timedelta),
        (fields.UUIDField(), UUID),
        (fields.CharField(max_length=3), str),
        (fields.EmailField(), str),
        (fields.FileField(), str),
        (fields.JSONField(), None),
        (fields.BinaryField(), None),
    ],
)
def test_a_column_of_single_values_has_a_type(field: fields.Field[Any], of: type | None) -> None:
    assert plain_type(field) is of
