"""Which statements of a PostgreSQL dump a restore refuses, and what it takes out."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.backup.background import StopFlag
from openviper.backup.engines.postgres_scan import DumpFacts, scan_dump
from openviper.backup.exceptions import BackupError


def scan(tmp_path: Path, text: str, *, trusted: bool = False) -> DumpFacts:
    path = tmp_path / "backup.sql"
    path.write_text(text, newline="")
    return scan_dump(path, trusted=trusted, stop=StopFlag())


@pytest.mark.parametrize(
    "text",
    [
        "COPY t FROM PROGRAM 'id';",
        "copy t to program 'id';",
        "COPY t FROM '/etc/passwd';",
        "COPY (SELECT 1) TO '/tmp/x';",
        "COPY t TO STDOUT;",
        "COPY (SELECT 1 FROM STDIN) TO STDOUT;\n\\! id\n",
        "SELECT 1; COPY t FROM stdin;\n\\.\n",
        "-- innocent\r\\! id\n",
        "ALTER SYSTEM SET x = 1;",
        "CREATE DATABASE x;",
        "DROP ROLE x;",
        "ALTER USER x SUPERUSER;",
        "CREATE TABLESPACE x LOCATION '/tmp';",
        "LOAD 'x';",
        "ROLLBACK;",
        "ABORT;",
        "COMMIT AND CHAIN;",
        "BEGIN ISOLATION LEVEL SERIALIZABLE;",
        "PREPARE TRANSACTION 'x';",
        "RESET ALL;",
        "DISCARD ALL;",
        "SET client_encoding = 'SJIS';",
        "SET NAMES 'GBK';",
        "SET standard_conforming_strings = off;",
        "RESET standard_conforming_strings;",
        "SELECT set_config('standard_conforming_strings', 'off', true);\nSELECT 'a\\'';",
        "SELECT pg_catalog.set_config('search_path', 'x', false);",
        "SELECT pg_read_file('/etc/passwd');",
        "SELECT lo_import('/etc/passwd');",
        "DO $$ BEGIN END $$;",
        "CALL p();",
    ],
)
def test_what_leaves_the_database_or_the_transaction_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BackupError, match="which a restore refuses"):
        scan(tmp_path, "SELECT 0;\n" + text)


@pytest.mark.parametrize("text", ["DO $$ BEGIN END $$;", "CALL p();", "SELECT lo_import('x');"])
def test_who_trusts_a_dump_lets_through_what_only_could_reach_outside(
    tmp_path: Path, text: str
) -> None:
    scan(tmp_path, text, trusted=True)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT pg_catalog.set_config('search_path', '', false);",
        "SET standard_conforming_strings = on;",
        "SET client_encoding = 'SQL_ASCII';",
        "CREATE USER MAPPING FOR x SERVER y;",
        "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; SELECT 2);",
        "SELECT E'a'\n'b\\'c';",
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN COMMIT; \\! END $f$;",
        "CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; "
        "SELECT 2; END;\nSELECT 1;",
        'COPY public."t;x" (a, "b (c") FROM stdin;\r\n\\! data\r\n\\.\r\nSELECT 1;',
    ],
)
def test_what_pg_dump_writes_passes(tmp_path: Path, text: str) -> None:
    assert scan(tmp_path, text).blanks == []


def test_the_transaction_of_large_objects_is_taken_out(tmp_path: Path) -> None:
    text = "BEGIN;\n\nSELECT pg_catalog.lo_open('1', 131072);\nCOMMIT;\nSTART TRANSACTION;\nEND;\n"
    spans = scan(tmp_path, text).blanks
    assert [text[start:end] for start, end in spans] == [
        "BEGIN;",
        "COMMIT;",
        "START TRANSACTION;",
        "END;",
    ]


def test_extensions_and_comments_of_others_are_noted(tmp_path: Path) -> None:
    text = (
        'DROP EXTENSION IF EXISTS unaccent;\nCREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA public;\n'
        "CREATE EXTENSION Citext;\nCOMMENT ON EXTENSION \"uuid-ossp\" IS 'a;b';\nCOMMENT ON SCHEMA public IS 'x';\n"
    )
    facts = scan(tmp_path, text)
    assert facts.extensions == {"uuid-ossp", "citext"}
    ((name, start, end),) = facts.extension_comments
    assert (name, text[start:end]) == ("uuid-ossp", "COMMENT ON EXTENSION \"uuid-ossp\" IS 'a;b';")
    assert [text[a:b] for a, b in facts.blanks] == ["DROP EXTENSION IF EXISTS unaccent;"]
    assert [text[a:b] for a, b in facts.public_comments] == ["COMMENT ON SCHEMA public IS 'x';"]


@pytest.mark.parametrize("size", [(8 << 20) - 8, (8 << 20) + 1, 3, 17 << 20])
def test_the_end_of_data_is_found_on_the_border_of_what_is_read_at_once(
    tmp_path: Path, size: int
) -> None:
    data = "COPY t FROM stdin;\n" + "x" * size + "\n\\.x\n"
    with pytest.raises(BackupError, match="is cut off"):
        scan(tmp_path, data)
    with pytest.raises(BackupError, match="DROP ROLE"):
        scan(tmp_path, data + "\\.\nDROP ROLE x;\n")
    assert scan(tmp_path, data + "\\.").blanks == []
