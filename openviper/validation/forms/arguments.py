"""What a form was told of its fields, looked at when it is made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from openviper.utils.identifiers import closest
from openviper.validation.faults import UnsupportedTypeError
from openviper.validation.forms.widgets import behind
from openviper.validation.nodes import ArrayNode, Node, RecordNode

_PREFIX = re.compile(r"[A-Za-z0-9_.-]*")


def check_arguments(
    record: RecordNode,
    *,
    prefix: object,
    initial: object,
    extra: Mapping[str, Any] | None,
    choices: Mapping[str, Any] | None,
) -> None:
    """Check the arguments of a form.

    Raises:
        UnsupportedTypeError: If one names a field that is not there, or that it means nothing for.
    """
    if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
        raise UnsupportedTypeError(f"prefix {prefix!r} is no name such as 'billing'")
    _check_initial(record, initial)
    for name, count in _named("extra", extra).items():
        _check_extra(record, name, count)
    for name in _named("choices", choices):
        _field(record, "choices", name)


def _named(option: str, given: object) -> Mapping[str, Any]:
    if not isinstance(given, (Mapping, type(None))):
        raise UnsupportedTypeError(f"{option} names fields, as {{'name': ...}}, unlike {given!r}")
    return given or {}


def _check_initial(record: RecordNode, initial: object) -> None:
    names = [field.name for field in record.fields]
    if isinstance(initial, Mapping):
        for name in initial:
            if name not in names:
                raise _unknown("initial", name, names)
    elif initial is not None and not any(hasattr(initial, name) for name in names):
        raise UnsupportedTypeError(
            f"initial: {initial!r} has none of the fields {', '.join(names)}"
        )


def _check_extra(record: RecordNode, name: str, count: object) -> None:
    node = _field(record, "extra", name)
    if not (isinstance(node, ArrayNode) and isinstance(behind(node.item), RecordNode)):
        raise UnsupportedTypeError(f"extra: {name!r} is not a list of records")
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        raise UnsupportedTypeError(f"extra: {count!r} is no number of rows")


def _field(record: RecordNode, option: str, name: str) -> Node:
    """Return the type of a field, which may be one of a record within: ``address.city``."""
    node: Node = record
    for part in str(name).split("."):
        known = _fields(node)
        if part not in known:
            raise _unknown(option, name, list(known))
        node = behind(known[part])
    return node


def _fields(node: Node) -> dict[str, Node]:
    return {field.name: field.node for field in node.fields} if isinstance(node, RecordNode) else {}


def _unknown(option: str, name: object, known: Sequence[str]) -> UnsupportedTypeError:
    nearest = closest(str(name).rpartition(".")[2], list(known))
    hint = f"did you mean {nearest!r}?" if nearest else f"there are: {', '.join(known) or 'none'}"
    return UnsupportedTypeError(f"{option}: the form has no field {name!r}; {hint}")


def reached(data: Any, parts: Iterable[str]) -> Any:
    """Return what stands at a place in data; `None` if nothing does."""
    for part in parts:
        data = data.get(part) if isinstance(data, Mapping) else None
    return data
