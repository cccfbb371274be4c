"""How the tools of every server are called: arguments, private files, messages, and no password in sight."""

from __future__ import annotations

import asyncio
import os
import signal
import tarfile
from pathlib import Path
from urllib.parse import quote

import pytest

from openviper.backup import process
from openviper.backup.create import create_backup
from openviper.backup.engines import mssql, postgres, server
from openviper.backup.exceptions import (
    BackupError,
    ToolFailedError,
    ToolNotFoundError,
    ToolTimeoutError,
)
from openviper.backup.paths import ValidationError
from openviper.backup.restore import restore_backup
from openviper.db.exceptions import DatabaseConfigurationError
from tests.integration.backup.standins import StandIns, standins

__all__ = ["standins"]

PASSWORD = "a@b:c/d%e#f\"g'h\\i j$(k)`l`"
ENCODED = quote(PASSWORD, safe="")
ORACLE_PASSWORD = PASSWORD.replace('"', "")
PG_DUMP = "print('-- PostgreSQL database dump complete')"
MYSQLDUMP = "print('-- Dump completed')"
# Answers what it is asked: no tables, no history, the usual packet, an old server.
MYSQL = (
    "asked = record['stdin']\n"
    "if 'count(*)' in asked: print(0)\n"
    "elif 'max_allowed_packet' in asked: print(16777216)\n"
    "elif 'VERSION()' in asked: print('10.5.1-MariaDB')\n"
)
EXPDP = (
    "import pathlib\n"
    "directory = {!r}\n"
    "name = [a for a in sys.argv if a.startswith('DUMPFILE=')][0].removeprefix('DUMPFILE=')\n"
    "pathlib.Path(directory, name).write_bytes(b'oracle dump')"
)
SQLCMD = (
    "import pathlib, re\n"
    "text = next(iter(record['files'].values()))[1]\n"
    "made = re.search(r\"BACKUP DATABASE .* TO DISK = N'(.*?)' WITH\", text)\n"
    "lent = re.search(r\"RESTORE DATABASE .* FROM DISK = N'(.*?)' WITH\", text)\n"
    "if made: pathlib.Path(made[1]).write_bytes(b'TAPE dump')\n"
    "if lent: pathlib.Path({!r}).write_bytes(pathlib.Path(lent[1]).read_bytes())\n"
)


def visible(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def content_of(archive: Path) -> bytes:
    with tarfile.open(archive) as tar:
        member = tar.extractfile("backup.sql")
        assert member is not None
        return member.read()


async def test_pg_dump_gets_everything_but_the_password(tmp_path: Path, standins: StandIns) -> None:
    standins.add("pg_dump", PG_DUMP)
    url = f"postgresql+psycopg://us%40er:{ENCODED}@[::1]:6000/sh%20op?sslmode=require&options=-c%20a%3Db"
    result = await create_backup(url, tmp_path / "b")
    (call,) = standins.calls("pg_dump")
    assert call.arguments == [
        "--no-password", "--format=plain", "--no-owner", "--no-privileges", "--lock-wait-timeout=10000",
        "-h", "::1", "-p", "6000", "-U", "us@er", "-d", "sh op",
    ]  # fmt: skip
    ((path, (mode, text)),) = call.files.items()
    assert (
        mode == "0o600"
        and text == "*:*:*:*:" + PASSWORD.replace("\\", "\\\\").replace(":", "\\:") + "\n"
    )
    assert call.environment["PGPASSFILE"] == path and Path(path).is_relative_to(tmp_path / "b")
    assert not os.path.exists(path)
    assert (call.environment["PGSSLMODE"], call.environment["PGOPTIONS"]) == ("require", "-c a=b")
    assert call.environment["LC_ALL"] == "C" and "PGPASSWORD" not in call.environment
    assert PASSWORD not in "".join(call.environment.values()) + "".join(call.cmdline)
    assert call.session and call.stdin == ""
    assert result.database_name == "sh op" and result.path.name.startswith("sh_op_")
    assert ENCODED not in result.path.with_name(result.path.name + ".meta.json").read_text()


async def test_parts_a_url_leaves_out_are_left_to_the_tools(
    tmp_path: Path, standins: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "theirs")
    monkeypatch.setenv("MYSQL_PWD", "theirs")
    standins.add("pg_dump", PG_DUMP)
    standins.add("mysqldump", MYSQLDUMP)
    standins.add("mysql", MYSQL)
    await create_backup("postgresql:///shop?host=/run/pg", tmp_path / "b", filename="p")
    await create_backup("mysql:///shop?unix_socket=/run/my.sock", tmp_path / "b", filename="m")
    (call,) = standins.calls("pg_dump")
    assert call.arguments[5:] == ["-h", "/run/pg", "-p", "5432", "-d", "shop"]
    assert call.environment["PGPASSWORD"] == "theirs" and "PGPASSFILE" not in call.environment
    call = standins.calls("mysqldump")[-1]
    assert "--socket=/run/my.sock" in call.arguments and "--protocol=TCP" not in call.arguments
    assert (
        call.environment["MYSQL_PWD"] == "theirs" and call.environment["HOME"] == os.environ["HOME"]
    )


async def test_a_name_that_looks_like_a_connection_string_stays_a_name(
    tmp_path: Path, standins: StandIns
) -> None:
    standins.add("pg_dump", PG_DUMP)
    await create_backup("postgresql://h/a%3Db'c?keepalives_idle=9", tmp_path)
    (call,) = standins.calls("pg_dump")
    assert call.arguments[-1] == "dbname='a=b\\'c' keepalives_idle='9'"


async def test_psql_runs_one_transaction_that_stops_at_errors(
    tmp_path: Path, standins: StandIns
) -> None:
    standins.add(
        "psql",
        "print('psql (PostgreSQL) 15.20' if '--version' in sys.argv else 0 if 'count(*)' in sys.argv[-1] else '')",
    )
    dump = tmp_path / "a.sql"
    dump.write_text("SELECT 1;\n")
    await restore_backup(dump, f"postgres://u:{ENCODED}@h/d", force=True)
    *_, call = standins.calls("psql")
    head = [
        "--no-password",
        "-X",
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        "-v",
        "VERBOSITY=terse",
        "-h",
        "h",
        "-p",
        "5432",
        "-U",
        "u",
        "-d",
        "d",
    ]
    assert call.arguments[: len(head)] == head
    option, first, clear, second, prepared = call.arguments[len(head) :]
    assert (option, first, second, prepared) == ("--single-transaction", "-f", "-f", "-")
    assert "DROP SCHEMA" in call.files[clear][1] and "\\restrict " in call.files[clear][1]
    assert call.files[clear][1].startswith("SET LOCAL lock_timeout = 10000;")
    assert call.stdin == "SELECT 1;\n"
    assert all(mode == "0o600" for mode, _ in call.files.values())
    assert all(PASSWORD not in "".join(one.cmdline) for one in standins.calls("psql"))
    assert visible(tmp_path) == ["a.sql", "bin"]


async def test_mysqldump_gets_the_option_file_first(tmp_path: Path, standins: StandIns) -> None:
    standins.add("mysqldump", MYSQLDUMP)
    standins.add("mysql", MYSQL)
    url = f"mariadb+pymysql://us%40er:{ENCODED}@localhost/sh%20op?charset=utf8mb4&ssl_ca=/ca.pem&connect_timeout=3"
    await create_backup(url, tmp_path / "b")
    call = standins.calls("mysqldump")[-1]
    option, *rest = call.arguments
    assert option.startswith("--defaults-extra-file=")
    assert rest == [
        "--default-character-set=utf8mb4", "--max-allowed-packet=1073741824", "--loose-local-infile=0",
        "--loose-load-data-local-dir=", "--host=localhost", "--protocol=TCP", "--port=3306", "--user=us@er",
        "--ssl-ca=/ca.pem", "--connect-timeout=3", "--loose-ssl-verify-server-cert", "--loose-ssl-mode=VERIFY_IDENTITY",
        "--single-transaction", "--quick", "--routines", "--triggers", "--events", "--no-tablespaces",
        "--loose-set-gtid-purged=OFF", "sh op",
    ]  # fmt: skip
    ((path, (mode, text)),) = [
        (path, found) for path, found in call.files.items() if path.endswith(".cnf")
    ]
    escaped = PASSWORD.replace("\\", "\\\\").replace('"', '\\"')
    assert (mode, text) == ("0o600", f'[client]\npassword="{escaped}"\n')
    assert not os.path.exists(path)
    assert PASSWORD not in "".join(call.environment.values()) + "".join(call.cmdline)


async def test_mysql_reads_the_dump_as_bytes_in_binary_mode(
    tmp_path: Path, standins: StandIns
) -> None:
    standins.add("mysqldump", MYSQLDUMP)
    standins.add("mysql", MYSQL)
    (tmp_path / "a.sql").write_text("SELECT 1;\n")
    await restore_backup(tmp_path / "a.sql", f"mysql://u:{ENCODED}@h/d?tls=off")
    *_, call = standins.calls("mysql")
    assert call.arguments[0].startswith("--defaults-extra-file=")
    assert "--binary-mode" in call.arguments and "--loose-local-infile=0" in call.arguments
    assert "--max-allowed-packet=1073741824" in call.arguments and call.arguments[-1] == "d"
    # The plug-ins that hand over the password in clear are out of reach.
    assert any(one.startswith("--plugin-dir=") for one in call.arguments)
    (session,) = [one for one in call.arguments if one.startswith("--init-command=")]
    assert "lock_wait_timeout = 10" in session and "NO_BACKSLASH_ESCAPES" in session
    assert call.stdin == "SELECT 1;\n"
    assert all(PASSWORD not in "".join(one.cmdline) for one in standins.calls("mysql"))


async def test_oracle_exports_into_the_shared_directory_and_imports_from_it(
    tmp_path: Path, standins: StandIns
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    standins.add("expdp", EXPDP.format(str(shared)))
    keep = tmp_path / "seen"
    standins.add(
        "impdp",
        f"open({str(keep)!r}, 'w').write(open([p for p in os.scandir({str(shared)!r})][0]).read())",
    )
    url = f"oracle://scott:{quote(ORACLE_PASSWORD, safe='')}@db.example:1521/ORCL?directory=DUMPS&backup_dir={shared}"
    result = await create_backup(url, tmp_path / "b")
    assert content_of(result.path) == b"oracle dump" and visible(shared) == []
    (call,) = standins.calls("expdp")
    parameters, *rest = call.arguments
    assert rest == ["DIRECTORY=DUMPS", "DUMPFILE=backup.sql", "LOGFILE=expdp_backup.log"]
    assert list(call.files.values()) == [
        ["0o600", f'userid=scott/"{ORACLE_PASSWORD}"@//db.example:1521/ORCL\n']
    ]
    assert parameters == f"PARFILE={next(iter(call.files))}" and ORACLE_PASSWORD not in "".join(
        call.cmdline
    )
    await restore_backup(result.path, url, force=True)
    (call,) = standins.calls("impdp")
    assert call.arguments[1] == "DIRECTORY=DUMPS" and call.arguments[2].startswith(
        "DUMPFILE=openviper-"
    )
    assert call.arguments[3:] == ["LOGFILE=impdp_restore.log", "TABLE_EXISTS_ACTION=REPLACE"]
    assert keep.read_text() == "oracle dump" and visible(shared) == []


async def test_sql_server_is_told_in_a_private_script(tmp_path: Path, standins: StandIns) -> None:
    shared = tmp_path / "sha'red"
    shared.mkdir()
    # The stand-in's pattern does not know doubled quotes, so the place it looks at has none.
    (tmp_path / "plain").symlink_to(shared)
    standins.add("sqlcmd", SQLCMD.format(str(tmp_path / "seen")))
    url = f"mssql+pyodbc://sa:{ENCODED}@db.example/sh]op?backup_dir={tmp_path / 'plain'}"
    result = await create_backup(url, tmp_path / "b")
    assert content_of(result.path) == b"TAPE dump" and visible(shared) == []
    (call,) = standins.calls("sqlcmd")
    assert call.arguments[:6] == ["-S", "db.example,1433", "-U", "sa", "-b", "-i"]
    ((mode, text),) = call.files.values()
    assert (
        mode == "0o600"
        and text.startswith("BACKUP DATABASE [sh]]op] TO DISK = N'")
        and "COPY_ONLY" in text
    )
    assert (
        call.environment["SQLCMDPASSWORD"] == PASSWORD
        and PASSWORD not in "".join(call.cmdline) + text
    )
    await restore_backup(result.path, url, force=True)
    text = next(iter(standins.calls("sqlcmd")[1].files.values()))[1]
    assert text.index("RESTORE VERIFYONLY") < text.index("RESTORE DATABASE [sh]]op] FROM DISK = N'")
    assert (
        "WITH REPLACE" in text
        and (tmp_path / "seen").read_bytes() == b"TAPE dump"
        and visible(shared) == []
    )


def test_quotes_in_a_path_are_doubled_for_sql_server() -> None:
    assert mssql._quoted_text("/a'b") == "N'/a''b'"
    with pytest.raises(ValidationError, match="variable"):
        mssql._quoted_text("/$(x)")


@pytest.mark.parametrize("name", ["oracle", "mssql"])
async def test_a_dump_the_server_did_not_write_here_is_no_backup(
    tmp_path: Path, standins: StandIns, name: str
) -> None:
    standins.add("expdp")
    standins.add("sqlcmd")
    (tmp_path / "s").mkdir()
    with pytest.raises(BackupError, match="is backup_dir the same directory"):
        await create_backup(
            f"{name}://u:p@h/d?directory=D&backup_dir={tmp_path / 's'}", tmp_path / "b"
        )
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("oracle://u:p@h/d?directory=D", "backup_dir"),
        ("oracle://u:p@h/d?backup_dir=/tmp", "directory="),
        ("oracle://u:p@h/d?backup_dir=/tmp&directory=a%20b", "Invalid directory object"),
        ("oracle://u:p@h/d?backup_dir=relative&directory=D", "absolute"),
        ("oracle://u:p%22@h/d?backup_dir=/tmp&directory=D", "quotation mark"),
        ("oracle://u%0Ax:p@h/d?backup_dir=/tmp&directory=D", "Invalid user name"),
        ("oracle://u:p@h%20h/d?backup_dir=/tmp&directory=D", "Invalid host"),
        ("mssql://u:p@h/a$(b)?backup_dir=/tmp", "Invalid database name"),
        ("mssql://u:p@h/d?backup_dir=/nonexistent/openviper", "not a directory"),
        ("postgresql://u:p@h/d?nonsense=1", "'nonsense'"),
        ("postgresql://u:p@h/d?sslpassword=hidden", "'sslpassword'"),
        ("mysql://u:p@h/d?nonsense=1", "'nonsense'"),
        ("postgresql://u:p@h/", "names no database"),
        ("mysql://u:p@h/-d", "could be taken for an option"),
        ("postgresql://-u:p@h/d", "could be taken for an option"),
        ("mysql://u:p@-h/d", "could be taken for an option"),
        ("mysql://u:hid%0Aden@h/d", "line break"),
        ("postgresql://u:hid%0Dden@h/d", "line break"),
        ("postgresql://u:hid%00den@h/d", "NUL"),
        ("mysql://u:p@h/a%00b", "Null byte detected"),
        ("postgresql://u:p@h/d?port=99999", "99999"),
    ],
)
async def test_urls_a_tool_would_misread_are_refused(
    tmp_path: Path, standins: StandIns, url: str, message: str
) -> None:
    for name in ("expdp", "sqlcmd", "pg_dump", "mysqldump", "mysql"):
        standins.add(name)
    with pytest.raises((BackupError, DatabaseConfigurationError)) as caught:
        await create_backup(url, tmp_path / "b")
    assert message in str(caught.value) and "hid" not in str(caught.value)
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("scheme", "tool"),
    [("postgresql", "pg_dump"), ("mysql", "mysqldump"), ("oracle", "expdp"), ("mssql", "sqlcmd")],
)
async def test_a_failing_tool_is_one_line_without_the_password(
    tmp_path: Path, standins: StandIns, scheme: str, tool: str
) -> None:
    password = ORACLE_PASSWORD if scheme == "oracle" else PASSWORD
    said = f"no\nway for {password} or {quote(password, safe='')}\n"
    standins.add(tool, f"sys.stderr.write({said!r}); sys.exit(7)")
    standins.add("mysql", MYSQL)
    (tmp_path / "s").mkdir()
    parameters = f"?directory=D&backup_dir={tmp_path / 's'}"
    if scheme in ("postgresql", "mysql"):
        parameters = {"postgresql": "", "mysql": "?tls=off"}[scheme]
    with pytest.raises(ToolFailedError) as caught:
        await create_backup(
            f"{scheme}://u:{quote(password, safe='')}@h/d{parameters}", tmp_path / "b"
        )
    assert str(caught.value) == f"{tool} failed with exit code 7: no; way for *** or ***"
    assert not (tmp_path / "b").exists() and visible(tmp_path / "s") == []


@pytest.mark.parametrize(
    ("scheme", "tool", "hint"),
    [
        ("postgresql", "pg_dump", "postgresql-client"),
        ("mysql", "mysqldump", "mariadb-client"),
        ("oracle", "expdp", "Oracle Instant Client"),
        ("mssql", "sqlcmd", "mssql-tools"),
    ],
)
async def test_a_missing_tool_is_named_with_its_package(
    tmp_path: Path, standins: StandIns, scheme: str, tool: str, hint: str
) -> None:
    parameters = "?directory=D&backup_dir=/tmp" if scheme in ("oracle", "mssql") else ""
    parameters = "?tls=off" if scheme == "mysql" else parameters
    with pytest.raises(ToolNotFoundError, match=f"^{tool} not found.*{hint}"):
        await create_backup(f"{scheme}://u:p@h/d{parameters}", tmp_path / "b")


async def test_a_newer_server_is_named(tmp_path: Path, standins: StandIns) -> None:
    said = (
        "pg_dump: error: aborting because of server version mismatch\n"
        "pg_dump: detail: server version: 16.1; pg_dump version: 15.20\n"
    )
    standins.add("pg_dump", f"sys.stderr.write({said!r}); sys.exit(1)")
    with pytest.raises(
        ToolFailedError, match=r"server \(version 16.1\) is newer than pg_dump \(version 15.20\)"
    ):
        await create_backup("postgresql://u:secret@h/d", tmp_path / "b")


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
async def test_a_dump_without_its_last_line_is_no_backup(
    tmp_path: Path, standins: StandIns, scheme: str
) -> None:
    for tool in ("pg_dump", "mysqldump"):
        standins.add(tool, "print('CREATE TABLE a (b int);')")
    standins.add("mysql", MYSQL)
    with pytest.raises(BackupError, match="ended without completing its dump"):
        await create_backup(f"{scheme}://u:p@127.0.0.1/d", tmp_path / "b")
    assert not (tmp_path / "b").exists()


async def test_a_killed_tool_is_an_error(tmp_path: Path, standins: StandIns) -> None:
    standins.add(
        "pg_dump", f"print('x' * 3000000, flush=True)\nos.kill(os.getpid(), {signal.SIGKILL:d})"
    )
    with pytest.raises(ToolFailedError, match="^pg_dump failed with exit code -9$"):
        await create_backup("postgresql://u:p@h/d", tmp_path / "b")
    assert not (tmp_path / "b").exists()


async def test_a_tool_that_takes_too_long_is_killed_with_its_children(
    tmp_path: Path, standins: StandIns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "DUMP_TIMEOUT", 0.5)
    monkeypatch.setattr(postgres, "DUMP_TIMEOUT", 0.5)
    pids = tmp_path / "pids"
    standins.add(
        "pg_dump",
        f"child = os.fork()\nopen({str(pids)!r}, 'a').write(str(os.getpid()) + '\\n')\nwhile True: time.sleep(1)",
    )
    with pytest.raises(ToolTimeoutError, match="^pg_dump timed out after 0.5 s"):
        await create_backup("postgresql://u:p@h/d", tmp_path / "b")
    started = [int(line) for line in pids.read_text().split()]
    assert len(started) == 2
    for pid in started:
        await gone(pid)
    assert not (tmp_path / "b").exists()


async def gone(pid: int) -> None:
    """Wait until a process is no more, or waits to be reaped."""
    while os.path.exists(f"/proc/{pid}"):
        with open(f"/proc/{pid}/stat") as file:
            if file.read().rpartition(")")[2].split()[0] == "Z":
                return
        await asyncio.sleep(0.01)


async def test_cancelling_kills_the_tool_and_leaves_nothing(
    tmp_path: Path, standins: StandIns
) -> None:
    sign = tmp_path / "pid"
    standins.add(
        "mysqldump",
        f"open({str(sign)!r}, 'w').write(str(os.getpid()) + '.')\nwhile True: time.sleep(1)",
    )
    standins.add("mysql", MYSQL)
    task = asyncio.create_task(create_backup("mysql://u:p@127.0.0.1/d", tmp_path / "b"))
    while not (sign.exists() and sign.read_text().endswith(".")):
        assert not task.done()
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(int(sign.read_text()[:-1]))
    assert not (tmp_path / "b").exists()


async def test_a_flood_of_messages_neither_blocks_nor_fills_the_memory(
    tmp_path: Path, standins: StandIns
) -> None:
    standins.add("pg_dump", "sys.stderr.write('x' * 3_000_000); sys.exit(1)")
    with pytest.raises(ToolFailedError) as caught:
        await create_backup("postgresql://u:p@h/d", tmp_path / "b")
    assert 1000 < len(str(caught.value)) < 3000
    assert process.STDERR_LIMIT == 65536
