"""The SQL that queries become."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.db.dialects import SQLiteDialect
from openviper.db.fields import CharField, ForeignKey, IntegerField
from openviper.db.models import Model, QuerySet
from openviper.db.sql.expressions import F, Q
from openviper.db.sql.prepared import plan_for
from openviper.db.sql.selects import select_instances
from openviper.db.sql.writes import assigned_nodes, delete_rows, update_rows
from openviper.exceptions import FieldError


class Shelf(Model):
    _app_name = "sql"

    label = CharField(max_length=5)
    parent = ForeignKey("self", null=True, related_name="parts")


class Box(Model):
    _app_name = "sql"

    size = IntegerField(db_column="sz")
    shelf = ForeignKey(Shelf, related_name="boxes")
    spare = ForeignKey(Shelf, null=True)

    class Meta:
        ordering = ["-size"]


PLAN = plan_for(Box._meta, SQLiteDialect())


def sql(query: QuerySet[Box]) -> tuple[str, list[Any]]:
    """Return what stands behind the columns, and the parameters."""
    select = select_instances(PLAN, query.query)
    return select.sql.partition(' FROM "sql_box"')[2], select.parameters


def test_the_models_order_applies_until_replaced() -> None:
    assert sql(Box.objects.all()) == (' ORDER BY "sql_box"."sz" DESC', [])
    assert sql(Box.objects.order_by()) == ("", [])
    assert sql(Box.objects.order_by("pk")) == (' ORDER BY "sql_box"."id"', [])


def test_conditions_are_bound_in_the_order_of_the_text() -> None:
    query = (
        Box.objects.order_by()
        .filter(Q(size=1) | ~Q(size__in=[2, 3]), pk__gt=4)
        .exclude(size=5)
        .limit(6)
        .offset(7)
    )
    assert sql(query) == (
        ' WHERE ("sql_box"."sz" = ? OR NOT ("sql_box"."sz" IN (?, ?))) AND "sql_box"."id" > ?'
        ' AND NOT ("sql_box"."sz" = ?) LIMIT ? OFFSET ?',
        [1, 2, 3, 4, 5, 6, 7],
    )


def test_each_path_is_joined_once() -> None:
    query = (
        Box.objects.filter(shelf__label="a", spare__label="b")
        .order_by("shelf__label")
        .select_related("shelf")
    )
    text, parameters = sql(query)
    assert text.count("JOIN") == 2 and parameters == ["a", "b"]


def test_the_targets_key_needs_no_join() -> None:
    assert sql(Box.objects.order_by().filter(shelf__id=1)) == (
        ' WHERE "sql_box"."shelf_id" = ?',
        [1],
    )
    assert sql(Box.objects.order_by().filter(shelf=Shelf(id=1))) == (
        ' WHERE "sql_box"."shelf_id" = ?',
        [1],
    )


def test_paths_have_at_most_five_hops() -> None:
    Box.objects.order_by("shelf__" + "parent__" * 4 + "label")
    with pytest.raises(FieldError, match="more than 5"):
        Box.objects.order_by("shelf__" + "parent__" * 5 + "label")


def test_writes_over_paths_use_a_subquery() -> None:
    query = Box.objects.filter(shelf__label="a").query
    update = update_rows(PLAN, query, assigned_nodes(PLAN, query, {"size": F("size") + 1}))
    assert (
        ' ELSE openviper_out_of_range(("sql_box"."sz" + ?)) END WHERE "id" IN (SELECT chosen FROM'
        in update.sql
    )
    assert update.parameters == [1, 1, 1, "a"]
    delete = delete_rows(PLAN, Box.objects.filter(size=1).query)
    assert delete[:2] == ('DELETE FROM "sql_box" WHERE "sql_box"."sz" = ?', [1])


def test_sql_is_made_once_per_shape() -> None:
    first = select_instances(PLAN, Box.objects.filter(size=1).limit(3).query)
    second = select_instances(PLAN, Box.objects.filter(size=2).limit(4).query)
    assert first.sql is second.sql and first.convert is second.convert
    assert select_instances(PLAN, Box.objects.filter(size=None).limit(3).query).sql != first.sql


def test_querysets_are_immutable() -> None:
    query = Box.objects.filter(size=1)
    query.exclude(size=2).order_by("pk").distinct().limit(1).only("size").using("x")
    assert sql(query) == (' WHERE "sql_box"."sz" = ? ORDER BY "sql_box"."sz" DESC', [1])


def test_q_objects_compare_and_show_themselves() -> None:
    assert Q(a=1) & Q() == Q(a=1) and (Q(a=1) | Q(b=2)) == (Q(a=1) | Q(b=2)) and Q(a=1) != Q(a=2)
    assert repr(~(Q(a=1) | Q(b=2))) == "~Q(a=1 OR b=2)"
    assert repr(2 * (F("a") - 1) / F("b")) == "((2 * (F('a') - 1)) / F('b'))"
    with pytest.raises(FieldError):
        Q("a")  # type: ignore[arg-type]  # what is under test
    with pytest.raises(TypeError):
        _ = Q(a=1) & 5
    with pytest.raises(TypeError):
        _ = F("a") + "b"  # type: ignore[operator]  # what is under test
    with pytest.raises(FieldError):
        Box.objects.filter("size")  # type: ignore[arg-type]  # what is under test


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("boxes__size", 3),
        ("boxes__size__gt", 3.5),
        ("boxes__size__lt", 10**30),
        ("boxes__size", 0.5),
        ("parts__boxes__size__lte", 3),
        ("parts__parent__boxes__shelf__label__startswith", "a"),
        ("boxes__shelf__parts__label__icontains", "a"),
        ("boxes__size", "no number"),
    ],
)
def test_one_condition_behind_relations_is_the_same_alone_and_among_others(
    key: str, value: Any
) -> None:
    plan = plan_for(Shelf._meta, SQLiteDialect())

    def outcome(query: QuerySet[Shelf]) -> object:
        try:
            return select_instances(plan, query.query)[:2]
        except FieldError as error:
            return str(error)

    general = outcome(Shelf.objects.filter(Q(**{key: value})))
    for _ in range(2):
        assert outcome(Shelf.objects.filter(**{key: value})) == general
    assert "EXISTS" in str(general) or value == "no number" or value == 0.5
