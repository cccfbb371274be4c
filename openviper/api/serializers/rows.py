"""From rows and other objects to the values of a serializer's fields, and the loading of relations for many rows at once."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from enum import Enum
from operator import attrgetter
from typing import Any, NamedTuple

from openviper.api.serializers.fields import SerializerError
from openviper.db.fields import FileField, JSONField, SensitiveField
from openviper.db.fields.base import Field
from openviper.db.fields.file_storage import get_file_storage
from openviper.db.fields.instance_state import loaded_relation, prefetched_of
from openviper.db.fields.model_options import ModelOptions
from openviper.db.models.base import Model
from openviper.db.query.loading import load_related
from openviper.db.query.prefetch import Relation, find_relation
from openviper.db.sql.permissions import check_permission
from openviper.exceptions import FieldError, PermissionDenied
from openviper.validation.faults import ParseError
from openviper.validation.nodes import (
    AnyNode,
    ArrayNode,
    EnumNode,
    FieldNode,
    Node,
    NullableNode,
    RecordNode,
)
from openviper.validation.parsers import Parser
from openviper.validation.unions import behind

Hidden = frozenset[type[Any]]
"""Models that the current user may not read."""
NOTHING: Hidden = frozenset()


class Step(NamedTuple):
    """A relation that a field shows.

    Attributes:
        name: Its name on the model.
        relation: What it is.
        nested: The serializer of the related rows; `None` where their keys are shown.
    """

    name: str
    relation: Relation
    nested: Any

    @property
    def model(self) -> type[Any]:
        """The model of the related rows."""
        return self.relation.model


class Reading(NamedTuple):
    """How one field is read from an object.

    Attributes:
        name: The field.
        read: Returns its value, of an object and the models that are hidden.
        step: The relation that it shows, if it does.
    """

    name: str
    read: Callable[[Any, Hidden], Any]
    step: Step | None = None


def readings_of(cls: Any, of: type[Any]) -> tuple[Reading, ...]:
    """Return how the fields of a serializer are read from objects of a class.

    Raises:
        SerializerError: If a field cannot come from such an object.
    """
    known: dict[type[Any], tuple[Reading, ...]] = cls._plan().readings
    found = known.get(of)
    if found is None:
        found = known[of] = tuple(_readings(cls, of))
    return found


def _readings(cls: Any, of: type[Any]) -> Iterator[Reading]:
    meta: ModelOptions | None = getattr(of, "_meta", None) if issubclass(of, Model) else None
    for field in cls._plan().sent:
        if field.name not in cls._computed:
            yield _reading(cls, field, meta)


def _reading(cls: Any, field: FieldNode, meta: ModelOptions | None) -> Reading:
    source = cls._source_of(field.name)
    if meta is None:
        return Reading(field.name, _from_attribute(source, converter(field.written)))
    step = _step(meta, source, field.written)
    if step is not None:
        _check_shape(cls, field, step)
        return Reading(field.name, _from_relation(cls, step), step)
    if source in meta.names:
        convert = _column_converter(cls, meta.names[source], field.written)
        return Reading(field.name, _from_column(cls, meta, source, convert))
    return Reading(field.name, _from_attribute(source, converter(field.written)))


# Plain values


def converter(node: Node) -> Callable[[Any, Hidden], Any] | None:
    """Return what makes the value of a field of that of an attribute; `None` where they are the same."""
    node = behind(node)
    if isinstance(node, EnumNode):
        return _member(node.type)
    if not isinstance(node, (NullableNode, ArrayNode)):
        nested = nested_of(node)
        return None if nested is None else _nested(nested)
    inner = converter(node.item)
    return None if inner is None else _AROUND[type(node)](inner)


def nested_of(node: Node) -> Any:
    """Return the serializer that a field holds, or of which it holds several; `None` if it is none."""
    node = behind(node)
    if isinstance(node, (NullableNode, ArrayNode)):
        return nested_of(node.item)
    return node.type if isinstance(node, RecordNode) and node.form == "own" else None


def _unless_none(convert: Callable[[Any, Hidden], Any]) -> Callable[[Any, Hidden], Any]:
    return lambda value, hidden: None if value is None else convert(value, hidden)


def _each(convert: Callable[[Any, Hidden], Any]) -> Callable[[Any, Hidden], Any]:
    return lambda values, hidden: [convert(value, hidden) for value in values]


_AROUND: Mapping[type[Node], Callable[[Any], Callable[[Any, Hidden], Any]]] = {
    NullableNode: _unless_none,
    ArrayNode: _each,
}
"""What makes the converter of a type that holds another one."""


def _member(of: type[Enum]) -> Callable[[Any, Hidden], Any]:
    return lambda value, _: of(value)


def _nested(cls: Any) -> Callable[[Any, Hidden], Any]:
    def read(value: Any, hidden: Hidden) -> Any:
        return value if isinstance(value, cls) else cls._from_row(value, hidden)

    return read


def _from_attribute(
    name: str, convert: Callable[[Any, Hidden], Any] | None
) -> Callable[[Any, Hidden], Any]:
    get = attrgetter(name)
    if convert is None:
        return lambda row, _: get(row)
    return lambda row, hidden: convert(get(row), hidden)


# Columns


def _column_converter(
    cls: Any, field: Field[Any], node: Node
) -> Callable[[Any, Hidden], Any] | None:
    """Return what makes the value of a field of that of a column; what JSON holds is read by the field's type."""
    if not isinstance(field, JSONField) or isinstance(behind(node), AnyNode):
        return converter(node)
    parse = Parser[Any](node).parse

    def read(value: Any, _: Hidden) -> Any:
        try:
            return parse(value)
        except ParseError as error:
            raise SerializerError(
                f"{cls.__name__}: {field!r} holds what its type does not: {error}"
            ) from None

    return read


def _from_column(
    cls: Any, meta: ModelOptions, name: str, convert: Callable[[Any, Hidden], Any] | None
) -> Callable[[Any, Hidden], Any]:
    field = meta.names[name]
    attname = field.attname
    if isinstance(field, SensitiveField):
        return lambda row, _: row.get_sensitive(field.name)
    if isinstance(field, FileField):
        return lambda row, _: _address(row.__dict__.get(attname))

    def read(row: Any, hidden: Hidden) -> Any:
        try:
            value = row.__dict__[attname]
        except KeyError:
            raise SerializerError(
                f"{cls.__name__}: {meta.model_name}.{name} was left out by only() or defer()"
            ) from None
        return value if convert is None else convert(value, hidden)

    return read


def _address(path: str | None) -> str | None:
    """Return the URL of a stored file."""
    return get_file_storage().url(path) if path else None


# Relations


def _step(meta: ModelOptions, name: str, node: Node) -> Step | None:
    """Return the relation that a field shows; `None` for a column, which the key of a foreign key is, too."""
    nested = nested_of(node)
    if nested is None and name in meta.names:
        return None
    try:
        relation = find_relation(meta, name)
    except FieldError:
        return None
    return Step(name, relation, nested)


def _check_shape(cls: Any, field: FieldNode, step: Step) -> None:
    node, relation = behind(field.written), step.relation
    where = f"{cls.__name__}.{field.name}"
    if isinstance(node, ArrayNode) == relation.single:
        wanted = "one row" if relation.single else "a list of rows"
        raise SerializerError(f"{where}: the relation gives {wanted}, and the type says otherwise")
    may_be_none = relation.single and (relation.reverse or relation.field.null)
    if may_be_none and not isinstance(node, NullableNode):
        raise SerializerError(f"{where}: there may be no {step.model.__name__}; write `| None`")


def _from_relation(cls: Any, step: Step) -> Callable[[Any, Hidden], Any]:
    show = _nested(step.nested) if step.nested is not None else _key

    def read(row: Any, hidden: Hidden) -> Any:
        related = related_of(cls, row, step)
        if isinstance(related, list):
            return [show(each, hidden) for each in related]
        return None if related is None else show(related, hidden)

    return read


def _key(row: Any, _: Hidden) -> Any:
    return row.pk


def is_wanted(reading: Reading, step: Step, hidden: Hidden, names: Container[str] | None) -> bool:
    """Return whether a relation is shown: its field is asked for, and its rows may be read."""
    return step.model not in hidden and (names is None or reading.name in names)


def is_loaded(row: Any, step: Step) -> bool:
    """Return whether the related rows of a row are at hand."""
    if step.relation.single and not step.relation.reverse:
        key = row.__dict__.get(step.relation.field.attname)
        related = loaded_relation(row, step.name)
        return key is None or (related is not None and related.pk == key)
    return step.name in prefetched_of(row)


def related_of(cls: Any, row: Any, step: Step) -> Any:
    """Return what is related to a row: a list, one row or `None`.

    Raises:
        SerializerError: If it was not loaded.
    """
    if not is_loaded(row, step):
        raise SerializerError(
            f"{cls.__name__}: {step.name!r} of {row!r} is not loaded; `await {cls.__name__}.dump(row)` loads it, and "
            f"`{cls.__name__}.prepare(queryset)` has it loaded"
        )
    if step.relation.single and not step.relation.reverse:
        is_set = row.__dict__.get(step.relation.field.attname) is not None
        return loaded_relation(row, step.name) if is_set else None
    return prefetched_of(row)[step.name]


async def load_relations(
    cls: Any, rows: Sequence[Any], names: frozenset[str] | None = None
) -> Hidden:
    """Load what a serializer shows of the relations of rows, in as many queries as there are relations.

    Args:
        cls: The serializer.
        rows: The rows, all of one model.
        names: The fields that are wanted; all when not given.

    Returns:
        The related models that the current user may not read, whose rows are not loaded.
    """
    hidden: set[type[Any]] = set()
    by_model: dict[type[Any], list[Any]] = {}
    for row in rows:
        by_model.setdefault(type(row), []).append(row)
    for some in by_model.values():
        await _load(cls, some, names, hidden)
    return frozenset(hidden)


async def _load(
    cls: Any, rows: Sequence[Any], names: frozenset[str] | None, hidden: set[type[Any]]
) -> None:
    for step in _steps(cls, type(rows[0]), names):
        if await _is_hidden(step.model, hidden):
            continue
        missing = [row for row in rows if not is_loaded(row, step)]
        await load_related(missing, step.name)
        await _load_below(cls, rows, step, hidden)


async def _load_below(cls: Any, rows: Sequence[Any], step: Step, hidden: set[type[Any]]) -> None:
    """Load what a nested serializer shows of related rows."""
    related = _related(cls, rows, step) if step.nested is not None else []
    if related:
        await _load(step.nested, related, None, hidden)


def _steps(cls: Any, of: type[Any], names: Container[str] | None) -> Iterator[Step]:
    """Yield the relations that the wanted fields show."""
    for reading in readings_of(cls, of):
        if reading.step is not None and (names is None or reading.name in names):
            yield reading.step


async def _is_hidden(model: Any, hidden: set[type[Any]]) -> bool:
    """Return whether the current user may not read a model, which is remembered."""
    try:
        await check_permission(model._meta, "read")
    except PermissionDenied:
        hidden.add(model)
    return model in hidden


def _related(cls: Any, rows: Sequence[Any], step: Step) -> list[Any]:
    found: dict[int, Any] = {}
    for row in rows:
        related = related_of(cls, row, step)
        for each in related if isinstance(related, list) else [related]:
            if each is not None:
                found[id(each)] = each
    return list(found.values())


def relation_paths(cls: Any, model: Any, names: Container[str] | None = None) -> dict[str, bool]:
    """Return the relations that a serializer and its nested ones show, and whether a join is enough to load each."""
    paths: dict[str, bool] = {}
    for step in _steps(cls, model, names):
        is_joined = step.relation.single and not step.relation.reverse
        below = {} if step.nested is None else relation_paths(step.nested, step.model)
        paths[step.name] = is_joined
        paths |= {f"{step.name}__{path}": is_joined and more for path, more in below.items()}
    return paths
