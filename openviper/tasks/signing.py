"""Signatures of messages: with ``TASKS["sign"]``, a worker runs only what a process that knows `SECRET_KEY` has sent."""

from __future__ import annotations

import hashlib
import hmac

from openviper.conf import settings
from openviper.tasks.exceptions import BadMessageError
from openviper.tasks.message import Message, to_json

_UNSIGNED = ("signature", "since")
"""Options that are not signed: the signature, and what the store notes."""
_SALT = b"openviper.tasks.message"


def _signature(message: Message, secret: str) -> str:
    options = message.options or {}
    signed = {name: value for name, value in options.items() if name not in _UNSIGNED}
    # Option names in order: a store may give them back in another one.
    content = to_json(
        [message.message_id, message.actor_name, message.payload, sorted(signed.items())]
    )
    key = hashlib.sha256(_SALT + secret.encode()).digest()
    return hmac.new(key, content.encode(), hashlib.sha256).hexdigest()


def sign(message: Message) -> None:
    """Put a signature of actor, arguments and options into a message."""
    message.set_option("signature", _signature(message, settings.SECRET_KEY))


def check_signature(message: Message) -> None:
    """Compare the signature of a message, in constant time.

    Raises:
        BadMessageError: If it has none, or another one.
    """
    given = message.option("signature")
    secrets = [settings.SECRET_KEY, *filter(None, settings.SECRET_KEY_FALLBACKS)]
    if not isinstance(given, str) or not any([_fits(given, message, each) for each in secrets]):
        raise BadMessageError("the message is not signed with this project's SECRET_KEY")


def _fits(given: str, message: Message, secret: str) -> bool:
    expected = _signature(message, secret)
    return hmac.compare_digest(given.encode("utf-8", "backslashreplace"), expected.encode())
