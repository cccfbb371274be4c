"""Messages as JSON can hold them, for the queue."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from openviper.core.email.attachments import attachment_from_payload, attachment_to_payload
from openviper.core.email.message import EmailMessageData
from openviper.core.email.mime_parts import Alternative

_FILES = frozenset({"attachments", "alternatives"})
_PLAIN_FIELDS = tuple(field.name for field in fields(EmailMessageData) if field.name not in _FILES)
_NEEDED = frozenset({"recipients", "subject", "text", "html", "cc", "bcc", "sender"})


def message_to_payload(data: EmailMessageData) -> dict[str, Any]:
    """Return a message as JSON can hold it."""
    values = {name: _whole(getattr(data, name)) for name in _PLAIN_FIELDS}
    payload = {name: value for name, value in values.items() if _belongs(name, value)}
    payload["attachments"] = [attachment_to_payload(file) for file in data.attachments]
    if data.alternatives:
        payload["alternatives"] = [_form_to_payload(form) for form in data.alternatives]
    return payload


def _whole(value: Any) -> Any:
    """Return a text without halves of characters, which JSON in a database cannot hold; the message would have lost them too."""
    if not isinstance(value, str) or value.isascii():
        return value
    return value.encode("utf-8", "replace").decode()


def _form_to_payload(form: Alternative) -> dict[str, str]:
    return {
        "content_b64": base64.b64encode(form.content).decode("ascii"),
        "mimetype": form.mimetype,
    }


def _belongs(name: str, value: object) -> bool:
    return bool(value) or name in _NEEDED or _is_null_sender(name, value)


def _is_null_sender(name: str, value: object) -> bool:
    return name == "envelope_sender" and value == ""


def message_from_payload(payload: Mapping[str, Any]) -> EmailMessageData:
    """Return the message that a payload holds.

    Raises:
        KeyError: If a field is missing.
        ValueError: If one cannot be.
    """
    values = {name: payload[name] for name in _PLAIN_FIELDS if name in payload}
    return EmailMessageData(
        **values,
        attachments=[attachment_from_payload(file) for file in payload["attachments"]],
        alternatives=[
            Alternative(base64.b64decode(form["content_b64"]), form["mimetype"])
            for form in payload.get("alternatives", ())
        ],
    )
