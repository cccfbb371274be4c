"""What the document of an API says of a resource: its parameters, bodies, answers and errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import make_dataclass
from functools import lru_cache
from typing import Annotated, Any, Union

from openviper.api.resources.bodies import PATCHES, WHOLE
from openviper.api.resources.parameters import Parameters
from openviper.api.resources.shapes import Shape
from openviper.http.negotiation import TYPES, Format
from openviper.routing.operations import Answer, OperationNotes, Transfer
from openviper.routing.typed.plans import InputNote
from openviper.validation.constraints import MaxLength
from openviper.validation.describing import describe
from openviper.validation.nodes import MISSING, Node

HEADERS = {"ETag": "The version of what is sent, for If-Match and If-None-Match."}
LOCATION = {"Location": "The address of the new row."}
LINK = {"Link": "The pages around this one (RFC 8288)."}
OUT_OF_SIGHT = {204: Answer("It is stored, and its user may not see it any more.")}
NOT_FOUND = {404: "There is no such row."}
NOT_ACCEPTED = {406: "None of the formats that are offered is accepted."}
UNCHANGED = {304: Answer("It is still the version that If-None-Match names.")}
CONFLICT = {409: "What was sent contradicts what is stored."}
IN_THE_WAY = {409: "Other rows refer to it."}
FORMER = {412: "It is not the version that If-Match names any more."}
UNVERSIONED = {428: "If-Match is missing."}


class Describer:
    """Says of each action what its handler reads and sends.

    Args:
        shape: How rows are received and shown.
        most: Most rows of one request; 0 if each is for one.
        is_counted: Whether a page says how many rows there are.
        is_nested: Whether the rows lie below those of another resource.
        requires_version: Whether changes have to say which version they mean.
    """

    def __init__(
        self,
        shape: Shape[Any],
        *,
        most: int,
        is_counted: bool,
        is_nested: bool,
        requires_version: bool,
    ) -> None:
        self._received: Any = shape.serializer
        self._changed: Any = shape.changed
        meta = shape.serializer.model._meta
        self._name, self._names = meta.verbose_name, meta.verbose_name_plural
        self._most = most
        self._is_counted = is_counted
        self._nested = NOT_FOUND if is_nested else {}
        self._required = UNVERSIONED if requires_version else {}
        self._match = _match(is_required=requires_version)

    def of_list(self, parameters: Parameters, formats: Iterable[Format]) -> OperationNotes:
        """Return the notes of the list."""
        transfer = Transfer(
            inputs=_inputs(parameters),
            selected=describe(self._received),
            returns=describe(_page(self._received, is_counted=self._is_counted)),
            answer_types=tuple(TYPES[name] for name in formats if name != "json"),
            headers={**HEADERS, **LINK},
            problems={**self._nested, **NOT_ACCEPTED, **FORMER},
        )
        return OperationNotes(f"List {self._names}.", answers=UNCHANGED, transfer=transfer)

    def of_create(self, parameters: Parameters) -> OperationNotes:
        """Return the notes of making a row, or several."""
        one, many = self._received, self._several(self._received)
        node = describe(Union[one, many] if self._most else one)  # noqa: UP007 - known at run time only
        transfer = Transfer(
            inputs=(*_inputs(parameters), _body(node)),
            body_types=WHOLE,
            selected=describe(self._received),
            returns=node,
            headers={**HEADERS, **LOCATION},
            problems={**self._nested, **CONFLICT},
        )
        return OperationNotes(f"Make a {self._name}.", status=201, transfer=transfer)

    def _several(self, of: Any) -> Any:
        return Annotated[list[of], MaxLength(self._most)]

    def of_read(self, parameters: Parameters) -> OperationNotes:
        """Return the notes of showing a row."""
        transfer = Transfer(
            inputs=_inputs(parameters),
            selected=describe(self._received),
            returns=describe(self._received),
            headers=HEADERS,
            problems={**NOT_FOUND, **FORMER},
        )
        return OperationNotes(f"Show a {self._name}.", answers=UNCHANGED, transfer=transfer)

    def of_replace(self, parameters: Parameters) -> OperationNotes:
        """Return the notes of replacing a row."""
        return self._of_change(f"Replace a {self._name}.", self._received, WHOLE, parameters)

    def of_update(self, parameters: Parameters) -> OperationNotes:
        """Return the notes of changing a row."""
        return self._of_change(f"Change a {self._name}.", self._changed, PATCHES, parameters)

    def _of_change(
        self, summary: str, of: Any, types: tuple[str, ...], parameters: Parameters
    ) -> OperationNotes:
        transfer = Transfer(
            inputs=(*_inputs(parameters), self._match, _body(describe(of))),
            body_types=types,
            selected=describe(self._received),
            returns=describe(self._received),
            headers=HEADERS,
            problems={**NOT_FOUND, **CONFLICT, **FORMER, **self._required},
        )
        return OperationNotes(summary, answers=OUT_OF_SIGHT, transfer=transfer)

    def of_update_many(self, parameters: Parameters) -> OperationNotes:
        """Return the notes of changing several rows."""
        changed = self._several(self._changed)
        transfer = Transfer(
            inputs=(*_inputs(parameters), _body(describe(changed))),
            body_types=PATCHES,
            selected=describe(self._received),
            returns=describe(self._several(self._received)),
            problems={**self._nested, **CONFLICT},
        )
        return OperationNotes(f"Change several {self._names}.", transfer=transfer)

    def of_delete(self, parameters: Parameters) -> OperationNotes:
        """Return the notes of deleting a row."""
        transfer = Transfer(
            inputs=(*_inputs(parameters), self._match),
            problems={**NOT_FOUND, **IN_THE_WAY, **FORMER, **self._required},
        )
        return OperationNotes(f"Delete a {self._name}.", status=204, transfer=transfer)


@lru_cache(maxsize=256)
def _page(of: Any, *, is_counted: bool) -> type[Any]:
    fields: list[tuple[str, Any]] = [
        ("results", list[of]),
        ("next", str | None),
        ("previous", str | None),
    ]
    if is_counted:
        fields.append(("count", int))
    return make_dataclass(f"{of.__name__}Page", fields)


def _match(*, is_required: bool) -> InputNote:
    default = MISSING if is_required else None
    return InputNote("if_match", "header", "If-Match", describe(str), default)


def _inputs(parameters: Parameters) -> tuple[InputNote, ...]:
    return tuple(parameter.note for parameter in parameters.values())


def _body(node: Node) -> InputNote:
    return InputNote("body", "body", "", node)
