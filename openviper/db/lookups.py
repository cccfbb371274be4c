"""Lookups: ``author__name__icontains`` taken apart, its value converted, its SQL made.

A condition is compiled in two steps. *Binding* converts the value, adds it to the parameters and returns a *kind*: a
hashable mark of everything about the value that changes the SQL text. The text is then made once per kind and cached.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from openviper.db.dialects.base import Converter, Dialect
from openviper.db.expressions import Combined, Expression, F
from openviper.db.fields.base import Field, unwrap_enum
from openviper.db.fields.options import ModelOptions
from openviper.db.fields.relations import ForeignKey
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


class Columns(Protocol):
    """Gives columns of the queried table and of those joined to it their SQL names."""

    def column(self, hops: tuple[ForeignKey[Any], ...], field: Field[Any]) -> str:
        """Return the quoted, qualified name, joining tables as needed."""
        ...


class Path(NamedTuple):
    """A field, and the foreign keys that lead to it."""

    hops: tuple[ForeignKey[Any], ...]
    field: Any


def resolve_path(meta: ModelOptions, name: str) -> Path:
    """Return the field that a path such as ``author__name`` leads to.

    Raises:
        FieldError: If a part is no field, or the path has more than `MAX_HOPS` foreign keys.
    """
    path, rest = _walk(meta, name)
    if rest:
        raise _no_field(path, meta, name, rest[0])
    return path


def _walk(meta: ModelOptions, name: str) -> tuple[Path, list[str]]:
    """Follow a name as far as it consists of fields; return what is left of it."""
    if not isinstance(name, str):
        raise FieldError(f"{name!r} is not a field name")
    parts = name.split("__")
    hops: list[ForeignKey[Any]] = []
    field = meta.field(parts[0])
    rest = parts[1:]
    while rest and isinstance(field, ForeignKey):
        remote: ModelOptions = field.remote_model._meta
        following = remote.names.get(rest[0])
        if following is None:
            break
        rest = rest[1:]
        hops.append(field)
        field = following
    if hops and field.primary_key:
        field = hops.pop()  # The target's key is in the referring row already.
    if len(hops) > MAX_HOPS:
        raise FieldError(f"{name!r} follows {len(hops)} foreign keys, more than {MAX_HOPS}")
    return Path(tuple(hops), field), rest


def _no_field(path: Path, meta: ModelOptions, name: str, part: str) -> FieldError:
    if isinstance(path.field, ForeignKey):
        remote: ModelOptions = path.field.remote_model._meta
        return FieldError(f"{name!r}: {remote.unknown(part).detail}")
    return FieldError(f"{name!r}: {meta.model_name} knows no field or lookup {part!r} after {path.field.name!r}")


class Lookup:
    """One condition without its value: path, part of a moment, operator."""

    __slots__ = ("_writers", "field", "hops", "key", "operator", "transform")

    def __init__(self, meta: ModelOptions, key: str) -> None:
        path, rest = _walk(meta, key)
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
            raise _no_field(path, meta, key, rest[0])

    # Binding

    def bind(self, value: Any, parameters: list[Any], dialect: Dialect, meta: ModelOptions) -> Kind:
        """Add the converted value to `parameters` and return the kind of the condition.

        Raises:
            QueryError: If the value has the wrong shape for the operator.
        """
        operator = self.operator
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
        if isinstance(value, (str, bytes)) or not isinstance(value, Iterable) or len(pair := list(value)) != 2:
            raise QueryError(f"{self.key!r} takes two values, not {value!r}")
        try:
            operands = [self.convert(one, dialect) for one in pair]
        except (ValueError, TypeError, OverflowError):
            return UNKNOWN
        parameters.extend(operands)
        return VALUE

    def _bind_text(self, value: Any, parameters: list[Any], dialect: Dialect) -> Kind:
        if value is None:
            return UNKNOWN
        if isinstance(value, re.Pattern):
            value = value.pattern
        text = str(unwrap_enum(value))
        if self.operator in REGEX:
            try:
                re.compile(text)
            except re.error as error:
                raise QueryError(f"{self.key!r}: {text!r} is not a regular expression: {error}") from None
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
        operator = self.operator
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


def find_lookup(meta: ModelOptions, key: str) -> Lookup:
    """Return the lookup of a key, made once per model.

    Raises:
        FieldError: If the key names no field or lookup.
    """
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


def bind_expression(expression: object, parameters: list[Any], dialect: Dialect, meta: ModelOptions) -> Kind:
    """Add the numbers of an expression to `parameters` and return its kind.

    Raises:
        FieldError: If it names an unknown field.
    """
    if isinstance(expression, F):
        resolve_path(meta, expression.name)
        return expression.name
    if isinstance(expression, Combined):
        left = bind_expression(expression.left, parameters, dialect, meta)
        return (expression.operator, left, bind_expression(expression.right, parameters, dialect, meta))
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
    left_sql = expression_sql(left, columns, dialect, meta)
    return f"({left_sql} {operator} {expression_sql(right, columns, dialect, meta)})"
