"""The dialects of the servers: values on their way in and out, types for CAST, errors that name a table."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from openviper.db.dialects.lookup import ddl_dialect, dialect_for
from openviper.db.exceptions import DatabaseBackendNotFoundError
from openviper.exceptions import MigrationError
from openviper.testing.settings import override_openviper_settings

POSTGRESQL, MYSQL, SQLITE = map(dialect_for, ("postgresql", "mysql", "sqlite"))
EAST = timezone(timedelta(hours=2))


@pytest.mark.parametrize("vendor", ["sqlite", "postgresql", "mysql"])
def test_each_vendor_has_one_dialect(vendor: str) -> None:
    assert dialect_for(vendor).name == vendor and dialect_for(vendor) is dialect_for(vendor)
    assert type(ddl_dialect(vendor)).__name__.lower() == f"{vendor}ddl"


@pytest.mark.parametrize("vendor", ["oracle", "", "SQLite"])
def test_other_vendors_have_none(vendor: str) -> None:
    with pytest.raises(DatabaseBackendNotFoundError, match=f"databases of kind {vendor!r}"):
        dialect_for(vendor)
    with pytest.raises(MigrationError, match=f"does not know databases of kind {vendor!r}"):
        ddl_dialect(vendor)


@pytest.mark.parametrize("neutral", ["VARCHAR(5)", "TEXT", "STRING"])
def test_postgresql_takes_no_nul_character(neutral: str) -> None:
    write = POSTGRESQL.writer(neutral)
    assert write is not None and write("é") == "é"
    with pytest.raises(ValueError, match="NUL character"):
        write("a\0b")
    with pytest.raises(ValueError, match="NUL character"):
        POSTGRESQL.text_operand("contains", "\0")


@pytest.mark.parametrize(
    ("neutral", "value", "written"),
    [
        ("BOOLEAN", True, 1),
        ("DATETIME", datetime(2020, 1, 1, 12, tzinfo=EAST), datetime(2020, 1, 1, 10)),
        ("DATETIME", datetime(2020, 1, 1, 12), datetime(2020, 1, 1, 12)),
        ("UUID", UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("JSON", {"a": "é"}, '{"a":"é"}'),
        ("INTEGER[]", [1, 2], "[1,2]"),
    ],
)
def test_values_on_their_way_into_mariadb(neutral: str, value: Any, written: Any) -> None:
    write = MYSQL.writer(neutral)
    assert write is not None
    assert write(value) == written and type(write(value)) is type(written)


@pytest.mark.parametrize(
    ("dialect", "neutral", "aware", "stored", "expected"),
    [
        (MYSQL, "BOOLEAN", True, 1, True),
        (MYSQL, "DATETIME", True, datetime(2020, 1, 1), datetime(2020, 1, 1, tzinfo=UTC)),
        (MYSQL, "UUID", True, str(UUID(int=1)), UUID(int=1)),
        (MYSQL, "JSON", True, b"[1]", [1]),
        (MYSQL, "TEXT[]", True, '["a"]', ["a"]),
        (POSTGRESQL, "DATETIME", True, datetime(2020, 1, 1, tzinfo=timezone(timedelta())), datetime(2020, 1, 1, tzinfo=UTC)),
        (POSTGRESQL, "JSON", True, '{"a":1}', {"a": 1}),
        (SQLITE, "DATETIME", True, "2020-01-01 12:00:00+02:00", datetime(2020, 1, 1, 10, tzinfo=UTC)),
        (SQLITE, "DATETIME", False, "2020-01-01 12:00:00+02:00", datetime(2020, 1, 1, 10)),
        (SQLITE, "JSON", True, 5, 5),
    ],
)  # fmt: skip
def test_values_on_their_way_out(
    dialect: Any, neutral: str, aware: bool, stored: Any, expected: Any
) -> None:
    read = dialect.reader(neutral, aware=aware)
    found = read(stored)
    assert found == expected and type(found) is type(expected)
    assert getattr(found, "tzinfo", None) is getattr(expected, "tzinfo", None)


@pytest.mark.parametrize(
    ("dialect", "neutral"),
    [
        (POSTGRESQL, "INTEGER"),
        (POSTGRESQL, "VARCHAR(5)"),
        (POSTGRESQL, "UUID"),
        (MYSQL, "TEXT"),
        (MYSQL, "NUMERIC(8,2)"),
        (SQLITE, "INTEGER"),
    ],
)
def test_what_the_driver_reads_by_itself(dialect: Any, neutral: str) -> None:
    assert dialect.reader(neutral) is None


@pytest.mark.parametrize("dialect", [POSTGRESQL, MYSQL])
def test_moments_without_zones_come_as_the_driver_gives_them(dialect: Any) -> None:
    assert dialect.reader("DATETIME", aware=False) is None


def test_a_list_of_postgresql_is_copied() -> None:
    read = POSTGRESQL.reader("TEXT[]")
    stored = ["a"]
    assert read is not None and read(stored) == stored and read(stored) is not stored


@pytest.mark.parametrize(
    ("neutral", "postgresql", "mysql"),
    [
        ("BIGINT", "BIGINT", "SIGNED"),
        ("REAL", "DOUBLE PRECISION", "DOUBLE"),
        ("NUMERIC", "NUMERIC", "DECIMAL"),
        ("TEXT", "TEXT", "CHAR"),
        ("VARCHAR(20)", "CHARACTER VARYING", "CHAR"),
        ("DATE", "DATE", "DATE"),
        ("TIME", "TIME", "TIME(6)"),
        ("DATETIME", "TIMESTAMP WITH TIME ZONE", "DATETIME(6)"),
        ("UUID", "UUID", "CHAR(36)"),
        ("JSON", "JSONB", "CHAR"),
        ("BINARY", "BYTEA", "BINARY"),
    ],
)
def test_types_to_cast_to(neutral: str, postgresql: str, mysql: str) -> None:
    assert POSTGRESQL.value_type(neutral) == postgresql
    assert MYSQL.value_type(neutral) == mysql
    assert POSTGRESQL.value_type(f"{neutral}[]") == f"{postgresql}[]"
    assert SQLITE.value_type(neutral) == neutral


def test_postgresqls_moments_have_no_zone_where_the_project_has_none() -> None:
    with override_openviper_settings(USE_TZ=False):
        assert POSTGRESQL.value_type("DATETIME") == "TIMESTAMP"


class DriverError(Exception):
    """An error as drivers raise it."""

    def __init__(self, *arguments: object, sqlstate: str | None = None) -> None:
        super().__init__(*arguments)
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("dialect", "error", "table"),
    [
        (POSTGRESQL, DriverError('relation "a_b" does not exist', sqlstate="42P01"), "a_b"),
        (POSTGRESQL, DriverError("nothing", sqlstate="42P01"), "?"),
        (POSTGRESQL, DriverError('column "a" does not exist', sqlstate="42703"), None),
        (POSTGRESQL, DriverError('relation "a" does not exist'), None),
        (MYSQL, DriverError(1146, "Table 'db.a_b' doesn't exist"), "a_b"),
        (MYSQL, DriverError(1146, "Table 'a_b' doesn't exist"), "a_b"),
        (MYSQL, DriverError(1054, "Unknown column 'a'"), None),
        (MYSQL, DriverError(), None),
        (SQLITE, DriverError("no such table: a_b"), "a_b"),
        (SQLITE, DriverError("no such table: main.a_b"), "a_b"),
        (SQLITE, DriverError("no such column: a"), None),
    ],
)
def test_errors_that_say_that_a_table_is_missing(
    dialect: Any, error: Exception, table: str | None
) -> None:
    assert dialect.missing_table(error) == table
    wrapped = RuntimeError(str(error))
    wrapped.__cause__ = error
    assert dialect.missing_table(wrapped) == table


@pytest.mark.parametrize(
    ("dialect", "name", "quoted"),
    [(SQLITE, "a b", '"a b"'), (POSTGRESQL, "Order", '"Order"'), (MYSQL, "order", "`order`")],
)
def test_names_are_quoted(dialect: Any, name: str, quoted: str) -> None:
    assert dialect.quote(name) == quoted


@pytest.mark.parametrize("dialect", [SQLITE, POSTGRESQL, MYSQL])
def test_a_quote_in_a_name_does_not_end_it(dialect: Any) -> None:
    quote = dialect.quote("a")[0]
    try:
        quoted = dialect.quote(f"a{quote}b")
    except ValueError:
        return
    assert quoted == f"{quote}a{quote}{quote}b{quote}"


def test_how_each_makes_keys_and_rows() -> None:
    assert [each.bulk_numbering for each in (SQLITE, POSTGRESQL, MYSQL)] == [
        "lock",
        "sequence",
        "statement",
    ]
    assert POSTGRESQL.returning_key('"id"') == ' RETURNING "id"'
    assert SQLITE.returning_key('"id"') == MYSQL.returning_key("`id`") == ""
    assert MYSQL.insert_nothing("`t`") == "INSERT INTO `t` () VALUES ()"
    assert POSTGRESQL.insert_nothing('"t"') == 'INSERT INTO "t" DEFAULT VALUES'
    assert POSTGRESQL.bulk_insert('"t"', ['"a"', '"b"']) == 'COPY "t" ("a", "b") FROM STDIN'
    assert MYSQL.bulk_insert("`t`", ["`a`"]) == "INSERT INTO `t` (`a`) VALUES (%s)"


@pytest.mark.parametrize(
    ("dialect", "lookup", "texts"),
    [
        (POSTGRESQL, "contains", "strpos(CAST(a AS text), CAST(b AS text)) > 0"),
        (POSTGRESQL, "startswith", "strpos(CAST(a AS text), CAST(b AS text)) = 1"),
        (
            POSTGRESQL,
            "endswith",
            "right(CAST(a AS text), length(CAST(b AS text))) = CAST(b AS text)",
        ),
        (SQLITE, "contains", "instr(a, b) > 0"),
        (SQLITE, "startswith", "instr(a, b) = 1"),
        (SQLITE, "endswith", "substr(a, length(a) - length(b) + 1) = CAST(b AS TEXT)"),
        (SQLITE, "iexact", "openviper_fold(a) = openviper_fold(b)"),
        (SQLITE, "icontains", "instr(openviper_fold(a), openviper_fold(b)) > 0"),
    ],
)
def test_a_computed_text_has_no_wildcards(dialect: Any, lookup: str, texts: str) -> None:
    assert dialect.text_match(lookup, "a", "b") == texts


def test_mariadb_compares_computed_texts_byte_by_byte() -> None:
    for lookup in ("iexact", "endswith", "iendswith"):
        assert re.fullmatch(
            r"CAST\(.+ AS BINARY\) = CAST\(.+ AS BINARY\)", MYSQL.text_match(lookup, "a", "b")
        )


def test_plans_are_shown_a_step_per_line() -> None:
    assert SQLITE.explained([(1, 0, 0, "SCAN a"), (2, 1, 0, "SEARCH b")]) == "SCAN a\nSEARCH b"
    assert POSTGRESQL.explained([("Seq Scan",), ("  Filter",)]) == "Seq Scan\n  Filter"
    assert MYSQL.explained([(1, None, "t", 0)]) == "1 t 0"
