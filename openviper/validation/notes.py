"""What the marks in `Annotated` change of the notes of a node."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from openviper.validation.constraints import Constraint
from openviper.validation.faults import UnsupportedTypeError
from openviper.validation.markers import (
    Alias,
    AllowNaN,
    Description,
    Example,
    ReadOnly,
    Secret,
    Title,
    WriteOnly,
)
from openviper.validation.nodes import Notes


def _kept(notes: Notes, mark: Any) -> dict[str, Any]:
    return {"markers": (*notes.markers, mark)}


def _text(mark: Any, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise UnsupportedTypeError(f"{type(mark).__name__} needs a text, not {value!r}")
    return value


_CHANGES: dict[type[Any], Callable[[Notes, Any], dict[str, Any]]] = {
    Constraint: lambda notes, mark: {"constraints": (*notes.constraints, mark)},
    Example: lambda notes, mark: {"examples": (*notes.examples, mark.value)},
    Alias: lambda _, mark: {"alias": _text(mark, mark.name)},
    Title: lambda _, mark: {"title": _text(mark, mark.text)},
    Description: lambda _, mark: {"description": _text(mark, mark.text)},
    Secret: lambda _notes, _mark: {"is_secret": True},
    ReadOnly: lambda _notes, _mark: {"is_read_only": True},
    WriteOnly: lambda _notes, _mark: {"is_write_only": True},
    AllowNaN: lambda _notes, _mark: {"allows_nan": True},
}
"""What each mark changes of the notes."""


def with_marks(notes: Notes, marks: Iterable[Any]) -> Notes:
    """Return notes with what an `Annotated` says; what stands outside is kept before what stands within."""
    for mark in marks:
        if isinstance(mark, type) and (issubclass(mark, Constraint) or mark in _CHANGES):
            mark = _instance(mark)
        change = _CHANGES.get(Constraint if isinstance(mark, Constraint) else type(mark), _kept)
        notes = replaced(notes, **change(notes, mark))
    return notes


def _instance(mark: type[Any]) -> Any:
    """Return a mark that was written without parentheses: `Email` for `Email()`."""
    try:
        return mark()
    except TypeError:
        raise UnsupportedTypeError(
            f"{mark.__name__} stands in an annotation without what it demands; write {mark.__name__}(...)"
        ) from None


def replaced(notes: Notes, **changes: Any) -> Notes:
    """Return notes with some things changed."""
    names: tuple[str, ...] = Notes.__match_args__
    return Notes(**{name: getattr(notes, name) for name in names} | changes)
