"""Arguments of commands, read by their types."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import Any, TypeVar, overload

from openviper.validation.faults import ParseError
from openviper.validation.parsers import Parser, parser_of

T = TypeVar("T")


@overload
def argument(of: type[T]) -> Callable[[str], T]: ...
@overload
def argument(of: Any) -> Callable[[str], Any]: ...
def argument(of: Any) -> Callable[[str], Any]:
    """Return what reads an argument of a command, for ``add_argument(..., type=argument(date))``.

    The text is read as a field of a form is; what does not fit is told as everywhere else.

    Args:
        of: The type, with what is demanded of it: ``Annotated[int, Between(1, 100)]``.

    Raises:
        UnsupportedTypeError: If the type cannot be read from a text.
    """
    parser: Parser[Any] = parser_of(of, strict=False)

    def read(text: str) -> Any:
        try:
            return parser.parse(text)
        except ParseError as error:
            raise ArgumentTypeError("; ".join(map(str, error.faults))) from None

    return read
