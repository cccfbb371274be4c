"""The text of a module: nothing that a database says can become code."""

from __future__ import annotations

import ast

from openviper.db.dialects.definitions import Check, Definition, LiveIndex, LiveTable, Part
from openviper.db.dialects.lookup import ddl_dialect
from openviper.db.inspection.facts import Facts, ForeignKeyFact
from openviper.db.inspection.sketches import sketch_models
from openviper.db.inspection.source import module_text

EVIL = 'x"""\nimport os\n'


def table(name: str, *columns: str, **more: object) -> LiveTable:
    """Return a live table of SQLite with whole numbers, the first of which is the key."""
    found = {
        column: {"name": column, "type": "INTEGER", "nullable": bool(place), "default": None}
        | ({} if place else {"primary_key": True})
        for place, column in enumerate(columns)
    }
    return LiveTable(name, found, [], [], None)._replace(**more)  # type: ignore[arg-type]  # As in the call.


def text_of(*tables: LiveTable, facts: Facts | None = None) -> str:
    """Return the module of tables, once it has been seen to be one."""
    inspection = sketch_models(
        {one.name: one for one in tables}, facts or Facts(), ddl_dialect("sqlite")
    )
    text = module_text(inspection, f"Models of {EVIL}")
    module = ast.parse(text)
    kinds = {type(node) for node in module.body}
    assert kinds <= {ast.Expr, ast.ImportFrom, ast.ClassDef}
    assert all(not isinstance(node, ast.Import) for node in ast.walk(module))
    return text


def test_a_model_has_fields_and_its_table() -> None:
    assert text_of(table("thing", "id", "size")).endswith(
        "class Thing(Model):\n    id = AutoField()\n    size = IntegerField(null=True)\n\n"
        '    class Meta:\n        table_name = "thing"\n'
    )


def test_names_cannot_end_a_comment_or_a_text() -> None:
    text = text_of(
        table(EVIL, "id"), table("t", "id", EVIL, "a'b"), facts=Facts(views=["v\nimport os"])
    )
    assert text.count("\nimport os") == 0
    assert "# View 'v\\nimport os' is left out." in text


def test_sql_stays_in_quotes() -> None:
    odd = table(
        "t",
        "id",
        "a",
        indexes=[
            LiveIndex("i'\"\n", Definition((Part("a"),), condition="a = '\"'"), False, ""),
            LiveIndex("j", Definition((Part("", "a; drop"),)), False, ""),
            LiveIndex("k", Definition(()), False, ""),
        ],
        checks=[Check("c'", "a <> '\\''"), Check("", "a > 0"), Check("d", "a; b")],
    )
    text = text_of(odd)
    assert "Index(fields=['a'], name='i\\'\"\\n'" in text
    assert "# Index j is not stated." in text and "# Index k is not stated." in text
    assert "CheckConstraint(name='chk_t_2', check='a > 0')" in text
    assert "# Constraint d is not stated: a; b" in text


def test_what_cannot_be_a_default_of_the_database_makes_the_table_foreign() -> None:
    one = table("t", "id", "a")
    one.columns["a"]["db_default"] = "(select 1)"
    text = text_of(one)
    assert "# db_default of a is more than an expression: (select 1)" in text
    assert "managed = False" in text


def test_plain_defaults_of_sqlite_are_stated_where_they_are_literals() -> None:
    facts = Facts(defaults={("t", "a"): "-5", ("t", "b"): "random()", ("t", "c"): "NULL"})
    text = text_of(table("t", "id", "a", "b", "c"), facts=facts)
    assert "a = IntegerField(null=True, default=-5)" in text
    assert "# Column b has the default random(), which is not stated." in text
    assert "c = IntegerField(null=True)\n" in text


def test_circles_name_later_models_by_text() -> None:
    facts = Facts(
        foreign_keys={
            "egg": [ForeignKeyFact(("hen_id",), "hen", ("id",), "NO ACTION")],
            "hen": [ForeignKeyFact(("egg",), "egg", (), "CASCADE")],
        }
    )
    text = text_of(table("egg", "id", "hen_id"), table("hen", "id", "egg"), facts=facts)
    assert 'hen = ForeignKey("Hen", on_delete="NO ACTION"' in text
    assert 'egg = ForeignKey(Egg, on_delete="NO ACTION"' in text and "db_column='egg'" in text
    assert "# ON UPDATE CASCADE of (egg) is not stated." in text


def test_two_columns_never_share_a_name() -> None:
    facts = Facts(foreign_keys={"t": [ForeignKeyFact(("a_id",), "t", (), "NO ACTION")]})
    text = text_of(table("t", "id", "a", "a_id", "A"), facts=facts)
    assert "    a = IntegerField" in text
    assert '    a2 = ForeignKey("self"' in text and "db_column='a_id'" in text
    assert "    a3 = IntegerField(null=True, db_column='A')" in text


def test_long_calls_are_broken() -> None:
    name = "a" * 60
    one = table("t", "id", name)
    one.columns[name]["db_default"] = "1 + " * 10 + "1"
    text = text_of(one)
    assert f"    {name} = IntegerField(\n        null=True,\n" in text
