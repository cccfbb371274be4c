"""Which writes of PostgreSQL's pipeline are prepared."""

from __future__ import annotations

from openviper.db.connections.drivers.postgresql_pipeline import Prepared


class Refusal(Exception):
    def __init__(self, sqlstate: str) -> None:
        super().__init__(sqlstate)
        self.sqlstate = sqlstate


def test_a_write_is_prepared_when_it_has_come_more_often_than_the_threshold() -> None:
    prepared = Prepared(2)
    names = [prepared.new_name((b"a", ()), 3) for _ in range(4)]
    assert names == [None, None, None, b"openviper_0"]
    prepared.add((b"a", ()), b"openviper_0")
    assert prepared.name_of((b"a", ())) == b"openviper_0"
    assert prepared.name_of((b"a", (23,))) is None
    assert prepared.new_name((b"a", (23,)), 0) == b"openviper_1"


def test_without_room_or_threshold_nothing_is_prepared() -> None:
    full = Prepared(1)
    full.add((b"a", ()), b"openviper_0")
    assert full.new_name((b"b", ()), 0) is None
    assert Prepared(0).new_name((b"a", ()), 0) is None
    assert Prepared(9).new_name((b"a", ()), None) is None


def test_uses_of_very_many_writes_are_not_counted_for_ever() -> None:
    prepared = Prepared(2)
    for number in range(1000):
        assert prepared.new_name((b"%d" % number, ()), 5) is None
    assert len(prepared._uses) <= 9


def test_only_what_a_preparation_can_cause_is_outdated() -> None:
    prepared = Prepared(2)
    assert not prepared.is_outdated(Refusal("26000"))
    prepared.add((b"a", ()), b"openviper_0")
    for state, outdated in (("26000", True), ("0A000", True), ("42804", True), ("23505", False)):
        assert prepared.is_outdated(Refusal(state)) is outdated
    assert not prepared.is_outdated(None)
    prepared.forget()
    assert prepared.name_of((b"a", ())) is None and prepared.new_name((b"a", ()), 0) is None
