"""PostgreSQL there and back, with the real tools and a real server."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.backup.create import create_backup
from openviper.backup.engines import postgres
from openviper.backup.engines.postgres_scan import DumpFacts, restriction
from openviper.backup.exceptions import BackupError, RestoreRefusedError, ToolFailedError
from openviper.backup.reading import check_backup
from openviper.backup.restore import restore_backup
from openviper.backup.sidecar import compute_checksum, sidecar_path
from tests.servers import address, fresh_database, run_on_server
from tests.unit.backup.builders import make_tar_gz, regular

pytestmark = [
    pytest.mark.one_version,
    pytest.mark.skipif(
        shutil.which("pg_dump") is None or shutil.which("psql") is None,
        reason="pg_dump and psql are not installed",
    ),
]

SCHEMA = r"""
CREATE SCHEMA "od d";
CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE TYPE pair AS (a integer, b text);
CREATE SEQUENCE ticket START 41 INCREMENT 7;
CREATE TABLE author (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(50) UNIQUE NOT NULL);
CREATE TABLE everything (
    id serial PRIMARY KEY, author_id integer REFERENCES author ON DELETE CASCADE,
    c_small smallint, c_big bigint, c_numeric numeric(30, 10), c_real real, c_double double precision, c_money money,
    c_char char(5), c_text text, c_bytes bytea, c_bool boolean, c_date date, c_time time, c_timetz timetz,
    c_stamp timestamp, c_stamptz timestamptz, c_interval interval, c_uuid uuid, c_json json, c_jsonb jsonb,
    c_inet inet, c_cidr cidr, c_mac macaddr, c_bit bit(9), c_varbit bit varying(9), c_point point, c_box box,
    c_array integer[][], c_texts text[], c_range int4range, c_multi int4multirange, c_xml xml, c_tsv tsvector,
    c_mood mood, c_positive positive, c_pair pair,
    doubled bigint GENERATED ALWAYS AS (c_big * 2) STORED
);
CREATE TABLE "od d"."T;able" ("co""l" text, "select" integer DEFAULT nextval('ticket'));
CREATE VIEW names AS SELECT a.name, e.c_text FROM author a JOIN everything e ON e.author_id = a.id;
CREATE MATERIALIZED VIEW counts AS SELECT count(*) AS n FROM everything;
CREATE TABLE log (entry text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $f$
BEGIN
    -- \! a backslash in a body is harmless
    INSERT INTO log VALUES (E'new \\ ' || NEW.name); RETURN NEW;
END $f$;
CREATE TRIGGER author_note AFTER INSERT ON author FOR EACH ROW EXECUTE FUNCTION note();
CREATE INDEX everything_text ON everything (lower(c_text)) WHERE c_bool;
CREATE TABLE part (day date NOT NULL) PARTITION BY RANGE (day);
CREATE TABLE part_2025 PARTITION OF part FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
"""
ROWS = r"""
INSERT INTO author (name) VALUES ('Ada'), ('Grün 🐍 \. \! \N');
INSERT INTO everything (author_id, c_small, c_big, c_numeric, c_real, c_double, c_money, c_char, c_text, c_bool, c_date,
    c_time, c_timetz, c_stamp, c_stamptz, c_interval, c_uuid, c_json, c_jsonb, c_inet, c_cidr, c_mac, c_bit, c_varbit,
    c_point, c_box, c_array, c_texts, c_range, c_multi, c_xml, c_tsv, c_mood, c_positive, c_pair)
VALUES (1, -32768, 9223372036854775807 / 4, 12345678901234567890.0123456789, 1.5, 0.1, 12.34, 'ab', E'a\nb\t\\.\r\n\\',
    true, '0044-03-15 BC', '23:59:59.999999', '12:00+05:30', 'infinity', '2025-03-02 10:15:30.123456+01',
    '1 year 2 days',
    '00000000-0000-0000-0000-0000000000ff', '{"a": [1, "\u00e4"]}', '{"b": null}', '::1/64', '10.0.0.0/8',
    '08:00:2b:01:02:03', B'101010101', B'1', '(1,2)', '(3,4),(1,2)', '{{1,2},{3,NULL}}', ARRAY['a,b', NULL, '"', ''],
    '[1,5)', '{[1,2),[4,5)}', '<a>&amp;</a>', 'fat:1 cat:2', 'it''s', 7, ROW(1, 'x"y'));
INSERT INTO everything (c_text) VALUES (NULL), ('');
INSERT INTO "od d"."T;able" ("co""l") VALUES ('1'), ('2');
INSERT INTO part VALUES ('2025-05-05');
"""
TABLES = (
    "author", "everything", '"od d"."T;able"', "names", "counts", "log", "part_2025",
    "(SELECT last_value, is_called FROM ticket)",
)  # fmt: skip


@pytest.fixture
def source() -> Iterator[str]:
    """Give the URL of a database that has everything."""
    with fresh_database("postgresql") as url:
        every_byte = "".join(f"{byte:02x}" for byte in range(256))
        change(url, SCHEMA, ROWS, f"INSERT INTO everything (c_bytes) VALUES ('\\x{every_byte}')")
        # A restore computes a materialised view anew.
        change(url, "REFRESH MATERIALIZED VIEW counts")
        yield url


@pytest.fixture
def target() -> Iterator[str]:
    with fresh_database("postgresql") as url:
        yield url


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


def change(url: str, *statements: str) -> None:
    run_on_server("postgresql", *statements, database=name_of(url))


def content_of(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Return every row as text, so that types no driver knows are compared too."""
    return {
        table: run_on_server(
            "postgresql", f"SELECT ROW(t.*)::text FROM {table} t ORDER BY 1", database=name_of(url)
        )
        for table in TABLES
    }


def objects_of(url: str) -> list[tuple[object, ...]]:
    """Return all relations, routines and types with their schemas."""
    ours = "nspname !~ '^pg_' AND nspname <> 'information_schema'"
    names = "pg_namespace n ON n.oid"
    query = (
        f"SELECT nspname, relname, relkind::text FROM pg_class c JOIN {names} = relnamespace WHERE {ours} "
        f"UNION SELECT nspname, proname, 'routine' FROM pg_proc JOIN {names} = pronamespace WHERE {ours} "
        f"UNION SELECT nspname, typname, 'type' FROM pg_type JOIN {names} = typnamespace WHERE {ours} "
        f"UNION SELECT nspname, '', 'schema' FROM pg_namespace WHERE {ours} ORDER BY 1, 2, 3"
    )
    return run_on_server("postgresql", query, database=name_of(url))


@pytest.mark.parametrize("compress", [True, False])
async def test_everything_comes_back_as_it_was(
    tmp_path: Path, source: str, target: str, compress: bool
) -> None:
    before = content_of(source), objects_of(source)
    result = await create_backup(source, tmp_path / "b", compress=compress)
    assert result.engine == "postgres" and result.database_name == name_of(source)
    done = await restore_backup(result.path, target)
    assert (content_of(target), objects_of(target)) == before
    assert done.safety_copy is None
    # The sequence goes on where it was, the trigger and the generated column work.
    change(
        target,
        'INSERT INTO "od d"."T;able" ("co""l") VALUES (\'3\')',
        "INSERT INTO author (name) VALUES ('New')",
    )
    assert run_on_server(
        "postgresql", 'SELECT max("select") FROM "od d"."T;able"', database=name_of(target)
    ) == [(55,)]
    assert run_on_server("postgresql", "SELECT count(*) FROM log", database=name_of(target)) == [
        (3,)
    ]
    assert run_on_server("postgresql", "SELECT max(id) FROM author", database=name_of(target)) == [
        (3,)
    ]


async def test_what_was_made_after_the_backup_is_gone_after_the_restore(
    tmp_path: Path, source: str
) -> None:
    before = content_of(source), objects_of(source)
    backup = (await create_backup(source, tmp_path)).path
    change(
        source,
        "CREATE SCHEMA later",
        "CREATE TYPE later.kind AS ENUM ('a')",
        "CREATE TABLE later.t (k later.kind, a integer REFERENCES author)",
        "CREATE TABLE extra (m mood)",
        "CREATE VIEW extra_view AS SELECT * FROM author",
        "CREATE FUNCTION extra_function(mood) RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE PROCEDURE extra_procedure() LANGUAGE sql AS 'SELECT 1'",
        "CREATE AGGREGATE extra_sum (integer) (SFUNC = int4pl, STYPE = integer)",
        "CREATE TYPE extra_type AS (a integer)",
        "CREATE DOMAIN extra_domain AS text",
        "CREATE TYPE extra_range AS RANGE (SUBTYPE = float8)",
        "CREATE SEQUENCE extra_sequence",
        "ALTER TABLE author ADD COLUMN extra text",
        "DROP TABLE log",
        "UPDATE everything SET c_text = 'changed'",
    )
    await restore_backup(backup, source, force=True)
    assert (content_of(source), objects_of(source)) == before


async def test_an_extension_stays(tmp_path: Path, source: str) -> None:
    try:
        change(source, "CREATE EXTENSION citext")
    except Exception as error:  # whatever the driver calls it
        pytest.skip(f"the extension citext is not installed: {error}")
    change(source, "CREATE TABLE folded (name citext)", "INSERT INTO folded VALUES ('Ada')")
    backup = (await create_backup(source, tmp_path)).path
    await restore_backup(backup, source, force=True)
    assert run_on_server(
        "postgresql", "SELECT name = 'ADA' FROM folded", database=name_of(source)
    ) == [(True,)]


async def test_a_failure_in_the_middle_leaves_the_old_content(
    tmp_path: Path, source: str, target: str
) -> None:
    change(target, "CREATE TABLE kept (a integer)", "INSERT INTO kept VALUES (1)")
    plain = (await create_backup(source, tmp_path, compress=False)).path
    text = plain.read_bytes()
    middle = text.index(b"COPY public.everything")
    broken = tmp_path / "broken.sql"
    broken.write_bytes(text[:middle] + b"SELECT nothing FROM nowhere;\n" + text[middle:])
    message = '^psql failed with exit code 3: .*relation "nowhere" does not exist'
    with pytest.raises(ToolFailedError, match=message) as caught:
        await restore_backup(broken, target, force=True)
    assert "\n" not in str(caught.value)
    assert run_on_server("postgresql", "SELECT a FROM kept", database=name_of(target)) == [(1,)]
    assert [row[1] for row in objects_of(target) if row[2] == "r"] == ["kept"]


async def test_a_cut_off_dump_is_refused(tmp_path: Path, source: str, target: str) -> None:
    plain = (await create_backup(source, tmp_path, compress=False)).path
    cut = tmp_path / "cut.sql"
    cut.write_bytes(plain.read_bytes()[:-200])
    with pytest.raises(BackupError, match="is cut off"):
        await restore_backup(cut, target)
    assert [row for row in objects_of(target) if row[2] != "schema"] == []


@pytest.mark.parametrize("line", ["\\! touch {}", "SELECT 1 \\g |touch {}", "\\o |touch {}"])
async def test_a_shell_command_in_a_dump_is_refused_and_not_run(
    tmp_path: Path, source: str, target: str, line: str
) -> None:
    plain = (await create_backup(source, tmp_path, compress=False)).path
    sign = tmp_path / "ran"
    text = plain.read_bytes() + line.format(sign).encode() + b"\n"
    archive = make_tar_gz(tmp_path / "evil.tar.gz", [regular("backup.sql", text)])
    with pytest.raises(BackupError, match="holds a command of psql"):
        await restore_backup(archive, target, force=True)
    meta = json.loads(sidecar_path(plain).read_text())
    sidecar_path(archive).write_text(json.dumps({**meta, "checksum": compute_checksum(archive)}))
    with pytest.raises(BackupError, match="holds a command of psql"):
        await check_backup(archive)
    assert not sign.exists()


async def test_psql_itself_takes_no_commands_from_a_dump(
    tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = subprocess.run(
        ["psql", "--version"], capture_output=True, text=True, check=True
    ).stdout
    if not restriction(version):
        pytest.skip("this psql is too old to be restricted")
    monkeypatch.setattr(postgres, "scan_dump", lambda *_, **__: DumpFacts())
    sign = tmp_path / "ran"
    (tmp_path / "evil.sql").write_text(f"SELECT 1;\n\\! touch {sign}\n")
    with pytest.raises(ToolFailedError, match="restricted"):
        await restore_backup(tmp_path / "evil.sql", target)
    assert not sign.exists()


async def test_a_target_with_tables_is_not_replaced_without_asking(
    tmp_path: Path, source: str, target: str
) -> None:
    backup = (await create_backup(source, tmp_path)).path
    change(target, "CREATE TABLE kept (a integer)")
    with pytest.raises(
        RestoreRefusedError,
        match=rf"database '{name_of(target)}' on {address('postgresql')} \(1 table\)",
    ):
        await restore_backup(backup, target)
    result = await restore_backup(backup, target, force=True, safety_backup=True)
    assert result.safety_copy is not None
    await restore_backup(result.safety_copy, target, force=True)
    assert [row[1] for row in objects_of(target) if row[2] == "r"] == ["kept"]


async def test_a_missing_database_is_one_line(tmp_path: Path, source: str) -> None:
    with pytest.raises(
        ToolFailedError, match='database "openviper_no_such" does not exist'
    ) as caught:
        await create_backup(source.replace(name_of(source), "openviper_no_such"), tmp_path / "b")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "b").exists()


async def test_a_socket_and_connection_parameters_are_honoured(tmp_path: Path, source: str) -> None:
    name = name_of(source)
    (directory,) = run_on_server("postgresql", "SHOW unix_socket_directories")[0]
    (port,) = run_on_server("postgresql", "SHOW port")[0]
    if not os.path.exists(f"{directory}/.s.PGSQL.{port}"):
        pytest.skip("the server has no socket here")
    with pytest.raises(ToolFailedError, match="server does not support SSL|SSL|certificate"):
        await create_backup(f"{source}?sslmode=verify-full&sslrootcert=/nonexistent", tmp_path)
    url = f"postgresql:///{name}?host={directory}&user=postgres&application_name=x&keepalives=1"
    with pytest.raises(ToolFailedError, match=f'"{directory}/.s.PGSQL.1"'):
        await create_backup(f"{url}&port=1", tmp_path)
    with pytest.raises(BackupError) as caught:
        await create_backup(
            f"{url}&port={port}&options=-c%20default_transaction_isolation%3Dnonsense", tmp_path
        )
    assert "nonsense" in str(caught.value)


async def test_a_cancelled_restore_leaves_the_old_content_and_no_tool(
    tmp_path: Path, target: str
) -> None:
    change(target, "CREATE TABLE kept (a integer)")
    slow = tmp_path / "slow.sql"
    slow.write_text("CREATE TABLE new (a integer);\nSELECT pg_sleep(60);\n")
    task = asyncio.create_task(restore_backup(slow, target, force=True))
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
    )
    while run_on_server("postgresql", query, database=name_of(target)) == [(0,)]:
        assert not task.done()
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    change(
        target,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    assert [row[1] for row in objects_of(target) if row[2] == "r"] == ["kept"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["slow.sql"]
