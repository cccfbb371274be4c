"""Values as members of a JSON text, for arrays in databases that have none."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time
from typing import Any

from openviper.db.dialects.base import Converter


def _write_datetime(value: datetime) -> str:
    if value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return value.isoformat(" ", "microseconds")


def _read_aware(value: str) -> datetime:
    return datetime.fromisoformat(value).replace(tzinfo=UTC)


def _write_float(value: float) -> float | str:
    return value if math.isfinite(value) else repr(value)  # JSON has no such numbers.


def _write_decimal(value: Any) -> str:
    return f"{value:f}"


def _read_decimal(value: Any) -> Any:
    from decimal import Decimal

    return Decimal(str(value))


def _read_uuid(value: str) -> Any:
    from uuid import UUID

    return UUID(value)


_WRITERS: dict[str, Converter] = {
    "DATETIME": _write_datetime,
    "DATE": date.isoformat,
    "TIME": time.isoformat,
    "UUID": str,
    "NUMERIC": _write_decimal,
    "REAL": _write_float,
    "BINARY": bytes.hex,
}
_READERS: dict[str, Converter] = {
    "DATETIME": _read_aware,
    "DATE": date.fromisoformat,
    "TIME": time.fromisoformat,
    "UUID": _read_uuid,
    "NUMERIC": _read_decimal,
    "REAL": float,
    "BINARY": bytes.fromhex,
}


class JSONForm:
    """The conversions of a dialect, to and from what JSON can hold; time stamps as SQLite has them."""

    name = "json"

    def writer(self, neutral_type: str) -> Converter | None:
        """Return what turns a Python value into a member of a JSON text, or `None` if nothing has to be done."""
        return None if neutral_type.endswith("[]") else _WRITERS.get(neutral_type.partition("(")[0])

    def reader(self, neutral_type: str, *, aware: bool = True) -> Converter | None:
        """Return what turns a member of a JSON text into a Python value, or `None` if nothing has to be done."""
        if neutral_type.endswith("[]"):
            return None
        base = neutral_type.partition("(")[0]
        if base == "DATETIME" and not aware:
            return datetime.fromisoformat
        return _READERS.get(base)


JSON_FORM = JSONForm()
