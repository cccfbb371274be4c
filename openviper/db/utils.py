"""Small helpers of the data layer that projects and tools call too."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from openviper.db.fields.constraints import validate_sql_expression as validate_sql_expression
from openviper.db.fields.relations import ON_DELETE
from openviper.db.identifiers import quote_identifier as quote_identifier
from openviper.db.identifiers import validate_identifier as validate_identifier
from openviper.db.options import validate_pool_config as validate_pool_config
from openviper.exceptions import FieldError

K = TypeVar("K")
V = TypeVar("V")

MAX_PATTERN = 500
"""Most characters of a regular expression in a query."""
_CONTROL = re.compile("[\x00\r\n\x1a]")
# A quantified group whose content has a quantifier or an alternative of its own may take exponential time to fail.
_GROUP = re.compile(r"\((?:[^()\\]|\\.)*(?:[*+}]|\|)(?:[^()\\]|\\.)*\)[*+{]")


class BoundedDict(Generic[K, V]):
    """A dictionary of limited size for several threads; when it is full the oldest quarter goes.

    Args:
        maxsize: Most entries.
    """

    def __init__(self, maxsize: int) -> None:
        if maxsize < 1:
            raise ValueError(f"maxsize={maxsize!r} is less than 1")
        self.maxsize = maxsize
        self._entries: OrderedDict[K, V] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K, default: V | None = None) -> V | None:
        """Return the value of a key, which counts as young again."""
        with self._lock:
            if key not in self._entries:
                return default
            self._entries.move_to_end(key)
            return self._entries[key]

    def __setitem__(self, key: K, value: V) -> None:
        with self._lock:
            if key not in self._entries and len(self._entries) >= self.maxsize:
                for _ in range(max(1, self.maxsize // 4)):
                    self._entries.popitem(last=False)
            self._entries[key] = value
            self._entries.move_to_end(key)

    def __getitem__(self, key: K) -> V:
        with self._lock:
            self._entries.move_to_end(key)
            return self._entries[key]

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[K]:
        with self._lock:
            return iter(list(self._entries))

    def pop(self, key: K, default: V | None = None) -> V | None:
        """Remove a key and return its value."""
        with self._lock:
            return self._entries.pop(key, default)

    def clear(self) -> None:
        """Remove everything."""
        with self._lock:
            self._entries.clear()


def validate_on_delete(action: str, context: str) -> str:
    """Return an ``ON DELETE`` action in upper case with spaces.

    Args:
        action: Such as ``cascade`` or ``SET_NULL``.
        context: What it belongs to, for the message.

    Raises:
        ValueError: If there is no such action.
    """
    words = str(action).upper().replace("_", " ")
    if words not in ON_DELETE:
        raise ValueError(f"{context}: on_delete={action!r} is not one of {', '.join(sorted(ON_DELETE))}")
    return words


def escape_like(value: str) -> str:
    """Return a text with a backslash before what LIKE takes for wildcards; lookups do so themselves."""
    return re.sub(r"[\\%_]", r"\\\g<0>", value)


def assert_safe_table_name(name: str) -> None:
    """Check that a table's name is a plain identifier.

    Raises:
        ValueError: If it is not.
    """
    validate_identifier(name, "table name")


def validate_regex_pattern(pattern: object) -> str:
    """Return a regular expression that a database may be asked to match.

    Raises:
        FieldError: If it is no text, too long, cannot be compiled, has line ends or other control characters, or repeats
            what repeats itself, which can take for ever.
    """
    if not isinstance(pattern, str):
        raise FieldError(f"{pattern!r} is not a regular expression")
    if len(pattern) > MAX_PATTERN:
        raise FieldError(f"a regular expression of {len(pattern)} characters is longer than {MAX_PATTERN}")
    if _CONTROL.search(pattern):
        raise FieldError(f"regular expression {pattern!r} has a control character")
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise FieldError(f"{pattern!r} is not a regular expression: {error}") from None
    if _GROUP.search(pattern):
        raise FieldError(f"regular expression {pattern!r} repeats a group that repeats or has alternatives itself")
    return pattern


def sql_literal(value: Any, dialect: str = "") -> str:
    """Return a value as SQL text, for statements that cannot have parameters; queries bind theirs.

    Args:
        value: `None`, a boolean, a number or a text.
        dialect: ``mysql`` doubles backslashes, which begin an escape there.
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, (int, float)):
        return repr(value)
    text = str(value).replace("'", "''")
    return f"'{text.replace(chr(92), chr(92) * 2) if dialect == 'mysql' else text}'"


def cast_to_pk_type(model: type[Any], value: Any) -> Any:
    """Return a value as the type of a model's primary key; as it is if that cannot be done."""
    try:
        return model._meta.pk.to_python(value)
    except (ValueError, TypeError):
        return value
