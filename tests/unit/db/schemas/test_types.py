"""Which changes of type are rejected, warned about, or let through."""

from __future__ import annotations

import pytest

from openviper.db.schemas import validate_type_change
from openviper.exceptions import MigrationError


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("INTEGER", "VARCHAR(10)"),
        ("INTEGER", "BOOLEAN"),
        ("BIGINT", "UUID"),
        ("REAL", "INTEGER"),
        ("NUMERIC(8,2)", "INTEGER"),
        ("VARCHAR(10)", "INTEGER"),
        ("TEXT", "DATE"),
        ("DATETIME", "DATE"),
        ("DATE", "TIME"),
        ("TIME", "DATETIME"),
        ("BOOLEAN", "UUID"),
        ("UUID", "JSON"),
        ("INTEGER", "INTEGER[]"),
        ("TEXT[]", "TEXT"),
    ],
)
def test_an_unsafe_change_needs_force(old: str, new: str) -> None:
    with pytest.raises(MigrationError, match="--force"):
        validate_type_change(old, new)
    assert "by force" in str(validate_type_change(old, new, force=True))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("INTEGER", "SMALLINT"),
        ("BIGINT", "INTEGER"),
        ("REAL", "NUMERIC(8,2)"),
        ("NUMERIC(8,2)", "NUMERIC(6,2)"),
        ("NUMERIC(8,2)", "NUMERIC(8,1)"),
        ("NUMERIC(8,2)", "NUMERIC(8,4)"),
        ("NUMERIC(8,2)", "REAL"),
        ("TEXT", "VARCHAR(10)"),
        ("VARCHAR(20)", "VARCHAR(10)"),
    ],
)
def test_a_narrowing_change_warns(old: str, new: str) -> None:
    assert "narrows" in str(validate_type_change(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SMALLINT", "INTEGER"),
        ("INTEGER", "BIGINT"),
        ("INTEGER", "REAL"),
        ("INTEGER", "NUMERIC(8,2)"),
        ("BOOLEAN", "INTEGER"),
        ("VARCHAR(10)", "TEXT"),
        ("VARCHAR(10)", "VARCHAR(20)"),
        ("NUMERIC(8,2)", "NUMERIC(9,2)"),
        ("DATE", "DATETIME"),
        ("UUID", "TEXT"),
        ("NUMERIC", "NUMERIC(8,2)"),
    ],
)
def test_a_safe_change_passes_without_remark(old: str, new: str) -> None:
    assert validate_type_change(old, new) is None
