"""MariaDB and MySQL there and back, with the real tools and a real server."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from openviper.backup.background import StopFlag
from openviper.backup.create import create_backup
from openviper.backup.engines import mariadb
from openviper.backup.engines.base import RestoreOptions
from openviper.backup.engines.mariadb_client import Client
from openviper.backup.engines.server import Server
from openviper.backup.exceptions import (
    BackupError,
    IncompleteTargetError,
    RestoreRefusedError,
    ToolFailedError,
)
from openviper.backup.restore import restore_backup
from tests.servers import address, fresh_database, run_on_server, server

pytestmark = [
    pytest.mark.one_version,
    pytest.mark.skipif(
        not (shutil.which("mysqldump") or shutil.which("mariadb-dump")),
        reason="no dump tool of MariaDB is installed",
    ),
]

SCHEMA = [
    "CREATE TABLE author (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50) NOT NULL UNIQUE) AUTO_INCREMENT = 40",
    """CREATE TABLE everything (
        id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY, author_id INT, c_tiny TINYINT, c_small SMALLINT,
        c_medium MEDIUMINT, c_big BIGINT UNSIGNED, c_decimal DECIMAL(30, 10),
        c_float FLOAT, c_double DOUBLE, c_bit BIT(33), c_bool BOOLEAN,
        c_date DATE, c_time TIME(6), c_datetime DATETIME(6), c_stamp TIMESTAMP(6) NULL, c_year YEAR, c_char CHAR(5),
        c_varchar VARCHAR(100), c_binary BINARY(4), c_varbinary VARBINARY(300), c_tinyblob TINYBLOB, c_blob BLOB,
        c_long LONGBLOB, c_tinytext TINYTEXT, c_text TEXT, c_longtext LONGTEXT, c_enum ENUM('a', 'it''s'),
        c_set SET('x', 'y'), c_json JSON, c_point POINT, `odd ``name` INT DEFAULT 5,
        doubled BIGINT AS (c_small * 2) STORED, shown VARCHAR(120) AS (CONCAT('<', c_varchar, '>')) VIRTUAL,
        CONSTRAINT written FOREIGN KEY (author_id) REFERENCES author (id) ON DELETE CASCADE,
        CONSTRAINT small CHECK (c_tiny < 100)
    ) DEFAULT CHARSET utf8mb4""",
    "CREATE TABLE log (entry TEXT) DEFAULT CHARSET utf8mb4",
    "CREATE VIEW names AS SELECT a.name, e.c_text FROM author a JOIN everything e ON e.author_id = a.id",
    "CREATE TRIGGER note AFTER INSERT ON author FOR EACH ROW INSERT INTO log VALUES (CONCAT('new; ', NEW.name))",
    "CREATE PROCEDURE clean() BEGIN DELETE FROM log; SELECT 1; END",
    "CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC RETURN n * 2",
    "CREATE EVENT later ON SCHEDULE EVERY 1 YEAR STARTS '2035-01-01' DO DELETE FROM log",
    "INSERT INTO author (name) VALUES ('Ada'), ('Grün 🐍 \\\\ '' \" \\n')",
    """INSERT INTO everything (author_id, c_tiny, c_small, c_medium, c_big, c_decimal, c_float, c_double, c_bit, c_bool,
        c_date, c_time, c_datetime, c_stamp, c_year, c_char, c_varchar, c_binary, c_tinytext, c_text, c_longtext,
        c_enum, c_set, c_json, c_point) VALUES (40, -5, 300, 70000, 18446744073709551615,
        12345678901234567890.0123456789, 1.5,
        0.1, b'100000000000000000000000000000001', TRUE, '2025-03-02', '-838:59:59.5', '9999-12-31 23:59:59.999999',
        '2025-03-02 10:15:30.5', 2025, 'ab', '😀', 'b', 't', 'a\\nb\\r\\n\\t\\\\0\\Z', 'l', 'it''s', 'x,y',
        '{"a": 1}', POINT(1, 2))""",
    "INSERT INTO everything (c_text) VALUES (NULL), ('')",
]
EVERY_BYTE = bytes(range(256))


@pytest.fixture
def source() -> Iterator[str]:
    """Give the URL of a database that has everything."""
    with fresh_database("mysql") as url:
        change(url, *SCHEMA)
        values = f"x'{EVERY_BYTE.hex()}', x'00', x'0a0d1a5c27'"
        change(url, f"INSERT INTO everything (c_varbinary, c_blob, c_long) VALUES ({values})")
        (version,) = run_on_server("mysql", "SELECT version()")[0]
        if "MariaDB" in version:
            change(
                url,
                "CREATE SEQUENCE ticket START WITH 41 INCREMENT BY 7 NOCACHE",
                "SELECT NEXTVAL(ticket)",
            )
        yield url


@pytest.fixture
def target() -> Iterator[str]:
    with fresh_database("mysql") as url:
        yield url


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


def change(url: str, *statements: str) -> None:
    run_on_server("mysql", *statements, database=name_of(url))


def content_of(url: str) -> list[list[tuple[object, ...]]]:
    """Return every row, the objects of the database, and what a sequence gives next."""
    tables = ("author", "everything", "log", "names")
    rows = [
        run_on_server("mysql", f"SELECT * FROM {table} ORDER BY 1", database=name_of(url))
        for table in tables
    ]
    return [*rows, objects_of(url)]


def objects_of(url: str) -> list[tuple[object, ...]]:
    query = (
        "SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = DATABASE() "
        "UNION SELECT routine_name, routine_type FROM information_schema.routines WHERE routine_schema = DATABASE() "
        "UNION SELECT event_name, 'EVENT' FROM information_schema.events WHERE event_schema = DATABASE() "
        "UNION SELECT trigger_name, action_statement FROM information_schema.triggers "
        "WHERE trigger_schema = DATABASE() "
        "ORDER BY 1"
    )
    return run_on_server("mysql", query, database=name_of(url))


@pytest.mark.parametrize("compress", [True, False])
async def test_everything_comes_back_as_it_was(
    tmp_path: Path, source: str, target: str, compress: bool
) -> None:
    before = content_of(source)
    result = await create_backup(source, tmp_path / "b", compress=compress)
    assert result.engine == "mariadb" and result.database_name == name_of(source)
    done = await restore_backup(result.path, target)
    assert content_of(target) == before
    assert done.safety_copy is None
    query = "SELECT c_varbinary FROM everything WHERE id = 4"
    assert run_on_server("mysql", query, database=name_of(target)) == [(EVERY_BYTE,)]
    # The counter goes on where it was, the trigger, the generated column and the check work.
    change(
        target,
        "INSERT INTO author (name) VALUES ('New')",
        "UPDATE everything SET c_small = 7 WHERE id = 1",
    )
    assert run_on_server("mysql", "SELECT max(id) FROM author", database=name_of(target)) == [(42,)]
    assert run_on_server("mysql", "SELECT count(*) FROM log", database=name_of(target)) == [(3,)]
    assert run_on_server(
        "mysql", "SELECT doubled FROM everything WHERE id = 1", database=name_of(target)
    ) == [(14,)]
    if any(kind == "SEQUENCE" for _, kind in objects_of(target)):
        assert run_on_server("mysql", "SELECT NEXTVAL(ticket)", database=name_of(target)) == [(48,)]


async def test_what_was_made_after_the_backup_is_gone_and_saved(
    tmp_path: Path, source: str
) -> None:
    before = content_of(source)
    backup = (await create_backup(source, tmp_path)).path
    change(
        source,
        "CREATE TABLE `ex``tra` (id INT PRIMARY KEY)",
        "CREATE TABLE child (a INT, FOREIGN KEY (a) REFERENCES `ex``tra` (id))",
        "CREATE VIEW extra_view AS SELECT * FROM child",
        "CREATE PROCEDURE extra_procedure() SELECT 1",
        "CREATE EVENT extra_event ON SCHEDULE EVERY 1 YEAR DO DELETE FROM log",
        "DROP TABLE log",
        "UPDATE everything SET c_text = 'changed'",
        "INSERT INTO `ex``tra` VALUES (1)",
    )
    result = await restore_backup(backup, source, force=True)
    assert content_of(source) == before
    assert result.safety_copy is not None
    await restore_backup(result.safety_copy, source, force=True)
    assert run_on_server("mysql", "SELECT id FROM `ex``tra`", database=name_of(source)) == [(1,)]


async def test_a_failure_in_the_middle_leaves_the_target_alone(
    tmp_path: Path, source: str, target: str
) -> None:
    change(target, "CREATE TABLE kept (a INT)", "INSERT INTO kept VALUES (1)")
    broken = broken_dump((await create_backup(source, tmp_path, compress=False)).path)
    with pytest.raises(ToolFailedError, match="exit code 1: .*; the target is unchanged") as caught:
        await restore_backup(broken, target, force=True)
    assert "\n" not in str(caught.value) and "__openviper_" not in str(caught.value)
    assert objects_of(target) == [("kept", "BASE TABLE")]
    assert run_on_server("mysql", "SELECT a FROM kept", database=name_of(target)) == [(1,)]
    assert beside(target) == []


def broken_dump(plain: Path) -> Path:
    """Return a dump that fails after its first tables."""
    text = plain.read_bytes()
    middle = text.index(b"CREATE TABLE `everything`")
    broken = plain.with_name("broken.sql")
    broken.write_bytes(text[:middle] + b"SELECT nothing FROM nowhere;\n" + text[middle:])
    return broken


def beside(url: str) -> list[tuple[object, ...]]:
    """Return the databases that a restore has made beside a target."""
    return run_on_server("mysql", f"SHOW DATABASES LIKE '{name_of(url)[:28]}\\_\\_openviper%'")


@pytest.fixture
def limited(target: str) -> Iterator[str]:
    """Give the target's URL with a user who may do everything in it, and nothing outside."""
    user = f"ov_{secrets.token_hex(4)}"
    run_on_server(
        "mysql",
        f"CREATE USER {user}@'127.0.0.1' IDENTIFIED BY 'pw'",
        f"CREATE USER {user}@'localhost' IDENTIFIED BY 'pw'",
        f"GRANT ALL ON `{name_of(target)}`.* TO {user}@'127.0.0.1'",
        f"GRANT ALL ON `{name_of(target)}`.* TO {user}@'localhost'",
    )
    yield target.replace("root@", f"{user}:pw@")
    run_on_server("mysql", f"DROP USER {user}@'127.0.0.1', {user}@'localhost'")


async def test_in_place_a_failure_in_the_middle_puts_the_old_content_back(
    tmp_path: Path, source: str, target: str, limited: str
) -> None:
    change(target, "CREATE TABLE kept (a INT)", "INSERT INTO kept VALUES (1)")
    broken = broken_dump((await create_backup(source, tmp_path, compress=False)).path)
    with pytest.raises(BackupError, match="--skip-definers"):
        await restore_backup(broken, limited, force=True)
    with pytest.raises(
        IncompleteTargetError, match="exit code 1: .*the old content was put back from"
    ) as caught:
        await restore_backup(
            broken, limited, force=True, options=RestoreOptions(skip_definers=True)
        )
    assert "\n" not in str(caught.value)
    assert objects_of(target) == [("kept", "BASE TABLE")]
    assert run_on_server("mysql", "SELECT a FROM kept", database=name_of(target)) == [(1,)]


async def test_in_place_over_an_empty_database_a_failure_says_that_it_is_incomplete(
    tmp_path: Path, limited: str
) -> None:
    (tmp_path / "a.sql").write_text("CREATE TABLE a (b INT);\nSELECT a FROM nowhere;\n")
    with pytest.raises(IncompleteTargetError, match="the target is incomplete: restore it again"):
        await restore_backup(tmp_path / "a.sql", limited)


async def test_a_cut_off_dump_is_refused(tmp_path: Path, source: str, target: str) -> None:
    plain = (await create_backup(source, tmp_path, compress=False)).path
    cut = tmp_path / "cut.sql"
    cut.write_bytes(plain.read_bytes()[:-100])
    with pytest.raises(BackupError, match="is cut off"):
        await restore_backup(cut, target)
    assert objects_of(target) == []


@pytest.mark.parametrize("line", ["\\! touch {}", "system touch {}", "SELECT 1; \\! touch {}"])
async def test_the_client_runs_no_program_for_a_dump(
    tmp_path: Path, target: str, line: str
) -> None:
    sign = tmp_path / "ran"
    (tmp_path / "evil.sql").write_text(f"CREATE TABLE a (b INT);\n{line.format(sign)}\n;\n")
    with pytest.raises(BackupError, match="which a restore refuses"):
        await restore_backup(tmp_path / "evil.sql", target)
    # Nor would the client itself, whoever trusted the dump.
    client = Client(Server.parse(target), tmp_path)
    with pytest.raises(ToolFailedError):
        client.load(tmp_path / "evil.sql", StopFlag())
    assert not sign.exists()


async def test_a_target_with_tables_is_not_replaced_without_asking(
    tmp_path: Path, source: str, target: str
) -> None:
    backup = (await create_backup(source, tmp_path)).path
    change(target, "CREATE TABLE kept (a INT)")
    with pytest.raises(
        RestoreRefusedError,
        match=rf"database '{name_of(target)}' on {address('mysql')} \(1 table\)",
    ):
        await restore_backup(backup, target)


async def test_a_database_with_an_odd_name_and_a_missing_one(tmp_path: Path) -> None:
    name = f"openviper test 'x' \"%$;&|` é {secrets.token_hex(4)}"
    quoted = name.replace("`", "``")
    run_on_server("mysql", f"CREATE DATABASE `{quoted}`")
    try:
        run_on_server("mysql", "CREATE TABLE a (b INT)", database=name)
        url = f"{server('mysql')}/{quote(name, safe='')}"
        result = await create_backup(url, tmp_path)
        await restore_backup(result.path, url, force=True)
        assert run_on_server("mysql", "SELECT * FROM a", database=name) == []
    finally:
        run_on_server("mysql", f"DROP DATABASE `{quoted}`")
    with pytest.raises(ToolFailedError, match="Unknown database"):
        await create_backup(f"{server('mysql')}/openviper_no_such", tmp_path)


@pytest.mark.parametrize("family", [("mysqldump", "mysql"), ("mariadb-dump", "mariadb")])
async def test_either_family_of_tools_will_do(
    tmp_path: Path,
    source: str,
    target: str,
    monkeypatch: pytest.MonkeyPatch,
    family: tuple[str, str],
) -> None:
    places = [shutil.which(name) for name in family]
    if None in places:
        pytest.skip(f"{' and '.join(family)} are not installed")
    (tmp_path / "bin").mkdir()
    for name, place in zip(family, places, strict=True):
        assert place is not None
        (tmp_path / "bin" / name).symlink_to(place)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    backup = (await create_backup(source, tmp_path / "b")).path
    await restore_backup(backup, target)
    monkeypatch.undo()
    assert content_of(target) == content_of(source)


async def test_without_tools_both_names_and_the_package_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        BackupError, match=r"^mysqldump not found \(nor mariadb-dump\): install mariadb-client"
    ):
        await create_backup("mysql://u@h/d", tmp_path / "b")
    assert mariadb.MariaDBBackupEngine().engine_name == "mariadb"
    assert not (tmp_path / "b").exists()


async def test_an_interrupted_restore_leaves_the_target_alone(tmp_path: Path, target: str) -> None:
    change(target, "CREATE TABLE kept (a INT)", "INSERT INTO kept VALUES (1)")
    (tmp_path / "slow.sql").write_text("CREATE TABLE new (a INT);\nSELECT SLEEP(60);\n")
    task = asyncio.create_task(restore_backup(tmp_path / "slow.sql", target, force=True))
    # Not of another run beside this one.
    beside_target = f"{name_of(target)[:28]}__openviper_new"
    while not await asyncio.to_thread(is_sleeping, beside_target):
        assert not task.done()
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError, match="the target is unchanged"):
        await task
    assert objects_of(target) == [("kept", "BASE TABLE")]
    assert beside(target) == []


async def test_in_place_an_interrupted_restore_puts_the_old_content_back(
    tmp_path: Path, target: str, limited: str
) -> None:
    change(target, "CREATE TABLE kept (a INT)", "INSERT INTO kept VALUES (1)")
    (tmp_path / "slow.sql").write_text("CREATE TABLE new (a INT);\nSELECT SLEEP(60);\n")
    stakes: list[str] = []
    task = asyncio.create_task(
        restore_backup(tmp_path / "slow.sql", limited, force=True, at_stake=stakes.append)
    )
    while not await asyncio.to_thread(is_sleeping, name_of(target)):
        assert not task.done()
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError, match="the old content was put back from"):
        await task
    assert objects_of(target) == [("kept", "BASE TABLE")]
    assert "would leave the target incomplete" in stakes[-1] and "before_restore" in stakes[-1]
    assert run_on_server("mysql", "SELECT a FROM kept", database=name_of(target)) == [(1,)]


def is_sleeping(database: str) -> bool:
    """Return whether a session in a database with this in its name is at its SLEEP."""
    query = f"SELECT COUNT(*) FROM information_schema.processlist WHERE db LIKE '%{database}%' AND info LIKE '%SLEEP(60)%'"
    return bool(run_on_server("mysql", query)[0][0])
