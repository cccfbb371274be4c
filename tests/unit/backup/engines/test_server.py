"""The parts of a server's URL, and whether the server is on this machine."""

from __future__ import annotations

import pytest

from openviper.backup.engines.server import Server, has_line
from openviper.backup.paths import ValidationError
from openviper.db.exceptions import DatabaseConfigurationError


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("postgresql:///d", True),
        ("postgresql://localhost/d", True),
        ("postgresql://127.0.0.1/d", True),
        ("postgresql://127.1.2.3/d", True),
        ("postgresql://[::1]/d", True),
        ("postgresql:///d?host=/run/postgresql", True),
        ("postgresql://10.0.0.1/d", False),
        ("postgresql://db.example/d", False),
        ("postgresql://localhost.example/d", False),
        ("postgresql://u@127.0.0.1/d?host=10.0.0.1", False),
    ],
)
def test_which_servers_are_on_this_machine(url: str, local: bool) -> None:
    assert Server.parse(url).is_local is local


def test_parameters_win_over_the_parts_before_them() -> None:
    server = Server.parse("postgresql://a:b@h:1/d?host=i&user=c&password=e&dbname=f&port=2&x=y")
    assert (server.host, server.username, server.password) == ("i", "c", "e")
    assert (server.database, server.port, server.query) == ("f", 2, {"x": "y"})
    assert server.secrets == ("e",) and "e" not in repr(server).replace("server", "").split("'")


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("mysql://u@h/", DatabaseConfigurationError),
        ("mysql://u@h/d?port=0", DatabaseConfigurationError),
        ("mysql://u@h/d?port=x", DatabaseConfigurationError),
        ("mysql://-u@h/d", ValidationError),
        ("mysql://u@h/d%00", ValidationError),
        ("mysql://u:a%0Ab@h/d", ValidationError),
    ],
)
def test_what_no_tool_can_be_given_is_refused(url: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        Server.parse(url)


def test_what_would_be_lost_is_counted() -> None:
    server = Server.parse("mysql://u:p@h:3307/d")
    assert server.loss(0) is None
    assert server.loss(1) == "the database 'd' on h:3307 (1 table)"
    assert server.loss(2) == "the database 'd' on h:3307 (2 tables)"


@pytest.mark.parametrize(
    ("text", "there"), [(b"-- End", True), (b"x\n-- End of it", True), (b"x -- End", False)]
)
def test_a_line_is_found_by_its_beginning(text: bytes, there: bool) -> None:
    assert has_line(text, b"-- End") is there
