"""The command lines of MariaDB's tools: where the server is, the password, and what they must not do."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from openviper.backup.engines.mariadb_client import (
    CLIENTS,
    DUMP_TOOLS,
    Client,
    connection_arguments,
    quoted,
    text_literal,
)
from openviper.backup.engines.server import Server
from openviper.backup.exceptions import BackupError
from openviper.db.exceptions import DatabaseConfigurationError

PORT = "--port=3306"


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that alone is searched for tools, with one of each."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for name in (DUMP_TOOLS[0], CLIENTS[0]):
        (directory / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(directory))
    return directory


def client(tmp_path: Path, url: str, lock_timeout: float | None = None) -> Client:
    work_dir = tmp_path / "work"
    work_dir.mkdir(exist_ok=True)
    return Client(Server.parse(url), work_dir, lock_timeout)


@pytest.mark.parametrize(
    ("url", "arguments"),
    [
        ("mysql:///shop", [PORT]),
        ("mysql://localhost/shop", ["--host=localhost", "--protocol=TCP", PORT]),
        ("mysql://db:3307/shop", ["--host=db", "--protocol=TCP", "--port=3307"]),
        ("mysql://ada@db/shop", ["--host=db", "--protocol=TCP", PORT, "--user=ada"]),
        ("mysql:///shop?unix_socket=/run/x.sock", [PORT, "--socket=/run/x.sock"]),
        (
            "mysql://localhost/shop?unix_socket=/run/x.sock",
            ["--host=localhost", PORT, "--socket=/run/x.sock"],
        ),
        ("mysql:///shop?connect_timeout=3&charset=utf8mb4", [PORT, "--connect-timeout=3"]),
        (
            "mysql:///shop?ssl_ca=/ca&ssl_cert=/c&ssl_key=/k",
            [PORT, "--ssl-ca=/ca", "--ssl-cert=/c", "--ssl-key=/k"],
        ),
    ],
)
def test_the_tools_are_told_where_the_server_is(url: str, arguments: list[str]) -> None:
    assert connection_arguments(Server.parse(url)) == arguments


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://db/shop?colour=red", "unknown parameter 'colour' in the MariaDB URL"),
        ("mysql://db/shop?b=1&a=1", "unknown parameter 'a'"),
        ("mysql://db/shop?tls=on", "tls='on' in the MariaDB URL can only be 'off'"),
        ("mysql://u:pw@db/shop", "password for 'db' would cross the network unencrypted"),
        ("mysql://u:pw@10.0.0.1/shop?tls=", "can only be 'off'"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_by_its_fault(url: str, message: str) -> None:
    with pytest.raises(DatabaseConfigurationError, match=message) as caught:
        connection_arguments(Server.parse(url))
    assert "pw" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u@db/shop",
        "mysql://u:pw@localhost/shop",
        "mysql://u:pw@127.0.0.1/shop",
        "mysql://u:pw@[::1]/shop",
        "mysql://u:pw@db/shop?unix_socket=/run/x",
        "mysql://u:pw@db/shop?ssl_ca=/ca",
        "mysql://u:pw@db/shop?tls=off",
    ],
)
def test_a_password_goes_where_nobody_listens_or_by_agreement(url: str) -> None:
    assert connection_arguments(Server.parse(url)) is not None


def test_the_option_file_comes_first_and_is_private(tmp_path: Path, tools: Path) -> None:
    made = client(tmp_path, "mysql://u:p%23w@localhost/shop")
    command = made.dump_command("--single-transaction", "shop")
    file = made.work_dir / "client.cnf"
    assert command[0] == str(tools / DUMP_TOOLS[0])
    assert command[1] == f"--defaults-extra-file={file}"
    assert command[-2:] == ["--single-transaction", "shop"]
    assert not any("p#w" in argument for argument in command)
    assert file.stat().st_mode & 0o777 == 0o600
    assert "p#w" in file.read_text()


def test_the_option_file_is_written_once(tmp_path: Path, tools: Path) -> None:
    made = client(tmp_path, "mysql:///shop")
    made.dump_command()
    file = made.work_dir / "client.cnf"
    assert file.read_text() == "[client]\n"
    before = file.stat().st_ino
    made.dump_command()
    assert file.stat().st_ino == before


@pytest.mark.parametrize(
    ("url", "plugins", "verified"),
    [
        ("mysql://localhost/shop", False, False),
        ("mysql://u:pw@localhost/shop", True, False),
        ("mysql://u:pw@db/shop?tls=off", True, False),
        ("mysql://u:pw@db/shop?ssl_ca=/ca", False, True),
        ("mysql://db/shop?ssl_ca=/ca", False, True),
    ],
)
def test_a_password_is_never_handed_over_in_clear_to_a_server_that_nobody_vouches_for(
    tmp_path: Path, tools: Path, url: str, plugins: bool, verified: bool
) -> None:
    made = client(tmp_path, url)
    command = made.dump_command()
    assert (f"--plugin-dir={made.work_dir / 'plugins'}" in command) is plugins
    assert ("--loose-ssl-mode=VERIFY_IDENTITY" in command) is verified
    assert ("--loose-ssl-verify-server-cert" in command) is verified
    assert "--loose-local-infile=0" in command
    lent = made.work_dir / "plugins"
    names = {plugin.name for plugin in lent.iterdir()} if lent.exists() else set()
    assert names.isdisjoint({"mysql_clear_password.so", "dialog.so"})


def test_variables_and_files_of_the_user_cannot_bring_another_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = ("MYSQL_PWD", "MYSQL_TEST_LOGIN_FILE", "LIBMYSQL_ENABLE_CLEARTEXT_PLUGIN")
    for name in variables:
        monkeypatch.setenv(name, "1")
    made = client(tmp_path, "mysql://u:pw@localhost/shop")
    environment = made.environment()
    assert environment["HOME"] == str(made.work_dir)
    assert not set(variables) & environment.keys()
    without = client(tmp_path, "mysql://u@localhost/shop").environment()
    assert without.get("HOME") == os.environ.get("HOME")
    assert without["MYSQL_PWD"] == "1"
    assert "LIBMYSQL_ENABLE_CLEARTEXT_PLUGIN" not in without


def test_a_missing_tool_is_named_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BackupError, match="mysqldump.*mariadb-client"):
        client(tmp_path, "mysql:///shop").dump_command()


@pytest.mark.parametrize(
    ("text", "name", "literal"),
    [
        ("a", "`a`", "'a'"),
        ("a`b", "`a``b`", "'a`b'"),
        ("it's", "`it's`", "'it\\'s'"),
        ("a\\", "`a\\`", "'a\\\\'"),
        ("\\'", "`\\'`", "'\\\\\\''"),
        ("", "``", "''"),
    ],
)
def test_names_and_texts_cannot_end_their_quotes(text: str, name: str, literal: str) -> None:
    assert (quoted(text), text_literal(text)) == (name, literal)
