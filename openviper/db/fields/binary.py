"""Bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

from openviper.db.fields.base import Field, FieldOptions
from openviper.db.fields.columns import OrderedColumn

T = TypeVar("T")


class BinaryField(Field[T]):
    """Bytes of any length; text is stored as its UTF-8."""

    base_type = "BINARY"
    python_type = bytes

    @overload
    def __init__(
        self: BinaryField[bytes], *, null: Literal[False] = ..., **options: Unpack[FieldOptions]
    ) -> None: ...
    @overload
    def __init__(
        self: BinaryField[bytes | None], *, null: Literal[True], **options: Unpack[FieldOptions]
    ) -> None: ...
    def __init__(self, *, null: bool = False, **options: Unpack[FieldOptions]) -> None:
        super().__init__(null=null, **options)

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: type[Any]) -> OrderedColumn[T, bytes]: ...
        @overload
        def __get__(self, instance: object, owner: type[Any]) -> T: ...
        def __get__(self, instance: object | None, owner: type[Any]) -> Any:
            """Return the column of the class, the value of an instance."""

    def exact_test(self, *, aware: bool) -> str | None:
        """Return the test for values that are stored as they are."""
        return "{0}.__class__ is bytes"

    def valid_test(self) -> str | None:
        """Return the test for values that are evidently good."""
        return "{0}.__class__ is bytes"

    def _convert(self, value: Any) -> bytes:
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value)
        if not isinstance(value, str):
            raise ValueError(f"{self.name}: {type(value).__name__} is not bytes")
        try:
            return value.encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{self.name}: the text has no UTF-8 form: {error.reason}") from None

    def validate(self, value: Any) -> None:
        """Check that the value is bytes or becomes bytes."""
        super().validate(value)
        self.to_python(value)
