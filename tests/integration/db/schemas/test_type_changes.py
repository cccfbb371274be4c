"""Every change of type that is allowed without force, on every database: the values come along, or nothing is changed."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from openviper.db.schemas.types import is_narrowing, is_rejected
from openviper.exceptions import MigrationError
from tests.integration.db.schemas.project import project
from tests.unit.db.schemas.builders import column, schema

EVERY_DATABASE = True

VALUES = {
    "SMALLINT": "7",
    "INTEGER": "7",
    "BIGINT": "7",
    "REAL": "7.5",
    "NUMERIC(8,2)": "7.25",
    "NUMERIC(12,4)": "7.25",
    "BOOLEAN": "TRUE",
    "VARCHAR(20)": "'12 é'",
    "VARCHAR(40)": "'12 é'",
    "TEXT": "'12 é'",
    "DATE": "'2025-01-02'",
    "DATETIME": "'2025-01-02 03:04:05'",
    "TIME": "'03:04:05'",
    "UUID": "'12345678-1234-4234-8234-123456789abc'",
}
"""A value of each type as SQL."""


def targets(old: str) -> list[str]:
    """Return the types that a column may become without force and without loss."""
    return [
        new
        for new in VALUES
        if new != old and not is_rejected(old, new) and not is_narrowing(old, new)
    ]


def plain(value: Any) -> str:
    """Return a value in a form that does not depend on its type and its database."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, (int, float, Decimal)):
        return f"{Decimal(str(value)).normalize():f}"
    if isinstance(value, timedelta):
        value = (datetime.min + value).time()
    if isinstance(value, (datetime, date, time)):
        value = value.isoformat(sep=" ") if isinstance(value, datetime) else value.isoformat()
    text = str(value).removesuffix("+00:00").removesuffix("+00").removesuffix(".000000")
    if text.lower() in ("true", "false"):
        return str(int(text.lower() == "true"))
    try:
        return f"{Decimal(text).normalize():f}"
    except ArithmeticError:
        return text.removesuffix(" 00:00:00")


# Allowed, since some value may fit; whether this one does depends on how a database writes it.
UNFIT = {
    ("DATETIME", "BOOLEAN"), ("DATETIME", "VARCHAR(20)"), ("UUID", "VARCHAR(20)"), *((number, moment)
    for number in ("NUMERIC(8,2)", "NUMERIC(12,4)") for moment in ("DATE", "DATETIME", "TIME", "UUID")),
}  # fmt: skip


@pytest.mark.parametrize("old", [old for old in VALUES if targets(old)])
async def test_values_come_along(tmp_path: Path, old: str) -> None:
    new = [one for one in targets(old) if (old, one) not in UNFIT]
    columns = [f"c{number}" for number in range(len(new))]
    async with project(tmp_path) as one:
        await one.settled(
            schema("library_book", *(column(name, old, nullable=True) for name in columns))
        )
        values = ", ".join(VALUES[old] for _ in columns)
        nulls = ", ".join("NULL" for _ in columns)
        one.sql(f"INSERT INTO library_book ({', '.join(columns)}) VALUES ({values}), ({nulls})")
        before, _ = one.sql(f"SELECT {', '.join(columns)} FROM library_book ORDER BY id")
        changed = [
            column(name, kind, nullable=True) for name, kind in zip(columns, new, strict=True)
        ]
        await one.settled(schema("library_book", *changed))
        after, empty = one.sql(f"SELECT {', '.join(columns)} FROM library_book ORDER BY id")
        for name, kind, was, now in zip(columns, new, before, after, strict=True):
            assert plain(now) == plain(was), f"{name}: {old} to {kind}: {was!r} became {now!r}"
        assert set(empty) == {None}


async def check_refusal(tmp_path: Path, old: str, new: str, value: str) -> None:
    """Demand that a change is refused with the name of the column, and that nothing is changed by that."""
    async with project(tmp_path) as one:
        await one.settled(schema("library_book", column("taken", old)))
        one.sql(f"INSERT INTO library_book (taken) VALUES ({value})")
        before = one.sql("SELECT taken FROM library_book")
        with pytest.raises(MigrationError, match=r"library_book\.taken"):
            await one.migrate(schema("library_book", column("taken", new)))
        assert one.sql("SELECT taken FROM library_book") == before


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [
        ("TEXT", "INTEGER", "'twelve'"),
        ("TEXT", "DATE", "'no day'"),
        ("VARCHAR(40)", "VARCHAR(5)", "'much longer than that'"),
        ("BIGINT", "SMALLINT", "70000"),
        ("TEXT", "UUID", "'no uuid'"),
        ("VARCHAR(40)", "UUID", "'12345678-1234-4234-8234-123456789abg'"),
        ("TEXT", "UUID", "''"),
    ],
)
async def test_a_value_that_does_not_fit_is_told_and_kept(
    tmp_path: Path, old: str, new: str, value: str
) -> None:
    await check_refusal(tmp_path, old, new, value)
