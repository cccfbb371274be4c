"""What can be known of translations to be wrong before anybody reads them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from gettext import c2py
from typing import Any

from openviper.i18n.catalogue import Message, count_forms


def check_catalogue(messages: Iterable[Message]) -> None:
    """Check what can be known of translations to be wrong before anybody reads them; those out of use do not count.

    Raises:
        ValueError: If a text is there twice, has another number of plural forms than the head says, or its
            translation wants a value that it has not, or if the head's rule for
            plurals cannot be read, divides by zero or gives a form that there is none of.
    """
    whole = [message for message in messages if not message.is_obsolete]
    head = next((message for message in whole if message.is_head), None)
    forms = count_forms(head)
    _check_rule(head)
    _check_keys(whole)
    for message in whole:
        if message.is_translated:
            _check_forms(message, forms)
            _check_values(message)


def _check_keys(messages: Iterable[Message]) -> None:
    seen: set[tuple[str | None, str]] = set()
    for message in messages:
        if message.key in seen:
            raise ValueError(f"the text {message.text[:80]!r} is there twice")
        seen.add(message.key)


def _check_forms(message: Message, forms: int) -> None:
    given = len(message.translations)
    if message.plural and given != forms:
        raise ValueError(
            f"{message.text[:80]!r} has {given} plural forms, and the head says {forms}"
        )


_VALUE = re.compile(r"%\(([^()]{1,200})\)")


def _check_values(message: Message) -> None:
    """Refuse a translation that wants a value which the text does not have: each page with it would fail."""
    if message.is_head:
        return
    known = set(_VALUE.findall(f"{message.text} {message.plural}"))
    wanted = set(_VALUE.findall(" ".join(message.translations)))
    if wanted - known:
        raise ValueError(
            f"the translation of {message.text[:80]!r} wants {min(wanted - known)!r}, which the text does not have"
        )
    if _is_filled_in(message):
        _check_filled_in(message)


def _is_filled_in(message: Message) -> bool:
    """Return whether values are put into a text; templates do that with each."""
    in_templates = any(not place.partition(":")[0].endswith(".py") for place in message.places)
    return in_templates or "python-format" in message.flags or bool(_VALUE.search(message.text))


class _AnyValue(dict[str, int]):
    def __missing__(self, name: str) -> int:
        return 1


_VALUES = (_AnyValue(), *((1,) * count for count in range(10)))


def _check_filled_in(message: Message) -> None:
    """Refuse a translation with a ``%`` that the values of the text cannot stand for."""
    fitting = [values for values in _VALUES if _take_both(message, values)]
    for translation in message.translations if fitting else ():
        if not any(_takes(translation, values) for values in fitting):
            raise ValueError(
                f"{translation[:80]!r} does not take the values of {message.text[:80]!r}; a percent sign is written '%%'"
            )


def _take_both(message: Message, values: Any) -> bool:
    return _takes(message.text, values) and (not message.plural or _takes(message.plural, values))


def _takes(text: str, values: Any) -> bool:
    try:
        text % values
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _check_rule(head: Message | None) -> None:
    for line in "".join([] if head is None else head.translations).split("\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "plural-forms" and value.strip():
            rule = c2py(value.partition("plural=")[2].strip().rstrip(";") or "?")
            _check_numbers(rule, count_forms(head))


COUNTED = 1000
"""Numbers that a rule is tried with; what languages tell apart shows below it."""


def _check_numbers(rule: Callable[[int], int], forms: int) -> None:
    for number in range(COUNTED):
        try:
            form = rule(number)
        except ZeroDivisionError:
            raise ValueError(f"the rule for plurals divides {number} by zero") from None
        if form >= forms:
            raise ValueError(
                f"the rule for plurals gives {number} the form {form}, and the last one is {forms - 1}"
            )
