"""Where test databases lie, and which are refused."""

from __future__ import annotations

import pytest

from openviper.testing import OpenViperTestingConfigError, assert_safe_database_url
from openviper.testing.databases.naming import (
    MAX_BYTES,
    WORKER_VARIABLE,
    Target,
    check_target,
    resolve_test_database_url,
    targets,
    with_suffix,
)

SECRET = "s3cret"


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WORKER_VARIABLE, raising=False)


@pytest.mark.parametrize(
    ("configured", "expected"),
    [
        ("sqlite:///db.sqlite3", "sqlite:///test_db.sqlite3"),
        ("sqlite:////srv/shop/db.sqlite3", "sqlite:////srv/shop/test_db.sqlite3"),
        ("sqlite:////srv/a%20b/db.sqlite3?timeout=3", "sqlite:////srv/a%20b/test_db.sqlite3?timeout=3"),
        ("sqlite:///test_db.sqlite3", "sqlite:///test_db.sqlite3"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("postgresql://u:s3cret@h:5/shop?sslmode=require", "postgresql://u:s3cret@h:5/test_shop?sslmode=require"),
        ("mariadb://root@127.0.0.1/a%2Fb", "mariadb://root@127.0.0.1/test_a%2Fb"),
    ],
)  # fmt: skip
def test_a_test_database_is_beside_the_configured_one(configured: str, expected: str) -> None:
    assert resolve_test_database_url(configured) == expected


def test_isolation_in_memory_has_no_other_address() -> None:
    url = "postgresql://localhost/shop"
    assert resolve_test_database_url(url, "in_memory") == "sqlite:///:memory:"
    assert resolve_test_database_url(url, "truncate") == "postgresql://localhost/test_shop"
    with pytest.raises(OpenViperTestingConfigError, match="not 'memory'"):
        resolve_test_database_url(url, "memory")


def test_each_process_of_several_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WORKER_VARIABLE, "gw3")
    databases = {
        "default": {"OPTIONS": {"URL": "postgresql://localhost/shop"}},
        "files": {"URL": "sqlite:///f.db"},
        "memory": {"URL": "sqlite:///:memory:"},
        "ROUTERS": [],
    }
    found = {target.alias: target for target in targets(databases)}
    assert found["default"].url == "postgresql://localhost/test_shop_gw3"
    assert found["default"].shared_url == "postgresql://localhost/test_shop_shared"
    assert found["files"].url == "sqlite:///test_f_gw3.db"
    assert found["memory"].url == "sqlite:///:memory:"
    assert set(found) == {"default", "files", "memory"}


def test_an_address_of_its_own_is_for_default_alone() -> None:
    databases = {
        alias: {"URL": f"postgresql://localhost/{alias}"} for alias in ("default", "other")
    }
    found = targets(databases, database_url="postgresql://localhost/for_tests")
    assert [target.url for target in found] == [
        "postgresql://localhost/for_tests",
        "postgresql://localhost/test_other",
    ]


def test_a_project_without_databases_is_tested_in_memory() -> None:
    assert [target.url for target in targets({})] == ["sqlite:///:memory:"]


def test_names_that_a_server_would_cut_off_stay_different() -> None:
    first, second = (
        resolve_test_database_url(f"postgresql://localhost/{'x' * 70}{end}") for end in "ab"
    )
    assert first != second
    assert all(len(url.rpartition("/")[2]) <= MAX_BYTES for url in (first, second))
    assert with_suffix(first, "_gw0") != with_suffix(first, "_gw1")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "is empty"),
        ("postgresql://localhost/production", "its name does not say"),
        ("postgresql://localhost/shop", "its name does not say"),
        ("postgresql://prod/test_shop", "'prod' looks like production"),
        ("mysql://u:s3cret@live.example/test_shop?tls=on", "'live.example' looks like production"),
        ("postgresql://u:s3cret@db.example/test_shop", "name it in database_hosts"),
    ],
)
def test_what_may_be_production_is_refused_without_its_password(url: str, reason: str) -> None:
    with pytest.raises(OpenViperTestingConfigError) as caught:
        assert_safe_database_url(url)
    assert reason in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_named_host_may_be_used() -> None:
    assert_safe_database_url("postgresql://DB.example/test_shop", ["db.EXAMPLE"])
    assert_safe_database_url("postgresql://127.0.0.1/test_shop")
    assert_safe_database_url("sqlite:///anything.db")


def test_the_configured_database_is_never_the_test_database() -> None:
    url = "sqlite:///db.sqlite3"
    with pytest.raises(OpenViperTestingConfigError, match="do not run on"):
        check_target(Target("default", url, url), [])
    check_target(Target("default", "sqlite:///test_x.db", "sqlite:///test_x.db"), [])


def test_tests_do_not_run_beside_production() -> None:
    target = Target("default", "postgresql://localhost/test_live", "postgresql://localhost/live")
    with pytest.raises(OpenViperTestingConfigError, match="looks like production"):
        check_target(target, [])
