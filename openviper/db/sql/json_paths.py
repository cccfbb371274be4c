"""Values within JSON: the paths to them, and their keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from typing import Any, ClassVar

from openviper.db.dialects.base import Dialect
from openviper.db.dialects.folding import MYSQL_COLLATION
from openviper.db.sql.conditions import ConditionNode
from openviper.db.sql.nodes import Binding, Node, Writer
from openviper.db.sql.types import FLOAT, JSON, TEXT, Family, ResultType
from openviper.exceptions import FieldError
from openviper.utils.records import record

MAX_PARTS = 20
"""Most keys and places in one path."""


def json_path(operand: Node, parts: tuple[str, ...]) -> JSONPath:
    """Return the value at the end of a path.

    Raises:
        FieldError: If the path is too long.
    """
    if len(parts) > MAX_PARTS:
        raise FieldError(f"a path of {len(parts)} keys into JSON is longer than {MAX_PARTS}")
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
        """Add the path, and the paths to lists on the way, and return the shape."""
        operand = self.operand.bind(binding)
        lists = self._lists()
        forms = [_form(path, binding.dialect) for path in (self.path, *lists)]
        binding.extend(self, forms[:1] if binding.dialect.name == "sqlite" else forms)
        return ("json path", operand, len(lists))

    def _lists(self) -> list[tuple[str, ...]]:
        """Return the paths to what has to be a list, as a place in it is asked for."""
        return [self.path[:place] for place, part in enumerate(self.path) if _is_place(part)]

    def sql(self, writer: Writer) -> str:
        """Return the value, as JSON."""
        dialect = writer.dialect
        if dialect.name == "sqlite":
            return f"openviper_json_at({self.operand.sql(writer)}, {writer.value(self)})"
        at, is_null, is_list = _SERVERS[dialect.name]
        value, again = (at.format(self.operand.sql(writer), writer.value(self)) for _ in range(2))
        tests = [f"NOT {is_null.format(value)}"]
        tests += [
            is_list.format(at.format(self.operand.sql(writer), writer.value(self, place)))
            for place in range(1, len(self._lists()) + 1)
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
