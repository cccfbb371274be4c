"""What may stand behind ``?`` in the address of a resource, and reading it: everything else is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal, NamedTuple

from openviper.api.resources.mistakes import hint
from openviper.routing.typed.plans import InputNote
from openviper.utils.datastructures import QueryParams
from openviper.utils.identifiers import closest
from openviper.validation.constraints import Between, MinLength
from openviper.validation.describing import describe
from openviper.validation.faults import (
    MAX_FAULTS,
    MAX_SHOWN,
    Fault,
    ParseError,
    shown_key,
    shown_value,
)
from openviper.validation.markers import Description
from openviper.validation.nodes import Node
from openviper.validation.parsers import Parser

FIELDS = "fields"
"""The parameter that every address of a resource has."""
MOST_WORDS = 10
"""Most words of one search; each asks the database to look at every row."""


class Parameter(NamedTuple):
    """One parameter.

    Attributes:
        key: Its name.
        node: Its type, for the document of the API.
        parse: Reads its text, or its texts.
        takes_several: Whether it may be given several times.
        is_joined: Whether it is given once, with several values parted by commas.
    """

    key: str
    node: Node
    parse: Callable[[Any], Any]
    takes_several: bool = False
    is_joined: bool = False

    @property
    def note(self) -> InputNote:
        """The parameter as the document of the API has it."""
        return InputNote(
            self.key,
            "query",
            self.key,
            self.node,
            None,
            refuses_empty=True,
            is_joined=self.is_joined,
        )


Parameters = dict[str, Parameter]


def typed(key: str, of: Any, *, takes_several: bool = False) -> Parameter:
    """Return a parameter that is read as a type."""
    node = describe(of)
    return Parameter(key, node, Parser[Any](node, strict=False).parse, takes_several)


def ordering_parameter(names: Sequence[str]) -> Parameter:
    """Return the parameter that names the order of a list: ``-price,title``."""

    def parse(text: str) -> tuple[str, ...]:
        terms = tuple(text.split(","))
        seen: set[str] = set()
        for term in terms:
            _check_term(term, names, seen)
        return terms

    terms = tuple(term for name in names for term in (name, f"-{name}"))
    told = "What comes first; a minus before a name turns it."
    term: Any = Literal[terms]
    shown = Annotated[set[term], MinLength(1), Description(told)]
    return Parameter("ordering", describe(shown), parse, is_joined=True)


def _check_term(term: str, names: Sequence[str], seen: set[str]) -> None:
    name = term.removeprefix("-")
    if name not in names:
        found = hint(name, names)
        raise _refusal("unknown", "is no order of this list{hint}", term, hint=found)
    if name in seen:
        raise _refusal("multiple", "names an order twice", term)
    seen.add(name)


def search_parameter() -> Parameter:
    """Return the parameter with the words that rows must have."""

    def parse(text: str) -> tuple[str, ...]:
        words = tuple(text.split())
        if len(words) > MOST_WORDS:
            raise _refusal("max_length", "has more than {most} words", text, most=MOST_WORDS)
        return words

    return Parameter(
        "search", describe(Annotated[str, Description("Words that all have to occur.")]), parse
    )


def fields_parameter(select: Callable[[Sequence[str]], Any], names: Sequence[str]) -> Parameter:
    """Return the parameter that names the fields of the answer: ``id,title,author.name``.

    Args:
        select: Returns what the names mean, or raises a `ParseError`.
        names: Every name there is; empty where names lead into nested fields.
    """

    def parse(text: str) -> Any:
        return select(text.split(","))

    told = (
        "The fields of the answer."
        if names
        else "The fields of the answer; a dot leads into a nested one."
    )
    name: Any = Literal[tuple(names)] if names else Annotated[str, MinLength(1)]
    shown = Annotated[list[name], MinLength(1), Description(told)]
    return Parameter(FIELDS, describe(shown), parse, is_joined=True)


def page_parameters(most: int) -> list[Parameter]:
    """Return the parameters that say which page of a list is meant."""
    size = typed("page_size", Annotated[int, Between(1, most)])
    told = "From `next` or `previous` of another page."
    return [size, typed("cursor", Annotated[str, Description(told)])]


def read_query(parameters: Parameters, query: QueryParams) -> dict[str, Any]:
    """Return the values of the parameters that are given.

    Raises:
        ParseError: If one is unknown, or given more than once, or its value does not fit; names everything that is wrong.
    """
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for key in query:
        faults += _read_into(values, parameters, key, query.getlist(key))
        if len(faults) >= MAX_FAULTS:
            break
    if faults:
        raise ParseError(faults)
    return values


def _read_into(
    values: dict[str, Any], parameters: Parameters, key: str, texts: Sequence[str]
) -> Sequence[Fault]:
    """Read one parameter, and return what is wrong with it."""
    try:
        values[key] = _value(parameters, key, texts)
    except ParseError as error:
        return error.below("query", shown_key(key)).faults
    return ()


def _value(parameters: Parameters, key: str, texts: Sequence[str]) -> Any:
    parameter = parameters.get(key)
    if parameter is None:
        raise _refusal("unknown", "is unknown{hint}", texts[0], hint=_meant(key, parameters))
    if parameter.takes_several:
        return parameter.parse(list(texts))
    if len(texts) > 1:
        raise _refusal("multiple", "is given more than once", texts[1])
    return parameter.parse(texts[0])


def _meant(key: str, parameters: Parameters) -> str:
    """Return which parameter may be meant: the most like one, or one of the field that is most like the first word."""
    by_field = {name.partition("__")[0]: name for name in reversed(parameters)}
    nearest = closest(key[:MAX_SHOWN], list(parameters))
    field = closest(key[:MAX_SHOWN].partition("__")[0], list(by_field))
    return hint(nearest or (by_field[field] if field else key), parameters)


def _refusal(code: str, template: str, value: str, **params: Any) -> ParseError:
    return ParseError([Fault((), code, template, params, shown_value(value))])
