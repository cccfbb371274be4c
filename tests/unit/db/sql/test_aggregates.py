"""Aggregates: their SQL over rows, per group and per instance, their types and refusals."""

from __future__ import annotations

import re
from typing import Any

import pytest

from openviper.db import ArrayAgg, JSONAgg, Q, StdDev, StringAgg, Variance
from openviper.db.exceptions import DatabaseOperationNotSupportedError
from openviper.db.models import Avg, Count, F, Max, Min, Sum
from openviper.db.sql.aggregates import Aggregate
from openviper.db.sql.resolving import QueryScope
from openviper.db.sql.selects import select_values
from openviper.db.sql.types import DURATION, FLOAT, INTEGER, JSON, TEXT, ResultType, decimal_type
from openviper.exceptions import FieldError, OpenViperException, QueryError
from tests.unit.db.sql.kinds import VENDORS, Maker, Thing, plain, plan, text

BIN = "/*M!100200 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */"


def over_rows(aggregate: Aggregate, vendor: str = "sqlite") -> str:
    """Return the SQL of an aggregate over all things."""
    node = aggregate.over_rows(QueryScope(Thing._meta))
    sql = plain(select_values(plan(vendor), Thing.objects.order_by().query, [node]).sql)
    return sql.removeprefix("SELECT ").removesuffix(" FROM kinds_thing")


OKS = "SUM(CASE WHEN ok THEN 1 WHEN NOT ok THEN 0 END)"


@pytest.mark.parametrize(
    ("aggregate", "texts"),
    [
        (Count("*"), ("COUNT(*)",) * 3),
        (Count("n", distinct=True), ("COUNT(DISTINCT n)",) * 3),
        (Count("*", filter=F("ok")), ("COUNT(CASE WHEN ok THEN 1 END)",) * 3),
        (Sum("n"), ("SUM(n)", "CAST(SUM(n) AS BIGINT)", "(SUM(n) DIV 1)")),
        (
            Sum("weight"),
            (
                "CASE WHEN abs(SUM(weight)) = 9e999 THEN abs(-9223372036854775807 - 1) ELSE SUM(weight) END",
                "SUM(weight)",
                "CASE WHEN ABS(SUM(weight)) < 1.7976931348623157e308 THEN SUM(weight) ELSE SUM(weight) * 2 END",
            ),
        ),
        (Sum("price"), ("round(SUM(price), 2)", "SUM(price)", "SUM(price)")),
        (Sum("ok"), (OKS, f"CAST({OKS} AS BIGINT)", f"({OKS} DIV 1)")),
        (
            Avg("n"),
            ("AVG(CAST(n AS REAL))", "AVG(CAST(n AS DOUBLE PRECISION))", "AVG((n + 0e0))"),
        ),
        (Avg("price"), ("round(AVG(price), 6)", "AVG(price)", "AVG(price)")),
        (Max("ok"), ("MAX(CASE WHEN ok THEN 1 WHEN NOT ok THEN 0 END)",) * 3),
        (Min(F("n") * 2), ("MIN((n * ?))", "MIN((CAST(n AS BIGINT) * CAST(%s AS BIGINT)))", "MIN((n * %s))")),
        (
            StdDev("n"),
            (
                "openviper_stddev_pop(n)",
                "STDDEV_POP(CAST(n AS DOUBLE PRECISION))",
                "STDDEV_POP(CAST(n AS DOUBLE))",
            ),
        ),
        (
            Variance("n", sample=True),
            (
                "openviper_var_samp(n)",
                "VAR_SAMP(CAST(n AS DOUBLE PRECISION))",
                "VAR_SAMP(CAST(n AS DOUBLE))",
            ),
        ),
        (
            StringAgg("name", "'%\\"),
            (
                "openviper_join_all(name, '''%\\')",
                """STRING_AGG(CAST(name AS text) COLLATE C, '''%%\\' ORDER BY CAST(name AS text) COLLATE C)""",
                f"GROUP_CONCAT(CAST(name AS CHAR) COLLATE {BIN} ORDER BY CAST(name AS CHAR) COLLATE {BIN} "
                "SEPARATOR '''%%\\\\')",
            ),
        ),
        (
            StringAgg("name", distinct=True),
            (
                "openviper_join_distinct(name, ',')",
                "STRING_AGG(DISTINCT CAST(name AS text) COLLATE C, ',' ORDER BY CAST(name AS text) COLLATE C)",
                f"GROUP_CONCAT(DISTINCT CAST(name AS CHAR) COLLATE {BIN} ORDER BY CAST(name AS CHAR) "
                f"COLLATE {BIN} SEPARATOR ',')",
            ),
        ),
        (JSONAgg("n"), ("NULLIF(json_group_array(n), '[]')", "JSONB_AGG(n)", "JSON_ARRAYAGG(n)")),
    ],
)  # fmt: skip
def test_over_rows_in_the_words_of_each_database(
    aggregate: Aggregate, texts: tuple[str, str, str]
) -> None:
    assert tuple(over_rows(aggregate, vendor) for vendor in VENDORS) == texts


@pytest.mark.parametrize(
    ("aggregate", "result"),
    [
        (Count("name"), INTEGER),
        (Sum("n"), INTEGER),
        (Sum("ok"), INTEGER),
        (Sum("weight"), FLOAT),
        (Sum("took"), DURATION),
        (Sum("price"), decimal_type(2)),
        (Avg("n"), FLOAT),
        (Avg("ok"), FLOAT),
        (Avg("took"), DURATION),
        (Avg("price"), decimal_type(6)),
        (Max("name"), TEXT),
        (Max("n"), INTEGER),
        (StdDev("price"), FLOAT),
        (StringAgg("name"), TEXT),
        (JSONAgg("name"), JSON),
    ],
)
def test_types_of_results(aggregate: Aggregate, result: ResultType) -> None:
    assert aggregate.over_rows(QueryScope(Thing._meta)).type is result


@pytest.mark.parametrize(
    ("aggregate", "message"),
    [
        (Sum("name"), "Sum('name'): a text is not a number to add up"),
        (Sum("made"), "a date and time is not a number to add up"),
        (Avg("made"), "Avg('made'): a date and time is not a number to average"),
        (Max("data"), "of values of type JSON, none is the greatest or the least"),
        (Min("code"), "of values of type UUID, none is the greatest"),
        (StdDev("name"), "a text is not a number"),
        (StringAgg("n"), "a whole number is not a text to join"),
        (ArrayAgg("data"), "a JSON cannot be a member of a list"),
        (JSONAgg("price"), "a decimal number is written into JSON by each database in its own way"),
        (Sum("*"), "Sum('*') needs a field"),
        (Sum(F("n") + Sum("n")), "an aggregate of aggregates; annotate() the inner one first"),
        (Sum(F("n") - F("n") + 1), None),
        (Sum("nothing"), "Thing has no field 'nothing'"),
    ],
)
def test_what_cannot_be_computed_of_rows(aggregate: Aggregate, message: str | None) -> None:
    if message is None:
        assert "SUM(" in over_rows(aggregate)
        return
    with pytest.raises(FieldError, match=re.escape(message)):
        over_rows(aggregate)


@pytest.mark.parametrize("make", [StdDev, Variance])
def test_how_far_values_lie_apart_is_of_all_of_them(make: type[StdDev] | type[Variance]) -> None:
    with pytest.raises(FieldError, match=re.escape(f"{make.__name__}() takes no distinct=True")):
        make("n", distinct=True)


@pytest.mark.parametrize("separator", ["\n", "a\0", "\u200b"])
def test_texts_are_joined_by_what_can_be_seen(separator: str) -> None:
    with pytest.raises(FieldError, match="is not a text of printable characters"):
        StringAgg("name", separator)


def test_arrays_are_postgresqls_alone() -> None:
    assert over_rows(ArrayAgg("n"), "postgresql") == "ARRAY_AGG(n)"
    for vendor in ("sqlite", "mysql"):
        with pytest.raises(DatabaseOperationNotSupportedError, match=re.escape("use JSONAgg()")):
            over_rows(ArrayAgg("n"), vendor)
    with pytest.raises(FieldError, match=re.escape("JSONAgg() takes no distinct=True")):
        over_rows(JSONAgg("n", distinct=True))


@pytest.mark.parametrize("wrong", [5, None, Q(n=1)])
def test_an_aggregate_is_of_a_field(wrong: Any) -> None:
    with pytest.raises(FieldError):
        over_rows(Sum(wrong))


def related(aggregate: Aggregate) -> str:
    """Return the SQL of an aggregate over the things of each maker."""
    query = Maker.objects.order_by().annotate(v=aggregate)
    node = dict(query.query.annotations)["v"]
    return select_values(plan("sqlite", Maker), query.query, [node]).sql.replace('"', "")


@pytest.mark.parametrize(
    ("aggregate", "call", "condition"),
    [
        (Count("things"), "COUNT(*)", ""),
        (Count("things__n"), "COUNT(__1.n)", ""),
        (Count("things", distinct=True), "COUNT(DISTINCT __1.id)", ""),
        (Sum("things__n"), "SUM(__1.n)", ""),
        (Max(F("things__n") + 1), "MAX((__1.n + ?))", ""),
        (Count("things", filter=Q(things__ok=True)), "COUNT(*)", " AND __1.ok = ?"),
    ],
)
def test_per_instance_each_aggregate_is_a_query_of_its_own(
    aggregate: Aggregate, call: str, condition: str
) -> None:
    sql = re.sub(r"__\d", "__1", related(aggregate))
    assert sql.startswith(f"SELECT (SELECT {call} FROM kinds_thing AS __1 WHERE ")
    assert sql.endswith(f"{condition}) FROM kinds_maker") and "GROUP BY" not in sql


@pytest.mark.parametrize(
    ("aggregate", "error", "message"),
    [
        (Sum("things"), FieldError, "Sum('things') needs a field, such as 'things__"),
        (Sum(F("things__n") + F("id")), FieldError, "all names have to follow the same relation"),
    ],
)
def test_names_behind_a_relation_belong_together(
    aggregate: Aggregate, error: type[OpenViperException], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        related(aggregate)


def test_an_aggregate_of_a_row_itself_is_its_value() -> None:
    assert text(Count("*")) == "1"
    assert text(Count("n")) == "CASE WHEN n IS NOT NULL THEN 1 ELSE 0 END"
    assert text(Sum("n")) == "n"
    assert text(Sum("n", filter=Q(ok=True))) == "CASE WHEN 1 = 1 AND ok = ? THEN n END"
    assert text(Count("*", filter=Q(ok=True))) == "CASE WHEN 1 = 1 AND ok = ? THEN 1 ELSE 0 END"


async def test_over_all_rows_no_relation_to_many_is_followed() -> None:
    with pytest.raises(
        QueryError, match=re.escape("follows a relation to many rows; use annotate()")
    ):
        await Maker.objects.aggregate(v=Sum("things__n"))


@pytest.mark.parametrize(
    ("aggregate", "shown"),
    [
        (Count(), "Count('*')"),
        (Sum("n", distinct=True), "Sum('n', distinct=True)"),
        (Max("n", filter=Q(ok=True)), "Max('n', filter=Q(ok=True))"),
    ],
)
def test_aggregates_show_themselves(aggregate: Aggregate, shown: str) -> None:
    assert repr(aggregate) == shown
