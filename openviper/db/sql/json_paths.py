"""Values within JSON: the paths to them, and their keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator
from typing import Any, ClassVar

from openviper.db.dialects.base import Dialect
from openviper.db.dialects.folding import MYSQL_COLLATION
from openviper.db.dialects.stored_json import may_be_key
from openviper.db.sql.conditions import ConditionNode
from openviper.db.sql.nodes import Binding, Node, Writer
from openviper.db.sql.types import FLOAT, JSON, TEXT, Family, ResultType
from openviper.exceptions import FieldError, QueryError
from openviper.utils.importing import lazy_pattern
from openviper.utils.records import record

FOREIGN_LOOKUPS = frozenset({"contained_by", "overlap", "has_any_key", "has_all_keys"})
"""Lookups that others have, or that are taken for ours: as keys of a path they would find nothing, without a word."""
MAX_PARTS = 20
"""Most keys and places in one path."""


def json_path(operand: Node, parts: tuple[str, ...]) -> JSONPath:
    """Return the value at the end of a path.

    Raises:
        FieldError: If the path is too long, no JSON can have one of its keys, or its last one is meant as a lookup.
    """
    if len(parts) > MAX_PARTS:
        raise FieldError(f"a path of {len(parts)} keys into JSON is longer than {MAX_PARTS}")
    for part in parts:
        if not may_be_key(part):
            raise FieldError(f"no JSON has the key {part!r}")
    if parts[-1] in FOREIGN_LOOKUPS:
        raise FieldError(f"JSON has no lookup {parts[-1]!r}, and a path cannot end in such a key")
    return JSONPath(operand, parts)


@record(frozen=True, slots=True, eq=False)
class JSONPath(Node):
    """A value within JSON; NULL where there is none, or the JSON null.

    Attributes:
        operand: The JSON.
        path: Keys of objects, and places in lists as digits.
    """

    is_json_path: ClassVar[bool] = True

    operand: Node
    path: tuple[str, ...]

    @property
    def type(self) -> ResultType:
        """JSON."""
        return JSON

    @property
    def name(self) -> str:
        """What a query calls it."""
        return "__".join([getattr(self.operand, "name", ""), *self.path])

    def bind(self, binding: Binding) -> Hashable:
        """Add the path, and the paths to lists and objects on the way, and return the shape."""
        operand = self.operand.bind(binding)
        lists, objects = self._before(_is_place), self._objects(binding.dialect)
        forms = [_form(path, binding.dialect) for path in (self.path, *lists, *objects)]
        binding.extend(self, forms[:1] if binding.dialect.name == "sqlite" else forms)
        return ("json path", operand, len(lists), len(objects))

    def _before(self, asks: Callable[[str], object]) -> list[tuple[str, ...]]:
        """Return the paths to what parts of some kind are asked of."""
        return [self.path[:place] for place, part in enumerate(self.path) if asks(part)]

    def _objects(self, dialect: Dialect) -> list[tuple[str, ...]]:
        """Return the paths to what has to be an object; in a list PostgreSQL would take the key for a place."""
        return self._before(_is_place_by_mistake) if dialect.name == "postgresql" else []

    def sql(self, writer: Writer) -> str:
        """Return the value, as JSON."""
        dialect = writer.dialect
        if dialect.name == "sqlite":
            return f"openviper_json_at({self.operand.sql(writer)}, {writer.value(self)})"
        at, is_null, is_list = _SERVERS[dialect.name]
        value, again = (at.format(self.operand.sql(writer), writer.value(self)) for _ in range(2))
        tests = [f"NOT {is_null.format(value)}"]
        on_the_way = [is_list for _ in self._before(_is_place)]
        on_the_way += ["jsonb_typeof({}) = 'object'" for _ in self._objects(dialect)]
        tests += [
            test.format(at.format(self.operand.sql(writer), writer.value(self, place)))
            for place, test in enumerate(on_the_way, 1)
        ]
        return f"CASE WHEN {' AND '.join(tests)} THEN {again} END"

    def sort_keys(self) -> tuple[Node, ...]:
        """Return the value as a number and as a text: in an order, numbers stand behind texts, all else before."""
        return (JSONScalar(self, FLOAT), JSONScalar(self, TEXT))


_SERVERS = {
    "postgresql": (
        "({} #> CAST({} AS text[]))",
        "(jsonb_typeof({}) = 'null')",
        "jsonb_typeof({}) = 'array'",
    ),
    "mysql": ("JSON_EXTRACT({}, {})", "(JSON_TYPE({}) = 'NULL')", "JSON_TYPE({}) = 'ARRAY'"),
}
"""How servers write a path, the test for the JSON null, and that for a list."""


def _is_place(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) < 10


_NUMBER = lazy_pattern(r"\s*[+-]?[0-9]+")


def _is_place_by_mistake(part: str) -> bool:
    """Return whether a key is a number to PostgreSQL, which counts negative ones from the end, and is none here."""
    return not _is_place(part) and _NUMBER.fullmatch(part) is not None


def _form(path: tuple[str, ...], dialect: Dialect) -> Any:
    """Return a path as a database takes it."""
    if dialect.name == "postgresql":
        return list(path)
    if dialect.name == "sqlite":
        return json.dumps(path)
    return mysql_path(path)


def mysql_path(path: tuple[str, ...]) -> str:
    """Return a path as MariaDB writes it; a key may have any character."""
    steps = [f"[{int(part)}]" if _is_place(part) else f".{_quoted(part)}" for part in path]
    return "$" + "".join(steps)


def _quoted(key: str) -> str:
    if key.startswith("-"):
        raise QueryError(f"MariaDB finds no key of JSON that begins with '-', such as {key!r}")
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@record(frozen=True, slots=True, eq=False)
class JSONScalar(Node):
    """A value within JSON as a number or a text; NULL where it is neither.

    Attributes:
        path: The value.
        result: A floating-point number, or text.
    """

    path: Node
    result: ResultType

    @property
    def type(self) -> ResultType:
        """A floating-point number, or text."""
        return self.result

    def bind(self, binding: Binding) -> Hashable:
        """Return the shape."""
        return ("json scalar", self.result, self.path.bind(binding))

    def sql(self, writer: Writer) -> str:
        """Return the value."""
        is_number = self.result.family is Family.FLOAT
        value, again = self.path.sql(writer), self.path.sql(writer)
        if writer.dialect.name == "sqlite":
            return f"openviper_json_{'number' if is_number else 'text'}({value})"
        make = _mysql_scalar if writer.dialect.name == "mysql" else _postgresql_scalar
        return make(value, again, is_number=is_number)


@record(frozen=True, slots=True, eq=False)
class HasKeys(ConditionNode):
    """Whether a JSON object has keys; all else has none.

    Attributes:
        operand: The object.
        keys: The keys.
        connector: ``AND`` for all of them, ``OR`` for one.
    """

    operand: Node
    keys: tuple[str, ...]
    connector: str

    def bind(self, binding: Binding) -> Hashable:
        """Add the keys and return the shape."""
        operand = self.operand.bind(binding)
        is_mysql = binding.dialect.name == "mysql"
        binding.extend(self, [f"$.{_quoted(key)}" if is_mysql else key for key in self.keys])
        return ("has keys", operand, len(self.keys), self.connector)

    def sql(self, writer: Writer) -> str:
        """Return the test of each key."""
        test: Callable[[str, str], str] = _KEY_TESTS[writer.dialect.name]
        tests = [
            test(self.operand.sql(writer), writer.value(self, place))
            for place in range(len(self.keys))
        ]
        text = f"({f' {self.connector} '.join(tests)})"
        if writer.dialect.name != "postgresql":
            return text
        return f"(jsonb_typeof({self.operand.sql(writer)}) = 'object' AND {text})"


_KEY_TESTS: dict[str, Callable[[str, str], str]] = {
    "sqlite": lambda json_sql, key: f"openviper_json_has({json_sql}, {key})",
    "mysql": lambda json_sql, key: f"JSON_CONTAINS_PATH({json_sql}, 'one', {key})",
    "postgresql": lambda json_sql, key: f"jsonb_exists({json_sql}, {key})",
}


@record(frozen=True, slots=True, eq=False)
class NoList(ConditionNode):
    """On MariaDB, that what lies at the end of a path is no list; elsewhere nothing.

    To MariaDB a list contains what a member of it does, so ``{"a": [1]}`` contains ``{"a": 1}``.

    Attributes:
        operand: The JSON.
        path: Keys of objects.
    """

    operand: Node
    path: tuple[str, ...]

    def bind(self, binding: Binding) -> Hashable:
        """Add the path and return the shape."""
        if binding.dialect.name != "mysql":
            return "no list"
        operand = self.operand.bind(binding)
        binding.add(self, "$" + "".join([f".{_quoted(key)}" for key in self.path]))
        return ("no list", operand)

    def sql(self, writer: Writer) -> str:
        """Return the test."""
        if writer.dialect.name != "mysql":
            return "(1 = 1)"
        return (
            f"JSON_TYPE(JSON_EXTRACT({self.operand.sql(writer)}, {writer.value(self)})) <> 'ARRAY'"
        )


def paths_of_no_lists(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the paths over objects to everything in a value that is no list; a value that is no object has none."""
    if isinstance(value, dict) and len(path) < MAX_PARTS:
        yield path
        for key, item in value.items():
            yield from _paths_behind((*path, str(key)), item)


def _paths_behind(path: tuple[str, ...], item: object) -> Iterator[tuple[str, ...]]:
    if path[-1].startswith("-"):  # MariaDB cannot look there.
        return
    if isinstance(item, dict):
        yield from paths_of_no_lists(item, path)
    elif not isinstance(item, (list, tuple)):
        yield path


def _mysql_scalar(value: str, again: str, *, is_number: bool) -> str:
    types = "'INTEGER', 'DOUBLE', 'DECIMAL', 'UNSIGNED INTEGER'" if is_number else "'STRING'"
    text = f"JSON_UNQUOTE({again}) COLLATE {MYSQL_COLLATION}"
    plain = f"CAST({again} AS DOUBLE)" if is_number else text
    return f"CASE WHEN JSON_TYPE({value}) IN ({types}) THEN {plain} END"


def _postgresql_scalar(value: str, again: str, *, is_number: bool) -> str:
    text = f"({again} #>> CAST('{{}}' AS text[]))"
    plain = f"CAST({text} AS DOUBLE PRECISION)" if is_number else text
    word = "number" if is_number else "string"
    return f"CASE WHEN jsonb_typeof({value}) = '{word}' THEN {plain} END"
