from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from openviper.conf import Settings
from openviper.vendoring import at_start
from openviper.vendoring.at_start import check_at_start, running_place
from openviper.vendoring.exceptions import VendorError
from openviper.vendoring.manifest import digest
from openviper.vendoring.writing import write_folder
from tests.unit.vendoring.trees import small_tree

Start = Callable[..., None]


@pytest.fixture
def vendor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree that OpenViper is made to believe it runs from."""
    write_folder(small_tree(), tmp_path / "vendor")
    monkeypatch.setattr(at_start, "running_place", lambda: str(tmp_path / "vendor"))
    return tmp_path / "vendor"


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    def run(mode: str, expected: str = "") -> None:
        at_start._problem.cache_clear()
        chosen = Settings(VENDOR_CHECK=mode, VENDOR_MANIFEST_SHA256=expected)
        monkeypatch.setattr(at_start, "settings", chosen)
        check_at_start()

    yield run
    at_start._problem.cache_clear()


def test_an_untouched_tree_starts(
    vendor: Path, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    for mode in ("off", "warn", "refuse"):
        start(mode)
    start("refuse", digest((vendor / "VENDOR.json").read_bytes()))
    assert caplog.records == []


def test_a_changed_tree_is_warned_of_or_refused(
    vendor: Path, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    (vendor / "parrot/__init__.py").write_text("other = 1")
    start("off")
    assert caplog.records == []
    with caplog.at_level(logging.WARNING):
        start("warn")
    assert "changed: 'parrot/__init__.py'" in caplog.text
    with pytest.raises(
        VendorError, match="VENDOR_CHECK is 'refuse', and .*changed: 'parrot/__init__.py'"
    ):
        start("refuse")


def test_another_manifest_is_refused_where_its_sum_is_told(vendor: Path, start: Start) -> None:
    with pytest.raises(VendorError, match="has the sum"):
        start("refuse", "0" * 64)


def test_a_checkout_is_no_vendored_tree(
    start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(at_start, "running_place", lambda: str(tmp_path))
    with pytest.raises(VendorError, match="there is no VENDOR.json"):
        start("refuse")


def test_the_running_place_is_the_folder_around_the_package() -> None:
    assert (Path(running_place()) / "openviper/__init__.py").is_file()
