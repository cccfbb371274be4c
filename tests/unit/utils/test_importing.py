"""Importing by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from openviper.utils.importing import import_string, is_missing, lazy_module

ROOT = Path(__file__).resolve().parents[3]


def test_both_spellings_of_a_path_are_understood() -> None:
    assert import_string("pathlib.Path") is Path
    assert import_string("pathlib:Path") is Path


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("Path", "not a dotted path"),
        ("", "not a dotted path"),
        ("pathlib.Nope", "has no 'Nope'"),
        ("ov_nowhere.x", "ov_nowhere"),
        ("..x", "not a dotted path"),
        (".pathlib.Path", "not a dotted path"),
        (":Path", "not a dotted path"),
        ("pathlib:", "not a dotted path"),
        ("pathlib.", "not a dotted path"),
        ("pathlib..Path", "pathlib"),
        ("pathlib:Path:open", "has no 'Path:open'"),
    ],
)
def test_a_path_that_leads_nowhere_is_an_import_error(path: str, text: str) -> None:
    with pytest.raises(ImportError, match=text):
        import_string(path)


def test_a_missing_module_is_told_from_a_broken_one() -> None:
    missing = ModuleNotFoundError(name="shop.models")
    assert is_missing(missing, "shop.models")
    assert is_missing(ModuleNotFoundError(name="shop"), "shop.models")
    assert not is_missing(ModuleNotFoundError(name="requests"), "shop.models")
    assert not is_missing(ImportError(name="shop.models"), "shop.models")


def test_a_lazy_module_is_loaded_when_it_is_used() -> None:
    code = (
        "import sys; from openviper.utils.importing import lazy_module\n"
        "import openviper.db.connection\n"
        "assert 'asyncio.base_events' not in sys.modules\n"
        "asyncio = lazy_module('asyncio')\n"
        "assert asyncio.run is sys.modules['asyncio'].run\n"
        "assert 'asyncio.base_events' in sys.modules\n"
        "assert lazy_module('asyncio') is asyncio\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, check=True, timeout=30)
    with pytest.raises(ModuleNotFoundError, match="ov_nowhere"):
        lazy_module("ov_nowhere")
