"""What is made of a serializer class once: its description, and the functions that read and write."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from openviper.api.serializers.fields import unknown_name
from openviper.validation.describing import describe
from openviper.validation.dumping import Dumper
from openviper.validation.faults import ParseError
from openviper.validation.json_schema import Schema, schema_of
from openviper.validation.nodes import FieldNode, Hooks, Node, NullableNode, RecordNode
from openviper.validation.parsers import Parser


class Plan:
    """How instances of one serializer are made and written; functions are generated when they are first used.

    Args:
        cls: The class.

    Raises:
        UnsupportedTypeError: If a field is of a type that cannot be read from data.
    """

    def __init__(self, cls: type[Any]) -> None:
        node = describe(cls)
        assert isinstance(node, RecordNode)
        self.cls = cls
        self.node = node
        self.hooks: Hooks = cls.record_hooks()
        self.fields: dict[str, FieldNode] = {field.name: field for field in node.fields}
        self.checks: list[Callable[[Any], Any]] = cls._checks()
        self.is_finished_later = bool(self.checks or self.unreceived_defaults)
        self.readings: dict[type[Any], tuple[Any, ...]] = {}

    @cached_property
    def names(self) -> dict[str, str]:
        """The names of the fields by their keys."""
        return {field.key: field.name for field in self.node.fields}

    @cached_property
    def sent(self) -> list[FieldNode]:
        """The fields that are sent."""
        return [field for field in self.node.fields if field.is_sent]

    @cached_property
    def unreceived_defaults(self) -> list[FieldNode]:
        """The fields that are not received and have a default."""
        return [field for field in self.node.fields if field.has_default and not field.is_received]

    @cached_property
    def parser(self) -> Parser[Any]:
        """What reads data."""
        return Parser(self.node)

    @cached_property
    def write(self) -> Callable[[Any], dict[str, Any]]:
        """What writes an instance."""
        return Dumper(self.node).write

    @cached_property
    def writers(self) -> dict[str, tuple[str, Callable[[Any], Any]]]:
        """For the name of each field that is sent, its key, and what writes its value."""
        return {field.name: (field.key, Dumper(field.written).write) for field in self.sent}

    @cached_property
    def constructor(self) -> Parser[Any]:
        """What reads the arguments of the class: by name, what is read-only among them."""
        node = self.node
        fields = [_argument(field) for field in node.fields if not _is_computed(self.cls, field)]
        hooks = Hooks(self.cls._maker(), self.hooks.before)
        return Parser(
            RecordNode(
                node.notes,
                (node.key, "constructor"),
                _Arguments,
                "own",
                node.name,
                node.description,
                fields,
                hooks,
            )
        )

    def construct(self, values: dict[str, Any]) -> Any:
        """Return an instance of values that a program gives.

        Raises:
            TypeError: If one is missing, or there is no such field.
            ValueError: If one does not fit.
        """
        try:
            return self.constructor.parse(values)
        except ParseError as error:
            is_call = any(fault.code in ("missing", "unknown") for fault in error.faults)
            message = f"{self.cls.__name__}(): {error.args[0]}"
            raise (TypeError if is_call else ValueError)(message) from None

    def schema(self, *, is_sent: bool) -> Schema:
        """Return the JSON schema of what is received, or of what is sent."""
        return schema_of(self.node, is_sent=is_sent)

    def sent_names(self, names: Iterable[str], where: str) -> frozenset[str]:
        """Return names of fields that are sent, given as they are called in Python or in data.

        Raises:
            SerializerError: If one is none; names the nearest.
        """
        known = {field.key: field.name for field in self.sent}
        known |= {field.name: field.name for field in self.sent}
        for name in names:
            if name not in known:
                raise unknown_name(f"{self.cls.__name__}: {where}", name, known)
        return frozenset(known[name] for name in names)


class Kept:
    """What is made once for a class, and not for those that are derived from it.

    Attributes:
        plan: Its plan, as soon as the types of its fields are known.
        partial: The same class, with fields that may all be missing.
        classes: Those that are made of a generic one, by its arguments.
    """

    def __init__(self) -> None:
        self.plan: Plan | None = None
        self.partial: Any = None
        self.classes: dict[tuple[Any, ...], Any] = {}


def is_secret(node: Node) -> bool:
    """Return whether values of a type are never shown."""
    inner = node.item if isinstance(node, NullableNode) else node
    return node.notes.is_secret or inner.notes.is_secret


class _Arguments:
    """Stands for the class whose arguments are read; nothing is one already."""


def _is_computed(cls: Any, field: FieldNode) -> bool:
    return field.name in cls._computed


def _argument(field: FieldNode) -> FieldNode:
    return FieldNode(
        name=field.name,
        key=field.name,
        node=field.written,
        is_required=field.is_sure and not field.has_default,
        default=field.default,
        default_factory=field.default_factory,
        is_received=True,
        is_sent=True,
        by_keyword=True,
    )
