"""What the explanations state as fact is the fact."""

from __future__ import annotations

import re
from pathlib import Path

from openviper.db.connections.drivers.sqlite_inline import HANDLER_INTERVAL, INLINE_LIMIT
from openviper.db.connections.drivers.sqlite_open import CHECKPOINT_SIZE
from openviper.db.connections.options import read_databases
from openviper.db.connections.pool.sqlite import LOGS_WITHOUT_PAUSE

TEXT = (Path(__file__).resolve().parents[3] / "docs/explanation/sqlite.md").read_text(
    encoding="utf-8"
)


def test_the_documented_options_have_the_documented_defaults() -> None:
    options = read_databases({"default": {"URL": "sqlite://"}})["default"]
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| `?(\w+)`? \|", TEXT, re.MULTILINE))
    assert len(rows) == 7
    for name, default in rows.items():
        value = getattr(options, name.lower())
        assert str(int(value) if isinstance(value, float) else value) == default, name


def test_the_documented_limits_are_the_real_ones() -> None:
    assert INLINE_LIMIT == 0.001 and "deadline of 1 ms" in TEXT
    assert HANDLER_INTERVAL == 2000 and "2,000" in TEXT
    assert CHECKPOINT_SIZE == 16 * 1024 * 1024 and "16 MiB" in TEXT
    assert LOGS_WITHOUT_PAUSE == 4 and "four\ntimes that size" in TEXT
