"""Oracle and SQL Server: the shared directory, and what may stand in their tools' own languages."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from openviper.backup.background import StopFlag
from openviper.backup.engines import mssql, oracle
from openviper.backup.engines.base import MEMBER_NAME, Prepared
from openviper.backup.engines.mssql import MSSQLBackupEngine
from openviper.backup.engines.oracle import OracleBackupEngine
from openviper.backup.engines.server import Server
from openviper.backup.engines.shared_directory import (
    SharedDirectoryEngine,
    checked,
    free_name,
    lent_to_server,
    shared_directory,
    written_dump,
)
from openviper.backup.exceptions import BackupError
from openviper.backup.paths import ValidationError
from openviper.db.exceptions import DatabaseConfigurationError

Calls = list[tuple[list[str], dict[str, str] | None]]


def server(query: str, base: str = "mssql://sa:pw@db/shop") -> Server:
    return Server.parse(f"{base}?{query}")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("x=1", r"the URL needs \?backup_dir="),
        ("backup_dir=", r"the URL needs \?backup_dir="),
        ("backup_dir=relative", "must be an absolute path: 'relative'"),
        ("backup_dir=/tmp%0A", "must be an absolute path"),
        ("backup_dir=/tmp%00x", "must be an absolute path"),
        ("backup_dir=/nowhere/at/all", "is not a directory here: '/nowhere/at/all'"),
    ],
)
def test_a_shared_directory_has_to_be_one(query: str, message: str) -> None:
    with pytest.raises((DatabaseConfigurationError, ValidationError), match=message):
        shared_directory(server(query))


def test_the_shared_directory_is_that_of_the_url(tmp_path: Path) -> None:
    assert shared_directory(server(f"backup_dir={tmp_path}")) == tmp_path


@pytest.mark.parametrize("value", ["a", "A-1", "a.b_c", "10.0.0.1"])
def test_a_plain_part_passes(value: str) -> None:
    assert checked(value, "host") == value


@pytest.mark.parametrize("value", [None, "", "a b", "a/b", 'a"', "a;b", "ü", "a\n", "::1"])
def test_a_part_that_a_tool_could_read_otherwise_is_refused(value: str | None) -> None:
    with pytest.raises(ValidationError, match="Invalid host "):
        checked(value, "host")


def test_two_runs_never_choose_one_name(tmp_path: Path) -> None:
    first, second = free_name(tmp_path, ".bak"), free_name(tmp_path, ".bak")
    assert first != second
    assert first.parent == tmp_path and first.suffix == ".bak"


def test_a_dump_that_the_server_has_not_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="sqlcmd ended well, but .*cannot be read here"):
        written_dump(tmp_path / "x", "sqlcmd")
    (tmp_path / "x").mkdir()
    with pytest.raises(BackupError, match="cannot be read here"):
        written_dump(tmp_path / "x", "sqlcmd")


def test_an_empty_dump_of_the_server_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with pytest.raises(BackupError, match="empty|nothing"):
        written_dump(tmp_path / "x", "sqlcmd")


def test_a_dump_of_the_server_is_removed_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"rows")
    dump = written_dump(path, "sqlcmd")
    assert b"".join(dump.blocks(StopFlag())) == b"rows"
    dump.close()
    dump.close()
    assert not path.exists()


def test_what_is_lent_to_the_server_is_readable_by_its_group_and_taken_back(
    tmp_path: Path,
) -> None:
    dump, lent = tmp_path / "dump", tmp_path / "lent.bak"
    dump.write_bytes(b"rows")
    with pytest.raises(ZeroDivisionError), lent_to_server(dump, lent):
        assert lent.read_bytes() == b"rows"
        assert lent.stat().st_mode & 0o777 == 0o640
        assert lent.stat().st_gid == tmp_path.stat().st_gid
        raise ZeroDivisionError
    assert not lent.exists()
    assert dump.exists()


@pytest.fixture(params=["mssql", "oracle"])
def engine(request: pytest.FixtureRequest) -> SharedDirectoryEngine:
    return {"mssql": MSSQLBackupEngine, "oracle": OracleBackupEngine}[request.param]()


def test_an_empty_dump_is_not_given_to_a_server(
    engine: SharedDirectoryEngine, tmp_path: Path
) -> None:
    dump = tmp_path / "d"
    dump.touch()
    with pytest.raises(BackupError, match="is empty"):
        asyncio.run(engine.prepare(dump, tmp_path))
    dump.write_bytes(b"anything")
    prepared = asyncio.run(engine.prepare(dump, tmp_path))
    assert (prepared.path, prepared.rolls_back) == (dump, False)


def test_what_a_restore_replaces_is_named_without_the_password(
    engine: SharedDirectoryEngine, tmp_path: Path
) -> None:
    loss = asyncio.run(engine.loss("mssql://sa:hunter2@db:99/shop", tmp_path))
    assert loss == "the database 'shop' on db:99"


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """What the engines would have run, instead of running it; the tools are there."""
    calls: Calls = []

    def record(
        arguments: list[str],
        server: Server,
        stop: StopFlag,
        environment: dict[str, str] | None = None,
    ) -> None:
        calls.append((arguments, environment))

    def find(names: list[str], hint: str) -> str:
        return f"/bin/{names[0]}"

    for module in (mssql, oracle):
        monkeypatch.setattr(module, "run_server_tool", record)
        monkeypatch.setattr(module, "find_tool", find)
    return calls


def test_sqlcmd_gets_a_script_and_the_password_by_the_environment(
    tmp_path: Path, called: Calls
) -> None:
    target = server(f"backup_dir={tmp_path}")
    path = MSSQLBackupEngine().export(target, tmp_path, StopFlag())
    [(arguments, environment)] = called
    assert arguments[:6] == ["/bin/sqlcmd", "-S", "db,1433", "-U", "sa", "-b"]
    assert environment == {"SQLCMDPASSWORD": "pw"}
    script = Path(arguments[-1])
    assert script.stat().st_mode & 0o777 == 0o600
    assert script.read_text() == (
        f"BACKUP DATABASE [shop] TO DISK = N'{path}' WITH COPY_ONLY, CHECKSUM, INIT;\n"
    )


def test_sqlcmd_verifies_before_it_replaces(tmp_path: Path, called: Calls) -> None:
    lent = tmp_path / "it's.bak"
    target = Server.parse(f"mssql:///a%5Db?backup_dir={tmp_path}")
    MSSQLBackupEngine().bring_in(target, lent, tmp_path, StopFlag())
    [(arguments, environment)] = called
    assert arguments[1:4] == ["-S", "localhost,1433", "-b"] and environment == {}
    place = str(lent).replace("'", "''")
    assert Path(arguments[-1]).read_text() == (
        f"RESTORE VERIFYONLY FROM DISK = N'{place}';\nGO\n"
        f"RESTORE DATABASE [a]]b] FROM DISK = N'{place}' WITH REPLACE;\n"
    )


@pytest.mark.parametrize("name", ["a$(SQLCMDPASSWORD)", "a%0AGO", "a%09b"])
def test_a_name_that_sqlcmd_would_read_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="Invalid database name"):
        MSSQLBackupEngine().validate(Server.parse(f"mssql://db/{name}"))


def test_a_path_that_sqlcmd_would_read_is_refused(tmp_path: Path, called: Calls) -> None:
    with pytest.raises(ValidationError, match="would read '\\$\\('"):
        MSSQLBackupEngine().bring_in(server("x=1"), tmp_path / "$(PATH).bak", tmp_path, StopFlag())
    assert called == []


ORACLE = "oracle://scott:tiger@db:1521/XE"


def test_expdp_gets_a_parameter_file_with_the_password(tmp_path: Path, called: Calls) -> None:
    target = server(f"backup_dir={tmp_path}&directory=DUMPS", ORACLE)
    path = OracleBackupEngine().export(target, tmp_path, StopFlag())
    [(arguments, environment)] = called
    assert path == tmp_path / MEMBER_NAME
    assert arguments[0] == "/bin/expdp" and environment is None
    assert arguments[2:4] == ["DIRECTORY=DUMPS", f"DUMPFILE={MEMBER_NAME}"]
    parameters = Path(arguments[1].removeprefix("PARFILE="))
    assert parameters.read_text() == 'userid=scott/"tiger"@//db:1521/XE\n'
    assert parameters.stat().st_mode & 0o777 == 0o600
    assert not any("tiger" in argument for argument in arguments)


def test_a_dump_of_another_run_is_never_overwritten(tmp_path: Path, called: Calls) -> None:
    (tmp_path / MEMBER_NAME).touch()
    target = server(f"backup_dir={tmp_path}&directory=DUMPS", ORACLE)
    with pytest.raises(BackupError, match="a dump of another run is in the way"):
        OracleBackupEngine().export(target, tmp_path, StopFlag())
    assert called == []


def test_impdp_replaces_what_is_there_and_the_lent_file_goes_away(
    tmp_path: Path, called: Calls
) -> None:
    dump = tmp_path / "d"
    dump.write_bytes(b"rows")
    url = f"{ORACLE}?backup_dir={tmp_path}&directory=DUMPS"
    engine = OracleBackupEngine()
    assert asyncio.run(engine.apply(Prepared(dump, rolls_back=False), url, tmp_path)) is None
    [(arguments, _)] = called
    assert arguments[0] == "/bin/impdp"
    assert arguments[3].startswith("DUMPFILE=openviper-")
    assert arguments[-1] == "TABLE_EXISTS_ACTION=REPLACE"
    assert list(tmp_path.glob("openviper-*")) == []


@pytest.mark.parametrize(
    ("url", "error", "message"),
    [
        (ORACLE, DatabaseConfigurationError, r"\?directory="),
        (f"{ORACLE}?directory=", DatabaseConfigurationError, r"\?directory="),
        (f"{ORACLE}?directory=1x", ValidationError, "Invalid directory object '1x'"),
        (f"{ORACLE}?directory=D;x", ValidationError, "Invalid directory object"),
        ("oracle://scott@db/XE?directory=D", ValidationError, "Invalid password"),
        ("oracle://scott:a%22b@db/XE?directory=D", ValidationError, "without a quotation mark"),
        ("oracle://:pw@db/XE?directory=D", ValidationError, "Invalid user name"),
        ("oracle://sc-ott:pw@db/XE?directory=D", ValidationError, "Invalid user name 'sc-ott'"),
        ("oracle://scott:pw@/XE?directory=D", ValidationError, "Invalid host None"),
        ("oracle://scott:pw@db/X%20E?directory=D", ValidationError, "Invalid service name 'X E'"),
    ],
)
def test_a_url_that_oracle_could_read_otherwise_is_refused(
    url: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        OracleBackupEngine().validate(Server.parse(url))
