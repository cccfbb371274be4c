"""What a column does not take is told with its value, as everything else that does not fit."""

from __future__ import annotations

from decimal import Decimal

import pytest

from openviper.api.serializers.refusals import refusal_of, unfit
from openviper.db import CharField, DecimalField, Model
from openviper.db.fields import SensitiveField
from openviper.db.models.validation import ModelValidationError
from openviper.serializers import ModelSerializer
from openviper.validation import ParseError
from openviper.validation.faults import MASK


class RefusedRow(Model):
    price = DecimalField(max_digits=4, decimal_places=2)
    name = CharField(max_length=20)
    pin = SensitiveField()


class RefusedSerializer(ModelSerializer[RefusedRow]):
    class Meta:
        model = RefusedRow
        fields = ("price", "name", "pin")


ROW = RefusedRow(price=Decimal("12345.00"), name="a\0", pin="1234")


@pytest.mark.parametrize(
    ("name", "value"),
    [("price", "'12345.00'"), ("name", "'a\\x00'"), ("pin", MASK), ("__all__", None)],
)
async def test_a_refused_column_shows_its_value(name: str, value: str | None) -> None:
    by_model = ModelValidationError("RefusedRow", {name: [f"{name}: does not do"]})
    refused = [await refusal_of(RefusedSerializer, ROW, {}, by_model)]
    if value is not None:
        by_field = unfit(RefusedSerializer, ROW, ValueError(f"{name}: does not do"))
        assert isinstance(by_field, ParseError)
        refused.append(by_field)
    for error in refused:
        (fault,) = error.faults
        assert (fault.message.endswith("does not do"), fault.value) == (True, value)
