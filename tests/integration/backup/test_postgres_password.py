"""A PostgreSQL server of our own that really asks for the password, which is full of special characters."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pytest

from openviper.backup.create import create_backup
from openviper.backup.exceptions import ToolFailedError
from openviper.backup.restore import restore_backup

PASSWORD = "a@b:c/d%e#f\"g'h\\i j"


def server_program(name: str) -> str:
    """Return the path of a program of the server, which is not on `PATH` everywhere."""
    found = [*Path("/usr/lib/postgresql").glob(f"*/bin/{name}")]
    path = shutil.which(name) or (str(max(found)) if found else None)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


@pytest.fixture
def guarded() -> Iterator[str]:
    """Start a server that wants the password of its only user, and give its URL without a database."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root to start a server as another user")
    become = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    with TemporaryDirectory() as name, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        place = Path(name)
        (place / "password").write_text(PASSWORD)
        for path in (place, place / "password"):
            shutil.chown(path, "nobody", "nogroup")
        data = str(place / "data")
        subprocess.run(
            [*become, server_program("initdb"), "-D", data, "-U", "guard", "-A", "scram-sha-256", "--no-sync",
             f"--pwfile={place / 'password'}"],
            check=True, capture_output=True, cwd="/",
        )  # fmt: skip
        control = [*become, server_program("pg_ctl"), "-D", data, "-w", "-l", str(place / "log")]
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={place} -c fsync=off"
        subprocess.run(
            [*control, "-o", options, "start"], check=True, stdout=subprocess.DEVNULL, cwd="/"
        )
        try:
            yield f"postgresql://guard:{quote(PASSWORD, safe='')}@127.0.0.1:{port}"
        finally:
            subprocess.run(
                [*control, "-m", "immediate", "stop"],
                check=True,
                stdout=subprocess.DEVNULL,
                cwd="/",
            )


async def test_a_server_that_asks_for_a_password_gets_it_and_a_wrong_one_is_not_shown(
    tmp_path: Path, guarded: str
) -> None:
    backup = (await create_backup(f"{guarded}/postgres", tmp_path)).path
    await restore_backup(backup, f"{guarded}/postgres", force=True)
    with pytest.raises(ToolFailedError, match="password authentication failed") as caught:
        await create_backup(f"{guarded.replace('%40', '%40x')}/postgres", tmp_path)
    assert PASSWORD[2:] not in str(caught.value)
