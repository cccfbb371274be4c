"""From a database's own types to neutral ones."""

from __future__ import annotations

import pytest

from openviper.db.dialects.lookup import ddl_dialect
from openviper.db.inspection.types import guess_type


@pytest.mark.parametrize(
    ("vendor", "live", "neutral", "exact"),
    [
        ("sqlite", "INTEGER", "INTEGER", True),
        ("sqlite", "BOOLEAN", "BOOLEAN", True),
        ("sqlite", "TEXT", "TEXT", True),
        ("sqlite", "JSON", "JSON", True),
        ("sqlite", "", "TEXT", False),
        ("sqlite", "NVARCHAR(9)", "VARCHAR(9)", False),
        ("sqlite", "NUMERIC", "NUMERIC(38,10)", False),
        ("postgresql", "character varying(20)", "VARCHAR(20)", True),
        ("postgresql", "character varying", "TEXT", False),
        ("postgresql", "timestamp without time zone", "DATETIME", False),
        ("postgresql", "numeric(8,2)", "NUMERIC(8,2)", True),
        ("postgresql", "integer[]", "INTEGER[]", True),
        ("postgresql", "inet[]", "TEXT[]", False),
        ("postgresql", "interval", "TEXT", False),
        ("postgresql", "json", "JSON", False),
        ("mysql", "TINYINT(1)", "BOOLEAN", True),
        ("mysql", "INT(11)", "INTEGER", True),
        ("mysql", "INT(10) UNSIGNED", "BIGINT", False),
        ("mysql", "YEAR(4)", "SMALLINT", False),
        ("mysql", "ENUM('A','BC''D')", "VARCHAR(5)", False),
        ("mysql", "ENUM('')", "TEXT", False),
        ("mysql", "CHAR(36)", "UUID", True),
    ],
)
def test_a_type_is_exact_or_the_likest_one(
    vendor: str, live: str, neutral: str, exact: bool
) -> None:
    assert guess_type(live, ddl_dialect(vendor)) == (neutral, exact)


def test_a_check_makes_a_long_text_json() -> None:
    dialect = ddl_dialect("mysql")
    assert guess_type("LONGTEXT", dialect, is_json=True) == ("JSON", True)
    assert guess_type("LONGTEXT", dialect) == ("TEXT", True)
