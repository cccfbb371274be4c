"""Rows of texts as a terminal shows them."""

from __future__ import annotations

import pytest

from openviper.core.management.aligned_rows import aligned


def test_cells_stand_below_one_another() -> None:
    rows = [("Name", "Size", "State"), ("a", "12345", ""), ("longer name", "1", "ok")]
    assert list(aligned(rows)) == [
        "Name         Size   State",
        "a            12345",
        "longer name  1      ok",
    ]


def test_no_rows_are_no_lines() -> None:
    assert list(aligned([])) == []


def test_a_row_with_fewer_cells_is_an_error() -> None:
    with pytest.raises(ValueError, match="shorter"):
        list(aligned([("a", "b"), ("c",)]))
