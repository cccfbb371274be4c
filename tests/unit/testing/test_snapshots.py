"""Values compared with stored ones."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from openviper.testing import Snapshot, assert_matches_snapshot


@pytest.fixture(autouse=True)
def on_a_desk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)


def test_the_first_value_is_stored_and_the_next_compared(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b.txt"
    assert_matches_snapshot({"b": 1, "a": [1, 2]}, path)
    assert_matches_snapshot({"a": [1, 2], "b": 1}, path)
    with pytest.raises(AssertionError) as caught:
        assert_matches_snapshot({"a": [1, 3], "b": 1}, path)
    assert "-    2\n+    3" in str(caught.value)
    assert "--snapshot-update" in str(caught.value)


def test_an_update_stores_anew(tmp_path: Path) -> None:
    path = tmp_path / "b.txt"
    assert_matches_snapshot("old", path)
    assert_matches_snapshot("new", path, update=True)
    assert_matches_snapshot("new", path)


def test_in_ci_a_missing_snapshot_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(AssertionError, match="there is no snapshot"):
        assert_matches_snapshot("x", tmp_path / "b.txt")
    assert not (tmp_path / "b.txt").exists()


@pytest.mark.parametrize("text", ["a\r\nb", "\ud800 half", "NUL \0", "\u202eright to left", ""])
def test_odd_text_comes_back_as_it_was(tmp_path: Path, text: str) -> None:
    assert_matches_snapshot(text, tmp_path / "b.txt")
    assert_matches_snapshot(text, tmp_path / "b.txt")
    with pytest.raises(AssertionError):
        assert_matches_snapshot(f"{text}!", tmp_path / "b.txt")


def test_values_without_a_form_in_json_have_one_here_or_are_refused(tmp_path: Path) -> None:
    assert_matches_snapshot(
        {"id": UUID(int=1), "sum": Decimal("1.50"), "tags": {"b", "a"}}, tmp_path / "b.txt"
    )
    stored = (tmp_path / "b.txt").read_text()
    assert '"1.50"' in stored and stored.index('"a"') < stored.index('"b"')
    with pytest.raises(TypeError, match="a snapshot cannot hold"):
        assert_matches_snapshot({"x": object()}, tmp_path / "c.txt")


def test_values_of_a_test_are_numbered_or_named(tmp_path: Path) -> None:
    snapshot = Snapshot(tmp_path, "test_x[../a b]")
    snapshot("first")
    snapshot("second")
    snapshot("third", "the page")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "test_x_.._a_b_.2.txt",
        "test_x_.._a_b_.the_page.txt",
        "test_x_.._a_b_.txt",
    ]


@pytest.mark.parametrize("update", [True, False])
def test_two_values_of_one_name_are_refused(tmp_path: Path, update: bool) -> None:
    snapshot = Snapshot(tmp_path, "test_it", update=update)
    snapshot("first", "name")
    with pytest.raises(ValueError, match="two values"):
        snapshot("second", "name")
    assert (tmp_path / "test_it.name.txt").read_text() == "first"


def test_two_tests_do_not_share_a_file(tmp_path: Path) -> None:
    Snapshot(tmp_path, "test_it[a b]", update=True)("first")
    with pytest.raises(ValueError, match=r"test_it\[a b\]"):
        Snapshot(tmp_path, "test_it[a/b]", update=True)("second")
    # The same test, run again.
    Snapshot(tmp_path, "test_it[a b]")("first")
