"""The values of rows that a file states."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from openviper.db.dialects.lookup import dialect_for
from openviper.db.fields import (
    CharField,
    DateField,
    DateTimeField,
    DurationField,
    IntegerField,
    JSONField,
    TimeField,
    UUIDField,
)
from openviper.db.models import SQL, Model, model_registry
from openviper.db.transfer.errors import LineError
from openviper.db.transfer.lines import RowLine
from openviper.db.transfer.row_values import RowValues
from openviper.db.transfer.tables import transfer_table


class Made(Model):
    _app_name = "row_values"

    id = UUIDField(primary_key=True, default=lambda: UUID(int=9))
    name = CharField(max_length=5)
    size = IntegerField(default=3)
    shared = IntegerField(db_default=4)
    asked = IntegerField(db_default=SQL("1 + 1"))
    data = JSONField(default=dict)
    span = DurationField(default=timedelta(seconds=1))
    note = CharField(max_length=5, null=True)
    made = DateTimeField(auto_now_add=True)
    day = DateField(auto_now=True)
    hour = TimeField(auto_now=True)


model_registry.unregister(Made)
LINE = RowLine(7, "row_values.Made", None, {}, 0)


@pytest.fixture
def values() -> RowValues:
    """The values of the model, for SQLite."""
    return RowValues(transfer_table(Made), dialect_for("sqlite"))


def completed(values: RowValues, **given: Any) -> dict[str, Any]:
    """Return the values of a new row by column."""
    row = {values.column(LINE, name): value for name, value in given.items()}
    return {column.name: value for column, value in values.completed(LINE, row).items()}


def test_what_a_row_leaves_out_gets_its_default(values: RowValues) -> None:
    row = completed(values, name="x")
    moments = [row.pop(name) for name in ("made", "day", "hour")]
    assert row == {
        "id": UUID(int=9),
        "name": "x",
        "size": 3,
        "shared": 4,
        "data": "{}",
        "span": 1_000_000,
        "note": None,
    }
    assert [type(moment).__name__ for moment in moments] == ["datetime", "date", "time"]


def test_what_a_row_states_is_kept(values: RowValues) -> None:
    assert completed(values, name="x", asked=5, size=6)["asked"] == 5


def test_what_has_no_default_has_to_be_stated(values: RowValues) -> None:
    with pytest.raises(LineError, match="line 7: field 'name' is missing"):
        completed(values)


def test_a_value_is_decoded_and_has_to_fit(values: RowValues) -> None:
    name = values.column(LINE, "name")
    assert values.decoded(LINE, name, "abcde") == "abcde"
    with pytest.raises(LineError, match="line 7: field 'name': 6 characters are more than 5"):
        values.decoded(LINE, name, "abcdef")
    with pytest.raises(LineError, match="field 'name' cannot be null"):
        values.decoded(LINE, name, None)
    assert values.decoded(LINE, values.column(LINE, "note"), None) is None


@pytest.mark.parametrize("name", ["id", "nothing", "_id"])
def test_a_field_that_is_none_of_the_row_is_refused(values: RowValues, name: str) -> None:
    with pytest.raises(LineError, match=f"row_values.Made has no field {name!r} that is stored"):
        values.column(LINE, name)


def test_a_key_is_read_as_python_has_it(values: RowValues) -> None:
    assert values.read_key(str(UUID(int=1))) == UUID(int=1)
    assert values.written(values.table.key, UUID(int=1)) == str(UUID(int=1))
