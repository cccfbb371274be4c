"""A message of the standard library's class that is taken apart only when somebody looks at it."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, Policy
from typing import Any


class WrittenMessage(EmailMessage):
    """A message whose bytes are known.

    Taking a message apart and writing it again costs ten times what writing it once does, and most of those who ask for
    one want its bytes.

    Args:
        content: The message, with CRLF line ends.
    """

    def __init__(self, content: bytes) -> None:
        # Without the attributes that parsing makes: the first look at one of them ends in `__getattr__`.
        self.__dict__.update(_written=content, policy=SMTP)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or "_written" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self._take_apart()
        return getattr(self, name)

    def __setattr__(self, name: str, value: object) -> None:
        if "_written" in self.__dict__:
            self._take_apart()
        super().__setattr__(name, value)

    def _take_apart(self) -> None:
        content = self.__dict__.pop("_written")
        self.__dict__.update(vars(message_from_bytes(content, policy=SMTP)))

    def as_bytes(self, unixfrom: bool = False, policy: Policy | None = None) -> bytes:
        """Return the bytes as they were written, if nobody has looked into the message and nothing else is asked for."""
        written: bytes | None = self.__dict__.get("_written")
        if written is not None and not unixfrom and policy is None:
            return written
        return super().as_bytes(unixfrom, policy)
