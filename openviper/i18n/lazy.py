"""Texts that are translated when they are looked at: names of fields, labels, whatever is written before any request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from openviper.i18n.translation import gettext, ngettext, pgettext
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    import html
else:
    html = lazy_module("html")  # It brings all names of characters along, 0.3 MB.


class LazyText:
    """A text in the language of whoever looks at it; where a `str` is wanted, `str()` makes one.

    Args:
        make: Returns the text of the moment.
    """

    is_lazy_text = True
    """By this other rooms know it without importing it."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[], str]) -> None:
        self._make = make

    def __str__(self) -> str:
        return self._make()

    def __html__(self) -> str:
        # A translation is text like any other and is escaped in templates.
        return html.escape(self._make())

    def __repr__(self) -> str:
        return f"<LazyText {self._make()!r}>"

    def __format__(self, spec: str) -> str:
        return format(self._make(), spec)

    def __mod__(self, values: Any) -> str:
        return str(self._make() % values)

    def __add__(self, other: object) -> str:
        return self._make() + str(other)

    def __radd__(self, other: object) -> str:
        return str(other) + self._make()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (str, LazyText)) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __len__(self) -> int:
        return len(self._make())

    def __bool__(self) -> bool:
        return bool(self._make())

    def __contains__(self, part: str) -> bool:
        return part in self._make()

    def __lt__(self, other: object) -> bool:
        return str(self) < str(other)

    def __le__(self, other: object) -> bool:
        return str(self) <= str(other)

    # A `str` on the left asks these two.
    def __gt__(self, other: object) -> bool:
        return str(self) > str(other)

    def __ge__(self, other: object) -> bool:
        return str(self) >= str(other)

    def __getattr__(self, name: str) -> Any:
        # The methods of text: `label.upper()`.
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._make(), name)


def gettext_lazy(message: str) -> LazyText:
    """Return a text that is translated when it is looked at."""
    return LazyText(lambda: gettext(message))


def pgettext_lazy(context: str, message: str) -> LazyText:
    """Return a text of several meanings that is translated when it is looked at."""
    return LazyText(lambda: pgettext(context, message))


def ngettext_lazy(singular: str, plural: str, number: int) -> LazyText:
    """Return the form of a text that goes with a number, translated when it is looked at."""
    return LazyText(lambda: ngettext(singular, plural, number))
