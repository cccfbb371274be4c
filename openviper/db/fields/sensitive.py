"""Text that is stored encrypted."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

from openviper.conf import settings
from openviper.conf.process import GENERATED_KEY_VARIABLE
from openviper.db.dialects.base import Converter, Dialect
from openviper.db.fields.base import Field, FieldOptions
from openviper.db.fields.text import CharField, TextField
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.utils import fernet
else:
    fernet = lazy_module("openviper.utils.fernet")  # Few models have encrypted texts.

T = TypeVar("T")

PREFIX = "enc$"


class EncryptedText(str):
    """A stored value: ``enc$`` and a token. Its type, not its look, tells it from plain text that begins alike."""

    __slots__ = ()


def _read(value: str) -> str:
    # Rows that were there before the field was encrypted hold plain text.
    return EncryptedText(value) if value.startswith(PREFIX) else value


def _write(value: str) -> str:
    return str(value)


class SensitiveField(CharField[T]):
    """Text that is stored encrypted, with a key made from `SECRET_KEY`; NULL is allowed.

    After saving and loading, the attribute holds the encrypted text; ``instance.get_sensitive(name)`` returns the plain
    one. Two encryptions of one text differ, so it can be neither searched nor unique. Who loses the key loses the text.

    Args:
        max_length: Most characters of the encrypted text; 512 hold 319 bytes of plain text.
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
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: SensitiveField[str],
        *,
        max_length: int | None = ...,
        null: Literal[False],
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self, *, max_length: int | None = None, null: bool = True, **options: Unpack[FieldOptions]
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
        if text is None or isinstance(text, EncryptedText):
            return text
        self._check_length(text)
        return EncryptedText(PREFIX + fernet.encrypt(self._key(), text.encode()))

    def to_python(self, value: Any) -> Any:
        """Return the text, plain or encrypted, as it is."""
        return value if isinstance(value, EncryptedText) else super().to_python(value)

    def decrypt(self, value: str | None) -> str | None:
        """Return the plain text of a value of this field.

        Raises:
            RuntimeError: If there is no `SECRET_KEY` of the project's own.
            ValueError: If it was encrypted with a key that is neither `SECRET_KEY` nor one of `SECRET_KEY_FALLBACKS`, or
                changed.
        """
        if not isinstance(value, EncryptedText):
            return value
        former = [fernet.derive_key(secret) for secret in settings.SECRET_KEY_FALLBACKS if secret]
        for key in [self._key(), *former]:
            with suppress(ValueError):
                return fernet.decrypt(key, value[len(PREFIX) :]).decode()
        raise ValueError(f"{self.name}: the text was encrypted with another SECRET_KEY, or changed")

    def _key(self) -> bytes:
        secret = settings.SECRET_KEY
        # A key that changes at every start would make everything unreadable that was stored before.
        if not secret or secret == os.environ.get(GENERATED_KEY_VARIABLE):
            raise RuntimeError(
                f"SECRET_KEY is not set, so the field {self.name!r} cannot be encrypted"
            )
        return fernet.derive_key(secret)

    def writer(self, dialect: Dialect) -> Converter | None:
        """Return the conversion into a plain `str`, which every driver knows."""
        return _write

    def reader(self, dialect: Dialect, *, aware: bool) -> Converter | None:
        """Return the conversion that marks encrypted text."""
        return _read

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
