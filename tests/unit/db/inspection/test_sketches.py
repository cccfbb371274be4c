"""From live tables to models: fields, keys, references, and what is said where no model can be the same."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.db.dialects.definitions import Check, Definition, LiveIndex, LiveTable, Part
from openviper.db.dialects.lookup import ddl_dialect
from openviper.db.inspection.facts import Facts, ForeignKeyFact
from openviper.db.inspection.shapes import FieldSketch, Inspection, ModelSketch
from openviper.db.inspection.sketches import sketch_models


def column(name: str, kind: str = "INTEGER", **more: Any) -> Any:
    """Return a live column that takes NULL."""
    return {"name": name, "type": kind, "nullable": True, "default": None, **more}


def key(name: str = "id", kind: str = "INTEGER") -> Any:
    return column(name, kind, nullable=False, primary_key=True)


def table(
    name: str,
    *columns: Any,
    indexes: list[LiveIndex] | None = None,
    checks: list[Check] | None = None,
) -> LiveTable:
    found = {one["name"]: one for one in columns}
    return LiveTable(name, found, indexes or [], checks or [], None)


def inspect(*tables: LiveTable, facts: Facts | None = None, vendor: str = "sqlite") -> Inspection:
    return sketch_models({one.name: one for one in tables}, facts or Facts(), ddl_dialect(vendor))


def model(*tables: LiveTable, facts: Facts | None = None, vendor: str = "sqlite") -> ModelSketch:
    """Return the sketch of the first of some tables."""
    found = inspect(*tables, facts=facts, vendor=vendor)
    return next(one for one in found.models if one.table == tables[0].name)


def call(field: FieldSketch) -> str:
    return f"{field.name} = {field.cls}({', '.join(field.arguments)})"


def fields(sketch: ModelSketch) -> list[str]:
    return [call(field) for field in sketch.fields]


def reference(
    own: str,
    target: str,
    *target_columns: str,
    table: str = "t",
    on_update: str = "NO ACTION",
) -> Facts:
    fact = ForeignKeyFact((own,), target, target_columns, on_update)
    return Facts(foreign_keys={table: [fact]})


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("SMALLINT", "a = SmallIntegerField(null=True)"),
        ("INTEGER", "a = IntegerField(null=True)"),
        ("BIGINT", "a = BigIntegerField(null=True)"),
        ("REAL", "a = FloatField(null=True)"),
        ("VARCHAR(20)", "a = CharField(max_length=20, null=True)"),
        ("TEXT", "a = TextField(null=True)"),
        ("BOOLEAN", "a = BooleanField(null=True)"),
        ("DATE", "a = DateField(null=True)"),
        ("TIME", "a = TimeField(null=True)"),
        ("DATETIME", "a = DateTimeField(null=True)"),
        ("JSON", "a = JSONField(null=True)"),
    ],
)
def test_each_type_of_ours_has_its_field(kind: str, field: str) -> None:
    sketch = model(table("t", key(), column("a", kind)))
    assert fields(sketch) == ["id = AutoField()", field]
    assert (sketch.is_exact, sketch.is_writable, sketch.remarks) == (True, True, [])


@pytest.mark.parametrize(
    ("vendor", "kind", "field", "exact"),
    [
        ("postgresql", "numeric(8,2)", "DecimalField(max_digits=8, decimal_places=2)", True),
        ("postgresql", "integer[]", "ArrayField(IntegerField())", True),
        ("postgresql", "character varying(9)[]", "ArrayField(CharField(max_length=9))", True),
        ("postgresql", "inet[]", "ArrayField(TextField())", False),
        ("postgresql", "money", "DecimalField(max_digits=38, decimal_places=10)", False),
        ("postgresql", "uuid", "UUIDField()", True),
        ("postgresql", "bytea", "BinaryField()", True),
        ("postgresql", "double precision", "FloatField()", True),
        ("mysql", "tinyint(1)", "BooleanField()", True),
        ("mysql", "tinyint(4)", "SmallIntegerField()", False),
        ("mysql", "enum('a','bcd')", "CharField(max_length=3)", False),
        ("mysql", "mediumtext", "TextField()", True),
        ("sqlite", "WEIRD", "TextField()", False),
    ],
)
def test_a_type_of_others_has_the_likest_field_and_says_so(
    vendor: str, kind: str, field: str, exact: bool
) -> None:
    whole = {"mysql": "int(11)"}.get(vendor, "INTEGER")
    sketch = model(table("t", key(kind=whole), column("a", kind, nullable=False)), vendor=vendor)
    assert fields(sketch)[1] == f"a = {field}"
    said = [f"Column a is of the type {kind.lower()}."]
    assert (sketch.is_exact, sketch.remarks) == (exact, [] if exact else said)


def test_a_check_makes_a_text_json() -> None:
    sketch = model(
        table("t", key(kind="int(11)"), column("a", "longtext")),
        facts=Facts(json={("t", "a")}),
        vendor="mysql",
    )
    assert fields(sketch)[1] == "a = JSONField(null=True)"


@pytest.mark.parametrize(
    ("column", "field"),
    [
        (column("a", nullable=False), "a = IntegerField()"),
        (column("a", "DATETIME", nullable=False), "a = DateTimeField(null=False)"),
        (column("Size"), "size = IntegerField(null=True, db_column='Size')"),
        (column("class"), "class_field = IntegerField(null=True, db_column='class')"),
        (column("a", db_default="1 + 1"), "a = IntegerField(null=True, db_default=SQL('1 + 1'))"),
        (
            column("a", generated={"expression": "id * 2", "stored": True}),
            "a = IntegerField(null=True, generated=SQL('id * 2'))",
        ),
        (
            column("a", generated={"expression": "id * 2", "stored": False}),
            "a = IntegerField(null=True, generated=SQL('id * 2'), stored=False)",
        ),
    ],
)
def test_what_a_column_is_besides_its_type_stands_in_arguments(column: Any, field: str) -> None:
    assert fields(model(table("t", key(), column)))[1] == field


@pytest.mark.parametrize(
    ("option", "column"),
    [
        ("db_default", column("a", db_default="1; DROP TABLE t")),
        ("generated", column("a", generated={"expression": "1; --", "stored": True})),
    ],
)
def test_sql_that_is_more_than_an_expression_is_told_and_left_out(option: str, column: Any) -> None:
    sketch = model(table("t", key(), column))
    assert fields(sketch)[1] == "a = IntegerField(null=True)"
    assert not sketch.is_exact
    assert sketch.remarks[0].startswith(f"{option} of a is more than an expression: 1;")


@pytest.mark.parametrize(
    ("kind", "sql", "argument", "remark"),
    [
        ("INTEGER", "7", "default=7", None),
        ("INTEGER", "-7", "default=-7", None),
        ("INTEGER", "7.5", None, "Column a has the default 7.5, which is not stated."),
        ("INTEGER", "'7'", None, "Column a has the default '7', which is not stated."),
        ("INTEGER", "null", None, None),
        ("VARCHAR(9)", "'it''s'", 'default="it\'s"', None),
        ("TEXT", "''", "default=''", None),
        ("TEXT", "'a' || 'b'", None, "Column a has the default 'a' || 'b', which is not stated."),
        ("TEXT", "7", None, "Column a has the default 7, which is not stated."),
        ("BOOLEAN", "true", "default=True", None),
        ("BOOLEAN", "0", "default=False", None),
        ("BOOLEAN", "2", None, "Column a has the default 2, which is not stated."),
    ],
)
def test_a_default_is_stated_where_it_is_a_literal_of_its_type(
    kind: str, sql: str, argument: str | None, remark: str | None
) -> None:
    facts = Facts(defaults={("t", "a"): sql})
    sketch = model(table("t", key(), column("a", kind)), facts=facts)
    assert [text for text in sketch.fields[1].arguments if text.startswith("default")] == (
        [] if argument is None else [argument]
    )
    assert sketch.remarks == ([] if remark is None else [remark])
    assert sketch.is_exact


# Keys


@pytest.mark.parametrize(
    ("vendor", "column", "field"),
    [
        ("sqlite", key(), "id = AutoField()"),
        ("sqlite", key("nr"), "nr = AutoField()"),
        ("sqlite", key(kind="BIGINT"), "id = BigIntegerField(primary_key=True)"),
        ("sqlite", key("code", "VARCHAR(9)"), "code = CharField(max_length=9, primary_key=True)"),
        ("mysql", key(kind="int(11)"), "id = IntegerField(primary_key=True)"),
        ("mysql", {**key(kind="int(11)"), "autoincrement": True}, "id = AutoField()"),
        ("mysql", {**key(kind="bigint(20)"), "autoincrement": True}, "id = BigAutoField()"),
        (
            "mysql",
            {**key(kind="smallint(6)"), "autoincrement": True},
            "id = SmallIntegerField(auto_increment=True, primary_key=True)",
        ),
        ("postgresql", key(kind="integer"), "id = IntegerField(primary_key=True)"),
    ],
)
def test_a_key_numbers_itself_where_the_database_does(vendor: str, column: Any, field: str) -> None:
    sketch = model(table("t", column), vendor=vendor)
    assert fields(sketch) == [field]
    assert sketch.is_exact


def unique(name: str, *columns: str) -> LiveIndex:
    return LiveIndex(name, Definition(tuple(map(Part, columns)), unique=True), True, "")


def test_a_table_without_key_only_reads() -> None:
    sketch = model(table("t", column("a"), column("b")))
    assert fields(sketch)[0] == "a = IntegerField(primary_key=True)"
    assert (sketch.is_exact, sketch.is_writable) == (False, False)
    assert sketch.remarks == [
        "The table has no primary key.",
        "Several rows may have the same key here, so the model only reads.",
    ]


def test_a_key_of_several_columns_is_told() -> None:
    sketch = model(table("t", key("a"), key("b")))
    assert sketch.remarks[0] == "The primary key is (a, b), and that of a model is one column."
    assert not sketch.is_writable


def test_a_unique_column_tells_rows_apart() -> None:
    sketch = model(table("t", column("a"), column("b", nullable=False), indexes=[unique("u", "b")]))
    assert fields(sketch) == ["a = IntegerField(null=True)", "b = IntegerField(primary_key=True)"]
    assert (sketch.is_exact, sketch.is_writable) == (False, True)
    assert sketch.remarks[1] == "Rows are told apart by b, which is unique."


def test_a_unique_column_that_takes_null_tells_nothing_apart() -> None:
    sketch = model(table("t", column("a"), indexes=[unique("u", "a")]))
    assert not sketch.is_writable


# Names


def test_odd_names_are_left_out_and_told() -> None:
    found = inspect(table("a b", key()), table("t", key()), facts=Facts(views=["v"]))
    assert [one.table for one in found.models] == ["t"]
    assert found.remarks == [
        "Table 'a b' has a name that no model can have; it is left out.",
        "View 'v' is left out.",
    ]


@pytest.mark.parametrize(
    ("column", "is_writable"),
    [
        (column("a b"), True),
        (column("a b", nullable=False), False),
        (column("a b", nullable=False, db_default="1"), True),
        (column("a b", nullable=False, generated={"expression": "1", "stored": True}), True),
    ],
)
def test_a_column_that_no_field_can_name_makes_a_model_that_only_reads_if_it_needs_a_value(
    column: Any, is_writable: bool
) -> None:
    sketch = model(table("t", key(), column))
    assert [one.name for one in sketch.fields] == ["id"]
    assert sketch.remarks[0] == ("Column 'a b' has a name that no field can have; it is left out.")
    assert sketch.is_writable is is_writable
    assert ("It needs a value, so the model only reads." in sketch.remarks) is not is_writable


def test_the_plainest_table_keeps_a_class_name() -> None:
    found = inspect(table("Thing", key()), table("thing", key()))
    names = {one.table: one.name for one in found.models}
    assert names["thing"] == "Thing"
    assert names["Thing"] != "Thing"


# References


def test_what_is_referred_to_comes_first_and_by_its_class() -> None:
    found = inspect(
        table("a", key(), column("b_id")),
        table("b", key()),
        facts=reference("b_id", "b", "id", table="a"),
    )
    assert [one.table for one in found.models] == ["b", "a"]
    made = found.models[1].fields[1]
    assert call(made) == ('b = ForeignKey(B, on_delete="NO ACTION", null=True, db_index=False)')
    assert made.key_type == "int | None"


@pytest.mark.parametrize(
    ("action", "nullable", "argument", "exact"),
    [
        ("CASCADE", True, None, True),
        ("RESTRICT", True, 'on_delete="RESTRICT"', True),
        ("SET NULL", True, 'on_delete="SET NULL"', True),
        ("SET NULL", False, 'on_delete="NO ACTION"', False),
        ("NO ACTION", False, 'on_delete="NO ACTION"', True),
    ],
)
def test_what_a_deletion_does_is_stated(
    action: str, nullable: bool, argument: str | None, exact: bool
) -> None:
    sketch = model(
        table("t", key(), column("b_id", nullable=nullable, on_delete=action)),
        table("b", key()),
        facts=reference("b_id", "b"),
    )
    told = [text for text in sketch.fields[1].arguments if text.startswith("on_delete")]
    assert told == ([] if argument is None else [argument])
    assert sketch.is_exact is exact
    assert ("ON DELETE SET NULL of b_id can never be done." in sketch.remarks) is not exact


@pytest.mark.parametrize(
    ("target", "kind", "columns", "remark"),
    [
        (table("c", key()), "INTEGER", (), "refers to table b, which is not described here"),
        (
            table("b", key(), column("x")),
            "INTEGER",
            ("x",),
            "refers to b by another column than its primary key",
        ),
        (
            table("b", key("x"), key("y")),
            "INTEGER",
            (),
            "refers to b by another column than its primary key",
        ),
        (table("b", column("x")), "INTEGER", (), "by another column than its primary key"),
        (
            table("b", key("x", "VARCHAR(9)")),
            "INTEGER",
            (),
            "is of another type than the key of b",
        ),
    ],
)
def test_a_reference_that_no_field_can_be_is_a_plain_column(
    target: LiveTable, kind: str, columns: tuple[str, ...], remark: str
) -> None:
    sketch = model(
        table("t", key(), column("b_id", kind)), target, facts=reference("b_id", "b", *columns)
    )
    assert fields(sketch)[1] == "b_id = IntegerField(null=True)"
    assert not sketch.is_exact
    assert any(remark in text for text in sketch.remarks)


def test_a_reference_over_several_columns_is_told() -> None:
    fact = ForeignKeyFact(("a", "b"), "u", ("x", "y"), "CASCADE")
    sketch = model(
        table("t", key(), column("a"), column("b")), facts=Facts(foreign_keys={"t": [fact]})
    )
    assert sketch.remarks == [
        "A foreign key over several columns is not stated: (a, b) to u (x, y).",
        "ON UPDATE CASCADE of (a, b) is not stated.",
    ]


@pytest.mark.parametrize(
    ("action", "told"),
    [("NO ACTION", False), ("RESTRICT", False), ("CASCADE", True), ("SET NULL", True)],
)
def test_what_an_update_does_is_told_where_it_does_something(action: str, told: bool) -> None:
    sketch = model(
        table("t", key(), column("b_id")),
        table("b", key()),
        facts=reference("b_id", "b", on_update=action),
    )
    assert (f"ON UPDATE {action} of (b_id) is not stated." in sketch.remarks) is told


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (None, 'b = ForeignKey(B, on_delete="NO ACTION", null=True, db_index=False)'),
        (unique("u", "b_id"), 'b = OneToOneField(B, on_delete="NO ACTION", null=True)'),
        (
            LiveIndex("idx_t_b_id", Definition((Part("b_id"),)), False, ""),
            'b = ForeignKey(B, on_delete="NO ACTION", null=True)',
        ),
    ],
)
def test_the_index_of_a_reference_makes_its_kind(index: LiveIndex | None, expected: str) -> None:
    sketch = model(
        table("t", key(), column("b_id"), indexes=[] if index is None else [index]),
        table("b", key()),
        facts=reference("b_id", "b"),
    )
    assert fields(sketch)[1] == expected
    assert sketch.options == {}
