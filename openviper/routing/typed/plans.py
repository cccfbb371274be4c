"""What a typed handler is called with, as data: OpenAPI reads it too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from openviper.validation.nodes import MISSING, Node

Source = Literal["path", "query", "header", "cookie", "form", "file", "body"]


@dataclass(frozen=True, eq=False)
class InputNote:
    """A part of the request that is read.

    Attributes:
        name: The parameter, in Python.
        source: Where it comes from.
        key: Its name there; empty where it is all there is: the body, or a class with fields that is the whole query or form.
        node: Its type.
        default: The value when it is not sent; `MISSING` if it has to be.
        refuses_empty: Whether an empty text is read as any other, and not taken for what is not sent.
        is_joined: Whether several values stand in one text, parted by commas, and are not sent one by one.
    """

    name: str
    source: Source
    key: str
    node: Node
    default: Any = MISSING
    refuses_empty: bool = False
    is_joined: bool = False

    @property
    def is_required(self) -> bool:
        """Whether it has to be sent."""
        return self.default is MISSING


@dataclass(frozen=True, eq=False)
class ModelNote:
    """An object that is looked up by a parameter of the path; 404 where there is none.

    Attributes:
        key: The parameter of the path.
        model: The class.
        field: The field that is compared.
    """

    key: str
    model: Any
    field: str


@dataclass(eq=False)
class Call:
    """A call of a handler or of a provider.

    Attributes:
        function: What is called.
        by_place: The expressions of the arguments that are given by place.
        by_name: Those that are given by name.
        variable: The name of the result.
    """

    function: Callable[..., Any]
    by_place: list[str] = field(default_factory=list)
    by_name: dict[str, str] = field(default_factory=dict)
    variable: str = ""


@dataclass(eq=False)
class TypedPlan:
    """How a typed handler is called.

    Attributes:
        handler: Its call.
        inputs: What is read, those of providers among it, in order.
        models: What is looked up.
        providers: The calls of providers, each behind those that it needs.
        returns: The type that its result is written as, if the annotation names one with fields.
        mistakes: What is wrong with it.
    """

    handler: Call
    inputs: list[InputNote] = field(default_factory=list)
    models: list[ModelNote] = field(default_factory=list)
    providers: list[Call] = field(default_factory=list)
    returns: Node | None = None
    mistakes: list[str] = field(default_factory=list)
