"""Projects that are carried to a host without anything installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.vendoring.building import Tree, build_tree
from openviper.vendoring.manifest import COMPACT
from scripts.locked_down import place_for_everybody


@pytest.fixture(scope="session")
def tree() -> Tree:
    """OpenViper and what it needs, from what is installed."""
    return build_tree()


@pytest.fixture(scope="session")
def compact_tree() -> Tree:
    """The same in the compact form."""
    return build_tree(form=COMPACT)


@pytest.fixture
def base() -> Iterator[Path]:
    """A directory that every user may enter."""
    with place_for_everybody() as directory:
        yield directory
