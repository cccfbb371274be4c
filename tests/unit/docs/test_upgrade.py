"""Names that the page about the upgrade promises can be imported."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[3] / "docs/how-to/upgrade-from-0.1.md"
TEXT = PAGE.read_text("utf-8")
MOVED = re.findall(r"^\| `(openviper\.\S+)` \| `(openviper\.\S+)` \|$", TEXT, re.MULTILINE)
STAYED = re.findall(r"`(openviper\.[\w.]+)`[,.]", TEXT)


@pytest.mark.parametrize("name", [*(now for _, now in MOVED), *STAYED])
def test_a_name_can_be_imported(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(module), attribute)


def test_what_has_moved_is_not_where_it_was() -> None:
    assert len(MOVED) == 7 and len(STAYED) == 6
    for before, _ in MOVED:
        with pytest.raises(ImportError):
            importlib.import_module(before.rpartition(".")[0])
