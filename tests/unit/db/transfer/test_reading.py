"""Batches, checksums, and naming what cannot be read."""

from __future__ import annotations

import pytest

from openviper.db.transfer import reading
from openviper.db.transfer.errors import RowError
from openviper.db.transfer.reading import Checksum, convert_column
from openviper.db.transfer.tables import transfer_table
from tests.shop.models import Tag

TABLE = transfer_table(Tag)


def checksum(*rows: tuple[object, ...]) -> Checksum:
    """Return the checksum of rows that come one by one."""
    made = Checksum()
    for row in rows:
        made.add([[value] for value in row])
    return made


def test_a_checksum_does_not_depend_on_the_order_of_rows() -> None:
    assert checksum((1, "a"), (2, "b")) == checksum((2, "b"), (1, "a"))
    assert checksum((1, "a"), (2, "b")).text == checksum((2, "b"), (1, "a")).text


def test_a_checksum_depends_on_every_value_and_how_often_it_comes() -> None:
    one = checksum((1, "a"), (2, "b"))
    assert one != checksum((1, "b"), (2, "a"))
    assert one != checksum((1, "a"), (2, "b"), (2, "b"))
    assert checksum((1, "a"), (1, "a")) != checksum()
    assert checksum((None,)) != checksum(("None",))
    assert one != "anything else"
    assert len(one.text) == 32


def test_rows_at_once_and_one_by_one_have_one_checksum() -> None:
    at_once = Checksum()
    at_once.add([[1, 2], ["a", "\ud800"]])
    assert at_once == checksum((1, "a"), (2, "\ud800"))
    assert at_once.rows == 2


@pytest.mark.parametrize(
    ("sizes", "fit"), [([1, 2, 3], 3), ([60, 60, 60], 1), ([500], 1), ([10, 90, 1], 2)]
)
def test_as_many_rows_as_fit_make_a_batch(
    sizes: list[int], fit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "BATCH_BYTES", 100)
    assert reading._fitting(sizes) == fit


def test_null_stays_null_and_a_bad_value_is_named_by_its_row() -> None:
    column = TABLE.columns[1]
    assert convert_column(TABLE, column, int, ["1", None], [5, 6]) == [1, None]
    assert convert_column(TABLE, column, None, ["1"], [5]) == ["1"]
    with pytest.raises(RowError, match="table shop_tag, key 6, column name: invalid literal"):
        convert_column(TABLE, column, int, ["1", "x"], [5, 6])


def test_errors_of_pythons_internals_are_put_in_words() -> None:
    with pytest.raises(RowError, match="key 'k', column name: holds a value of another type"):
        convert_column(TABLE, TABLE.columns[1], lambda value: value.hex, [5], ["k"])
