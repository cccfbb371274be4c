"""Which engine serves which URL."""

from __future__ import annotations

import pytest

from openviper.backup.engines.by_url import ENGINES, detect_engine_from_url, find_engine
from openviper.backup.exceptions import UnsupportedSchemeError


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///x.db", "sqlite"),
        ("SQLite:///x.db", "sqlite"),
        ("sqlite+aiosqlite:///x.db", "sqlite"),
        ("postgresql://h/d", "postgres"),
        ("postgres://h/d", "postgres"),
        ("postgresql+asyncpg://h/d", "postgres"),
        ("mysql://h/d", "mariadb"),
        ("mariadb+pymysql://h/d", "mariadb"),
        ("oracle://h/d", "oracle"),
        ("mssql+pyodbc://h/d", "mssql"),
        ("sqlserver://h/d", "mssql"),
    ],
)
def test_the_scheme_decides_whatever_its_driver_and_case(url: str, name: str) -> None:
    assert detect_engine_from_url(url).engine_name == name


@pytest.mark.parametrize("url", ["", "x.db", "sqlite", "sqlite:/x.db", "://x", "mongodb://h/d"])
def test_a_scheme_that_nobody_serves_is_refused_with_those_that_are(url: str) -> None:
    with pytest.raises(UnsupportedSchemeError) as caught:
        detect_engine_from_url(url)
    assert all(scheme in str(caught.value) for scheme in ENGINES)


@pytest.mark.parametrize("scheme", sorted(ENGINES))
def test_an_engine_is_found_again_by_the_name_it_writes_into_sidecars(scheme: str) -> None:
    engine = detect_engine_from_url(f"{scheme}://h/d")
    again = find_engine(engine.engine_name)
    assert type(again) is type(engine)


@pytest.mark.parametrize("name", ["", "mongodb", "SQLITE", "sqlite "])
def test_a_name_of_no_engine_is_none(name: str) -> None:
    assert find_engine(name) is None
