"""The statements of each vendor around the rows."""

from __future__ import annotations

import pytest

from openviper.db.dialects.definitions import LiveTable
from openviper.db.dialects.lookup import dialect_for
from openviper.db.dialects.server_ddl import ForeignKeyName, LiveSource
from openviper.db.transfer.vendor_statements import vendor_of

KEYS = [("shelf", "best_id"), ("shelf", "made_by_hand")]
LIVE = {
    "shelf": LiveTable(
        "shelf",
        {},
        [],
        [],
        LiveSource({"best_id": ForeignKeyName("fk_best", "best_id", "thing", "CASCADE")}, "pk"),
    )
}


def test_postgresql_defers_foreign_keys_by_their_names_and_checks_them_before_it_changes_them_back() -> (
    None
):
    vendor = vendor_of(dialect_for("postgresql"))
    assert vendor.defer(KEYS, LIVE) == [
        'ALTER TABLE "shelf" ALTER CONSTRAINT "fk_best" DEFERRABLE INITIALLY DEFERRED'
    ]
    assert vendor.settle(KEYS, LIVE) == [
        "SET CONSTRAINTS ALL IMMEDIATE",
        'ALTER TABLE "shelf" ALTER CONSTRAINT "fk_best" NOT DEFERRABLE',
    ]
    assert vendor.settle([], LIVE) == []


def test_postgresql_truncates_only_what_nothing_else_refers_to() -> None:
    vendor = vendor_of(dialect_for("postgresql"))
    assert vendor.clear(["b", "a"], [], all_at_once=True) == ['TRUNCATE "b", "a"']
    assert vendor.clear(["b", "a"], [("a", "b_id")], all_at_once=False) == [
        'UPDATE "a" SET "b_id" = NULL',
        'DELETE FROM "b"',
        'DELETE FROM "a"',
    ]


def test_mariadb_never_ends_the_transaction_by_clearing() -> None:
    vendor = vendor_of(dialect_for("mysql"))
    assert vendor.clear(["b", "a"], [("a", "b_id")], all_at_once=True) == [
        "DELETE FROM `b`",
        "DELETE FROM `a`",
    ]
    assert vendor.begin()[-1] == "START TRANSACTION"
    assert "SET SESSION foreign_key_checks = 1" in vendor.after()


@pytest.mark.parametrize("name", ["sqlite", "postgresql", "mysql"])
def test_every_setting_of_a_session_is_given_back(name: str) -> None:
    vendor = vendor_of(dialect_for(name))
    changed = [line.split(" = ")[0] for line in vendor.begin() if line.startswith("SET SESSION")]
    assert [line.split(" = ")[0] for line in vendor.after()] == changed
