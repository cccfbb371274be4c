"""`parse`: from plain data to values of a type."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Generic, TypeVar, cast, overload

from openviper.validation.collecting import Collector
from openviper.validation.describing import describe
from openviper.validation.faults import ParseError, Refusal
from openviper.validation.nodes import Node, RecordNode
from openviper.validation.reading import Reader, Rules

T = TypeVar("T")


class Parser(Generic[T]):
    """Reads data of one type; make it once and keep it.

    Args:
        of: The type, or its description.
        strict: Take what JSON has for a type, and nothing else: an integer is a number, not the text ``"5"``. What is not strict
            takes the texts of forms and queries too, and an empty one for `None` where a type has no empty text.
        ignore_unknown: Pass over keys that no field has, which are refused otherwise.

    Raises:
        UnsupportedTypeError: If the type cannot be read from data.
    """

    def __init__(
        self, of: type[T] | Node, *, strict: bool = True, ignore_unknown: bool = False
    ) -> None:
        self.node = of if isinstance(of, Node) else describe(of)
        self._reader = Reader(self.node, Rules(strict, ignore_unknown))
        self._read: Callable[[Any], T] = self._reader.read

    def parse(self, data: object) -> T:
        """Return data as a value of the type.

        Raises:
            ParseError: If it does not fit; names everything that is wrong, up to `MAX_FAULTS`.
        """
        try:
            return self._read(data)
        except (Refusal, KeyError):
            # A KeyError of the program's own is raised again by what follows.
            return self._read_slowly(data)

    def _read_slowly(self, data: object) -> T:
        collector = Collector(self._reader)
        value = collector.collect(self.node, data)
        if collector.faults.found:
            raise ParseError(collector.faults.found)
        return cast(T, value)

    def parse_fields(self, data: object, *, partial: bool = False) -> dict[str, Any]:
        """Return the values of a record's fields, by the fields' names, without making an instance.

        Args:
            data: The data of a record.
            partial: Take any of the fields, and none that is missing: what a PATCH changes.

        Raises:
            ParseError: If it does not fit.
            TypeError: If the type has no fields.
        """
        if not isinstance(self.node, RecordNode):
            raise TypeError(f"{type(self.node).__name__} has no fields")
        collector = Collector(self._reader)
        values = collector.collect_fields(self.node, data, partial=partial)
        if collector.faults.found:
            raise ParseError(collector.faults.found)
        return values


@lru_cache(maxsize=4096)
def _parser_of(node: Node, strict: bool, ignore_unknown: bool) -> Parser[Any]:
    return Parser(node, strict=strict, ignore_unknown=ignore_unknown)


def parser_of(
    of: type[T] | Node, *, strict: bool = True, ignore_unknown: bool = False
) -> Parser[T]:
    """Return the parser of a type, which is made once per type.

    Args:
        of: The type, or its description.
        strict: See `Parser`.
        ignore_unknown: See `Parser`.

    Raises:
        UnsupportedTypeError: If the type cannot be read from data.
    """
    # One description per type is one parser per type.
    node = of if isinstance(of, Node) else describe(of)
    make = _parser_of if _is_kept(of) else Parser[T]
    return make(node, strict=strict, ignore_unknown=ignore_unknown)


def _is_kept(of: object) -> bool:
    """Return whether a type has one description; one without a hash has a new one each time."""
    try:
        hash(of)
    except TypeError:
        return False
    return True


@overload
def parse(of: type[T], data: object, *, strict: bool = ..., ignore_unknown: bool = ...) -> T: ...
@overload
def parse(of: Any, data: object, *, strict: bool = ..., ignore_unknown: bool = ...) -> Any: ...
def parse(of: Any, data: object, *, strict: bool = False, ignore_unknown: bool = False) -> Any:
    """Return plain data as a value of a type.

    ::

        order = parse(Order, {"id": "7", "lines": [{"book": 3, "count": 2}]})

    Args:
        of: The type: a dataclass, `TypedDict` or `NamedTuple`, or anything else that an annotation may say of data.
        data: What came from JSON, a form, a file.
        strict: Take what JSON has for each type, and no texts in place of numbers, dates aside, for which it has none.
        ignore_unknown: Pass over keys that no field has, which are refused otherwise.

    Raises:
        ParseError: If the data does not fit; names everything that is wrong, up to `MAX_FAULTS`.
        UnsupportedTypeError: If the type cannot be read from data.
    """
    return parser_of(of, strict=strict, ignore_unknown=ignore_unknown).parse(data)
