"""What a PostgreSQL restore proves before it touches its target, on a real server."""

from __future__ import annotations

import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.backup.create import create_backup
from openviper.backup.engines.base import RestoreOptions
from openviper.backup.exceptions import BackupError, LockedError, ToolFailedError
from openviper.backup.reading import check_backup
from openviper.backup.restore import restore_backup
from tests.servers import POSTGRESQL, fresh_database, run_on_server

pytestmark = [
    pytest.mark.one_version,
    pytest.mark.skipif(
        shutil.which("pg_dump") is None or shutil.which("psql") is None,
        reason="pg_dump and psql are not installed",
    ),
]


@pytest.fixture
def target() -> Iterator[str]:
    with fresh_database("postgresql") as url:
        yield url


@pytest.fixture
def limited(target: str) -> Iterator[str]:
    """Give the target's URL with a user who owns the database's schema, and is no administrator."""
    user = f"ov_{secrets.token_hex(4)}"
    run_on_server("postgresql", f"CREATE ROLE {user} LOGIN")
    ask(target, f"GRANT ALL ON SCHEMA public TO {user}")
    run_on_server("postgresql", f"ALTER DATABASE {name_of(target)} OWNER TO {user}")
    yield target.replace("postgres@", f"{user}@")
    ask(target, f"REASSIGN OWNED BY {user} TO postgres", f"DROP OWNED BY {user}")
    run_on_server("postgresql", f"DROP ROLE {user}")


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


def ask(url: str, *statements: str) -> list[tuple[object, ...]]:
    return run_on_server("postgresql", *statements, database=name_of(url))


def as_user(url: str, *statements: str) -> None:
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


async def test_an_extension_and_a_comment_of_the_administrator_are_in_nobodys_way(
    tmp_path: Path, target: str, limited: str
) -> None:
    ask(target, "CREATE EXTENSION unaccent")
    ask(target, "COMMENT ON SCHEMA public IS 'ours'")
    as_user(limited, "CREATE TABLE t (a text)", "INSERT INTO t VALUES (unaccent('é'))")
    backup = (await create_backup(limited, tmp_path)).path
    ask(target, "ALTER SCHEMA public OWNER TO postgres", "GRANT ALL ON SCHEMA public TO PUBLIC")
    assert (await check_backup(backup, url=limited)).proved
    warnings: list[str] = []
    await restore_backup(backup, limited, force=True, warn=warnings.append)
    assert ask(target, "SELECT a FROM t") == [("e",)]
    assert [warning for warning in warnings if "comment on the schema 'public'" in warning]
    # An archive of an earlier version drops and comments the extension.
    old = tmp_path / "old.sql"
    old.write_text(
        "DROP EXTENSION IF EXISTS unaccent;\nCREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public;\n"
        "COMMENT ON EXTENSION unaccent IS 'text; search';\nCREATE TABLE u (a text);\n"
    )
    await restore_backup(old, limited, force=True)
    assert ask(target, "SELECT count(*) FROM pg_class WHERE relname IN ('t', 'u')") == [(1,)]


async def test_an_extension_that_the_user_may_not_make_is_named(
    tmp_path: Path, target: str, limited: str
) -> None:
    as_user(limited, "CREATE TABLE kept (a int)")
    for name, message in (("dblink", "may not make"), ("no_such_ext", "does not have")):
        dump = tmp_path / f"{name}.sql"
        dump.write_text(f"CREATE EXTENSION IF NOT EXISTS {name} WITH SCHEMA public;\n")
        if name == "dblink" and not ask(
            target, "SELECT 1 FROM pg_available_extensions WHERE name = 'dblink'"
        ):
            continue
        with pytest.raises(BackupError, match=f"extension '{name}'.*|{message}"):
            await restore_backup(dump, limited, force=True)
        with pytest.raises(BackupError, match=message):
            await check_backup(dump, url=limited)
    assert ask(target, "SELECT count(*) FROM kept") == [(0,)]


async def test_tables_of_somebody_else_are_named(tmp_path: Path, target: str, limited: str) -> None:
    ask(target, "CREATE SCHEMA theirs", "CREATE TABLE theirs.t (a int)")
    (tmp_path / "n.sql").write_text("CREATE TABLE u (a int);\n")
    with pytest.raises(BackupError, match="does not own .*table theirs.t of postgres"):
        await restore_backup(tmp_path / "n.sql", limited, force=True)


async def test_whatever_was_made_after_the_backup_is_gone(tmp_path: Path, target: str) -> None:
    ask(target, "CREATE EXTENSION unaccent", "CREATE TABLE t (a int)")
    backup = (await create_backup(target, tmp_path)).path
    ask(
        target,
        "CREATE TEXT SEARCH CONFIGURATION newcfg (COPY = simple)",
        "ALTER TEXT SEARCH CONFIGURATION newcfg ALTER MAPPING FOR word WITH unaccent, simple",
        "CREATE TEXT SEARCH DICTIONARY newdict (TEMPLATE = simple)",
        "CREATE COLLATION newcoll (LOCALE = 'C')",
        "CREATE FUNCTION same(int, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2'",
        "CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = same)",
        "CREATE OPERATOR FAMILY newfam USING btree",
        "CREATE TYPE mood AS ENUM ('a')",
        "CREATE CAST (mood AS int) WITH INOUT",
        "CREATE PUBLICATION newpub FOR ALL TABLES",
        "CREATE FUNCTION noted() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER newtrigger ON ddl_command_end EXECUTE FUNCTION noted()",
        "CREATE FOREIGN DATA WRAPPER newfdw",
        "CREATE SERVER newserver FOREIGN DATA WRAPPER newfdw",
        "CREATE CONVERSION newconv FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8",
    )
    await restore_backup(backup, target, force=True)
    for table in (
        "pg_collation WHERE collname LIKE 'new%'",
        "pg_ts_config WHERE cfgname LIKE 'new%'",
        "pg_ts_dict WHERE dictname LIKE 'new%'",
        "pg_operator WHERE oprname = '==='",
        "pg_opfamily WHERE opfname LIKE 'new%'",
        "pg_cast WHERE oid >= 16384",
        "pg_publication",
        "pg_event_trigger",
        "pg_foreign_server",
        "pg_foreign_data_wrapper",
        "pg_conversion WHERE conname LIKE 'new%'",
        "pg_type WHERE typname = 'mood'",
    ):
        assert ask(target, f"SELECT count(*) FROM {table}") == [(0,)], table
    assert ask(target, "SELECT extname FROM pg_extension WHERE extname = 'unaccent'")


async def test_what_belongs_to_the_whole_database_comes_back(tmp_path: Path, target: str) -> None:
    ask(
        target,
        "CREATE TABLE t (a int)",
        "CREATE PUBLICATION pub FOR TABLE t",
        "CREATE COLLATION coll (LOCALE = 'C')",
        "CREATE TABLE named (a text COLLATE coll)",
        "CREATE FUNCTION noted() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "CREATE EVENT TRIGGER trig ON ddl_command_end EXECUTE FUNCTION noted()",
    )
    backup = (await create_backup(target, tmp_path)).path
    for _ in range(2):
        await restore_backup(backup, target, force=True)
    assert ask(target, "SELECT pubname FROM pg_publication") == [("pub",)]
    assert ask(target, "SELECT evtname FROM pg_event_trigger") == [("trig",)]


async def test_a_lock_of_others_ends_the_wait_and_names_them(tmp_path: Path, target: str) -> None:
    psycopg = pytest.importorskip("psycopg")
    ask(target, "CREATE TABLE p (a int)", "INSERT INTO p VALUES (1)")
    backup = (await create_backup(target, tmp_path)).path
    with psycopg.connect(target, application_name="the-app") as holder:
        holder.execute("SELECT * FROM p")
        pid = holder.info.backend_pid
        with pytest.raises(
            LockedError,
            match=rf"locked for 1 s.*session {pid} of postgres \(the-app, idle in transaction",
        ):
            await restore_backup(backup, target, force=True, options=RestoreOptions(lock_timeout=1))
        holder.execute("LOCK TABLE p")
        with pytest.raises(LockedError, match=f"session {pid}"):
            await create_backup(target, tmp_path / "b", lock_timeout=0.5)
    assert ask(target, "SELECT a FROM p") == [(1,)]


async def test_large_objects_do_not_break_the_transaction(tmp_path: Path, target: str) -> None:
    ask(target, "CREATE TABLE t (a int)", "SELECT lo_from_bytea(0, 'large')")
    plain = (await create_backup(target, tmp_path, compress=False)).path
    assert b"\nCOMMIT;\n" in plain.read_bytes()
    await restore_backup(plain, target, force=True)
    assert ask(target, "SELECT lo_get(oid) FROM pg_largeobject_metadata") == [(b"large",)]
    broken = tmp_path / "broken.sql"
    broken.write_bytes(plain.read_bytes() + b"SELECT nothing;\n")
    ask(target, "CREATE TABLE kept (a int)")
    with pytest.raises(ToolFailedError):
        await restore_backup(broken, target, force=True)
    assert ask(target, "SELECT count(*) FROM kept") == [(0,)]


async def test_bytes_that_are_no_utf8_are_backed_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"openviper_test_ascii_{secrets.token_hex(4)}"
    make = f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    run_on_server("postgresql", make)
    monkeypatch.setenv("PGCLIENTENCODING", "UTF8")
    url = f"{POSTGRESQL}/{name}"
    try:
        run_on_server(
            "postgresql",
            "SET client_encoding = 'SQL_ASCII'",
            "CREATE TABLE t (a text)",
            "INSERT INTO t VALUES (E'caf\\351')",
            database=name,
        )
        backup = (await create_backup(url, tmp_path)).path
        await restore_backup(backup, url, force=True)
        query = "SELECT a::bytea FROM t"
        assert run_on_server("postgresql", query, database=name) == [(b"caf\xe9",)]
    finally:
        run_on_server("postgresql", f"DROP DATABASE {name} WITH (FORCE)")


async def test_a_name_without_its_schema_gets_a_hint(tmp_path: Path, target: str) -> None:
    ask(
        target,
        "CREATE TABLE rates (r int)",
        "CREATE FUNCTION rate() RETURNS int LANGUAGE sql AS 'SELECT count(*)::int FROM rates'",
        "CREATE TABLE t (a int CHECK (rate() >= 0))",
        "INSERT INTO t VALUES (1)",
    )
    backup = (await create_backup(target, tmp_path)).path
    with pytest.raises(ToolFailedError, match='"rates" does not exist.*SET search_path'):
        await restore_backup(backup, target, force=True)
    assert ask(target, "SELECT a FROM t") == [(1,)]


async def test_the_message_of_a_failed_statement_shows_no_row(tmp_path: Path, target: str) -> None:
    dump = tmp_path / "a.sql"
    dump.write_text(
        "CREATE TABLE userz (id int PRIMARY KEY, h text);\nCOPY userz (id, h) FROM stdin;\n"
        "1\tscrypt$SECRET\n1\tscrypt$SECRET\n\\.\n"
    )
    with pytest.raises(ToolFailedError, match="duplicate key") as caught:
        await restore_backup(dump, target)
    assert "SECRET" not in str(caught.value)
    dump.write_text("CREATE TABLE u (id int);\nCOPY u (id) FROM stdin;\nSECRET\n\\.\n")
    with pytest.raises(ToolFailedError, match="invalid input syntax") as caught:
        await restore_backup(dump, target)
    assert "SECRET" not in str(caught.value)


OLD_PSQL = """#!{python} -IS
import os, sys
if "--version" in sys.argv:
    print("psql (PostgreSQL) 15.13")
else:
    os.execv({psql!r}, [{psql!r}, *sys.argv[1:]])
"""


async def test_a_psql_that_takes_commands_from_files_needs_trust_and_a_sidecar(
    tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(target, "CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)")
    backup = (await create_backup(target, tmp_path / "b")).path
    plain = tmp_path / "plain.sql"
    plain.write_text("CREATE TABLE u (a int);\n")
    psql = shutil.which("psql")
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "psql"
    script.write_text(OLD_PSQL.format(python=sys.executable, psql=psql))
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    trusting = RestoreOptions(trust_dump=True)
    for attempt in (
        restore_backup(backup, target, force=True),
        restore_backup(plain, target, force=True, options=trusting),
        restore_backup(plain, target, force=True),
    ):
        with pytest.raises(BackupError, match="this psql takes commands out of any file"):
            await attempt
    await restore_backup(backup, target, force=True, options=trusting)
    assert ask(target, "SELECT a FROM t") == [(1,)]
    sign = tmp_path / "ran"
    for text in (
        f"-- innocent\r\\! touch {sign}",
        f"CREATE TABLE stdin(i int);\nCOPY (select 1 FROM STDIN) TO STDOUT;\n\\! touch {sign}\n",
        f"select set_config('standard_conforming_strings','off',true);\nselect 'a\\'' ; \\! touch {sign}\n",
    ):
        plain.write_text(text, newline="")
        with pytest.raises(BackupError):
            await restore_backup(plain, target, force=True)
    assert not sign.exists()
