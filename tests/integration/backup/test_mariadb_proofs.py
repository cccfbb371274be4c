"""What a MariaDB restore proves before it touches its target, on a real server."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.backup.background import StopFlag
from openviper.backup.create import create_backup
from openviper.backup.engines import mariadb_swap
from openviper.backup.engines.base import RestoreOptions
from openviper.backup.engines.mariadb_client import Client
from openviper.backup.engines.server import Server
from openviper.backup.exceptions import (
    BackupError,
    LockedError,
    RestoreRefusedError,
    ToolFailedError,
)
from openviper.backup.reading import check_backup
from openviper.backup.restore import restore_backup
from openviper.db.exceptions import DatabaseConfigurationError
from tests.integration.backup.test_mariadb import beside, change, limited, name_of, objects_of
from tests.servers import fresh_database, run_on_server

__all__ = ["limited"]

pytestmark = [
    pytest.mark.one_version,
    pytest.mark.skipif(
        not (shutil.which("mysqldump") or shutil.which("mariadb-dump")),
        reason="no dump tool of MariaDB is installed",
    ),
]


@pytest.fixture
def target() -> Iterator[str]:
    with fresh_database("mysql") as url:
        yield url


@pytest.fixture
def other() -> Iterator[str]:
    with fresh_database("mysql") as url:
        yield url


def ask(url: str, query: str) -> list[tuple[object, ...]]:
    return run_on_server("mysql", query, database=name_of(url))


async def test_a_row_of_nine_megabytes_comes_back(tmp_path: Path, target: str) -> None:
    change(
        target,
        "CREATE TABLE aa (id INT)",
        "CREATE TABLE big (id INT PRIMARY KEY, b LONGBLOB)",
        "CREATE TABLE zz (id INT)",
        "INSERT INTO zz VALUES (9)",
        "INSERT INTO big VALUES (1, REPEAT(x'00ff27225c', 1800000))",
    )
    before = ask(target, "SELECT MD5(b), LENGTH(b) FROM big")
    result = await create_backup(target, tmp_path, filename="big")
    change(target, "DELETE FROM big")
    warnings: list[str] = []
    await restore_backup(result.path, target, force=True, warn=warnings.append)
    assert ask(target, "SELECT MD5(b), LENGTH(b) FROM big") == before
    assert ask(target, "SELECT id FROM zz") == [(9,)]
    assert run_on_server("mysql", "SELECT @@global.max_allowed_packet") == [(16777216,)]


async def test_a_statement_longer_than_the_packet_is_refused_to_whoever_cannot_raise_it(
    tmp_path: Path, target: str, limited: str
) -> None:
    change(target, "CREATE TABLE kept (a INT)", "INSERT INTO kept VALUES (1)")
    packet = int(run_on_server("mysql", "SELECT @@global.max_allowed_packet")[0][0])
    dump = tmp_path / "long.sql"
    dump.write_text(
        "CREATE TABLE t (b LONGBLOB);\nINSERT INTO `t` VALUES ('" + "x" * packet + "');\n"
    )
    with pytest.raises(BackupError, match=r"max_allowed_packet.*SET GLOBAL max_allowed_packet = "):
        await restore_backup(dump, limited, force=True)
    with pytest.raises(BackupError, match="max_allowed_packet"):
        await check_backup(dump, url=limited)
    assert objects_of(target) == [("kept", "BASE TABLE")]
    # Who can, has it raised for the time of the restore.
    warnings: list[str] = []
    await restore_backup(dump, target, force=True, warn=warnings.append)
    assert any("is raised to" in warning for warning in warnings)
    assert ask(target, "SELECT LENGTH(b) FROM t") == [(packet,)]
    assert run_on_server("mysql", "SELECT @@global.max_allowed_packet") == [(packet,)]
    result = await create_backup(target, tmp_path / "b")
    assert "max_allowed_packet" in result.warnings[0]


async def test_things_of_somebody_else_are_refused_or_made_ones_own(
    tmp_path: Path, target: str, limited: str
) -> None:
    change(
        target,
        "CREATE TABLE book (id INT)",
        "CREATE TRIGGER tr BEFORE INSERT ON book FOR EACH ROW SET NEW.id = NEW.id + 1",
        "CREATE VIEW shown AS SELECT id FROM book",
        "CREATE TABLE zlast (a INT)",
        "INSERT INTO zlast VALUES (1)",
    )
    before = objects_of(target)
    result = await create_backup(limited, tmp_path, filename="n")
    for attempt in (
        restore_backup(result.path, limited, force=True),
        check_backup(result.path, url=limited),
    ):
        with pytest.raises(BackupError, match="root@.*--skip-definers"):
            await attempt
    assert objects_of(target) == before
    options = RestoreOptions(skip_definers=True)
    assert (await check_backup(result.path, url=limited, options=options)).proved
    await restore_backup(result.path, limited, force=True, options=options)
    assert objects_of(target) == before and ask(target, "SELECT a FROM zlast") == [(1,)]
    definers = ask(
        target,
        "SELECT DEFINER FROM information_schema.triggers WHERE trigger_schema = DATABASE() "
        "UNION SELECT DEFINER FROM information_schema.views WHERE table_schema = DATABASE()",
    )
    assert len(definers) == 1 and str(definers[0][0]).startswith("ov_")


@pytest.mark.parametrize(
    "text",
    [
        "USE `{other}`;\nDROP TABLE IF EXISTS orders;\nCREATE TABLE orders (a INT);\n",
        "CREATE TABLE t (a INT);\nDELETE FROM `{other}`.orders;\n",
        "CREATE TABLE t (a INT);\nCREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW DELETE FROM {other}.orders;\n"
        "INSERT INTO t VALUES (1);\n",
        "CREATE TABLE t (a INT);\nRENAME TABLE `{other}`.orders TO orders;\n",
    ],
)
async def test_a_dump_of_another_database_changes_neither(
    tmp_path: Path, target: str, other: str, text: str
) -> None:
    change(other, "CREATE TABLE orders (a INT)", "INSERT INTO orders VALUES (1), (2), (3)")
    change(target, "CREATE TABLE kept (a INT)")
    dump = tmp_path / "prod.sql"
    dump.write_text(text.format(other=name_of(other)))
    with pytest.raises(BackupError, match="which a restore refuses"):
        await restore_backup(dump, target, force=True)
    with pytest.raises(BackupError, match="which a restore refuses"):
        await check_backup(dump, url=target)
    assert ask(other, "SELECT COUNT(*) FROM orders") == [(3,)]
    assert objects_of(target) == [("kept", "BASE TABLE")]


async def test_a_trusted_dump_that_names_its_own_database_is_loaded_in_place(
    tmp_path: Path, target: str
) -> None:
    dump = tmp_path / "own.sql"
    dump.write_text(
        f"CREATE TABLE `{name_of(target)}`.t (a INT);\nINSERT INTO `{name_of(target)}`.t VALUES (7);\n"
    )
    await restore_backup(dump, target)
    assert ask(target, "SELECT a FROM t") == [(7,)]


async def test_no_file_of_this_machine_is_read_for_a_dump(tmp_path: Path, target: str) -> None:
    dump = tmp_path / "evil.sql"
    dump.write_text("CREATE TABLE x (t TEXT);\nLOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE x;")
    with pytest.raises(BackupError, match="LOAD DATA"):
        await restore_backup(dump, target, options=RestoreOptions(trust_dump=True, verified=True))
    # The client does not give one either, whatever the scan says.
    client = Client(Server.parse(target), tmp_path)
    with pytest.raises(ToolFailedError, match="local|LOCAL|not allowed|disabled"):
        client.load(dump, StopFlag())
    assert ask(target, "SELECT COUNT(*) FROM x") == [(0,)]


async def test_the_message_of_a_failed_statement_shows_no_row(tmp_path: Path, target: str) -> None:
    dump = tmp_path / "a.sql"
    dump.write_text(
        "CREATE TABLE userz (id INT PRIMARY KEY, name VARCHAR(40), h VARCHAR(80));\n"
        "INSERT INTO `userz` VALUES\n(1,'bob','scrypt$SECRET-HASH'),\n(1,'bob','scrypt$SECRET-HASH');\n"
        "INSERT INTO `userz` VALUES ('SECRET-HASH','x','y');\n"
    )
    with pytest.raises(ToolFailedError) as caught:
        await restore_backup(dump, target)
    message = str(caught.value)
    assert "ERROR 1062" in message and "for key 'PRIMARY'" in message
    assert "SECRET" not in message and "bob" not in message


async def test_a_lock_of_others_ends_the_wait_and_names_them(
    tmp_path: Path, target: str, limited: str
) -> None:
    pymysql = pytest.importorskip("pymysql")
    from openviper.db.connections.url import DatabaseURL

    change(target, "CREATE TABLE p (a INT)", "INSERT INTO p VALUES (1)")
    backup = (await create_backup(target, tmp_path, filename="n")).path
    url = DatabaseURL.parse(target)
    options = RestoreOptions(lock_timeout=1)
    holder = pymysql.connect(host=url.host, port=url.port, user="root", database=url.database)
    try:
        holder.cursor().execute("SELECT * FROM p")  # in a transaction that nobody ends
        holder.cursor().execute("START TRANSACTION")
        holder.cursor().execute("SELECT * FROM p")
        for where, seen in ((target, r"session \d+ of root@"), (limited, "may not see")):
            with pytest.raises(LockedError, match=rf"stayed locked for 1 s.*{seen}"):
                await restore_backup(backup, where, force=True, options=options)
            assert ask(target, "SELECT a FROM p") == [(1,)]
        holder.cursor().execute("COMMIT")
        holder.cursor().execute("LOCK TABLES p WRITE")
        with pytest.raises(LockedError, match=rf"session {holder.thread_id()} of root@"):
            await create_backup(target, tmp_path / "b", lock_timeout=1)
    finally:
        holder.close()
    assert beside(target) == []


async def test_the_history_of_a_versioned_table_comes_back(tmp_path: Path, target: str) -> None:
    if "MariaDB" not in str(run_on_server("mysql", "SELECT VERSION()")[0][0]):
        pytest.skip("no versioned tables")
    change(
        target,
        "CREATE TABLE v (a INT) WITH SYSTEM VERSIONING",
        "INSERT INTO v VALUES (1)",
        "UPDATE v SET a = 2",
        "UPDATE v SET a = 3",
    )
    query = "SELECT a FROM v FOR SYSTEM_TIME ALL ORDER BY a"
    assert ask(target, query) == [(1,), (2,), (3,)]
    backup = (await create_backup(target, tmp_path)).path
    await restore_backup(backup, target, force=True)
    assert ask(target, query) == [(1,), (2,), (3,)]


async def test_an_exchange_that_fails_half_way_is_undone_by_the_server(
    tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(
        target,
        "CREATE TABLE old_a (a INT)",
        "CREATE TABLE shared (a INT)",
        "INSERT INTO shared VALUES (1)",
        "CREATE TRIGGER tr BEFORE INSERT ON shared FOR EACH ROW SET NEW.a = NEW.a + 1",
        "CREATE VIEW seen AS SELECT a FROM shared",
    )
    before = objects_of(target)
    dump = tmp_path / "n.sql"
    dump.write_text(
        "CREATE TABLE shared (a INT);\nCREATE TABLE new_a (a INT);\nCREATE VIEW seen AS SELECT a FROM new_a;\n"
    )
    made = mariadb_swap._program

    def broken(kind: str, name: str, row: list[str]) -> mariadb_swap.Program:
        program = made(kind, name, row)
        if "new_a" not in program.statement:
            return program
        return mariadb_swap.Program(kind, name, "CREATE nonsense", program.settings)

    monkeypatch.setattr(mariadb_swap, "_program", broken)
    with pytest.raises(ToolFailedError, match="the target is unchanged"):
        await restore_backup(dump, target, force=True)
    assert objects_of(target) == before
    change(target, "INSERT INTO shared VALUES (5)")
    assert ask(target, "SELECT a FROM seen ORDER BY a") == [(1,), (6,)]
    assert beside(target) == []


async def test_what_a_killed_restore_left_beside_the_target_is_dropped_by_the_next(
    tmp_path: Path, target: str
) -> None:
    dead = 2**22 + 1
    prefix = f"{name_of(target)[:28]}__openviper_"
    left = f"{prefix}new_{mariadb_swap.machine()}_{dead}_abcd"
    alive = f"{prefix}new_{mariadb_swap.machine()}_{os.getpid()}_abcd"
    run_on_server("mysql", f"CREATE DATABASE {left}", f"CREATE DATABASE {alive}")
    dump = tmp_path / "n.sql"
    dump.write_text("CREATE TABLE t (a INT);\n")
    try:
        await restore_backup(dump, target, force=True)
        assert beside(target) == [(alive,)]
    finally:
        run_on_server("mysql", f"DROP DATABASE {alive}")


async def test_in_place_no_restore_without_a_safety_copy(
    tmp_path: Path, target: str, limited: str
) -> None:
    change(target, "CREATE TABLE kept (a INT)")
    dump = tmp_path / "n.sql"
    dump.write_text("CREATE TABLE t (a INT);\n")
    with pytest.raises(RestoreRefusedError, match="without a safety backup"):
        await restore_backup(dump, limited, force=True, safety_backup=False)
    assert objects_of(target) == [("kept", "BASE TABLE")]
    done = await restore_backup(dump, target, force=True, safety_backup=False)
    assert done.safety_copy is None and objects_of(target) == [("t", "BASE TABLE")]


def test_a_password_does_not_cross_the_network_in_clear(tmp_path: Path) -> None:
    from openviper.backup.engines.mariadb import MariaDBBackupEngine

    engine = MariaDBBackupEngine()
    for url in ("mysql://u:hidden@db.example/d", "mariadb://u:hidden@10.0.0.1/d"):
        with pytest.raises(DatabaseConfigurationError, match="unencrypted") as caught:
            engine.check(url)
        assert "hidden" not in str(caught.value)
        engine.check(url + "?tls=off")
        engine.check(url + "?ssl_ca=/ca.pem")
    engine.check("mysql://u@db.example/d")
    engine.check("mysql://u:p@[::1]/d")
    with pytest.raises(DatabaseConfigurationError, match="tls='on'"):
        engine.check("mysql://u:p@db.example/d?tls=on")


@pytest.mark.parametrize("plugin", [b"mysql_clear_password", b"dialog"])
async def test_a_server_that_asks_for_the_password_in_clear_does_not_get_it(
    tmp_path: Path, plugin: bytes
) -> None:
    secret = secrets.token_hex(8)
    with Eavesdropper(plugin) as server:
        url = f"mysql://u:{secret}@127.0.0.1:{server.port}/d"
        with pytest.raises(ToolFailedError):
            await create_backup(url, tmp_path / "b")
    assert server.heard and secret.encode() not in server.heard


class Eavesdropper:
    """A server that speaks MariaDB's protocol as far as asking for the password in clear, and keeps what it hears."""

    def __init__(self, plugin: bytes) -> None:
        self.heard = b""
        self._plugin = plugin
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Eavesdropper:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(2)
                try:
                    self._talk(connection)
                except OSError:
                    continue

    def _talk(self, connection: socket.socket) -> None:
        capabilities = 0x00FFF7FF & ~0x800 | 0x80000  # no TLS, plug-ins
        greeting = b"\x0a5.5.5-10.11.0-MariaDB\0" + struct.pack("<I", 1) + b"12345678\0"
        greeting += struct.pack("<HBHHB", capabilities & 0xFFFF, 33, 2, capabilities >> 16, 21)
        greeting += bytes(10) + b"123456789012\0" + b"mysql_native_password\0"
        connection.sendall(struct.pack("<I", len(greeting))[:3] + b"\0" + greeting)
        self.heard += connection.recv(65536)
        ask = b"\xfe" + self._plugin + b"\0" + b"\x04Password:\0"
        connection.sendall(struct.pack("<I", len(ask))[:3] + b"\x02" + ask)
        self.heard += connection.recv(65536)
