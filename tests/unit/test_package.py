"""The names of `openviper`."""

from __future__ import annotations

import subprocess
import sys

import pytest

import openviper
from openviper.version import VERSION


def test_importing_the_package_imports_nothing_else() -> None:
    # Python imports `importlib` before any of our code runs up to 3.13, an editable installation `__future__` too.
    script = "import __future__, importlib, sys; before = set(sys.modules); import openviper; print(sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "['openviper', 'openviper.utils', 'openviper.utils.exports']\n"


def test_all_public_names_are_listed_and_can_be_imported() -> None:
    assert set(openviper.__all__) <= set(dir(openviper))
    for name in openviper.__all__:
        assert getattr(openviper, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nope'"):
        openviper.nope


def test_the_version_is_that_of_the_source_or_the_distribution() -> None:
    assert openviper.__version__ == VERSION


@pytest.mark.parametrize("name", ["ai", "staticfiles", "tasks"])
def test_sub_packages_are_there_without_an_import_of_their_own(name: str) -> None:
    assert name in dir(openviper)
    script = f"import openviper; print(openviper.{name}.__name__)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"openviper.{name}\n"
