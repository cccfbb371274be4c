"""Database URLs."""

from __future__ import annotations

from pathlib import Path

import pytest

from openviper.db.connections.url import DatabaseURL
from openviper.db.exceptions import DatabaseConfigurationError


@pytest.mark.parametrize(
    ("text", "database"),
    [
        ("sqlite:///db.sqlite3", "db.sqlite3"),
        ("sqlite+aiosqlite:///db.sqlite3", "db.sqlite3"),
        ("sqlite:////var/lib/a b.db", "/var/lib/a b.db"),
        ("sqlite:////var/lib/a%20b.db?mode=ro", "/var/lib/a b.db"),
        ("sqlite://", ":memory:"),
        ("sqlite:///:memory:", ":memory:"),
    ],
)
def test_sqlite_urls(text: str, database: str) -> None:
    url = DatabaseURL.parse(text)
    assert (url.vendor, url.database) == ("sqlite", database)
    assert url.is_memory == (database == ":memory:")


def test_a_relative_path_is_below_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert DatabaseURL.parse("sqlite:///x.db").path == tmp_path / "x.db"


def test_server_urls_are_percent_decoded_and_get_default_ports() -> None:
    url = DatabaseURL.parse(
        "postgresql+asyncpg://us%40er:p%2F%3A%40ss@db.example/shop%20x?sslmode=require"
    )
    assert (url.vendor, url.username, url.password) == ("postgresql", "us@er", "p/:@ss")
    assert (url.host, url.port, url.database) == ("db.example", 5432, "shop x")
    assert url.query == {"sslmode": "require"}
    assert DatabaseURL.parse("mariadb://h/x").port == 3306
    assert DatabaseURL.parse("postgres://[::1]:6000/x").port == 6000


def test_no_text_of_a_url_shows_its_password() -> None:
    url = DatabaseURL.parse("mysql://root:hunter2@h/x?password=hunter2")
    for text in (str(url), repr(url), url.redacted(), f"{url}"):
        assert "hunter2" not in text
    assert str(url) == "mysql://root:***@h:3306/x"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "db.sqlite3",
        "://x",
        "postgresql://u:hunter2@h:notaport/x",
        "mysql://u:hunter2@h:99999/x",
    ],
)
def test_an_impossible_url_is_one_error_without_the_password(text: str) -> None:
    with pytest.raises(DatabaseConfigurationError) as caught:
        DatabaseURL.parse(text)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("mysql://localhost/d", True),
        ("mysql://127.0.0.5/d", True),
        ("mysql://[::1]/d", True),
        ("mysql:///d", True),
        ("mysql://db1/d?unix_socket=/run/my.sock", True),
        ("mysql://db1/d", False),
        ("mysql://10.0.0.1/d", False),
        ("mysql://localhost.example.org/d", False),
        ("mysql://127.0.0.1.example.org/d", False),
    ],
)
def test_whether_the_server_is_this_machine(url: str, local: bool) -> None:
    assert DatabaseURL.parse(url).is_local is local
