"""Lookups: ``author__name__icontains`` taken apart, its value converted, its SQL made.

A condition is compiled in two steps. *Binding* converts the value, adds it to the parameters and returns a *kind*: a
hashable mark of everything about the value that changes the SQL text. The text is then made once per kind and cached.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from openviper.db.dialects.base import Converter, Dialect
from openviper.db.fields.base import unwrap_enum
from openviper.db.fields.columns import ColumnName
from openviper.db.fields.model_options import ModelOptions
from openviper.db.sql.aggregates import aggregate_reader, aggregate_sql, check_aggregate
from openviper.db.sql.expressions import Aggregate, Avg, Combined, Count, Expression, F
from openviper.db.sql.paths import Columns as Columns
from openviper.db.sql.paths import Path as Path
from openviper.db.sql.paths import no_field, walk
from openviper.db.sql.paths import resolve_path as resolve_path
from openviper.db.sql.patterns import validate_regex_pattern
from openviper.exceptions import FieldError, QueryError

MAX_HOPS = 5
"""Most foreign keys in one path."""
MAX_CACHED = 1000
"""Entries of a cache at which it is emptied: names and shapes come from code, but code may come from users."""
LONG_LIST = 200
"""Length from which a list is bound as one parameter where the dialect can, so that not each length has its own SQL."""

COMPARISONS = {"exact": "=", "ne": "<>", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
TEXT = {"contains", "icontains", "startswith", "istartswith", "endswith", "iendswith", "iexact"}
REGEX = {"regex", "iregex"}
OPERATORS = {*COMPARISONS, *TEXT, *REGEX, "in", "not_in", "range", "isnull"}
DATE_PARTS = {"date", "year", "month", "day"}
TIME_PARTS = {"time", "hour", "minute", "second"}
TRANSFORMS = {"DATETIME": DATE_PARTS | TIME_PARTS, "DATE": DATE_PARTS, "TIME": TIME_PARTS}

VALUE = "value"
UNKNOWN = "unknown"
Kind = Any


class Lookup:
    """One condition without its value: path, part of a moment, operator."""

    __slots__ = ("_writers", "field", "hops", "key", "operator", "transform")

    def __init__(self, meta: ModelOptions, key: str) -> None:
        path, rest = walk(meta, key)
        self.key = key
        self.hops = path.hops
        self.field = path.field
        self.transform = ""
        self.operator = "exact"
        self._writers: dict[str, Converter | None] = {}
        if rest and rest[0] in TRANSFORMS.get(path.field.db_type(), ()):
            self.transform = rest.pop(0)
        if rest and rest[0] in OPERATORS:
            self.operator = rest.pop(0)
        if rest:
            raise no_field(path, meta, key, rest[0])

    # Binding

    def bind(self, value: Any, parameters: list[Any], dialect: Dialect, meta: ModelOptions) -> Kind:
        """Add the converted value to `parameters` and return the kind of the condition.

        Raises:
            QueryError: If the value has the wrong shape for the operator.
            FieldError: If the field is stored encrypted.
        """
        operator = self.operator
        if (
            self.field is not None
            and not self.field.searchable
            and value is not None
            and operator != "isnull"
        ):
            raise FieldError(
                f"{self.key!r}: {self.field.name!r} is stored encrypted and cannot be searched"
            )
        if operator in COMPARISONS:
            if value is None and operator in ("exact", "ne"):
                return "null"
            if isinstance(value, Expression):
                return ("expression", bind_expression(value, parameters, dialect, meta))
            return self._bind_one(value, parameters, dialect)
        if operator == "isnull":
            if not isinstance(value, (bool, int)) or value not in (0, 1):
                raise QueryError(f"{self.key!r} takes True or False, not {value!r}")
            return "null" if value else "not null"
        if operator in ("in", "not_in"):
            return self._bind_list(value, parameters, dialect)
        if operator == "range":
            return self._bind_range(value, parameters, dialect)
        return self._bind_text(value, parameters, dialect)

    def _bind_one(self, value: Any, parameters: list[Any], dialect: Dialect) -> Kind:
        try:
            parameters.append(self.convert(value, dialect))
        except (ValueError, TypeError, OverflowError):
            return UNKNOWN
        return VALUE

    def convert(self, value: Any, dialect: Dialect) -> Any:
        """Return an operand as the driver takes it.

        Raises:
            ValueError: If the field cannot convert it.
        """
        if self.transform:
            return _part_operand(self.transform, value)
        if self.field.primary_key and hasattr(type(value), "_meta"):
            value = value.pk  # An instance stands for its key, as it does for foreign keys.
        value = self.field.to_db(value)
        name = dialect.name
        if name not in self._writers:
            self._writers[name] = self.field.writer(dialect)
        writer = self._writers[name]
        return value if writer is None or value is None else writer(value)

    def _bind_list(self, value: Any, parameters: list[Any], dialect: Dialect) -> Kind:
        subquery = getattr(value, "as_subquery", None)  # A queryset, which is a higher room.
        if subquery is not None:
            return ("subquery", subquery(dialect, parameters))
        if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
            raise QueryError(f"{self.key!r} takes a list of values, not {value!r}")
        operands: list[Any] = []
        for one in value:
            try:
                operands.append(self.convert(one, dialect))
            except (ValueError, TypeError, OverflowError):
                # UNKNOWN for this one; SQL's own three-valued logic then decides about the list.
                operands.append(None)
        if len(operands) >= LONG_LIST:
            operand = dialect.long_list_operand(operands)
            if operand is not None:
                parameters.append(operand)
                return "long list"
        parameters.extend(operands)
        return ("list", len(operands))

    def _bind_range(self, value: Any, parameters: list[Any], dialect: Dialect) -> Kind:
        if (
            isinstance(value, (str, bytes))
            or not isinstance(value, Iterable)
            or len(pair := list(value)) != 2
        ):
            raise QueryError(f"{self.key!r} takes two values, not {value!r}")
        try:
            operands = [self.convert(one, dialect) for one in pair]
        except (ValueError, TypeError, OverflowError):
            return UNKNOWN
        parameters.extend(operands)
        return VALUE

    def _bind_element(self, value: Any, parameters: list[Any], dialect: Dialect) -> Kind:
        try:
            element = self.field.base_field.to_db(value)
            writer = self.field.element_writer(dialect)
            parameters.append(
                dialect.array_element(
                    element if writer is None or element is None else writer(element)
                )
            )
        except (ValueError, TypeError, OverflowError):
            return UNKNOWN
        return "element"

    def _bind_text(self, value: Any, parameters: list[Any], dialect: Dialect) -> Kind:
        if value is None:
            return UNKNOWN
        if isinstance(value, re.Pattern):
            value = value.pattern
        text = str(unwrap_enum(value))
        if self.operator in REGEX:
            validate_regex_pattern(text)
        elif not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                return UNKNOWN
        parameters.append(dialect.text_operand(self.operator, text))
        return VALUE

    # SQL

    def sql(self, kind: Kind, columns: Columns, dialect: Dialect, meta: ModelOptions) -> str:
        """Return the condition's SQL, with placeholders where `bind` added parameters."""
        if kind == UNKNOWN:
            return "(1 = NULL)"
        column = columns.column(self.hops, self.field)
        if self.transform:
            column = dialect.date_part(self.transform, column)
        return self._condition(column, kind, columns, dialect, meta)

    def _condition(
        self, column: str, kind: Kind, columns: Columns, dialect: Dialect, meta: ModelOptions
    ) -> str:
        operator = self.operator
        if kind == UNKNOWN:
            return "(1 = NULL)"
        if kind == "element":
            return dialect.array_contains(column)
        mark = dialect.placeholder
        if operator in COMPARISONS:
            if kind == VALUE:
                return f"{column} {COMPARISONS[operator]} {mark}"
            if kind == "null":
                return f"{column} IS {'NOT ' if operator == 'ne' else ''}NULL"
            return f"{column} {COMPARISONS[operator]} {expression_sql(kind[1], columns, dialect, meta)}"
        if operator == "isnull":
            return f"{column} IS {'NOT ' if kind == 'not null' else ''}NULL"
        if operator in ("in", "not_in"):
            return self._list_sql(kind, column, dialect)
        if operator == "range":
            return f"{column} BETWEEN {mark} AND {mark}"
        return dialect.text_lookup(operator, column)

    def _list_sql(self, kind: Kind, column: str, dialect: Dialect) -> str:
        negation = "NOT " if self.operator == "not_in" else ""
        if kind == "long list":
            return f"{column} {negation}IN {dialect.long_list()}"
        if kind[0] == "subquery":
            return f"{column} {negation}IN ({kind[1]})"
        count: int = kind[1]
        if not count:
            return "(1 = 1)" if negation else "(1 = 0)"
        return f"{column} {negation}IN ({', '.join([dialect.placeholder] * count)})"


class AnnotationLookup(Lookup):
    """A condition on a computed value; equal to another one of the same name, operator and expression."""

    __slots__ = ("expression",)

    def __init__(self, meta: ModelOptions, key: str, expression: Expression) -> None:
        name, _, operator = key.partition("__")
        if operator and operator not in OPERATORS:
            raise FieldError(
                f"{key!r}: there is no lookup {operator!r} for the computed value {name!r}"
            )
        self.key = key
        self.operator = operator or "exact"
        self.expression = expression
        self.hops = ()
        self.field = expression_field(meta, expression)
        self.transform = ""
        self._writers = {}

    def __eq__(self, other: object) -> bool:
        # What else there is to the SQL is in the kind, the expression included.
        return isinstance(other, AnnotationLookup) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def bind(self, value: Any, parameters: list[Any], dialect: Dialect, meta: ModelOptions) -> Kind:
        """Add the numbers of the expression and the value to `parameters` and return the kinds of both."""
        computed = bind_expression(self.expression, parameters, dialect, meta)
        return computed, super().bind(value, parameters, dialect, meta)

    def convert(self, value: Any, dialect: Dialect) -> Any:
        """Return an operand as the driver takes it."""
        if self.field is None:
            if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
                raise ValueError(f"{self.key}: {value!r} is not a number")
            return value
        return super().convert(value, dialect)

    def sql(self, kind: Kind, columns: Columns, dialect: Dialect, meta: ModelOptions) -> str:
        """Return the condition's SQL."""
        computed = expression_sql(kind[0], columns, dialect, meta)
        return self._condition(computed, kind[1], columns, dialect, meta)


def find_lookup(meta: ModelOptions, key: str) -> Lookup:
    """Return the lookup of a key, made once per model.

    Raises:
        FieldError: If the key names no field or lookup.
    """
    if isinstance(key, ColumnName):
        key.check(meta)
    found: Lookup | None = meta.lookups.get(key)
    if found is None:
        found = Lookup(meta, key)
        if len(meta.lookups) >= MAX_CACHED:
            meta.lookups.clear()
        meta.lookups[key] = found
    return found


def _part_operand(part: str, value: Any) -> Any:
    if part == "date":
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            value = value.date()
        if not isinstance(value, date):
            raise ValueError(f"{value!r} is not a date")
        return value.isoformat()
    if part == "time":
        if isinstance(value, str):
            value = time.fromisoformat(value)
        if isinstance(value, datetime):
            value = value.time()
        if not isinstance(value, time):
            raise ValueError(f"{value!r} is not a time")
        return value.isoformat("seconds")
    return int(value)


# Expressions


def bind_expression(
    expression: object,
    parameters: list[Any],
    dialect: Dialect,
    meta: ModelOptions,
    *,
    inner: bool = False,
) -> Kind:
    """Add the numbers of an expression to `parameters` and return its kind.

    Args:
        expression: The expression.
        parameters: The values of the statement.
        dialect: Writes them.
        meta: The model.
        inner: Whether it stands in an aggregate, which has looked at its names.

    Raises:
        FieldError: If it names an unknown field.
    """
    if isinstance(expression, F):
        if not inner:
            resolve_path(meta, expression.name)
        return expression.name
    if isinstance(expression, Aggregate):
        check_aggregate(meta, expression)
        what: Any = expression.field
        if not isinstance(what, str):
            what = bind_expression(what, parameters, dialect, meta, inner=True)
        return ("aggregate", (expression.function, expression.distinct, what), None)
    if isinstance(expression, Combined):
        left = bind_expression(expression.left, parameters, dialect, meta, inner=inner)
        return (
            expression.operator,
            left,
            bind_expression(expression.right, parameters, dialect, meta, inner=inner),
        )
    if isinstance(expression, Decimal):
        writer = dialect.writer("NUMERIC")
        parameters.append(expression if writer is None else writer(expression))
    else:
        parameters.append(expression)
    return None


def expression_sql(kind: Kind, columns: Columns, dialect: Dialect, meta: ModelOptions) -> str:
    """Return the SQL of an expression from its kind."""
    if kind is None:
        return dialect.placeholder
    if isinstance(kind, str):
        path = resolve_path(meta, kind)
        return columns.column(path.hops, path.field)
    operator, left, right = kind
    if operator == "aggregate":
        return aggregate_sql(left, columns, dialect, meta)
    left_sql = expression_sql(left, columns, dialect, meta)
    return f"({left_sql} {operator} {expression_sql(right, columns, dialect, meta)})"


def expression_field(meta: ModelOptions, expression: object) -> Any:
    """Return the field whose kind of value an expression has, or `None` for a plain number."""
    if isinstance(expression, F):
        return resolve_path(meta, expression.name).field
    if isinstance(expression, Aggregate):
        path = check_aggregate(meta, expression)
        if (
            path is None
            or isinstance(expression, (Avg, Count))
            or not isinstance(expression.field, str)
        ):
            return None
        return path.field
    return None


def expression_reader(
    meta: ModelOptions, expression: object, dialect: Dialect, *, aware: bool
) -> Converter | None:
    """Return what turns the database's value of an expression into Python's; `None` if nothing has to be done."""
    if isinstance(expression, F):
        field = resolve_path(meta, expression.name).field
        reader: Converter | None = field.reader(dialect, aware=aware)
        return reader
    if isinstance(expression, Aggregate):
        path = check_aggregate(meta, expression)
        return aggregate_reader(
            expression, None if path is None else path.field, dialect, aware=aware
        )
    return dialect.reader("NUMERIC") if _is_decimal(meta, expression) else None


def _is_decimal(meta: ModelOptions, expression: object) -> bool:
    if isinstance(expression, Combined):
        return _is_decimal(meta, expression.left) or _is_decimal(meta, expression.right)
    field = expression_field(meta, expression)
    return isinstance(expression, Decimal) or (
        field is not None and field.db_type().startswith("NUMERIC")
    )


def names_of(expression: object) -> list[str]:
    """Return the names of the fields in an expression, and those that aggregates follow."""
    if isinstance(expression, F):
        return [expression.name]
    if isinstance(expression, Aggregate):
        return (
            [expression.field] if isinstance(expression.field, str) else names_of(expression.field)
        )
    return (
        [*names_of(expression.left), *names_of(expression.right)]
        if isinstance(expression, Combined)
        else []
    )


def substituted(expression: Any, annotations: dict[str, Expression]) -> Any:
    """Return an expression with the names of computed values replaced by what they stand for."""
    if isinstance(expression, F):
        return annotations.get(expression.name, expression)
    if isinstance(expression, Combined):
        left, right = (
            substituted(expression.left, annotations),
            substituted(expression.right, annotations),
        )
        return Combined(left, expression.operator, right)
    return expression


def parts_of(expression: object) -> list[object]:
    """Return an expression and all expressions in it."""
    if isinstance(expression, Combined):
        return [expression, *parts_of(expression.left), *parts_of(expression.right)]
    return [expression]


def checked(meta: ModelOptions, expression: Expression) -> Expression:
    """Return an expression all of whose names exist.

    Raises:
        FieldError: If one does not.
    """
    for part in parts_of(expression):
        if isinstance(part, F):
            resolve_path(meta, part.name)
        elif isinstance(part, Aggregate):
            check_aggregate(meta, part)
    return expression
