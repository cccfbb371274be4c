"""Which databases share a test database."""

from __future__ import annotations

from openviper.testing.databases.session import mirrors


def test_a_replica_is_tested_on_the_database_of_its_primary() -> None:
    databases = {
        "default": {"URL": "postgresql://a/shop"},
        "orders": {"OPTIONS": {"URL": "postgresql://b/orders"}},
        "copy": {"OPTIONS": {"URL": "postgresql://c/orders", "ROLE": "replica"}},
        "other": {"URL": "postgresql://d/elsewhere", "ROLE": "replica"},
        "ROUTERS": ["x"],
    }
    assert mirrors(databases) == {"copy": "orders", "other": "default"}
