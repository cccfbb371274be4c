"""Importing by name."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest

from openviper.utils import resources
from openviper.utils.importing import (
    import_if_there,
    import_string,
    is_missing,
    lazy_module,
    lazy_pattern,
)

ROOT = Path(__file__).resolve().parents[3]


def first_arguments(function: str) -> Iterator[str]:
    """Yield what the package calls a function with."""
    for path in (ROOT / "openviper").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if function not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                if node.func.id == function and isinstance(node.args[0], ast.Constant):
                    yield str(node.args[0].value)


MODULES = set(first_arguments("lazy_module"))
PATTERNS = set(first_arguments("lazy_pattern"))


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


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield the folder of an imported package, whose times can be relied on at once."""
    monkeypatch.setattr(resources, "SETTLED_NANOSECONDS", -1)
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = tmp_path / "ov_growing"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    importlib.import_module("ov_growing")
    yield folder
    for name in [name for name in sys.modules if name.startswith("ov_growing")]:
        del sys.modules[name]


class Finder:
    """Counts what it is asked for, and finds nothing."""

    asked = 0

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Count."""
        self.asked += name == "ov_growing.later"


def test_what_is_not_there_is_looked_for_once(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert import_if_there("ov_growing.later") is None
    finder = Finder()
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    assert import_if_there("ov_growing.later") is None
    assert import_if_there("ov_growing.later") is None
    # Once more for the finder, which might have found it.
    assert finder.asked == 1


def test_a_module_that_appears_is_found(package: Path) -> None:
    assert import_if_there("ov_growing.later") is None
    status = package.stat()
    while package.stat().st_mtime_ns == status.st_mtime_ns:
        # The clock of the file system stands still for some milliseconds.
        (package / "other.py").write_text("")
        (package / "other.py").unlink()
    (package / "later.py").write_text("value = 1\n")
    importlib.invalidate_caches()
    module = import_if_there("ov_growing.later")
    assert module is not None and module.value == 1


def test_a_module_that_a_test_puts_there_is_found(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert import_if_there("ov_growing.later") is None
    module = ModuleType("ov_growing.later")
    monkeypatch.setitem(sys.modules, "ov_growing.later", module)
    assert import_if_there("ov_growing.later") is module


def test_a_folder_that_has_just_changed_is_looked_into_each_time(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "SETTLED_NANOSECONDS", 10**18)
    assert import_if_there("ov_growing.later") is None
    (package / "later.py").write_text("value = 1\n")
    importlib.invalidate_caches()
    assert import_if_there("ov_growing.later") is not None


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
    nowhere = lazy_module("ov_nowhere")
    with pytest.raises(ModuleNotFoundError, match="ov_nowhere"):
        _ = nowhere.anything


def test_from_its_first_use_on_the_global_is_the_module_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ov_slow.py").write_text(
        "import time; time.sleep(0.2); value = 1", encoding="utf-8"
    )
    (tmp_path / "ov_user.py").write_text(
        "from openviper.utils.importing import lazy_module\nslow = lazy_module('ov_slow')\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    user = importlib.import_module("ov_user")
    assert "ov_slow" not in sys.modules
    before = user.slow
    # Whoever comes while another thread imports it waits for all of it.
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: before.value, range(8))) == {1}
    assert user.slow is sys.modules["ov_slow"]
    with pytest.raises(AttributeError, match="nothing"):
        _ = before.nothing


@pytest.mark.parametrize("module", sorted(MODULES))
def test_every_lazy_module_of_ours_exists(module: str) -> None:
    assert importlib.util.find_spec(module) is not None


def test_a_lazy_pattern_is_a_pattern_when_it_is_used() -> None:
    pattern = lazy_pattern(r"a(\d+)", re.IGNORECASE)
    assert not hasattr(pattern, "nothing")
    found = pattern.fullmatch("A12")
    assert found is not None
    assert found[1] == "12"
    assert pattern.sub("x", "a1 b2") == "x b2"
    assert pattern.match("-a1", 1) is not None


def test_a_lazy_pattern_that_is_none_is_an_error_of_its_first_use() -> None:
    broken = lazy_pattern("(")
    with pytest.raises(re.error, match="unterminated"):
        broken.match("")


@pytest.mark.parametrize("text", sorted(PATTERNS))
def test_every_lazy_pattern_of_ours_compiles(text: str) -> None:
    re.compile(text)
