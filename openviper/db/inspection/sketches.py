"""From live tables to sketches of models: fields, options, and remarks about what no model can state."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from openviper.db.dialects.ddl import OWN_TABLES, DDLDialect
from openviper.db.dialects.definitions import Check, LiveIndex, LiveTable, targets_first
from openviper.db.dialects.identifiers import shorten, validate_identifier
from openviper.db.fields.constraint_text import validate_sql_expression
from openviper.db.inspection.facts import Facts, ForeignKeyFact
from openviper.db.inspection.names import class_name, field_name
from openviper.db.inspection.types import TypeGuess, guess_type

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
_QUOTED = re.compile(r"`([^`]+)`")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?\Z")
_TEXT = re.compile(r"'((?:[^']|'')*)'\Z")


@dataclass
class FieldSketch:
    """A field.

    Attributes:
        name: In the model.
        column: In the database.
        cls: The class of the field, with the element of an array.
        arguments: What the call is given, as Python source, in order.
        key_type: For a foreign key, the Python type of the attribute with the key.
        remarks: What is said beside it.
    """

    name: str
    column: str
    cls: str
    arguments: list[str] = field(default_factory=list)
    key_type: str = ""
    remarks: list[str] = field(default_factory=list)


@dataclass
class ModelSketch:
    """A model.

    Attributes:
        name: Its class.
        table: Its table.
        fields: Its fields.
        options: What stands in its ``Meta`` besides the table, as Python source by name.
        remarks: What is said above it.
        is_exact: Whether `migrate` finds no difference, so that the table may be its own.
        is_writable: Whether rows can be told apart and inserted.
    """

    name: str
    table: str
    fields: list[FieldSketch] = field(default_factory=list)
    options: dict[str, list[str]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    is_exact: bool = True
    is_writable: bool = True

    def differs(self, remark: str) -> None:
        """Take note of what makes the table another one than the model would have."""
        self.remarks.append(remark)
        self.is_exact = False


@dataclass
class Inspection:
    """What was found.

    Attributes:
        models: The models, those that others refer to first.
        remarks: What became no model.
    """

    models: list[ModelSketch]
    remarks: list[str]


def sketch_models(tables: Mapping[str, LiveTable], facts: Facts, dialect: DDLDialect) -> Inspection:
    """Return the models of tables.

    Args:
        tables: The live tables to describe.
        facts: What else the database says.
        dialect: The database's.
    """
    own = {name: table for name, table in tables.items() if name not in OWN_TABLES}
    good = {name: table for name, table in own.items() if _is_identifier(name)}
    remarks = [
        f"Table {name!r} has a name that no model can have; it is left out."
        for name in own
        if name not in good
    ]
    remarks += [f"View {name!r} is left out." for name in facts.views]
    sketcher = _Sketcher(good, facts, dialect)
    return Inspection([sketcher.model(name) for name in sketcher.order()], remarks)


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
        for name in tables:
            self._classes[name] = class_name(name, self._classes.values())
        self._done: set[str] = set()

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
        singles = _single_indexes(table)
        for column in table.columns.values():
            self._add_column(sketch, table, column, is_key=column["name"] == key, singles=singles)
        names = {one.column: one.name for one in sketch.fields}
        for index in table.indexes:
            _add_index(sketch, index, names, singles)
        for number, check in enumerate(table.checks, 1):
            _add_check(sketch, table, check, number)
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

    def _add_column(
        self,
        sketch: ModelSketch,
        table: LiveTable,
        column: Column,
        *,
        is_key: bool,
        singles: Mapping[str, LiveIndex],
    ) -> None:
        name = column["name"]
        if not _is_identifier(name):
            _leave_out(sketch, column)
            return
        guess = guess_type(
            column["type"], self._dialect, is_json=(table.name, name) in self._facts.json
        )
        key = self._reference(sketch, table, column)
        made = (
            self._plain(sketch, column, guess, is_key=is_key)
            if key is None
            else self._foreign_key(sketch, column, key)
        )
        self._add_options(made, sketch, table, column, is_key=is_key, singles=singles)
        sketch.fields.append(made)

    def _plain(
        self, sketch: ModelSketch, column: Column, guess: TypeGuess, *, is_key: bool
    ) -> FieldSketch:
        name = field_name(column["name"], _taken(sketch))
        base, arguments = _class_of(guess.neutral)
        numbers = column.get("autoincrement") or (is_key and self._numbers_itself(column))
        if numbers and is_key and base in AUTO:
            made = FieldSketch(name, column["name"], AUTO[base])
        else:
            made = FieldSketch(name, column["name"], FIELDS[base], arguments)
            made.arguments += ["auto_increment=True"] if numbers else []
        if guess.neutral.endswith("[]"):
            made = FieldSketch(name, column["name"], "ArrayField", [_element(guess.neutral[:-2])])
        if not guess.exact:
            sketch.differs(f"Column {column['name']} is of the type {column['type'].lower()}.")
        return made

    def _numbers_itself(self, column: Column) -> bool:
        # The rowid of SQLite (https://sqlite.org/autoinc.html).
        return self._dialect.vendor == "sqlite" and column["type"] == "INTEGER"

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

    def _add_options(
        self,
        made: FieldSketch,
        sketch: ModelSketch,
        table: LiveTable,
        column: Column,
        *,
        is_key: bool,
        singles: Mapping[str, LiveIndex],
    ) -> None:
        """Add what the column is besides its type."""
        is_reference = bool(made.key_type)
        if is_key and not made.cls.endswith("AutoField"):
            made.arguments.append("primary_key=True")
        elif column["nullable"] and not is_key:
            made.arguments.append("null=True")
        made.arguments += _index_options(made, table, column["name"], singles, is_key=is_key)
        made.arguments += self._value_options(sketch, table, column)
        default_column = f"{made.name}_id" if is_reference else made.name
        if default_column != column["name"]:
            made.arguments.append(f"db_column={column['name']!r}")
        if is_reference and column["nullable"]:
            made.key_type += " | None"

    def _value_options(
        self, sketch: ModelSketch, table: LiveTable, column: Column
    ) -> Iterator[str]:
        """Yield what the database works out, and the default."""
        formula, default = column.get("generated"), column.get("db_default")
        plain = self._facts.defaults.get((table.name, column["name"]))
        if formula is not None:
            yield from _sql_option(sketch, column["name"], "generated", str(formula["expression"]))
            if not formula["stored"]:
                yield "stored=False"
        elif default is not None:
            yield from _sql_option(sketch, column["name"], "db_default", str(default))
        elif plain is not None:
            yield from _plain_default(sketch, column, plain)


def _keys(table: LiveTable) -> list[str]:
    return [name for name, column in table.columns.items() if column.get("primary_key")]


def _taken(sketch: ModelSketch) -> set[str]:
    """Return the names that a further field cannot have."""
    attributes = {f"{one.name}_id" for one in sketch.fields if one.key_type}
    return {one.name for one in sketch.fields} | attributes


def _single_indexes(table: LiveTable) -> dict[str, LiveIndex]:
    """Return the plain indexes over one column, by column; a unique one goes before others."""
    plain = [index for index in table.indexes if _is_plain(index) and len(index.columns) == 1]
    plain.sort(key=lambda index: index.definition.unique)
    return {index.columns[0]: index for index in plain}


def _is_plain(index: LiveIndex) -> bool:
    """Return whether an index says no more than over which columns it is, and whether it is unique."""
    definition = index.definition
    extras = (definition.condition, definition.include, definition.method, definition.deferrable)
    is_upward = not any(part.descending or part.operator_class for part in definition.parts)
    return bool(definition.columns) and is_upward and not any(extras) and definition.nulls_distinct


def _unique_column(table: LiveTable) -> str | None:
    """Return a column that tells rows apart although it is not the primary key."""
    for name, index in _single_indexes(table).items():
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


def _index_options(
    made: FieldSketch,
    table: LiveTable,
    column: str,
    singles: Mapping[str, LiveIndex],
    *,
    is_key: bool,
) -> list[str]:
    """Return what says that a column is unique or indexed; an index of another name is left for ``Meta``."""
    index = singles.get(column)
    is_unique = index is not None and index.definition.unique
    if is_key:
        return ["db_index=False"] if made.key_type else []
    if index is not None and is_unique and _has_name_of(index, "uq", table.name, column):
        if not made.key_type:
            return ["unique=True"]
        made.cls = "OneToOneField"
        return []
    is_indexed = index is not None and _has_name_of(index, "idx", table.name, column)
    if made.key_type:
        return [] if is_indexed and not is_unique else ["db_index=False"]
    return ["db_index=True"] if is_indexed and not is_unique else []


def _has_name_of(index: LiveIndex, prefix: str, table: str, column: str) -> bool:
    """Return whether an index is what a field's option would make."""
    return index.is_constraint or index.name == shorten(f"{prefix}_{table}_{column}")


def _sql_option(sketch: ModelSketch, column: str, option: str, sql: str) -> list[str]:
    try:
        validate_sql_expression(sql)
    except ValueError:
        sketch.differs(f"{option} of {column} is more than an expression: {sql}")
        return []
    return [f"{option}=SQL({sql!r})"]


def _plain_default(sketch: ModelSketch, column: Column, sql: str) -> list[str]:
    """Return a default that SQLite knows and the schema sync does not compare."""
    text = _TEXT.match(sql)
    if sql.upper() == "NULL":
        return []
    if text is not None and _class_name_of(column) in ("VARCHAR", "TEXT"):
        return [f"default={text[1].replace(chr(39) * 2, chr(39))!r}"]
    if _NUMBER.match(sql) and "INT" in column["type"]:
        return [f"default={int(float(sql))}"]
    sketch.remarks.append(f"Column {column['name']} has the default {sql}, which is not stated.")
    return []


def _class_name_of(column: Column) -> str:
    return "VARCHAR" if "CHAR" in column["type"] else column["type"].partition("(")[0]


# Indexes and checks


def _add_index(
    sketch: ModelSketch,
    index: LiveIndex,
    names: Mapping[str, str],
    singles: Mapping[str, LiveIndex],
) -> None:
    """State an index in ``Meta``, unless a field does, or say why not."""
    made = {one.column: one for one in sketch.fields}
    if _is_plain(index) and singles.get(index.columns[0]) is index and _is_stated(made, index):
        return
    definition = index.definition
    unknown = [name for name in (*definition.columns, *definition.include) if name not in names]
    if not definition.parts or unknown:
        sketch.remarks.append(f"Index {index.name} is not stated.")
        return
    if index.is_constraint and _is_plain(index) and definition.unique:
        group = ", ".join(repr(names[name]) for name in index.columns)
        sketch.options.setdefault("unique_together", []).append(f"({group},)")
        return
    try:
        arguments = list(_index_arguments(index, names))
    except ValueError:
        sketch.remarks.append(f"Index {index.name} is more than expressions and is not stated.")
        return
    option, cls = ("constraints", "UniqueConstraint") if definition.unique else ("indexes", "Index")
    sketch.options.setdefault(option, []).append(f"{cls}({', '.join(arguments)})")


def _is_stated(made: Mapping[str, FieldSketch], index: LiveIndex) -> bool:
    """Return whether the field of an index says it."""
    if index.columns[0] not in made:
        return False
    one = made[index.columns[0]]
    if one.cls == "OneToOneField" or "unique=True" in one.arguments:
        return index.definition.unique
    says_no = "db_index=False" in one.arguments
    says_yes = "db_index=True" in one.arguments or (bool(one.key_type) and not says_no)
    return says_yes and not index.definition.unique


def _index_arguments(index: LiveIndex, names: Mapping[str, str]) -> Iterator[str]:
    """Yield the arguments of an index.

    Raises:
        ValueError: If an expression of it is more than one.
    """
    definition = index.definition
    if definition.expressions:
        for text in definition.expressions:
            validate_sql_expression(text)
    if len(definition.columns) == len(definition.parts):
        fields = [f"{'-' * part.descending}{names[part.column]}" for part in definition.parts]
        yield f"fields={fields!r}"
    else:
        yield f"expressions={[_expression(part) for part in definition.parts]!r}"
    yield f"name={index.name!r}"
    if definition.condition:
        yield f"condition={definition.condition!r}"
    yield from _postgresql_arguments(index, names)


def _expression(part: Any) -> str:
    sql = part.expression or f'"{part.column}"'
    return f"{sql} DESC" if part.descending else str(sql)


def _postgresql_arguments(index: LiveIndex, names: Mapping[str, str]) -> Iterator[str]:
    definition = index.definition
    classes = [part.operator_class for part in definition.parts]
    if definition.include:
        yield f"include={[names[name] for name in definition.include]!r}"
    if definition.method:
        yield f"using={definition.method!r}"
    if any(classes):
        yield f"opclasses={classes!r}"
    if definition.deferrable:
        yield f"deferrable={definition.deferrable!r}"
    if not definition.nulls_distinct:
        yield "nulls_distinct=False"


def _add_check(sketch: ModelSketch, table: LiveTable, check: Check, number: int) -> None:
    if not _is_of_table(check, table.columns):
        return
    name = check.name or shorten(f"chk_{table.name}_{number}")
    try:
        validate_sql_expression(check.expression)
    except ValueError:
        sketch.remarks.append(f"Constraint {name} is more than an expression and is not stated.")
        return
    if check.is_exclusion:
        sketch.remarks.append(f"Constraint {name} is not stated: {check.expression}")
        return
    text = f"CheckConstraint(name={name!r}, check={check.expression!r})"
    sketch.options.setdefault("constraints", []).append(text)


def _is_of_table(check: Check, columns: Iterable[str]) -> bool:
    # MariaDB tells checks by their names only, so those of other tables come along.
    return set(_QUOTED.findall(check.expression)) <= set(columns)
