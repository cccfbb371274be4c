"""Text, free and of a certain form."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, Unpack, overload

from openviper.db.fields.base import Field, FieldOptions
from openviper.db.fields.bounds import whole_number
from openviper.db.fields.column_types import TextColumn
from openviper.utils.text_forms import is_email, is_http_address, is_slug

T = TypeVar("T")

_IS_PLAIN = "{0}.__class__ is str and {0}.isascii() and '\\0' not in {0}"
"""The test for text that every database takes as it is."""
_HAS_TEXT_FORM = (str, int, float, Decimal, date, time, timedelta, PathLike)
"""Types that text fields convert; whatever else an object's `str` says, it is a mistake to store that."""


class TextField(Field[T]):
    """Text of any length."""

    base_type = "TEXT"
    python_type = str

    column_class = TextColumn

    @overload
    def __init__(
        self: TextField[str], *, null: Literal[False] = ..., **options: Unpack[FieldOptions]
    ) -> None: ...
    @overload
    def __init__(
        self: TextField[str | None], *, null: Literal[True], **options: Unpack[FieldOptions]
    ) -> None: ...
    def __init__(self, *, null: bool = False, **options: Unpack[FieldOptions]) -> None:
        super().__init__(null=null, **options)

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: type[Any]) -> TextColumn[T]: ...
        @overload
        def __get__(self, instance: object, owner: type[Any]) -> T: ...
        def __get__(self, instance: object | None, owner: type[Any]) -> Any:
            """Return the column of the class, the value of an instance."""

    def exact_test(self, *, aware: bool) -> str | None:
        """Return the test for values that are stored as they are."""
        return _IS_PLAIN

    def valid_test(self) -> str | None:
        """Return the test for values that are evidently good."""
        return _IS_PLAIN

    def to_python(self, value: Any) -> Any:
        """Return a `str`; numbers, dates and UUIDs are converted by `str`."""
        text = super().to_python(value)
        if text is not None:
            self._check_storable(text)
        return text

    def _convert(self, value: Any) -> str:
        # UUIDs by the name of their module, whose import takes long.
        if not (isinstance(value, _HAS_TEXT_FORM) or type(value).__module__ == "uuid"):
            raise ValueError(f"{self.name}: {value!r} is not text")
        return str(value)

    def _check_storable(self, text: str) -> None:
        if "\0" in text:
            # PostgreSQL has no text with it, and to others it may be the end of one.
            raise ValueError(f"{self.name}: {text!r} has a NUL character")
        if text.isascii():
            return
        try:
            text.encode()
        except UnicodeEncodeError:
            # A lone surrogate has no encoding, so no database can take it.
            raise ValueError(f"{self.name}: {text!r} has no UTF-8 form") from None

    def validate(self, value: Any) -> None:
        """Check that the value is text that can be encoded, without NUL characters."""
        super().validate(value)
        self.to_python(value)


class CharField(TextField[T]):
    """Text of limited length.

    Args:
        max_length: Most characters.
    """

    max_length: int
    default_length: ClassVar[int] = 255

    @overload
    def __init__(
        self: CharField[str],
        *,
        max_length: int | None = ...,
        null: Literal[False] = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: CharField[str | None],
        *,
        max_length: int | None = ...,
        null: Literal[True],
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self, *, max_length: int | None = None, null: bool = False, **options: Unpack[FieldOptions]
    ) -> None:
        Field.__init__(self, null=null, **options)
        self._set_length(max_length)

    def _set_length(self, max_length: int | None) -> None:
        length = self.default_length if max_length is None else max_length
        self.max_length = whole_number("max_length", length)

    def db_type(self) -> str:
        """Return ``VARCHAR(length)``."""
        return f"VARCHAR({self.max_length})"

    def exact_test(self, *, aware: bool) -> str | None:
        """Return the test for values that are stored as they are."""
        return f"{_IS_PLAIN} and len({{0}}) <= {self.max_length}"

    def to_column(self, value: Any) -> Any:
        """Return the text; one that is too long is refused, as SQLite would keep it."""
        text = self.to_db(value)
        if text is not None:
            self._check_characters(text)
        return text

    def valid_test(self) -> str | None:
        """Return the test for values that are evidently good."""
        has_form = type(self).check_form is not CharField.check_form
        return None if has_form else CharField.exact_test(self, aware=True)

    def validate(self, value: Any) -> None:
        """Check length and form."""
        super().validate(value)
        if value is None:
            return
        text: str = self.to_python(value)
        self._check_characters(text)
        if text or not self.blank:
            self.check_form(text)

    def _check_characters(self, text: str) -> None:
        if len(text) > self.max_length:
            raise ValueError(f"{self.name}: {len(text)} characters are more than {self.max_length}")

    def check_form(self, text: str) -> None:
        """Check what kinds of text with a form of their own demand; an empty one is let through when `blank` is set.

        Raises:
            ValueError: If the text does not have the form.
        """


class EmailField(CharField[T]):
    """An e-mail address."""

    default_length = 254

    @overload
    def __init__(
        self: EmailField[str],
        *,
        max_length: int | None = ...,
        null: Literal[False] = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: EmailField[str | None],
        *,
        max_length: int | None = ...,
        null: Literal[True],
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self, *, max_length: int | None = None, null: bool = False, **options: Unpack[FieldOptions]
    ) -> None:
        Field.__init__(self, null=null, **options)
        self._set_length(max_length)

    def check_form(self, text: str) -> None:
        """Check for one ``@``, a plain local part and host labels."""
        if not is_email(text):
            raise ValueError(f"{self.name}: {text!r} is not an e-mail address")


class SlugField(CharField[T]):
    """A short label of ASCII letters, digits, ``-`` and ``_`` for use in URLs."""

    default_length = 50

    @overload
    def __init__(
        self: SlugField[str],
        *,
        max_length: int | None = ...,
        null: Literal[False] = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: SlugField[str | None],
        *,
        max_length: int | None = ...,
        null: Literal[True],
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self, *, max_length: int | None = None, null: bool = False, **options: Unpack[FieldOptions]
    ) -> None:
        Field.__init__(self, null=null, **options)
        self._set_length(max_length)

    def check_form(self, text: str) -> None:
        """Check the characters."""
        if not is_slug(text):
            raise ValueError(f"{self.name}: {text!r} is not a slug")


class URLField(CharField[T]):
    """An ``http`` or ``https`` address."""

    default_length = 2048

    @overload
    def __init__(
        self: URLField[str],
        *,
        max_length: int | None = ...,
        null: Literal[False] = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: URLField[str | None],
        *,
        max_length: int | None = ...,
        null: Literal[True],
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self, *, max_length: int | None = None, null: bool = False, **options: Unpack[FieldOptions]
    ) -> None:
        Field.__init__(self, null=null, **options)
        self._set_length(max_length)

    def check_form(self, text: str) -> None:
        """Check scheme and host."""
        if not is_http_address(text):
            raise ValueError(f"{self.name}: {text!r} is not an http or https address")


class PasswordField(CharField[T]):
    """The hash of a password, or a password not yet hashed; NULL is allowed.

    `Model.to_dict` and its kin leave it out unless it is asked for by name.

    Args:
        min_length: Fewest characters of a password that is not hashed yet.
        max_length: Most characters of such a password; the column always holds 255.
    """

    is_secret = True
    hash_prefixes: ClassVar[set[str]] = {
        "argon2$",
        "bcrypt$",
        "pbkdf2_sha256$",
        "plain$",
        "scrypt$",
    }
    """How the hashes of known hashers begin."""

    @overload
    def __init__(
        self: PasswordField[str | None],
        *,
        min_length: int = ...,
        max_length: int = ...,
        null: Literal[True] = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: PasswordField[str],
        *,
        min_length: int = ...,
        max_length: int = ...,
        null: Literal[False],
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        min_length: int = 4,
        max_length: int = 128,
        null: bool = True,
        **options: Unpack[FieldOptions],
    ) -> None:
        Field.__init__(self, null=null, **options)
        self._set_length(None)
        self.min_length = whole_number("min_length", min_length, least=0)
        self.max_password_length = whole_number("max_length", max_length)
        if self.min_length > self.max_password_length:
            raise ValueError(f"min_length={min_length!r} is above max_length={max_length!r}")

    def check_form(self, text: str) -> None:
        """Check the length of a password that is not hashed; the message never shows it."""
        if any(text.startswith(prefix) for prefix in self.hash_prefixes):
            return
        if not self.min_length <= len(text) <= self.max_password_length:
            raise ValueError(
                f"{self.name}: a password has {self.min_length} to {self.max_password_length} characters"
            )
