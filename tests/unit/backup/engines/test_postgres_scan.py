"""Finding `psql`'s own commands in an SQL text, where `psql` would find them."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.backup.background import StopFlag
from openviper.backup.engines.postgres_scan import restriction, scan_dump
from openviper.backup.exceptions import BackupError


def scan(tmp_path: Path, text: str | bytes) -> list[tuple[int, int]]:
    path = tmp_path / "backup.sql"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return scan_dump(path, trusted=False, stop=StopFlag()).blanks


@pytest.mark.parametrize(
    "text",
    [
        "\\! touch /tmp/x\n",
        "SELECT 1;\n\\! id\n",
        "  \\! id",
        "SELECT 1 \\g |id\n",
        "SELECT 'a' \\gexec\n",
        "\\o |id\n",
        "\\copy t from program 'id'\n",
        "\\connect other\n",
        "SELECT 'it''s' ; \\! id\n",
        "/* /* nested */ */ \\! id\n",
        "SELECT $x$ text $x$; \\! id\n",
        "SELECT a$b$ FROM t; \\! id -- $b$\n",
        "SELECT E'\\'' ; \\! id\n",
        "SELECT E'it''s \\' x' ; \\! id\n",
        'SELECT "a""b"; \\! id\n',
        "COPY t (a) FROM stdin;\n1\n\\.\n\\! id\n",
        "COPY t FROM stdin WITH (FORMAT csv);\n\\! data\n\\.\n",
        "COPY t TO stdout;\n\\! id\n",
        "CREATE RULE r AS ON INSERT TO t DO (COPY t FROM stdin;\n\\! id\n",
        "-- COPY t FROM stdin;\n\\! id\n",
        "SELECT 'COPY t FROM stdin;';\n\\! id\n",
        "\\unrestrict x y\n",
        "\\restrict\n",
        "SET standard_conforming_strings = off;\nSELECT '\\';\n",
        "SET standard_conforming_strings TO 'off';\n",
    ],
)
def test_a_command_of_psql_is_found(tmp_path: Path, text: str) -> None:
    with pytest.raises(BackupError, match="which a restore refuses|is cut off"):
        scan(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "SET standard_conforming_strings = on;\nSELECT 1;\n",
        "SELECT '\\! id';\n",
        "SELECT '\n\\! id\n';\n",
        'SELECT "\n\\! id\n";\n',
        "SELECT E'\\\\ \\' \\n';\n",
        "SELECT $$\n\\! id\n$$, $fn_1$\n\\! $$ id\n$fn_1$;\n",
        "/* \\! id */ -- \\! id\nSELECT 1;\n",
        'COPY public."t;x" (a, "b(") FROM stdin;\n1\t\\N\n\\\\.\n\\x00ff\n\\.\nSELECT 1;\n',
        "INSERT INTO t VALUES (1);\nCOPY t (a) FROM STDIN;\n\\\\! data\n\\.\n",
    ],
)
def test_backslashes_in_strings_comments_and_data_are_none(tmp_path: Path, text: str) -> None:
    assert scan(tmp_path, text) == []


def test_the_fences_of_a_dump_are_reported_with_their_place(tmp_path: Path) -> None:
    text = "-- dump\n\\restrict abcDEF1\nCOPY t (a) FROM stdin;\n\\restrict no\n\\.\n\\unrestrict abcDEF1\n"
    fences = scan(tmp_path, text)
    assert [text[start:end] for start, end in fences] == [
        "\\restrict abcDEF1",
        "\\unrestrict abcDEF1",
    ]


def test_a_row_longer_than_what_is_read_at_once_ends_no_data(tmp_path: Path) -> None:
    row = b"x" * (1 << 20) + b"\\.\n"
    scan(tmp_path, b"COPY t (a) FROM stdin;\n" + row + b"\\! data\n\\.\n")
    with pytest.raises(BackupError, match="in line 4"):
        scan(tmp_path, b"COPY t (a) FROM stdin;\n" + row + b"\\.\n\\! id\n")


def test_a_command_behind_a_very_long_line_of_sql_is_found(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="in line 1"):
        scan(tmp_path, b"SELECT '" + b"x" * (3 << 20) + b"'; \\! id\n")


@pytest.mark.parametrize(
    ("version", "able"),
    [
        ("psql (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)", True),
        ("psql (PostgreSQL) 15.13", False),
        ("psql (PostgreSQL) 17.6", True),
        ("psql (PostgreSQL) 17.5", False),
        ("psql (PostgreSQL) 18.0", True),
        ("psql (PostgreSQL) 12.22", False),
        ("psql", False),
    ],
)
def test_which_psql_can_be_told_to_take_no_commands(version: str, able: bool) -> None:
    assert restriction(version) is able
