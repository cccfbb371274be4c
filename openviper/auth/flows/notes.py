"""What the document of an API says of account pages: what programs send and get in place of a form and a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NotRequired, Protocol, TypedDict

from openviper.auth.flows.fields import Field, Fields
from openviper.i18n.lazy import LazyText
from openviper.routing.operations import Answer, OperationNotes, Transfer
from openviper.routing.typed.plans import InputNote
from openviper.validation.json_schema import Schema
from openviper.validation.nodes import MISSING, CustomNode, Notes

GONE = 410
"""The status of links that are over."""
PAGE = "text/html"
BODIES = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
_AWAY = "On to another page, for who asks for pages."
_CLOSED = {401: "Nobody is logged in.", 403: "The password has to be confirmed first."}
_SENT = {
    401: "Nobody is logged in, or what was shown is wrong.",
    403: "The user may not do this, or the token against forged forms is missing.",
    409: "It contradicts how things are.",
    429: "Too many attempts; Retry-After says when to try again.",
    503: "Too many passwords wait to be checked; Retry-After says when to try again.",
}


_FIELD = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "label": {"type": "string"},
        "type": {"enum": ["string", "boolean"]},
        "required": {"type": "boolean"},
        "max_length": {"type": "integer"},
    },
    "required": ["name", "label", "type", "required", "max_length"],
}
_SHOWN = {
    "type": "object",
    "description": "The page, with what it shows of the account.",
    "properties": {
        "title": {"type": "string"},
        "fields": {"type": "array", "items": _FIELD},
        "csrf_token": {"type": "string"},
    },
    "required": ["title", "fields", "csrf_token"],
}
_DONE = {
    "type": "object",
    "description": "What was done, and where to go on.",
    "properties": {
        "detail": {"type": "string"},
        "next": {"type": "string"},
        "recovery_codes": {"type": "array", "items": {"type": "string"}},
    },
}


def _open(schema: Schema) -> CustomNode:
    """Return what pages of a project's own may add to."""
    return CustomNode(Notes(), dict, dict, dict, schema)


class Told(TypedDict):
    """What is told, or what is to be done next."""

    detail: str
    next: NotRequired[str]
    second_factor_required: NotRequired[bool]


class Page(Protocol):
    """What is asked of a page here."""

    title: ClassVar[LazyText]
    fields: Fields
    needs_login: ClassVar[bool]
    needs_recent_login: ClassVar[bool]
    refusals: ClassVar[Mapping[int, str]]


def shown_notes(page: type[Page]) -> OperationNotes:
    """Return the notes of showing a page."""
    is_closed = page.needs_login or page.needs_recent_login
    transfer = Transfer(
        returns=_open(_SHOWN),
        answer_types=(PAGE,),
        problems={**(_CLOSED if is_closed else {}), **_gone(page)},
        names_fields=True,
    )
    return OperationNotes(
        f"Show the page: {page.title}.", answers={303: Answer(_AWAY)}, transfer=transfer
    )


def _gone(page: type[Page]) -> dict[int, str]:
    return {status: when for status, when in page.refusals.items() if status == GONE}


def sent_notes(page: type[Page]) -> OperationNotes:
    """Return the notes of what a page is for."""
    is_needed = any(field.is_required for field in page.fields)
    default = MISSING if is_needed else None
    transfer = Transfer(
        inputs=(InputNote("body", "body", "", _body(page.fields), default),),
        body_types=BODIES,
        returns=_open(_DONE),
        answer_types=(PAGE,),
        problems={**_SENT, **page.refusals},
        names_fields=True,
    )
    answers = {202: Answer("It is on its way, or not yet complete.", Told), 303: Answer(_AWAY)}
    summary = (page.__doc__ or "").partition("\n")[0]
    return OperationNotes(summary, answers=answers, transfer=transfer)


def _body(fields: Fields) -> CustomNode:
    """Return what is sent; what else is sent is passed over, such as the token against forged forms."""
    schema = {
        "type": "object",
        "properties": {field.name: _schema(field) for field in fields},
        "required": [field.name for field in fields if field.is_required],
    }
    return _open(schema)


def _schema(field: Field) -> dict[str, Any]:
    title = {"title": str(field.label)}
    if field.kind == "checkbox":
        return {"type": "boolean", **title}
    least = {"minLength": 1} if field.is_required else {}
    form = {"format": field.kind} if field.kind in ("email", "password") else {}
    return {"type": "string", **least, "maxLength": field.max_length, **form, **title}
