"""Packages whose public names are imported lazily: what the type checker reads is what there is."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "openviper"
LAZY = [
    ".".join(path.parent.relative_to(PACKAGE.parent).parts)
    for path in sorted(PACKAGE.rglob("__init__.py"))
    if "lazy_exports(" in path.read_text(encoding="utf-8")
]


def typed_names(package: str) -> dict[str, str]:
    """Return the names under ``if TYPE_CHECKING:`` with the modules they come from."""
    path = PACKAGE.parent.joinpath(*package.split("."), "__init__.py")
    names: dict[str, str] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.If):
            for inner in node.body:
                if isinstance(inner, ast.ImportFrom) and inner.module and inner.module != "typing":
                    names.update(
                        {alias.asname or alias.name: inner.module for alias in inner.names}
                    )
    return names


def eager_names(package: str) -> set[str]:
    """Return the names that a package imports from its modules at once."""
    path = PACKAGE.parent.joinpath(*package.split("."), "__init__.py")
    imports = [
        node
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom)
    ]
    return {alias.asname or alias.name for node in imports for alias in node.names}


def test_there_are_lazy_packages() -> None:
    assert "openviper" in LAZY and "openviper.db" in LAZY


@pytest.mark.parametrize("package", LAZY)
def test_the_type_checker_and_the_running_program_know_the_same_names(package: str) -> None:
    module = importlib.import_module(package)
    names = typed_names(package)
    assert set(names) <= set(module.__all__)
    for name, home in names.items():
        assert getattr(module, name) is getattr(importlib.import_module(home), name)
    # What is not lazy is there at once.
    others = set(module.__all__) - set(names) - eager_names(package)
    assert others <= {"__version__", "setup", "periodic", "settings"}
    assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize("package", LAZY)
def test_an_unknown_name_is_an_attribute_error(package: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nope'"):
        importlib.import_module(package).nope
