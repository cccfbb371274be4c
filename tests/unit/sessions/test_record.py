"""What is kept of a session, and how changes are merged."""

from __future__ import annotations

import pytest

from openviper.sessions import Changes, SessionDataError, SessionRecord
from openviper.sessions.record import decode_data, encode_data


def test_changes_are_merged_by_name() -> None:
    record = SessionRecord(data={"a": 1, "b": 2, "c": 3}, version=4)
    changes = Changes(values={"b": 20, "d": 4}, removed={"c"})
    after = changes.applied_to(record)
    assert after.data == {"a": 1, "b": 20, "d": 4}
    assert after.version == 5
    assert record.data == {"a": 1, "b": 2, "c": 3}


def test_what_is_cleared_leaves_only_what_came_after() -> None:
    record = SessionRecord(data={"a": 1})
    assert Changes(values={"b": 2}, is_cleared=True).applied_to(record).data == {"b": 2}


def test_moments_and_the_fingerprint_change_only_where_they_are_given() -> None:
    record = SessionRecord(expires_at=5.0, used_at=1.0, authenticated_at=2.0, fingerprint="f")
    after = Changes(expires_at=9.0).applied_to(record)
    assert (after.expires_at, after.used_at, after.authenticated_at) == (9.0, 1.0, 2.0)
    assert Changes(fingerprint="g", authenticated_at=0.0).applied_to(record).fingerprint == "g"


def test_no_changes_are_false() -> None:
    assert not Changes()
    assert Changes(removed={"a"})
    assert Changes(is_cleared=True)
    assert Changes(expires_at=1.0)


@pytest.mark.parametrize("value", [object(), float("nan"), {1, 2}, b"x", lambda: None])
def test_a_value_that_json_cannot_say_is_named_and_not_shown(value: object) -> None:
    with pytest.raises(SessionDataError, match="session\\['bad'\\]") as caught:
        encode_data({"good": 1, "bad": value})
    assert caught.value.key == "bad"
    assert caught.value.kind == type(value).__name__


def test_a_value_that_holds_itself_is_named() -> None:
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(SessionDataError, match="'loop'"):
        encode_data({"loop": endless})


@pytest.mark.parametrize("text", ["", "{", "[]", "1", "null", "[" * 100_000])
def test_data_that_cannot_be_read_is_none_at_all(text: str) -> None:
    assert decode_data(text) == {}


def test_a_session_lives_until_it_expires() -> None:
    record = SessionRecord(expires_at=100.0)
    assert record.is_alive(99.9)
    assert not record.is_alive(100.0)
