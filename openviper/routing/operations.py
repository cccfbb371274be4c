"""What an API's document says of one handler beyond its types: said by a decorator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from openviper.routing.typed.plans import InputNote
    from openviper.validation.nodes import Node

F = TypeVar("F", bound=Callable[..., Any])
ATTRIBUTE = "__openviper_operation__"


class Answer(NamedTuple):
    """One answer that a handler may give.

    Attributes:
        description: When it is given.
        type: What it holds as JSON; `None` for nothing.
    """

    description: str
    type: Any = None


class Transfer(NamedTuple):
    """What a handler reads and sends where its parameters do not say it.

    Attributes:
        inputs: What it reads.
        body_types: The media types of its body.
        returns: What its usual answer holds; `None` for nothing.
        answer_types: Further media types of that answer, and of others that hold something, beside JSON.
        headers: What the headers of that answer say, by name.
        problems: When it refuses, by status.
        selected: The record of which clients choose the fields, in every answer that holds something.
        is_lenient: Whether it looks at its input itself, and refuses none as not fitting (422) or of another type (415).
        names_fields: Whether the errors of its refusals are sentences by the name of a field.
    """

    inputs: tuple[InputNote, ...] = ()
    body_types: tuple[str, ...] = ("application/json",)
    returns: Node | None = None
    answer_types: tuple[str, ...] = ()
    headers: Mapping[str, str] = {}
    problems: Mapping[int, str] = {}
    selected: Node | None = None
    is_lenient: bool = False
    names_fields: bool = False


class OperationNotes(NamedTuple):
    """See `operation` for what each means; `transfer` is for handlers that are made, and not written."""

    summary: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    status: int = 200
    answers: Mapping[int, Answer] = {}
    is_hidden: bool = False
    is_deprecated: bool = False
    id: str = ""
    transfer: Transfer = Transfer()


def operation(
    *,
    summary: str = "",
    description: str = "",
    tags: Sequence[str] = (),
    status: int = 200,
    answers: Mapping[int, str | tuple[str, Any]] | None = None,
    hidden: bool = False,
    deprecated: bool = False,
    id: str = "",
) -> Callable[[F], F]:
    """Say more about a handler in the API's document than its types and its docstring do.

    Args:
        summary: One line; the first line of the docstring when not given.
        description: More; the rest of the docstring when not given.
        tags: Groups; the first word of the path when not given.
        status: The status of its usual answer.
        answers: Further answers by status: when they are given, or that and the type of their JSON.
        hidden: Leave it out.
        deprecated: Say that clients should stop using it.
        id: Its name in generated clients; the route's name when not given.

    Raises:
        TypeError: If something is of another type than it says.
        ValueError: If a status is none.
    """
    _check_types(
        str, {"summary": summary, "description": description, "id": id, **_numbered("tags", tags)}
    )
    _check_types(bool, {"hidden": hidden, "deprecated": deprecated})
    if not isinstance(answers, (Mapping, type(None))):
        raise TypeError(f"operation(): answers are what is said by status, not {answers!r}")
    given = {number: _answer(number, answer) for number, answer in (answers or {}).items()}
    _check_status(status)
    notes = OperationNotes(summary, description, tuple(tags), status, given, hidden, deprecated, id)

    return lambda handler: noted(handler, notes)


def has_notes(handler: object) -> bool:
    """Return whether anything was said about a handler."""
    return hasattr(handler, ATTRIBUTE)


def notes_of(handler: object) -> OperationNotes:
    """Return what was said about a handler."""
    notes: OperationNotes = getattr(handler, ATTRIBUTE, OperationNotes())
    return notes


def noted(handler: F, notes: OperationNotes) -> F:
    """Return a handler with what is said about it."""
    setattr(handler, ATTRIBUTE, notes)
    return handler


def _numbered(name: str, values: Sequence[str]) -> dict[str, object]:
    """Return several texts by the names they have in errors."""
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise TypeError(
            f"operation(): {name} are several texts, such as [{values!r}], not {values!r}"
        )
    return {f"{name}[{place}]": value for place, value in enumerate(values)}


def _check_types(kind: type[Any], given: Mapping[str, object]) -> None:
    for name, value in given.items():
        if not isinstance(value, kind):
            raise TypeError(f"operation(): {name} must be a {kind.__name__}, not {value!r}")


def _answer(status: int, answer: str | tuple[str, Any]) -> Answer:
    _check_status(status)
    return Answer(answer) if isinstance(answer, str) else Answer(*answer)


def _check_status(status: int) -> None:
    try:
        HTTPStatus(status)
    except ValueError:
        raise ValueError(f"{status!r} is not an HTTP status") from None
