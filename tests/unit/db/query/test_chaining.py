"""The methods of a queryset that describe a query: which names they take, and what they say about the others."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from openviper.db.models import F, Q, Sum
from openviper.db.query.prefetch import Prefetch
from openviper.db.sql.expressions import Value
from openviper.db.sql.selects import select_instances
from openviper.exceptions import FieldError, QueryError
from tests.unit.db.sql.kinds import VENDORS, Maker, Thing, plain, plan

NUMBER: Any = 5
WORD: Any = "n"
HOUR: Any = "hour"
WEEK: Any = "week"
THINGS = Thing.objects
MAKERS = Maker.objects


def sql(query: Any, vendor: str = "sqlite") -> str:
    return plain(select_instances(plan(vendor, query.model), query.query).sql)


@pytest.mark.parametrize("name", ["<n", "<>", ">n", ">'n'", "=n", "<", ">", "="])
def test_a_name_is_never_taken_for_what_is_kept_with_a_model(name: str) -> None:
    THINGS.order_by("n"), THINGS.values("n"), THINGS.filter(n=1)  # All are known now.
    message = re.escape(f"Thing has no field {name!r}")
    lookup: dict[str, Any] = {name: 1}
    for ask in (
        lambda: THINGS.filter(**lookup),
        lambda: THINGS.order_by(name),
        lambda: THINGS.values(name),
        lambda: THINGS.filter(Q(**lookup)),
    ):
        with pytest.raises(FieldError, match=message):
            ask()


@pytest.mark.parametrize(
    ("ask", "error", "message"),
    [
        (lambda: THINGS.filter(WORD), FieldError, "'n' is not a condition"),
        (lambda: THINGS.filter(F("n")), FieldError, "F('n') is not a condition but a whole number"),
        (lambda: THINGS.filter(x=1), FieldError, "Thing has no field 'x'"),
        (lambda: THINGS.filter(maker__x=1), FieldError, "Maker has no field 'x'"),
        (lambda: THINGS.annotate(n=F("n")), FieldError, "annotate(n=...): Thing has 'n' already"),
        (lambda: THINGS.annotate(maker_id=F("n")), FieldError, "Thing has 'maker_id' already"),
        (lambda: THINGS.annotate(pk=F("n")), FieldError, "Thing has 'pk' already"),
        (lambda: THINGS.annotate(save=F("n")), FieldError, "Thing has 'save' already"),
        (lambda: THINGS.annotate(a__b=F("n")), FieldError, "'a__b'"),
        (lambda: THINGS.alias(_x=F("n")), FieldError, "alias(_x=...)"),
        (lambda: THINGS.annotate(**{"a b": F("n")}), FieldError, "'a b'"),
        (
            lambda: THINGS.annotate(x=NUMBER),
            FieldError,
            "annotate(x=5): not an expression or aggregate",
        ),
        (lambda: THINGS.alias(x=WORD), FieldError, "alias(x='n'): not an expression or aggregate"),
        (lambda: THINGS.order_by(NUMBER), FieldError, "5 is not a field name"),
        (lambda: THINGS.order_by("x"), FieldError, "'x'"),
        (lambda: MAKERS.order_by("things__n"), FieldError, "an order needs one value"),
        (lambda: MAKERS.values("things__n"), FieldError, "values() needs one value"),
        (lambda: THINGS.values(NUMBER), FieldError, "5 is not a field name"),
        (lambda: THINGS.values_list("n", "name", flat=True), ValueError, "takes one field, not 2"),
        (lambda: THINGS.values_list(flat=True), ValueError, "takes one field, not 0"),
        (lambda: THINGS.only("x"), FieldError, "'x'"),
        (lambda: THINGS.defer("x"), FieldError, "'x'"),
        (lambda: THINGS.select_related("n"), FieldError, "Thing.n is not a foreign key"),
        (lambda: THINGS.select_related("maker__name"), FieldError, "is not a foreign key"),
        (
            lambda: THINGS.prefetch_related("n"),
            FieldError,
            "no relation 'n' to prefetch; relations: maker",
        ),
        (lambda: THINGS.prefetch_related("maker__x"), FieldError, "Maker has no relation 'x'"),
        (
            lambda: THINGS.select_for_update(nowait=True, skip_locked=True),
            ValueError,
            "takes nowait or skip_locked, not both",
        ),
        (lambda: Prefetch("maker", queryset=NUMBER), TypeError, "5 is not a queryset of instances"),
        (lambda: Prefetch("maker", to_attr="1x"), ValueError, "to_attr='1x' cannot be the name"),
        (lambda: Prefetch("maker", to_attr="_x"), ValueError, "to_attr='_x' cannot be the name"),
        (
            lambda: THINGS.prefetch_related(Prefetch("maker", to_attr="name")),
            FieldError,
            "Thing has an attribute 'name' already",
        ),
        (
            lambda: THINGS.prefetch_related(Prefetch("maker", queryset=THINGS.all())),
            FieldError,
            "the queryset is of Thing, the relation of Maker",
        ),
        (
            lambda: THINGS.prefetch_related(Prefetch("maker", queryset=MAKERS.limit(1))),
            QueryError,
            "there is at most one row",
        ),
        (
            lambda: THINGS.prefetch_related(
                "maker__things", Prefetch("maker", queryset=MAKERS.all())
            ),
            QueryError,
            "'maker' is asked for twice, the second time with another queryset",
        ),
        (
            lambda: THINGS.dates("n", "year"),
            FieldError,
            "a whole number is neither a date nor a moment",
        ),
        (
            lambda: THINGS.dates("made", HOUR),
            ValueError,
            "'hour' is not 'year', 'month' or 'day'",
        ),
        (
            lambda: THINGS.datetimes("day", "year"),
            FieldError,
            "datetimes('day'): a date; use dates()",
        ),
        (lambda: THINGS.datetimes("made", WEEK), ValueError, "'week' is not one of year"),
        (lambda: THINGS.limit(3).dates("day", "year"), QueryError, "dates() comes before limit()"),
        (
            lambda: THINGS.filter(n=1).raw("SELECT 1"),
            QueryError,
            "raw() takes no notice of filter()",
        ),
        (lambda: THINGS.limit(1).raw("SELECT 1"), QueryError, "raw() takes no notice of filter()"),
        (
            lambda: THINGS.all().raw("DELETE FROM x"),
            QueryError,
            "raw() takes a SELECT, not 'DELETE",
        ),
        (lambda: THINGS.all().raw("SELECTED"), QueryError, "raw() takes a SELECT"),
        (lambda: THINGS.all().raw("SELECT 1", "a"), QueryError, "takes a list of values, not 'a'"),
    ],
)
def test_what_is_refused(ask: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=re.escape(message)):
        ask()


@pytest.mark.parametrize(
    "text",
    ["SELECT 1", " select 1", "\n((SELECT 1))", "with x as (select 1) select 1", "VALUES (1)"],
)
def test_what_reads_may_be_sent_as_it_is(text: str) -> None:
    Thing.objects.all().raw(text, [1])


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        (THINGS.only("n"), "id, n"),
        (THINGS.only("n", "maker"), "id, n, maker_id"),
        (THINGS.only("pk"), "id"),
        (THINGS.only("n").only("name"), "id, name"),
        (MAKERS.defer("name"), "kinds_maker.id"),
        (MAKERS.defer("pk"), "kinds_maker.id, kinds_maker.name"),
        (MAKERS.defer("name").only("name"), "kinds_maker.id, kinds_maker.name"),
        (THINGS.only("n").annotate(x=F("n")), "id, n, n AS x"),
        (THINGS.only("n").alias(x=F("n")), "id, n"),
        (THINGS.only("n").alias(x=F("n")).annotate(y=F("x")), "id, n, n AS y"),
        (THINGS.only("n").annotate(x=F("n")).alias(x=F("pk")), "id, n"),
    ],
)
def test_which_columns_are_loaded(query: Any, columns: str) -> None:
    text = sql(query.order_by())
    assert text.removeprefix("SELECT ").partition(" FROM ")[0] == columns


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        ({}, ("", " FOR UPDATE OF kinds_thing", " FOR UPDATE")),
        ({"nowait": True}, ("", " FOR UPDATE OF kinds_thing NOWAIT", " FOR UPDATE NOWAIT")),
        (
            {"skip_locked": True},
            ("", " FOR UPDATE OF kinds_thing SKIP LOCKED", " FOR UPDATE SKIP LOCKED"),
        ),
    ],
)
def test_rows_are_locked_where_a_database_can(
    options: dict[str, bool], texts: tuple[str, str, str]
) -> None:
    query = THINGS.select_for_update(**options).order_by()
    for vendor, text in zip(VENDORS, texts, strict=True):
        assert sql(query, vendor).partition(" FROM kinds_thing")[2] == text


def test_a_related_row_is_joined_and_one_that_may_be_missing_is_not_required() -> None:
    text = sql(THINGS.select_related("maker").order_by())
    assert text.endswith(" FROM kinds_thing LEFT JOIN kinds_maker AS __0 ON __0.id = maker_id")
    assert sql(THINGS.filter(maker__name="x").order_by()).count("JOIN") == 1
    assert "JOIN" not in sql(THINGS.filter(maker__pk=1).order_by("maker__id"))


@pytest.mark.parametrize(
    ("query", "where"),
    [
        (MAKERS.filter(things__n=1, things__ok=True), "{0} AND (__0.n = ? AND __0.ok = ?))"),
        (
            MAKERS.filter(things__n=1).filter(things__ok=True),
            "{0} AND __0.n = ?) AND {1} AND __1.ok = ?)",
        ),
        (MAKERS.exclude(things__n=1), "NOT ({0} AND __0.n = ?))"),
        (MAKERS.filter(things__isnull=True), "NOT {0})"),
        (
            MAKERS.filter(~Q(things__n=1) | Q(name="x")),
            "(NOT ({0} AND __0.n = ?)) OR kinds_maker.name = ?)",
        ),
    ],
)
def test_conditions_on_related_rows_of_one_call_are_about_the_same_row(
    query: Any, where: str
) -> None:
    inner = "EXISTS (SELECT 1 FROM kinds_thing AS __{0} WHERE __{0}.maker_id = kinds_maker.id"
    expected = where.format(inner.format(0), inner.format(1))
    assert sql(query.order_by()).partition(" WHERE ")[2] == expected


def test_each_method_gives_another_query_and_leaves_its_own() -> None:
    query = THINGS.filter(n=1).order_by("n")
    before = sql(query)
    for change in (
        query.filter(n=2),
        query.exclude(n=2),
        query.order_by(),
        query.order_by("-n"),
        query.distinct(),
        query.limit(1),
        query.offset(1),
        query[1:2],
        query.only("n"),
        query.defer("n"),
        query.annotate(x=F("n")),
        query.select_related("maker"),
        query.none(),
    ):
        assert sql(change) != before
    assert sql(query) == before


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        (THINGS.filter(n=1), THINGS.filter(n=2), True),
        (THINGS.filter(n=1), THINGS.filter(n=None), False),
        (THINGS.filter(n=1), THINGS.filter(n__ne=1), False),
        (THINGS.filter(n=1), THINGS.exclude(n=1), False),
        (THINGS.filter(n__in=[1, 2]), THINGS.filter(n__in=[3, 4]), True),
        (THINGS.filter(n__in=[1, 2]), THINGS.filter(n__in=[1]), False),
        (THINGS.filter(n__in=range(200)), THINGS.filter(n__in=range(300)), True),
        (THINGS.limit(1), THINGS.limit(2), True),
        (THINGS.limit(1), THINGS.offset(1), False),
        (THINGS.order_by("n"), THINGS.order_by("-n"), False),
        (THINGS.order_by(F("n").asc()), THINGS.order_by(F("n").asc(nulls_last=True)), False),
        (THINGS.filter(name__icontains="a"), THINGS.filter(name__icontains="b"), True),
        (THINGS.filter(name__icontains="a"), THINGS.filter(name__icontains="é"), False),
        (THINGS.filter(data__a=1), THINGS.filter(data__b=2), True),
        (THINGS.filter(data__a=1), THINGS.filter(data__a__gt=2), False),
        (THINGS.annotate(x=Value(1)), THINGS.annotate(x=Value(2)), True),
        (THINGS.annotate(x=Value(1)), THINGS.annotate(y=Value(1)), False),
        (THINGS.annotate(x=F("n") + 1), THINGS.annotate(x=F("n") - 1), False),
        (MAKERS.annotate(x=Sum("things__n")), MAKERS.annotate(x=Sum("things__id")), False),
        (THINGS.only("n"), THINGS.only("name"), False),
        (THINGS.all(), THINGS.distinct(), False),
    ],
)
def test_the_text_is_made_once_for_queries_that_differ_in_values_alone(
    first: Any, second: Any, is_same: bool
) -> None:
    texts = [
        select_instances(plan("sqlite", each.model), each.query).sql for each in (first, second)
    ]
    assert (texts[0] is texts[1]) is is_same
    assert (texts[0] == texts[1]) is is_same


def test_distinct_rows_are_ordered_by_what_they_have() -> None:
    assert sql(THINGS.only("n").order_by("name").distinct()).endswith("ORDER BY name")
    with pytest.raises(QueryError, match="distinct\\(\\) rows cannot be ordered by 'maker__name'"):
        sql(THINGS.order_by("maker__name").distinct())
    sql(THINGS.select_related("maker").order_by("maker__name").distinct())
