"""From live tables to sketches of models: fields, options, and remarks about what no model can state."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from openviper.db.dialects.ddl import DDLDialect
from openviper.db.dialects.definitions import LiveIndex, LiveTable, targets_first
from openviper.db.dialects.identifiers import validate_identifier
from openviper.db.inspection.facts import Facts, ForeignKeyFact
from openviper.db.inspection.indexes import (
    add_check,
    add_index,
    index_options,
    is_expression,
    single_indexes,
)
from openviper.db.inspection.names import class_name, field_name, words_of
from openviper.db.inspection.shapes import FieldSketch, Inspection, ModelSketch
from openviper.db.inspection.types import guess_type

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column

FIELDS = {
    "SMALLINT": "SmallIntegerField",
    "INTEGER": "IntegerField",
    "BIGINT": "BigIntegerField",
    "REAL": "FloatField",
    "NUMERIC": "DecimalField",
    "VARCHAR": "CharField",
    "TEXT": "TextField",
    "BOOLEAN": "BooleanField",
    "DATETIME": "DateTimeField",
    "DATE": "DateField",
    "TIME": "TimeField",
    "UUID": "UUIDField",
    "JSON": "JSONField",
    "BINARY": "BinaryField",
}
PYTHON = {
    "SMALLINT": "int",
    "INTEGER": "int",
    "BIGINT": "int",
    "REAL": "float",
    "NUMERIC": "Decimal",
    "VARCHAR": "str",
    "TEXT": "str",
    "BOOLEAN": "bool",
    "DATETIME": "datetime",
    "DATE": "date",
    "TIME": "time",
    "UUID": "UUID",
}
"""The types of keys, for the annotation of what refers to them."""
AUTO = {"INTEGER": "AutoField", "BIGINT": "BigAutoField"}
_NUMBER = re.compile(r"-?\d+\Z")
_TRUTH = {"TRUE": True, "1": True, "FALSE": False, "0": False}
_TEXT = re.compile(r"'((?:[^']|'')*)'\Z")


def sketch_models(tables: Mapping[str, LiveTable], facts: Facts, dialect: DDLDialect) -> Inspection:
    """Return the models of tables.

    Args:
        tables: The live tables to describe.
        facts: What else the database says.
        dialect: The database's.
    """
    good = {name: table for name, table in tables.items() if _is_identifier(name)}
    odd = [name for name in tables if name not in good]
    sketcher = _Sketcher(good, facts, dialect)
    return Inspection(
        [sketcher.model(name) for name in sketcher.order()], _left_out(odd, facts.views)
    )


def _left_out(tables: Iterable[str], views: Iterable[str]) -> list[str]:
    odd = [f"Table {name!r} has a name that no model can have; it is left out." for name in tables]
    return odd + [f"View {name!r} is left out." for name in views]


def _is_identifier(name: str) -> bool:
    try:
        validate_identifier(name)
    except ValueError:
        return False
    return True


class _Sketcher:
    def __init__(self, tables: Mapping[str, LiveTable], facts: Facts, dialect: DDLDialect) -> None:
        self._tables = tables
        self._facts = facts
        self._dialect = dialect
        self._classes: dict[str, str] = {}
        # Of several names that give one class, the plainest keeps it.
        for name in sorted(
            tables, key=lambda name: (name != "_".join(words_of(name)).lower(), name)
        ):
            self._classes[name] = class_name(name, self._classes.values())
        self._done: set[str] = set()
        self._singles: dict[str, LiveIndex] = {}

    def order(self) -> list[str]:
        """Return the names of the tables, those that others refer to first."""
        return targets_first(
            {
                name: {key.target for key in self._facts.foreign_keys.get(name, ())} - {name}
                for name in sorted(self._tables)
            }
        )

    def model(self, name: str) -> ModelSketch:
        """Return the model of a table."""
        table = self._tables[name]
        sketch = ModelSketch(self._classes[name], name)
        key = self._key_column(table, sketch)
        self._singles = single_indexes(table)
        for column in table.columns.values():
            self._add_column(sketch, table, column, key)
        names = {one.column: one.name for one in sketch.fields}
        for index in table.indexes:
            add_index(sketch, index, names)
        for number, check in enumerate(table.checks, 1):
            add_check(sketch, table, check, number)
        self._remark_foreign_keys(sketch, name)
        self._done.add(name)
        return sketch

    # Keys

    def _key_column(self, table: LiveTable, sketch: ModelSketch) -> str:
        """Return the column that is the primary key of the model."""
        keys = _keys(table)
        if len(keys) == 1 and _is_identifier(keys[0]):
            return keys[0]
        unique = _unique_column(table)
        if keys:
            sketch.differs(
                f"The primary key is ({', '.join(keys)}), and that of a model is one column."
            )
        else:
            sketch.differs("The table has no primary key.")
        if unique is not None:
            sketch.remarks.append(f"Rows are told apart by {unique}, which is unique.")
            return unique
        sketch.is_writable = False
        sketch.remarks.append("Several rows may have the same key here, so the model only reads.")
        return next(name for name in [*keys, *table.columns] if _is_identifier(name))

    def _remark_foreign_keys(self, sketch: ModelSketch, table: str) -> None:
        for key in self._facts.foreign_keys.get(table, ()):
            if len(key.columns) > 1:
                own, other = ", ".join(key.columns), ", ".join(key.target_columns)
                sketch.remarks.append(
                    f"A foreign key over several columns is not stated: ({own}) to {key.target} ({other})."
                )
            if key.on_update not in ("NO ACTION", "RESTRICT"):
                own = ", ".join(key.columns)
                sketch.remarks.append(f"ON UPDATE {key.on_update} of ({own}) is not stated.")

    # Columns

    def _add_column(self, sketch: ModelSketch, table: LiveTable, column: Column, key: str) -> None:
        name = column["name"]
        if not _is_identifier(name):
            _leave_out(sketch, column)
            return
        reference = self._reference(sketch, table, column)
        made = (
            self._plain(sketch, table, column, is_key=name == key)
            if reference is None
            else self._foreign_key(sketch, column, reference)
        )
        made.arguments += self._options(made, sketch, table, column, key)
        if made.key_type and column["nullable"]:
            made.key_type += " | None"
        sketch.fields.append(made)

    def _plain(
        self, sketch: ModelSketch, table: LiveTable, column: Column, *, is_key: bool
    ) -> FieldSketch:
        """Return the field of a column that refers to nothing."""
        is_json = (table.name, column["name"]) in self._facts.json
        guess = guess_type(column["type"], self._dialect, is_json=is_json)
        if not guess.exact:
            sketch.differs(f"Column {column['name']} is of the type {column['type'].lower()}.")
        name = field_name(column["name"], _taken(sketch))
        if guess.neutral.endswith("[]"):
            return FieldSketch(name, column["name"], "ArrayField", [_element(guess.neutral[:-2])])
        cls, arguments = self._class_and_size(guess.neutral, column, is_key=is_key)
        return FieldSketch(name, column["name"], cls, arguments)

    def _class_and_size(
        self, neutral: str, column: Column, *, is_key: bool
    ) -> tuple[str, list[str]]:
        """Return the class of a field, and the arguments that belong to its type."""
        base, arguments = _class_of(neutral)
        if not (column.get("autoincrement") or self._numbers_itself(column)):
            return FIELDS[base], arguments
        if is_key and base in AUTO:
            return AUTO[base], []
        return FIELDS[base], [*arguments, "auto_increment=True"]

    def _numbers_itself(self, column: Column) -> bool:
        # The rowid of SQLite (https://sqlite.org/autoinc.html).
        is_rowid = column["type"] == "INTEGER" and bool(column.get("primary_key"))
        return is_rowid and self._dialect.vendor == "sqlite"

    def _reference(
        self, sketch: ModelSketch, table: LiveTable, column: Column
    ) -> ForeignKeyFact | None:
        """Return the foreign key of a column, if a field can be one."""
        keys = [
            key
            for key in self._facts.foreign_keys.get(table.name, ())
            if key.columns == (column["name"],)
        ]
        if not keys:
            return None
        key, name = keys[0], column["name"]
        target = self._tables.get(key.target)
        if target is None:
            sketch.differs(
                f"Column {name} refers to table {key.target}, which is not described here."
            )
            return None
        wanted = _keys(target)
        if len(wanted) != 1 or (key.target_columns or tuple(wanted)) != tuple(wanted):
            sketch.differs(
                f"Column {name} refers to {key.target} by another column than its primary key."
            )
            return None
        neutral = self._key_type(key.target)
        if not self._dialect.same_type({**column, "type": neutral}, column["type"]):
            sketch.differs(f"Column {name} is of another type than the key of {key.target}.")
            return None
        return key

    def _key_type(self, table: str) -> str:
        """Return the neutral type of the primary key of a table."""
        live = self._tables[table]
        return guess_type(live.columns[_keys(live)[0]]["type"], self._dialect).neutral

    def _foreign_key(self, sketch: ModelSketch, column: Column, key: ForeignKeyFact) -> FieldSketch:
        name = field_name(re.sub(r"_id\Z", "", column["name"]), _taken(sketch))
        target = self._classes[key.target]
        is_known = key.target in self._done
        to = target if is_known else f'"{"self" if key.target == sketch.table else target}"'
        made = FieldSketch(name, column["name"], "ForeignKey", [to])
        made.arguments += self._on_delete(sketch, column)
        made.key_type = PYTHON.get(self._key_type(key.target).partition("(")[0], "Any")
        return made

    @staticmethod
    def _on_delete(sketch: ModelSketch, column: Column) -> list[str]:
        action = column.get("on_delete", "NO ACTION")
        if action == "SET NULL" and not column["nullable"]:
            sketch.differs(f"ON DELETE SET NULL of {column['name']} can never be done.")
            action = "NO ACTION"
        return [] if action == "CASCADE" else [f'on_delete="{action}"']

    def _options(
        self, made: FieldSketch, sketch: ModelSketch, table: LiveTable, column: Column, key: str
    ) -> Iterator[str]:
        """Yield the arguments for what a column is besides its type."""
        is_key = column["name"] == key
        yield from _null_option(made, column, is_key=is_key)
        index = self._singles.get(column["name"])
        yield from index_options(made, table.name, index, is_key=is_key)
        yield from self._value_options(sketch, table, column)
        usual = f"{made.name}_id" if made.key_type else made.name
        if usual != column["name"]:
            yield f"db_column={column['name']!r}"

    def _value_options(
        self, sketch: ModelSketch, table: LiveTable, column: Column
    ) -> Iterator[str]:
        """Yield what the database works out, and the default."""
        formula, default = column.get("generated"), column.get("db_default")
        plain = self._facts.defaults.get((table.name, column["name"]))
        if formula is not None:
            yield from _sql_option(sketch, column["name"], "generated", str(formula["expression"]))
            yield from [] if formula["stored"] else ["stored=False"]
        elif default is not None:
            yield from _sql_option(sketch, column["name"], "db_default", str(default))
        elif plain is not None:
            yield from _plain_default(sketch, column, plain)


def _null_option(made: FieldSketch, column: Column, *, is_key: bool) -> list[str]:
    if is_key:
        return [] if made.cls in AUTO.values() else ["primary_key=True"]
    if column["nullable"]:
        return ["null=True"]
    # Alone among the fields, it allows NULL by itself.
    return ["null=False"] if made.cls == "DateTimeField" else []


def _keys(table: LiveTable) -> list[str]:
    return [name for name, column in table.columns.items() if column.get("primary_key")]


def _taken(sketch: ModelSketch) -> set[str]:
    """Return the names that a further field cannot have."""
    attributes = {f"{one.name}_id" for one in sketch.fields if one.key_type}
    return {one.name for one in sketch.fields} | attributes


def _unique_column(table: LiveTable) -> str | None:
    """Return a column that tells rows apart although it is not the primary key."""
    for name, index in single_indexes(table).items():
        is_good = index.definition.unique and not table.columns[name]["nullable"]
        if is_good and _is_identifier(name):
            return name
    return None


def _leave_out(sketch: ModelSketch, column: Column) -> None:
    """Take note of a column that cannot be a field."""
    sketch.remarks.append(
        f"Column {column['name']!r} has a name that no field can have; it is left out."
    )
    if not (column["nullable"] or "db_default" in column or "generated" in column):
        sketch.is_writable = False
        sketch.remarks.append("It needs a value, so the model only reads.")


def _class_of(neutral: str) -> tuple[str, list[str]]:
    """Return the type without its length, and the arguments that state the length."""
    base, _, size = neutral.removesuffix("[]").partition("(")
    if base == "VARCHAR":
        return base, [f"max_length={size.rstrip(')')}"]
    if base == "NUMERIC":
        digits, places = size.rstrip(")").split(",")
        return base, [f"max_digits={digits}", f"decimal_places={places}"]
    return base, []


def _element(neutral: str) -> str:
    base, arguments = _class_of(neutral)
    return f"{FIELDS[base]}({', '.join(arguments)})"


def _sql_option(sketch: ModelSketch, column: str, option: str, sql: str) -> list[str]:
    if is_expression(sql):
        return [f"{option}=SQL({sql!r})"]
    sketch.differs(f"{option} of {column} is more than an expression: {sql}")
    return []


def _plain_default(sketch: ModelSketch, column: Column, sql: str) -> list[str]:
    """Return a default that SQLite knows and the schema sync does not compare."""
    default = _literal(column["type"], sql)
    if default is not None:
        return [f"default={default!r}"]
    if sql.upper() != "NULL":
        sketch.remarks.append(
            f"Column {column['name']} has the default {sql}, which is not stated."
        )
    return []


def _literal(live_type: str, sql: str) -> str | int | None:
    """Return the value of a literal of a type, `None` if it is none."""
    text = _TEXT.match(sql)
    if text is not None and ("CHAR" in live_type or "TEXT" in live_type):
        return text[1].replace("''", "'")
    if "BOOL" in live_type:
        return _TRUTH.get(sql.upper())
    return int(sql) if _NUMBER.match(sql) and "INT" in live_type else None
