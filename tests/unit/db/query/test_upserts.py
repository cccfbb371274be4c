"""Rows that may be there already: by which constraint they are known, and the INSERT of each database."""

from __future__ import annotations

import re
from typing import Any

import pytest

from openviper.db.fields import CharField, DateTimeField, IntegerField
from openviper.db.fields.constraints import UniqueConstraint
from openviper.db.models import Model, Q
from openviper.db.query.upserts import Conflict, conflict_of, insert_sql, unique_groups
from openviper.exceptions import FieldError, OpenViperException, QueryError
from tests.unit.db.sql.kinds import plan


class Stock(Model):
    _app_name = "upserts"

    code = CharField(max_length=9, unique=True)
    shop = CharField(max_length=9, db_column="sh_op")
    shelf = IntegerField()
    count = IntegerField(default=0)
    made = DateTimeField(auto_now_add=True)
    seen = DateTimeField(auto_now=True)

    class Meta:
        unique_together = [["shop", "shelf"]]
        constraints = [
            UniqueConstraint(fields=["code", "shop"], name="both"),
            UniqueConstraint(fields=["count"], name="few", condition=Q(count__gt=5)),
        ]


class Plain(Model):
    _app_name = "upserts"

    label = CharField(max_length=9)


class Coded(Model):
    _app_name = "upserts"

    code = CharField(max_length=9, unique=True)


def conflict(
    on: Any, unique: Any = None, updated: Any = None, model: type[Model] = Stock
) -> Conflict:
    return conflict_of(model._meta, [model()], on, unique, updated)


def test_partial_constraints_know_no_row() -> None:
    assert unique_groups(Stock._meta) == [("id",), ("code",), ("shop", "shelf"), ("code", "shop")]


@pytest.mark.parametrize(
    ("on", "unique", "updated", "expected"),
    [
        ("ignore", ["code"], None, Conflict(("code",), ())),
        ("ignore", ["shelf", "shop"], None, Conflict(("shelf", "shop"), ())),
        ("update", ["code"], ["count"], Conflict(("code",), ("count",))),
        ("update", ["code"], None, Conflict(("code",), ("shop", "shelf", "count", "seen"))),
        ("update", ["id"], ["code"], Conflict(("id",), ("code",))),
    ],
)
def test_what_is_known_and_written(on: str, unique: Any, updated: Any, expected: Conflict) -> None:
    assert conflict(on, unique, updated) == expected


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("replace",), QueryError, "bulk_create(on_conflict='replace'): 'ignore' or 'update'"),
        (("ignore",), QueryError, "needs unique_fields; Stock has ['code'], ['shop', 'shelf']"),
        (("ignore", ["shop"]), QueryError, "no unique constraint of Stock is of these fields"),
        (("ignore", ["count"]), QueryError, "no unique constraint of Stock is of these fields"),
        (("ignore", ["code"], ["count"]), QueryError, "takes no update_fields"),
        (("update", ["code"], ["code"]), QueryError, "cannot name the key or unique_fields"),
        (("update", ["code"], ["id"]), QueryError, "cannot name the key or unique_fields"),
        (("update", ["code"], []), QueryError, "has no field to update; use 'ignore'"),
        (("update", ["code"], ["nothing"]), FieldError, "nothing"),
        (("update", ["nothing"]), FieldError, "nothing"),
        (("ignore", None, None, Plain), QueryError, "needs unique_fields; Plain has none"),
    ],
)
def test_what_does_not_go_together(
    arguments: tuple[Any, ...], error: type[OpenViperException], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        conflict(*arguments)


def test_the_only_constraint_is_meant_unless_rows_bring_their_keys() -> None:
    assert conflict("ignore", model=Coded) == Conflict(("code",), ())
    assert conflict_of(Plain._meta, [Plain(id=1)], "ignore", None, None) == Conflict(("id",), ())
    with pytest.raises(QueryError, match=re.escape("Coded has ['id'], ['code']")):
        conflict_of(Coded._meta, [Coded(id=1), Coded()], "ignore", None, None)


@pytest.mark.parametrize(
    ("vendor", "ignored", "updated"),
    [
        (
            "sqlite",
            'INSERT INTO "upserts_stock" ("code", "sh_op", "count") VALUES (?, ?, ?) '
            'ON CONFLICT ("code") DO NOTHING',
            'ON CONFLICT ("code", "sh_op") DO UPDATE SET "count" = excluded."count"',
        ),
        (
            "postgresql",
            'INSERT INTO "upserts_stock" ("code", "sh_op", "count") VALUES (%s, %s, %s) '
            'ON CONFLICT ("code") DO NOTHING',
            'ON CONFLICT ("code", "sh_op") DO UPDATE SET "count" = excluded."count"',
        ),
        (
            "mysql",
            "INSERT INTO `upserts_stock` (`code`, `sh_op`, `count`) VALUES (%s, %s, %s) "
            "ON DUPLICATE KEY UPDATE `id` = `id`",
            "ON DUPLICATE KEY UPDATE `count` = IF(`code` <=> VALUES(`code`) AND `sh_op` <=> VALUES(`sh_op`), "
            "VALUES(`count`), `count`), `id` = `id`",
        ),
    ],
)
def test_the_insert_of_each_database(vendor: str, ignored: str, updated: str) -> None:
    columns = ("code", "shop", "count")
    made = plan(vendor, Stock)
    assert insert_sql(made, columns, Conflict(("code",), ())) == ignored
    text = insert_sql(made, columns, Conflict(("code", "shop"), ("count", "shelf")))
    assert text.endswith(updated), "a column that is left to the database keeps its value"
