"""Text that is stored encrypted."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack, overload

from openviper.conf import settings
from openviper.conf.process import GENERATED_KEY_VARIABLE
from openviper.conf.signing import derived_keys
from openviper.db.dialects.base import Converter, Dialect
from openviper.db.fields.base import Field, FieldOptions
from openviper.db.fields.text import CharField, TextField
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.utils import fernet
else:
    fernet = lazy_module("openviper.utils.fernet")  # Few models have encrypted texts.

T = TypeVar("T")

PREFIX = "enc2$"
FORMER_PREFIX = "enc$"
"""What begins a value of an earlier version, which is bound to no field."""
PURPOSE = "sensitive"


class EncryptedText(str):
    """A stored value: ``enc2$`` and a token. Its type, not its look, tells it from plain text that begins alike.

    Attributes:
        place: The table and column it comes from, whose key opens it.
    """

    place: str = ""

    def __new__(cls, value: str, place: str = "") -> Self:
        """Mark a text as encrypted for a place."""
        text = super().__new__(cls, value)
        text.place = place
        return text


class StoredPlainText(str):
    """A value that stands in the database in clear."""

    __slots__ = ()


def _write(value: str) -> str:
    return str(value)


class SensitiveField(CharField[T]):
    """Text that is stored encrypted, with a key made from `SECRET_KEY`, the table and the column; NULL is allowed.

    What is copied into another column or table in the database cannot be read there. Values of before 0.2, and plain text of
    before the field was encrypted, are read until `SENSITIVE_FIELDS_STRICT` says otherwise; `rotate-secrets` rewrites them.

    After saving and loading, the attribute holds the encrypted text; ``instance.get_sensitive(name)`` returns the plain
    one. Two encryptions of one text differ, so it can be neither searched nor unique. Who loses the key loses the text.

    Args:
        max_length: Most characters of the encrypted text; 512 hold 319 bytes of plain text.
        bound_to: What values are bound to instead of ``table.column``; what that was, when a table or column is renamed.
    """

    default_length = 512
    is_secret = True
    searchable = False
    fits_arrays = False

    @overload
    def __init__(
        self: SensitiveField[str | None],
        *,
        max_length: int | None = ...,
        null: Literal[True] = ...,
        bound_to: str | None = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: SensitiveField[str],
        *,
        max_length: int | None = ...,
        null: Literal[False],
        bound_to: str | None = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self,
        *,
        max_length: int | None = None,
        null: bool = True,
        bound_to: str | None = None,
        **options: Unpack[FieldOptions],
    ) -> None:
        if options.get("unique") or options.get("primary_key"):
            raise ValueError(
                "an encrypted text cannot be unique: two encryptions of one text differ"
            )
        default = options.get("default")
        if isinstance(default, str):
            # A literal default would stand in schema files and in the database in clear.
            options["default"] = lambda: default
        Field.__init__(self, null=null, **options)
        self._set_length(max_length)
        self._bound_to = bound_to

    @property
    def place(self) -> str:
        """What values are bound to: the table and the column, whatever Python calls them."""
        meta = getattr(self.model, "_meta", None)
        table = self.model.__name__ if meta is None else meta.table_name
        return self._bound_to or f"{table}.{self.column_name}"

    def exact_test(self, *, aware: bool) -> str | None:
        """Return the test for values that are encrypted already."""
        return None

    def valid_test(self) -> str | None:
        """Return no test: the length of the token has to be worked out."""
        return None

    def to_db(self, value: Any) -> Any:
        """Return the encrypted text.

        Raises:
            RuntimeError: If there is no `SECRET_KEY` of the project's own.
            ValueError: If the token would be too long.
        """
        text = self.to_python(value)
        if isinstance(text, EncryptedText) and text.place not in ("", self.place):
            text = self.decrypt(text)  # Read from another field, and assigned to this one.
        if text is None or isinstance(text, EncryptedText):
            return text
        self._check_length(text)
        return self._encrypted(text)

    def _encrypted(self, text: str) -> EncryptedText:
        self._check_key()
        token = fernet.encrypt(derived_keys(f"{PURPOSE}.{self.place}")[0], text.encode())
        return EncryptedText(PREFIX + token, self.place)

    def to_python(self, value: Any) -> Any:
        """Return the text, plain or encrypted, as it is."""
        return value if isinstance(value, EncryptedText) else super().to_python(value)

    def decrypt(self, value: str | None) -> str | None:
        """Return the plain text of a value of this field.

        Raises:
            RuntimeError: If there is no `SECRET_KEY` of the project's own.
            ValueError: If it was encrypted with a key that is neither `SECRET_KEY` nor one of `SECRET_KEY_FALLBACKS`, or for
                another field, or changed; if it is none of this version, and `SENSITIVE_FIELDS_STRICT` is on.
        """
        if value is None:
            return None
        if isinstance(value, StoredPlainText):
            self._refuse_former("not encrypted")
        if not isinstance(value, EncryptedText):
            return str(value)
        if not value.startswith(PREFIX):
            self._refuse_former("encrypted by an earlier version")
        plain = self._opened(value, self._keys_of(value))
        if plain is None:
            raise ValueError(
                f"{self.name}: the text was encrypted with another SECRET_KEY or for another field, or changed"
            )
        return plain

    def rewritten(self, value: str | None) -> EncryptedText | None:
        """Return a stored value encrypted anew, with the newest key and for this field; `None` if it is so already.

        Args:
            value: As it was read from a row.

        Raises:
            RuntimeError: If there is no `SECRET_KEY` of the project's own.
            ValueError: If it cannot be decrypted.
        """
        if value is None:
            return None
        if not isinstance(value, EncryptedText):
            self._check_length(value)
            return self._encrypted(value)
        keys = self._keys_of(value)
        is_bound = value.startswith(PREFIX)
        if is_bound and fernet.is_made_with(keys[0], value[len(PREFIX) :]):
            return None
        plain = self._opened(value, keys)
        if plain is None:
            raise ValueError(f"{self.name}: the text cannot be decrypted with any of the keys")
        return self._encrypted(plain)

    def _keys_of(self, value: EncryptedText) -> list[bytes]:
        """Return the keys that may open a value, the newest first."""
        self._check_key()
        if value.startswith(PREFIX):
            return derived_keys(f"{PURPOSE}.{value.place or self.place}")
        secrets = [settings.SECRET_KEY, *filter(None, settings.SECRET_KEY_FALLBACKS)]
        return [fernet.derive_key(secret) for secret in secrets]

    @staticmethod
    def _opened(value: EncryptedText, keys: list[bytes]) -> str | None:
        token = value.partition("$")[2]
        for key in keys:
            with suppress(ValueError):
                return fernet.decrypt(key, token).decode()
        return None

    def _refuse_former(self, what: str) -> None:
        if settings.SENSITIVE_FIELDS_STRICT:
            raise ValueError(
                f"{self.name}: the stored text is {what}, which SENSITIVE_FIELDS_STRICT refuses; "
                "see the command rotate-secrets"
            )

    def _check_key(self) -> None:
        secret = settings.SECRET_KEY
        # A key that changes at every start would make everything unreadable that was stored before.
        if not secret or secret == os.environ.get(GENERATED_KEY_VARIABLE):
            raise RuntimeError(
                f"SECRET_KEY is not set, so the field {self.name!r} cannot be encrypted"
            )

    def writer(self, dialect: Dialect) -> Converter | None:
        """Return the conversion into a plain `str`, which every driver knows."""
        return _write

    def reader(self, dialect: Dialect, *, aware: bool) -> Converter | None:
        """Return the conversion that marks encrypted text."""
        place = self.place

        def read(value: str) -> str:
            if value.startswith((PREFIX, FORMER_PREFIX)):
                return EncryptedText(value, place)
            # Rows that were there before the field was encrypted hold plain text.
            return StoredPlainText(value)

        return read

    def validate(self, value: Any) -> None:
        """Check the length of the encrypted text."""
        TextField.validate(self, value)
        if value is not None:
            text = self.to_python(value)
            if not isinstance(text, EncryptedText):
                self._check_length(text)

    def _check_length(self, text: str) -> None:
        length = len(PREFIX) + fernet.token_length(len(text.encode()))
        if length > self.max_length:
            raise ValueError(
                f"{self.name}: {length} encrypted characters are more than {self.max_length}"
            )
