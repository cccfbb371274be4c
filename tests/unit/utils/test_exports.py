"""The public names of a package, each imported when it is first used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.projects import forget_modules, write

HEAD = """
from openviper.utils.exports import lazy_exports

eager = 1
__all__, __getattr__, __dir__ = lazy_exports(
    __name__, {"lazypack.inner": ("One", "two"), "lazypack.broken": ("three",)}, eager=("eager",)
)
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A package with names from two modules, one of which fails."""
    write(tmp_path, {
        "lazypack/__init__.py": HEAD, "lazypack/inner.py": "class One: ...\ntwo = object()\nother = 1\n",
        "lazypack/broken.py": "1 / 0\n",
    })  # fmt: skip
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("lazypack")
    forget_modules(tmp_path)


def test_nothing_is_imported_before_a_name_is_used(package: ModuleType) -> None:
    assert "lazypack.inner" not in sys.modules
    one = package.One
    assert one is sys.modules["lazypack.inner"].One
    assert "lazypack.broken" not in sys.modules


def test_a_name_is_looked_up_once(package: ModuleType) -> None:
    two = package.two
    assert vars(package)["two"] is two
    sys.modules["lazypack.inner"].two = object()  # type: ignore[attr-defined]  # what is tested
    assert package.two is two


def test_all_names_are_listed_without_importing_them(package: ModuleType) -> None:
    assert package.__all__ == ["One", "eager", "three", "two"]
    assert set(package.__all__) <= set(dir(package)) and "__name__" in dir(package)
    assert "lazypack.inner" not in sys.modules


@pytest.mark.parametrize("name", ["other", "nothing", "__path_of_nobody__"])
def test_a_name_that_is_not_exported_is_no_attribute(package: ModuleType, name: str) -> None:
    with pytest.raises(AttributeError, match=f"module 'lazypack' has no attribute '{name}'"):
        getattr(package, name)
    assert not hasattr(package, name)


def test_a_module_that_fails_says_so_and_is_asked_again(package: ModuleType) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            package.three  # noqa: B018 - what is tested
    assert "three" not in vars(package)


def test_a_star_brings_all_names_or_the_error_of_one(package: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "lazypack" / "broken.py").write_text("three = 3\n")
    importlib.invalidate_caches()
    names: dict[str, object] = {}
    exec("from lazypack import *", names)
    assert {"One", "two", "three", "eager"} <= set(names)
