"""What stands in the declaration of a model as an expression or a condition holds in the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from openviper.db.connection import atomic, get_connection
from openviper.db.fields import (
    BooleanField,
    CharField,
    DateTimeField,
    DecimalField,
    IntegerField,
)
from openviper.db.models import SQL, CheckConstraint, F, Index, Model, Q, UniqueConstraint
from openviper.db.schemas.state import models_state
from openviper.db.sql.functions.moments import Now
from openviper.db.sql.functions.text import Lower, Upper
from openviper.exceptions import FieldError, IntegrityError
from tests.integration.db.support import current, database

EVERY_DATABASE = True


class Booking(Model):
    _app_name = "declared"

    name = CharField(max_length=20)
    first = IntegerField(default=1)
    last = IntegerField(default=5, db_column="until")
    price = DecimalField(max_digits=8, decimal_places=2, default=Decimal("2.50"))
    open = BooleanField(default=True)
    made = DateTimeField(db_default=Now(), null=True)
    length = IntegerField(generated=F("last") - F("first") + 1, null=True)
    loud = CharField(max_length=40, generated=Upper("name"), null=True)

    class Meta:
        indexes = [Index(fields=["-first", "name"], name="declared_by_first")]
        constraints = [
            CheckConstraint(name="declared_order", check=Q(first__lte=F("last"))),
            CheckConstraint(
                name="declared_name", check=~Q(name="it's 50% \\ ?") & Q(first__in=[1, 2, 3, 4])
            ),
            CheckConstraint(
                name="declared_price", check=Q(price__lt=Decimal("99.50")) | Q(open=False)
            ),
        ]


async def test_a_check_of_conditions_is_kept_by_the_database(tmp_path: Path) -> None:
    async with database(tmp_path, Booking):
        await Booking.objects.create(name="a", first=2, last=2)
        await Booking.objects.create(name="b", price=Decimal(100), open=False)
        wrongs: list[dict[str, Any]] = [
            {"first": 3, "last": 2},
            {"first": 0},
            {"name": "it's 50% \\ ?"},
            {"price": Decimal("99.50")},
        ]
        for wrong in wrongs:
            with pytest.raises(IntegrityError):
                async with atomic():
                    await Booking(**{"name": "x", **wrong}).save()
        assert await Booking.objects.count() == 2


async def test_a_formula_of_fields_and_a_default_that_is_a_function(tmp_path: Path) -> None:
    async with database(tmp_path, Booking):
        before = datetime.now(UTC) - timedelta(minutes=5)
        booking = await Booking.objects.create(name="ada", first=2, last=5)
        assert (booking.length, booking.loud) == (4, "ADA")
        assert booking.made is not None
        assert before < booking.made < before + timedelta(minutes=10)
        booking.last = 9
        await booking.save()
        assert booking.length == 8
        assert await Booking.objects.filter(Booking.length > 7).count() == 1
        given = await Booking.objects.create(name="bob", made=datetime(2024, 1, 1, tzinfo=UTC))
        assert given.made == datetime(2024, 1, 1, tzinfo=UTC)


async def test_a_partial_or_computed_unique_constraint_where_there_is_one(tmp_path: Path) -> None:
    class Email(Model):
        _app_name = "declared"

        address = CharField(max_length=40)
        active = BooleanField(default=True)

        class Meta:
            constraints = [
                UniqueConstraint(
                    name="declared_active",
                    fields=["address"],
                    condition=Q(active=True),
                )
            ]

    if current.vendor == "mysql":  # Refused when the schema is made, see the tests of that.
        return
    async with database(tmp_path, Email):
        await Email.objects.create(address="a", active=False)
        await Email.objects.create(address="a", active=False)
        await Email.objects.create(address="a")
        with pytest.raises(IntegrityError):
            await Email.objects.create(address="a")


async def test_an_index_over_a_function_is_made(tmp_path: Path) -> None:
    class Word(Model):
        _app_name = "declared"

        text = CharField(max_length=40)

        class Meta:
            indexes = [
                Index(expressions=[SQL("length(text)")], name="declared_length"),
            ]

    if current.vendor == "mysql":
        return
    async with database(tmp_path, Word), get_connection() as connection:
        with pytest.raises(Exception, match="declared_length"):
            await connection.execute("CREATE INDEX declared_length ON declared_word (text)")


def test_the_state_holds_text_without_parameters_or_table_names() -> None:
    table: Any = models_state([Booking])["declared_booking"]
    columns = {column["name"]: column for column in table["columns"]}
    constraints = {entry["name"]: entry for entry in table["constraints"]}
    for text in (
        constraints["declared_order"]["check"],
        constraints["declared_name"]["check"],
        columns["length"]["generated"]["expression"],
    ):
        for version in text.values() if isinstance(text, dict) else [text]:
            assert "declared_booking" not in version
            assert "%s" not in version and "None" not in version
    assert columns["length"]["generated"]["stored"] is True


def test_what_needs_more_than_the_row_is_refused() -> None:
    class Room(Model):
        _app_name = "declared"

        name = CharField(max_length=5)

    for wrong in (
        CheckConstraint(name="x", check=Q(nope=1)),
        CheckConstraint(name="x", check=Q(name=F("nope"))),
        CheckConstraint(name="x", check=Q(name__in=Room.objects.values("name"))),
    ):
        with pytest.raises((FieldError, ValueError)):
            wrong.check_sql(Room)
    assert Index(expressions=[Lower("name"), F("name").desc()]).parts_sql(Room)
