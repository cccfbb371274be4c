"""UUIDs and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, overload

from openviper.conf import settings
from openviper.db.dialects.base import Converter, Dialect
from openviper.db.dialects.stored_json import check_stored
from openviper.db.fields.base import Field, FieldOptions
from openviper.db.fields.column_types import JSONColumn
from openviper.db.fields.columns import OrderedColumn
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    import json
    import uuid
    from uuid import UUID
else:
    json = lazy_module("json")
    uuid = lazy_module("uuid")

T = TypeVar("T")

JSON_CEILING = 50 * 1024 * 1024
"""Most bytes of encoded JSON, whatever the settings say."""


class UUIDField(Field[T]):
    """A UUID.

    Args:
        auto: Give new instances a random one.
    """

    base_type = "UUID"

    @overload
    def __init__(
        self: UUIDField[UUID],
        *,
        auto: bool = ...,
        null: Literal[False] = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: UUIDField[UUID | None],
        *,
        auto: bool = ...,
        null: Literal[True],
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self, *, auto: bool = False, null: bool = False, **options: Unpack[FieldOptions]
    ) -> None:
        if auto:
            options.setdefault("default", uuid.uuid4)
        super().__init__(null=null, **options)
        self.auto = auto

    if TYPE_CHECKING:

        @overload
        def __get__(self, instance: None, owner: type[Any]) -> OrderedColumn[T, UUID]: ...
        @overload
        def __get__(self, instance: object, owner: type[Any]) -> T: ...
        def __get__(self, instance: object | None, owner: type[Any]) -> Any:
            """Return the column of the class, the value of an instance."""

    def exact_test(self, *, aware: bool) -> str | None:
        """Return the test for values that are stored as they are."""
        return "{0}.__class__ is UUID"

    def _convert(self, value: Any) -> UUID:
        if isinstance(value, uuid.UUID):
            return value
        try:
            return uuid.UUID(value)
        except (AttributeError, TypeError, ValueError):
            raise ValueError(f"{self.name}: {value!r} is not a UUID") from None

    def valid_test(self) -> str | None:
        """Return the test for values that are evidently good."""
        return "{0}.__class__ is UUID"

    def validate(self, value: Any) -> None:
        """Check that the value can be understood."""
        super().validate(value)
        self.to_python(value)


class JSONField(Field[T]):
    """Any value that JSON can hold. `None` is NULL.

    Args:
        max_size: Most bytes of the encoded text; the setting `MAX_JSON_SIZE` when not given, never more than 50 MiB.
    """

    base_type = "JSON"
    fits_arrays = False

    column_class = JSONColumn

    @overload
    def __init__(
        self: JSONField[Any],
        *,
        max_size: int | None = ...,
        null: Literal[False] = ...,
        **options: Unpack[FieldOptions],
    ) -> None: ...
    @overload
    def __init__(
        self: JSONField[Any],
        *,
        max_size: int | None = ...,
        null: Literal[True],
        **options: Unpack[FieldOptions],
    ) -> None: ...
    def __init__(
        self, *, max_size: int | None = None, null: bool = False, **options: Unpack[FieldOptions]
    ) -> None:
        super().__init__(null=null, **options)
        self.max_size = max_size

    if TYPE_CHECKING:

        @overload  # type: ignore[override]  # not a column with an order
        def __get__(self, instance: None, owner: type[Any]) -> JSONColumn[T]: ...
        @overload
        def __get__(self, instance: object, owner: type[Any]) -> T: ...
        def __get__(self, instance: object | None, owner: type[Any]) -> Any:
            """Return the column of the class, the value of an instance."""

    def _limit(self) -> int:
        if self.max_size is not None:
            return min(self.max_size, JSON_CEILING)
        return min(settings.MAX_JSON_SIZE, JSON_CEILING)

    def exact_test(self, *, aware: bool) -> str | None:
        """Return the test for values that are stored as they are."""
        return "{0} is not None"

    def valid_test(self) -> str | None:
        """Return the test for values that are evidently good."""
        return "{0} is not None"

    def writer(self, dialect: Dialect) -> Converter | None:
        """Return the dialect's encoder with a check of the size, so that a value is encoded only once."""
        encode = dialect.writer(self.base_type)
        assert encode is not None  # No driver takes dicts and lists as they are.

        def write(value: Any) -> Any:
            try:
                text: str = encode(value)
            except (TypeError, ValueError, RecursionError) as error:
                raise ValueError(f"{self.name}: not a JSON value: {error}") from None
            try:
                check_stored(text)
            except ValueError as error:
                raise ValueError(f"{self.name}: {error}") from None
            self._check_size(text)
            if "NaN" in text or "Infinity" in text:
                self._refuse_nan(value)
            return text

        return write

    def _refuse_nan(self, value: Any) -> None:
        """Refuse numbers that JSON does not have, but Python's encoder writes and some databases take."""
        try:
            json.dumps(value, allow_nan=False)
        except ValueError:
            raise ValueError(f"{self.name}: JSON has neither NaN nor infinities") from None

    def _check_size(self, text: str) -> None:
        size = len(text) if text.isascii() else len(text.encode())
        if size > self._limit():
            raise ValueError(f"{self.name}: {size} bytes of JSON are more than {self._limit()}")
