"""Text with HTML markup, cleaned before it is stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeVar, Unpack, overload

from openviper.db.fields.base import Field, FieldOptions
from openviper.db.fields.text import TextField
from openviper.utils.importing import is_missing

T = TypeVar("T")

ALLOWED_TAGS = frozenset(
    "a abbr acronym b blockquote br code em i img li ol p pre small strong sub sup ul".split()
)
ALLOWED_ATTRIBUTES: Mapping[str, Iterable[str]] = {
    "a": ("href", "title"),
    "img": ("src", "alt", "title"),
}
ALLOWED_SCHEMES = frozenset(("http", "https", "mailto"))
_NEVER_TAGS = frozenset(
    "applet base embed frame frameset iframe link math meta noembed noframes noscript object plaintext script style "
    "svg template textarea title xmp".split()
)
"""Elements that run or fetch things, and those that browsers read by rules that could make markup of text."""


class HTMLField(TextField[T]):
    """Text with HTML markup; whatever is not allowed is taken out before it is stored.

    The package `nh3` does it where it is installed, else an allow-list cleaner on the standard library's parser.

    Args:
        allowed_tags: The elements that stay; the text inside of others stays, that of scripts and styles does not.
        allowed_attributes: The attributes that stay, by element, or under ``"*"`` for all.
        allowed_schemes: The schemes that links may have; links without one stay.
        strip_comments: Take comments out.

    Raises:
        ValueError: If scripts, styles, foreign elements or event handlers are among what is to be allowed.
    """

    @overload
    def __init__(
        self: HTMLField[str],
        *,
        allowed_tags: Iterable[str] | None = ...,
        allowed_attributes: Mapping[str, Iterable[str]] | None = ...,
        allowed_schemes: Iterable[str] | None = ...,
        strip_comments: bool = ...,
        null: Literal[False] = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: HTMLField[str | None],
        *,
        allowed_tags: Iterable[str] | None = ...,
        allowed_attributes: Mapping[str, Iterable[str]] | None = ...,
        allowed_schemes: Iterable[str] | None = ...,
        strip_comments: bool = ...,
        null: Literal[True],
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        allowed_tags: Iterable[str] | None = None,
        allowed_attributes: Mapping[str, Iterable[str]] | None = None,
        allowed_schemes: Iterable[str] | None = None,
        strip_comments: bool = True,
        null: bool = False,
        **options: Unpack[FieldOptions],
    ) -> None:
        Field.__init__(self, null=null, **options)
        attributes = ALLOWED_ATTRIBUTES if allowed_attributes is None else allowed_attributes
        self.allowed_tags = _names(ALLOWED_TAGS if allowed_tags is None else allowed_tags)
        self.allowed_attributes = {tag.lower(): _names(names) for tag, names in attributes.items()}
        self.allowed_schemes = _names(
            ALLOWED_SCHEMES if allowed_schemes is None else allowed_schemes
        )
        self.strip_comments = strip_comments
        self._refuse_unsafe()

    def _refuse_unsafe(self) -> None:
        if never := sorted(self.allowed_tags & _NEVER_TAGS):
            raise ValueError(f"allowed_tags: {', '.join(never)} cannot be made safe")
        names = frozenset().union(*self.allowed_attributes.values())
        if handlers := sorted(name for name in names if name.startswith("on")):
            raise ValueError(f"allowed_attributes: {', '.join(handlers)} can run scripts")

    def exact_test(self, *, aware: bool) -> str | None:
        """Return the test for text without any markup."""
        return "{0}.__class__ is str and {0}.isalnum() and {0}.isascii()"

    def _check_storable(self, text: str) -> None:
        super()._check_storable(text.replace("\0", ""))  # Cleaning takes them out.

    def to_db(self, value: Any) -> Any:
        """Return the cleaned text."""
        text = self.to_python(value)
        return text if text is None else self.clean(text)

    def clean(self, text: str) -> str:
        """Return `text` without what is not allowed; cleaning the result again changes nothing."""
        try:
            import nh3
        except ImportError as error:
            if not is_missing(error, "nh3"):
                raise
        else:
            return nh3.clean(
                text,
                tags=set(self.allowed_tags),
                attributes={tag: set(names) for tag, names in self.allowed_attributes.items()},
                url_schemes=set(self.allowed_schemes),
                strip_comments=self.strip_comments,
                link_rel=None,
            )
        # Not needed where `nh3` is installed, and it imports a parser.
        from openviper.db.fields.html_cleaner import clean

        return clean(
            text,
            self.allowed_tags,
            self.allowed_attributes,
            self.allowed_schemes,
            strip_comments=self.strip_comments,
        )


def _names(names: Iterable[str]) -> frozenset[str]:
    if isinstance(names, str):
        raise TypeError(f"{names!r} is one text; a list of names is wanted")
    return frozenset(name.lower() for name in names)
