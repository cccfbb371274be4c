"""Where a parameter of a handler gets its value from, said in `Annotated`: ``page: Annotated[int, Query()] = 1``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from openviper.utils.records import record


@record(frozen=True, slots=True, eq=False)
class Input:
    """A part of the request.

    Attributes:
        key: The name there, where it is not the parameter's.
    """

    key: str = ""


@record(frozen=True, slots=True, eq=False)
class Query(Input):
    """What stands behind ``?`` in the address; of a class with fields all of it."""


@record(frozen=True, slots=True, eq=False)
class Path(Input):
    """A parameter of the route's path."""


@record(frozen=True, slots=True, eq=False)
class Header(Input):
    """A header; ``user_agent`` is ``User-Agent`` unless `key` says otherwise."""


@record(frozen=True, slots=True, eq=False)
class Cookie(Input):
    """A cookie."""


@record(frozen=True, slots=True, eq=False)
class Body(Input):
    """The body, which is JSON."""


@record(frozen=True, slots=True, eq=False)
class FormInput(Input):
    """A field of a form; of a class with fields all of it."""


@record(frozen=True, slots=True, eq=False)
class File(Input):
    """A file of a form; an `UploadFile` is one without being marked."""


@record(frozen=True, slots=True, eq=False)
class By:
    """The field by which a model is looked up, in place of its key: ``book: Annotated[Book, By("isbn")]``."""

    field: str


class Provide:
    """The result of a function, which is called once per request.

    The function's parameters get their values like those of a handler. It may be async; where it yields, what stands behind the
    ``yield`` runs after the answer is sent, and the error is raised at the ``yield`` when the handler fails.

    Args:
        function: What is called.
    """

    __slots__ = ("function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __repr__(self) -> str:
        """Return the marker as it is written."""
        return f"Provide({getattr(self.function, '__qualname__', self.function)})"
