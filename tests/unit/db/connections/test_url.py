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
        "postgresql://u:hunter2@[::1/x",
        "postgresql://u:hunter2@h\u2100/x",
        "postgresql://u:hunter2#1@h/x",
        "postgresql://u:hunter2/1@h/x",
        "postgresql://u:hunter2?1@h/x",
        "postgresql://u:hunter2@h:-1/x",
    ],
)
def test_an_impossible_url_is_one_error_without_the_password(text: str) -> None:
    with pytest.raises(DatabaseConfigurationError) as caught:
        DatabaseURL.parse(text)
    # Nor in what led to it, which a traceback would show.
    errors = (caught.value, caught.value.__cause__, caught.value.__context__)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert not any("hunter2" in str(error) for error in errors[:2])


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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:p@[::1]:5432/db", "postgresql://u:***@[::1]:5432/db"),
        ("postgresql://u@h/db", "postgresql://u@h:5432/db"),
        ("postgresql://:p@h/db", "postgresql://:***@h:5432/db"),
        ("postgresql://h/a%2Fb", "postgresql://h:5432/a/b"),
        ("MySQL+PyMySQL://H/db?ssl_key=secret", "mysql://h:3306/db"),
        ("oracle://h/db", "oracle://h/db"),
        ("sqlite:///a%20b.db?mode=ro", "sqlite:///a b.db"),
    ],
)
def test_the_text_of_a_url_is_one_again(text: str, shown: str) -> None:
    assert str(DatabaseURL.parse(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://u@[::1]:5432/db",
        "mysql://h:3307/x",
        "postgresql://u@h:5432/db",
        "oracle://h/db",
    ],
)
def test_a_url_without_password_survives_being_written_and_read(text: str) -> None:
    url = DatabaseURL.parse(text)
    assert DatabaseURL.parse(str(url)) == url
    assert hash(DatabaseURL.parse(str(url))) == hash(url)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("mysql://h/x", "mariadb://h/x", False),
        ("mysql://h/x", "mysql://h:3306/x", True),
        ("mysql://u:a@h/x", "mysql://u:b@h/x", False),
        ("mysql://h/x?a=1&b=2", "mysql://h/x?b=2&a=1", True),
        ("mysql://h/x?a=1&a=2", "mysql://h/x?a=2", True),
        ("mysql://h/x", "mysql://H/x", True),
        ("mysql://h/x", "mysql://h/X", False),
    ],
)
def test_urls_are_equal_when_they_lead_to_the_same_place_in_the_same_way(
    one: str, other: str, equal: bool
) -> None:
    assert (DatabaseURL.parse(one) == DatabaseURL.parse(other)) is equal
    assert DatabaseURL.parse(one) != one


@pytest.mark.parametrize(
    ("text", "memory"),
    [
        ("sqlite://", True),
        ("sqlite:///:memory:", True),
        ("sqlite:///x.db?mode=memory", True),
        ("sqlite:///x.db?mode=ro", False),
        ("postgresql://h/:memory:", False),
    ],
)
def test_a_database_in_memory_is_known(text: str, memory: bool) -> None:
    assert DatabaseURL.parse(text).is_memory is memory
