"""How the rows of a resource are received and shown: by a serializer, of which clients may ask for some fields."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from openviper.api.resources.mistakes import hint
from openviper.api.resources.parameters import FIELDS, fields_parameter, read_query
from openviper.api.serializers.model import ModelSerializer
from openviper.db.fields.base import Field
from openviper.db.models import Model
from openviper.db.query import QuerySet
from openviper.http.request import Request
from openviper.validation.describing import describe
from openviper.validation.faults import MAX_FAULTS, MAX_SHOWN, Fault, ParseError, shown_value
from openviper.validation.nodes import ArrayNode, FieldNode, Node, NullableNode, RecordNode
from openviper.validation.shapes import MAX_DEPTH, is_too_deep
from openviper.validation.unions import behind

M = TypeVar("M", bound=Model)
Tree = dict[str, "Tree"]
"""The fields that are asked for; below each those of a nested one, of which all are asked for where there is none."""


class Selection(NamedTuple):
    """The fields of an answer.

    Attributes:
        tree: Those that are asked for.
        names: The outermost of them.
    """

    tree: Tree
    names: tuple[str, ...]


Fields: TypeAlias = Selection | None
"""The fields of an answer; all of them if the client asks for none."""


class Shape(Generic[M]):
    """What is received of a row and what is shown of it.

    Args:
        serializer: The serializer of the model.

    Attributes:
        changed: The serializer of what changes a row.
        read_only: The keys of what is shown and not received.
        parameter: The parameter by which clients ask for some fields.
    """

    def __init__(self, serializer: type[ModelSerializer[M]]) -> None:
        self.serializer = serializer
        key: Any = serializer
        self.changed: type[ModelSerializer[M]] = _partial(key)
        node = describe(serializer)
        assert isinstance(node, RecordNode)
        self._record = node

        self.parameter = fields_parameter(self.selection, _flat_names(node))
        self.read_only = frozenset(_read_only_keys(node))

    def unfilled(self) -> list[str]:
        """Return the columns that a new row must have a value for, and that are not received."""
        received = {
            self.serializer._source_of(field.name)
            for field in self._record.fields
            if field.is_received
        }
        columns = self.serializer.model._meta.fields.values()
        return [field.name for field in columns if _is_needed(field) and field.name not in received]

    def asked(self, request: Request) -> Fields:
        """Return the fields that a request asks for, and that alone.

        Raises:
            ParseError: If there is no such field, or the address has anything else behind ``?``.
        """
        fields: Fields = read_query({FIELDS: self.parameter}, request.query_params).get(FIELDS)
        return fields

    def selection(self, names: Sequence[str]) -> Selection:
        """Return the fields that a client asks for.

        Raises:
            ParseError: If one is none that it may see.
        """
        tree = _tree_of(names, self._record)
        return Selection(tree, tuple(tree))

    def columns(self, selection: Fields) -> list[str]:
        """Return the names of the fields of an answer, in order."""
        if selection is not None:
            return list(selection.names)
        return [field.key for field in _fields(self._record)]

    def check(self, data: object, *, partial: bool = False) -> ModelSerializer[M]:
        """Return what was received of a row, when it fits.

        Args:
            data: What was received.
            partial: Whether it changes a row, and may leave out whatever it likes.

        Raises:
            ParseError: If it does not fit.
        """
        if isinstance(data, dict):
            self._check_depth(data)
        return (self.changed if partial else self.serializer).validate_data(data)

    def _check_depth(self, data: Mapping[str, Any]) -> None:
        """Refuse what is nested so deep that it could be stored, and not be shown again."""
        faults = [
            Fault((key,), "depth", "is nested deeper than {depth}", {"depth": MAX_DEPTH})
            for key, value in data.items()
            if isinstance(value, (dict, list)) and is_too_deep(value)
        ]
        if faults:
            raise ParseError(faults[:MAX_FAULTS])

    async def create(self, received: ModelSerializer[M], extra: Mapping[str, Any]) -> M:
        """Store a new row.

        Args:
            received: What was received of it.
            extra: What it has beside that, by field.

        Raises:
            ParseError: If the database refuses it.
        """
        return await received.create(**extra)

    async def update(self, received: ModelSerializer[M], instance: M) -> None:
        """Change a row.

        Raises:
            ParseError: If the database refuses it.
        """
        await received.update(instance)

    def prepare(self, queryset: QuerySet[M], selection: Fields) -> QuerySet[M]:
        """Return a query that loads what is shown of its rows."""
        prepared: QuerySet[M] = self.serializer.prepare(queryset, fields=_names(selection))
        return prepared

    async def dump(self, instance: M, selection: Fields) -> dict[str, Any]:
        """Return what is shown of a row."""
        return _pruned(await self.serializer.dump(instance, fields=_names(selection)), selection)

    async def dump_many(self, instances: Sequence[M], selection: Fields) -> list[dict[str, Any]]:
        """Return what is shown of rows."""
        shown = await self.serializer.dump_many(instances, fields=_names(selection))
        return [_pruned(each, selection) for each in shown]


@lru_cache(maxsize=256)
def _partial(serializer: Any) -> Any:
    """Return a serializer whose fields may all be missing; under a name of its own in the document of an API."""
    name = f"{serializer.__name__}Patch"
    make = type(serializer)
    return make(name, (serializer,), {"__module__": serializer.__module__}, partial=True)


def _read_only_keys(record: RecordNode) -> Iterable[str]:
    return (field.key for field in record.fields if field.is_sent and not field.is_received)


def _is_needed(field: Field[Any]) -> bool:
    has_default = field.default is not None or field.db_default is not None
    return field.is_given and not (field.null or field.blank or has_default)


def _names(selection: Fields) -> list[str] | None:
    return None if selection is None else list(selection.names)


def _pruned(shown: dict[str, Any], selection: Fields) -> dict[str, Any]:
    return shown if selection is None else _cut(shown, selection.tree)


def _cut(shown: Any, tree: Tree) -> Any:
    """Return nested data with the fields of a tree only, in its order."""
    if isinstance(shown, list):
        return [_cut(each, tree) for each in shown]
    if not tree or not isinstance(shown, Mapping):
        return shown
    return {name: _cut(shown[name], below) for name, below in tree.items() if name in shown}


def _tree_of(names: Sequence[str], record: RecordNode) -> Tree:
    given = dict.fromkeys(names)
    tree: Tree = {}
    for name in given:
        _add(tree, record, name, given)
    return tree


def _add(tree: Tree, record: RecordNode, name: str, given: Container[str]) -> None:
    """Add a name such as ``author.name`` to the fields that are asked for.

    Raises:
        ParseError: If there is no such field, or all of one on the way to it is asked for, too.
    """
    at: RecordNode | None = record
    way = ""
    for part in name.split("."):
        if way and way in given:
            raise _refusal("multiple", "asks for a part of what is asked for as a whole", name)
        way = f"{way}.{part}" if way else part
        at = _behind(at, part, name)
        tree = tree.setdefault(part, {})


def _behind(record: RecordNode | None, part: str, name: str) -> RecordNode | None:
    """Return the record that a field of a record holds, if it holds one."""
    known = {} if record is None else {field.key: field for field in _fields(record)}
    if part in known:
        return record_of(known[part].written)
    params = {"part": repr(part[:MAX_SHOWN]), "hint": hint(part, known)}
    raise _refusal("unknown", "asks for {part}, which is no field here{hint}", name, **params)


def _refusal(code: str, template: str, name: str, **params: Any) -> ParseError:
    return ParseError([Fault((), code, template, params, shown_value(name))])


def record_of(node: Node) -> RecordNode | None:
    """Return the record that a type is, or holds, or holds several of."""
    node = behind(node)
    if isinstance(node, (NullableNode, ArrayNode)):
        return record_of(node.item)
    return node if isinstance(node, RecordNode) else None


def _flat_names(record: RecordNode) -> list[str]:
    """Return the names of all fields that are sent; none if one of them holds a record."""
    fields = list(_fields(record))
    is_flat = all(record_of(field.written) is None for field in fields)
    return [field.key for field in fields] if is_flat else []


def _fields(record: RecordNode) -> Iterable[FieldNode]:
    return (field for field in record.fields if field.is_sent)
