"""What is wrong with data: faults, each with its place, and the errors that carry them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from openviper.exceptions import ImproperlyConfigured, ValidationError
from openviper.utils.printable import printable
from openviper.utils.untranslated import gettext_noop

Place = tuple[str | int, ...]
"""Where a value stands: the keys and indexes that lead to it from the outermost."""

MASK = "********"
MAX_FAULTS = 100
"""Most faults that are told at once."""
MAX_SHOWN = 100
"""Most characters of a value that are shown."""
_NOTHING: Mapping[str, Any] = {}
_SHOWN_TYPES = (str, int, float, bytes)


class UnsupportedTypeError(ImproperlyConfigured, TypeError):
    """A type, or what its annotation demands, cannot be read from data: a mistake in the program."""


def _unchanged(text: str) -> str:
    return text


class Fault(NamedTuple):
    """One thing that is wrong with data.

    Attributes:
        place: Where, from the outermost value; empty for the whole.
        code: What is wrong, in a word that stays the same: ``"missing"``, ``"unknown"``, ``"type"``, ``"max_length"``, ...
        template: The sentence about it, with the names of `params` in braces; a translation is looked up by it.
        params: What the sentence names.
        value: The value as Python writes it, cut to 100 characters; ``********`` for a secret, `None` for what is not there
            or is made of other values.
    """

    place: Place
    code: str
    template: str
    params: Mapping[str, Any] = _NOTHING
    value: str | None = None

    @property
    def message(self) -> str:
        """The sentence, in English: lower case, without a full stop."""
        return self.told(_unchanged)

    def told(self, translate: Callable[[str], str]) -> str:
        """Return the sentence in another language.

        Args:
            translate: Gives a text in that language: `openviper.i18n.gettext`.
        """
        template = translate(self.template)
        if not self.params:
            return template
        return template.format_map(
            {name: _param(value, translate) for name, value in self.params.items()}
        )

    @property
    def pointer(self) -> str:
        """The place as a JSON pointer (RFC 6901): ``/items/0/title``; empty for the whole."""
        return "".join(f"/{_escaped(part)}" for part in self.place)

    def as_dict(self, translate: Callable[[str], str] = _unchanged) -> dict[str, Any]:
        """Return what a client is told; the message in the language of `translate`, or in English."""
        told: dict[str, Any] = {
            "place": list(self.place),
            "pointer": self.pointer,
            "code": self.code,
            "message": self.told(translate),
        }
        return told if self.value is None else {**told, "value": self.value}

    def __str__(self) -> str:
        """Return the fault as one line: place, message and value."""
        return self.line(_unchanged)

    def line(self, translate: Callable[[str], str]) -> str:
        """Return the same line in another language."""
        where = ".".join(map(str, self.place))
        message = self.told(translate)
        if self.value is not None:
            template = translate(gettext_noop("{message}, not {value}"))
            message = template.format(message=message, value=self.value)
        return printable(f"{where}: {message}" if where else message)


def _param(value: Any, translate: Callable[[str], str]) -> Any:
    """Return what a sentence names: words of ours, and what a program has to say, in the language too."""
    if isinstance(value, Words):
        return ", ".join(map(translate, value))
    return translate(value) if isinstance(value, Message) else value


class Words(tuple[str, ...]):
    """Several words in a sentence."""

    __slots__ = ()

    def __str__(self) -> str:
        """Return the words as a list in English."""
        return ", ".join(self)


class Message(str):
    """A sentence of a program's own within a fault."""

    __slots__ = ()


def _escaped(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")


class ParseError(ValidationError):
    """Data does not fit its type; an HTTP answer with status 422 if nobody catches it.

    Attributes:
        faults: Everything that is wrong, in the order of the type's fields, at most `MAX_FAULTS`.
        validation_errors: The same as dicts.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__([fault.as_dict() for fault in self.faults])
        self.args = ("; ".join(map(str, self.faults)),)

    def below(self, *place: str | int) -> ParseError:
        """Return the same error of data that stands at a place of other data."""
        return ParseError([fault._replace(place=(*place, *fault.place)) for fault in self.faults])


class Refusal(Exception):  # noqa: N818 - raised and caught within validation, and never seen outside
    """One value does not fit; `Faults` knows its place."""

    def __init__(
        self,
        code: str,
        template: str,
        params: Mapping[str, Any] = _NOTHING,
        place: Place = (),
    ) -> None:
        super().__init__(code)
        self.code = code
        self.template = template
        self.params = params
        self.place = place


def refuse(code: str, template: str, **params: Any) -> NoReturn:
    """Raise a refusal.

    Raises:
        Refusal: Always.
    """
    raise Refusal(code, template, params)


class TooManyFaultsError(Exception):
    """There are as many faults as are told."""


class Faults:
    """The faults that were found so far.

    Attributes:
        found: They, in the order in which they were found.
    """

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def add(self, place: Place, refusal: Refusal, value: str | None) -> None:
        """Add one.

        Raises:
            TooManyFaultsError: If that was the last one that is told.
        """
        whole = (*place, *map(shown_key, refusal.place))
        self.found.append(Fault(whole, refusal.code, refusal.template, refusal.params, value))
        if len(self.found) >= MAX_FAULTS:
            raise TooManyFaultsError


def shown_value(value: object, *, is_secret: bool = False) -> str | None:
    """Return a value as it may be shown, in time that does not grow with it; `None` if it is made of other values."""
    if value is not None and not isinstance(value, _SHOWN_TYPES):
        return None
    if is_secret:
        return MASK
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 320:
        # Python refuses to write long integers, as it takes time that squares.
        return f"an integer of {value.bit_length()} bits"
    return printable(_cut(value))


def _cut(value: object) -> str:
    if isinstance(value, (str, bytes)) and len(value) > MAX_SHOWN:
        return f"{value[:MAX_SHOWN]!r}..."
    return repr(value)


def shown_key(key: object) -> str | int:
    """Return a key of data as a part of a place: no longer than what is shown of values."""
    if isinstance(key, int):
        return key
    text = key if isinstance(key, str) else repr(key)
    return printable(text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}...")
