"""A setting exists when something reads it, and its default names what is there."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from openviper.conf import Settings, settings
from openviper.conf.declaration import declaration
from openviper.core.email.config import email_settings
from openviper.testing import override_openviper_settings
from openviper.utils.importing import import_string

PACKAGE = Path(__file__).resolve().parents[2] / "openviper"
JUDGES = ("conf/", "core/management/checks/")
"""Rooms that only say whether a value is good."""
READERS = ("conf/logging.py", "conf/environment.py", "core/management/checks/suite.py")
"""Modules there in which a setting has its effect."""
COMPUTED: tuple[Callable[[], object], ...] = (email_settings,)
"""Readers that put the names of settings together; they are run and watched."""
RULING = frozenset({"DEPLOYMENT"})
"""Settings whose effect is which rules hold in production."""


def modules_that_read() -> Iterator[Path]:
    """Yield the modules in which a setting can have an effect."""
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        if name in READERS or not name.startswith(JUDGES):
            yield path


def names_read(path: Path) -> set[str]:
    """Return the names in capitals that a module reads as attributes of something."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }


def names_computed() -> set[str]:
    """Return the settings that `COMPUTED` reads."""
    seen: set[str] = set()

    @dataclasses.dataclass(frozen=True)
    class Watched(Settings):
        def __getattribute__(self, name: str) -> Any:
            seen.add(name)
            return super().__getattribute__(name)

    with override_openviper_settings() as before:
        settings.instance = Watched()
        seen.clear()
        try:
            for reader in COMPUTED:
                reader()
        finally:
            settings.instance = before
    return seen


def test_every_setting_is_read_where_it_has_its_effect() -> None:
    read = set().union(*map(names_read, modules_that_read())) | names_computed()
    declared = {field.name for field in dataclasses.fields(Settings)}
    assert declared - read - RULING == set()


def test_the_check_sees_a_setting_that_nothing_reads(tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    path.write_text('x = settings.DEBUG\nsettings.WRITTEN = 1\n"""QUOTED"""\n')
    assert names_read(path) == {"DEBUG"}


@pytest.mark.parametrize("field", dataclasses.fields(Settings), ids=lambda field: str(field.name))
def test_a_default_names_only_what_can_be_imported(field: dataclasses.Field[Any]) -> None:
    default = getattr(Settings(), field.name)
    for path in _strings(default):
        if path.startswith("openviper."):
            assert declaration(field).dotted or isinstance(default, dict)
            import_string(path)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from _strings(inner)
