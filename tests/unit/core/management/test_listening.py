"""The socket of a server."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from openviper.core.management.base import CommandError
from openviper.core.management.listening import listen, listen_at, remove_socket


def test_port_0_gives_any_free_port() -> None:
    with listen("127.0.0.1", 0) as bound:
        assert bound.getsockname()[1] > 0
        assert bound.get_inheritable()


def test_a_port_that_is_taken_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(CommandError, match=f"port {port} on 127.0.0.1 is in use already"):
            listen("127.0.0.1", port)


@pytest.mark.usefixtures("unknown_names")
@pytest.mark.parametrize("host", ["no.such.host.invalid", "a..b", "x" * 80])
def test_a_name_that_is_not_ours_is_refused(host: str) -> None:
    with pytest.raises(CommandError, match="is not an address of this machine"):
        listen(host, 0)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(CommandError, match="cannot listen on 192.0.2.1"):
        listen("192.0.2.1", 0)


def test_a_unix_socket_can_be_reached_by_everybody_who_reaches_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "shop.sock"
    with listen_at(str(path)) as bound:
        bound.listen()
        assert stat.S_IMODE(path.stat().st_mode) == 0o666
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def test_the_socket_of_a_dead_server_is_replaced_and_that_of_a_living_one_is_not(
    tmp_path: Path,
) -> None:
    path = str(tmp_path / "shop.sock")
    listen_at(path).close()
    with listen_at(path) as bound:
        bound.listen()
        with pytest.raises(CommandError, match="a server listens at"):
            listen_at(path)


def test_a_file_that_is_not_a_socket_stays(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    with pytest.raises(CommandError, match="exists and is not a socket"):
        listen_at(str(path))
    assert path.read_text() == "mine"


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot listen at .*nowhere/shop.sock"):
        listen_at(str(tmp_path / "nowhere/shop.sock"))


def test_removing_what_is_gone_is_fine(tmp_path: Path) -> None:
    remove_socket(str(tmp_path / "gone"))
