"""The code that is generated between rows and instances."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from openviper.db.dialects.lookup import dialect_for
from openviper.db.fields import (
    AutoField,
    BooleanField,
    CharField,
    DateTimeField,
    EmailField,
    FloatField,
    IntegerField,
)
from openviper.db.fields.instance_state import has_plain_attributes
from openviper.db.models import Model
from openviper.db.sql.prepared import Plan
from openviper.testing.settings import override_openviper_settings

MOMENT = datetime(2024, 2, 3, 4, 5, 6, 7, UTC)
TEXT = "2024-02-03 04:05:06.000007"


class Reading(Model):
    """A row of each kind of conversion."""

    _app_name = "rows"

    place = CharField(max_length=5)
    number = IntegerField(null=True)
    value = FloatField(null=True)
    valid = BooleanField(null=True)
    taken = DateTimeField()


class Watchful(Model):
    """Counts what is assigned to its instances."""

    _app_name = "rows"

    place = CharField(max_length=5)
    seen: list[str]

    def __setattr__(self, name: str, value: object) -> None:
        vars(self).setdefault("seen", []).append(name)
        super().__setattr__(name, value)


class Shouting(CharField[Any]):
    """A field that is told of assignments."""

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.attname] = value.upper()


class Loud(Model):
    """Has such a field."""

    _app_name = "rows"

    place = Shouting(max_length=5)


def plan(model: type[Model]) -> Plan:
    """Return a plan of its own, so that settings count which hold now."""
    return Plan(model._meta, dialect_for("sqlite"))


def built(model: type[Model], *row: Any) -> Any:
    """Return the instance of a row."""
    (instance,) = plan(model).build([row])
    return instance


# From rows


def test_a_row_becomes_an_instance_that_knows_it() -> None:
    row = (1, "here", 5, 2.5, 1, TEXT)
    reading = built(Reading, *row)
    expected = {"id": 1, "place": "here", "number": 5, "value": 2.5, "valid": True, "taken": MOMENT}
    assert vars(reading) == {**expected, "_row": row}


def test_missing_values_stay_missing() -> None:
    reading = built(Reading, 1, "here", None, None, None, None)
    assert (reading.number, reading.value, reading.valid, reading.taken) == (None,) * 4


@pytest.mark.parametrize(
    ("raw", "moment"),
    [
        ("2024-02-03 04:05:06+02:00", datetime(2024, 2, 3, 2, 5, 6, tzinfo=UTC)),
        ("2024-02-03T04:05:06Z", datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)),
        ("2024-02-03", datetime(2024, 2, 3, tzinfo=UTC)),
        ("2024-02-03 04:05:06", datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)),
    ],
)
def test_moments_that_other_tools_have_written_are_read(raw: str, moment: datetime) -> None:
    assert built(Reading, 1, "", 0, 0.0, 0, raw).taken == moment


def test_what_is_no_moment_is_an_error_and_no_text() -> None:
    with pytest.raises(ValueError, match="yesterday"):
        built(Reading, 1, "", 0, 0.0, 0, "yesterday")


@pytest.mark.parametrize(("raw", "truth"), [(0, False), (1, True), (7, True)])
def test_truth_values_are_truth_values(raw: int, truth: bool) -> None:
    assert built(Reading, 1, "", 0, 0.0, raw, TEXT).valid is truth


def test_a_whole_number_in_a_column_of_floats_is_a_float() -> None:
    value = built(Reading, 1, "", 0, 3, 0, TEXT).value
    assert value == 3.0 and type(value) is float


def test_a_class_that_is_told_of_assignments_is_not_told_of_those_of_a_row() -> None:
    assert not has_plain_attributes(Watchful, ["place"])
    assert not has_plain_attributes(Loud, ["place"])
    assert vars(built(Watchful, 1, "here")) == {"id": 1, "place": "here", "_row": (1, "here")}
    assert vars(built(Loud, 1, "here"))["place"] == "here"


def test_names_that_cannot_be_assigned_to_are_no_plain_attributes() -> None:
    assert not has_plain_attributes(Reading, ["place", "class"])
    assert has_plain_attributes(Reading, ["place", "number"])


def test_rows_of_some_columns_say_which() -> None:
    (reading,) = plan(Reading).partial_builder(("id", "place"))([(1, "here")])
    assert reading._layout == ("id", "place") and reading._row == (1, "here")
    assert "number" not in vars(reading)


# To rows


def rows_of(**values: Any) -> tuple[tuple[Any, ...] | None, tuple[Any, ...]]:
    """Return the row that the short way makes of an instance, and that of the long one."""
    reading = plan(Reading)
    assert reading.checked_row is not None
    short = reading.checked_row(vars(Reading(**values)))
    return short, reading.extract.one(vars(Reading(**values)))[1:]


@pytest.mark.parametrize(
    "taken",
    [
        None,
        MOMENT,
        MOMENT.replace(tzinfo=None),
        datetime(1, 1, 2),
        datetime(9998, 12, 31, 23, 59, 59, 999999),
    ],
)
@pytest.mark.parametrize("valid", [None, True, False])
@pytest.mark.parametrize("number", [None, 0, -(2**31), 2**31 - 1])
def test_the_short_way_makes_the_row_of_the_long_one(
    taken: datetime | None, valid: bool | None, number: int | None
) -> None:
    values = {"place": "here", "number": number, "value": 1.5, "valid": valid, "taken": taken}
    short, long = rows_of(**values)
    # What lies near the first and the last year is left to the long way.
    assert short == long or (short is None and taken is not None and taken.year == 1)


@pytest.mark.parametrize(
    "values",
    [
        {"place": "too long"},
        {"place": "h\u00e9"},
        {"place": None},
        {"place": 5},
        {"number": 2**31},
        {"number": True},
        {"number": 1.0},
        {"value": float("nan")},
        {"value": 1},
        {"valid": 1},
        {"taken": "2024-01-01"},
        {"taken": datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=1)))},
    ],
)
def test_what_needs_a_closer_look_is_left_to_the_long_way(values: dict[str, Any]) -> None:
    checked = plan(Reading).checked_row
    instance = Reading(**{"place": "here", **values})
    assert checked is not None and checked(vars(instance)) is None


def test_naive_moments_become_aware_in_the_instance() -> None:
    reading = Reading(place="here", taken=MOMENT.replace(tzinfo=None))
    checked = plan(Reading).checked_row
    assert checked is not None and checked(vars(reading)) == ("here", None, None, None, TEXT)
    assert reading.taken == MOMENT and reading.taken.tzinfo is UTC


def test_naive_moments_are_in_the_zone_of_the_settings_that_hold_now() -> None:
    reading = plan(Reading)
    noon = datetime(2024, 7, 1, 12)
    for zone, hour in (("Europe/Berlin", 10), ("UTC", 12), ("Asia/Tokyo", 3)):
        with override_openviper_settings(TIME_ZONE=zone):
            row = reading.extract.one(vars(Reading(place="here", taken=noon)))
        assert row[-1] == f"2024-07-01 {hour:02}:00:00.000000"


def test_without_time_zones_moments_stay_naive() -> None:
    with override_openviper_settings(USE_TZ=False):
        naive = plan(Reading)
        reading = Reading(place="here", taken=datetime(2024, 7, 1, 12))
        assert naive.extract.one(vars(reading))[-1] == "2024-07-01 12:00:00.000000"
        assert reading.taken == datetime(2024, 7, 1, 12)
        assert naive.build([(1, "", 0, 0.0, 0, TEXT)])[0].taken == MOMENT.replace(tzinfo=None)


def test_rows_of_many_have_the_numbers_given_or_keys_of_their_own() -> None:
    readings = [Reading(place=str(number)) for number in range(3)]
    numbered = plan(Reading).extract.many(readings, range(7, 10))
    assert [row[:2] for row in numbered] == [(7, "0"), (8, "1"), (9, "2")]
    assert plan(Reading).extract.many(readings, None) == [(None, *row[1:]) for row in numbered]


class Address(Model):
    """Has a field whose values always need a closer look."""

    _app_name = "rows"

    email = EmailField()


class Stamped(Model):
    """Has a field that the ORM fills."""

    _app_name = "rows"

    made = DateTimeField(auto_now_add=True)


class Named(Model):
    """Has a key that the database does not make."""

    _app_name = "rows"

    name = CharField(max_length=5, primary_key=True)


class Chosen(Model):
    """Has a field with choices."""

    _app_name = "rows"

    id = AutoField()
    kind = CharField(max_length=5, choices=[("a", "A")])


@pytest.mark.parametrize("model", [Address, Stamped, Named, Chosen])
def test_some_models_have_no_short_way(model: type[Model]) -> None:
    assert plan(model).checked_row is None
