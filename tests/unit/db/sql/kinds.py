"""Models with a column of each kind, and what shows the SQL and the results of their queries without a server."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from decimal import Decimal
from typing import Any

from openviper.db.connections.drivers.sqlite_open import regexp
from openviper.db.dialects.lookup import dialect_for
from openviper.db.dialects.sqlite_functions import register_functions
from openviper.db.fields import (
    ArrayField,
    BinaryField,
    BooleanField,
    CharField,
    DateField,
    DateTimeField,
    DecimalField,
    DurationField,
    FloatField,
    ForeignKey,
    IntegerField,
    JSONField,
    TimeField,
    UUIDField,
)
from openviper.db.models import Model, QuerySet
from openviper.db.sql.operands import Selectable
from openviper.db.sql.prepared import Plan, plan_for
from openviper.db.sql.selects import Select, select_instances, select_values

VENDORS = ("sqlite", "postgresql", "mysql")


class Maker(Model):
    _app_name = "kinds"

    name = CharField(max_length=20)


class Thing(Model):
    _app_name = "kinds"

    n = IntegerField(null=True)
    price = DecimalField(max_digits=8, decimal_places=2, default=Decimal("0.10"))
    weight = FloatField(null=True)
    name = CharField(max_length=20, null=True)
    made = DateTimeField(null=True)
    day = DateField(null=True)
    at = TimeField(null=True)
    took = DurationField(null=True)
    ok = BooleanField(null=True)
    data = JSONField(null=True)
    tags = ArrayField(CharField(max_length=5), null=True)
    code = UUIDField(null=True)
    blob = BinaryField(null=True)
    maker = ForeignKey(Maker, null=True, related_name="things")


def plan(vendor: str, model: type[Model] = Thing) -> Plan:
    """Return the plan of a model for a vendor."""
    return plan_for(model._meta, dialect_for(vendor))


def plain(sql: str) -> str:
    """Return SQL without the quotes of identifiers and the name of the queried table in front of columns."""
    return sql.replace('"', "").replace("`", "").replace("kinds_thing.", "")


def where(query: QuerySet[Any], vendor: str = "sqlite") -> tuple[str, list[Any]]:
    """Return the text of the conditions of a query, and the bound values."""
    select = select_instances(plan(vendor, query.model), query.order_by().query)
    return plain(select.sql).partition(" WHERE ")[2], select.parameters


def computed(
    expression: Selectable, vendor: str = "sqlite", query: QuerySet[Any] | None = None
) -> Select:
    """Return the SELECT of one computed value of things."""
    asked = (query or Thing.objects.all()).order_by().annotate(v=expression)
    return select_values(plan(vendor), asked.query, [dict(asked.query.annotations)["v"]])


def text(expression: Selectable, vendor: str = "sqlite") -> str:
    """Return the SQL of one computed value of things."""
    sql = plain(computed(expression, vendor).sql)
    return sql.removeprefix("SELECT ").removesuffix(" FROM kinds_thing")


def table(**values: Any) -> sqlite3.Connection:
    """Return a database in memory with one thing that has these values."""
    return table_of([values])


def _affinity(neutral: str) -> str:
    return "TEXT" if neutral == "JSON" or neutral.endswith("[]") else neutral


def table_of(rows: list[dict[str, Any]]) -> sqlite3.Connection:
    """Return a database in memory with things numbered from 1 on, and no makers."""
    connection = sqlite3.connect(":memory:")
    connection.create_function("regexp", 2, regexp, deterministic=True)
    register_functions(connection)
    for model in (Maker, Thing):
        fields = model._meta.fields.values()
        columns = ", ".join(f'"{each.column_name}" {_affinity(each.db_type())}' for each in fields)
        connection.execute(f'CREATE TABLE "{model._meta.table_name}" ({columns})')
    for number, row in enumerate(rows, 1):
        thing = Thing(**{"id": number, **row})
        values = plan("sqlite").extract.one(thing.__dict__)
        connection.execute(plan("sqlite").bulk_insert_sql, values)
    return connection


def value_of(expression: Selectable, **values: Any) -> Any:
    """Return what SQLite computes for a thing with these values."""
    return values_of(expression, [values])[0]


def values_of(expression: Selectable, rows: list[dict[str, Any]]) -> list[Any]:
    """Return what SQLite computes for each of several things."""
    asked = Thing.objects.order_by("pk").annotate(v=expression)
    select = select_values(plan("sqlite"), asked.query, [dict(asked.query.annotations)["v"]])
    with closing(table_of(rows)) as connection:
        found = connection.execute(select.sql, select.parameters).fetchall()
    return [row[0] for row in select.convert(found)]


def keys_of(query: QuerySet[Any], rows: list[dict[str, Any]]) -> list[int]:
    """Return the keys of the things that SQLite finds, in the order of the query or else of the keys."""
    ordered = query if query.query.order else query.order_by("pk")
    select = select_instances(plan("sqlite"), ordered.query)
    with closing(table_of(rows)) as connection:
        found = connection.execute(select.sql, select.parameters).fetchall()
    return [thing.id for thing in select.convert(found)]
