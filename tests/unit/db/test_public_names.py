"""What `openviper.db` offers, and that asking for nothing loads nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

import openviper.db

OBJECTS = {
    "BASIC_CAPABILITIES", "backend_registry", "connections", "current_db_alias", "database_backend_registry", "model_event", "read_from_primary",
    "write_used",
}  # fmt: skip


def test_every_public_name_is_there() -> None:
    for name in openviper.db.__all__:
        value = getattr(openviper.db, name)
        assert name not in OBJECTS or not hasattr(value, "__name__")
        assert name in OBJECTS or value.__name__ == name
    assert set(openviper.db.__all__) <= set(dir(openviper.db))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'openviper.db' has no attribute 'Modle'"):
        openviper.db.Modle


def test_connections_is_the_object_whenever_its_folder_is_imported() -> None:
    code = "import openviper.db, openviper.db.connections.url; print(type(openviper.db.connections).__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "ConnectionManager\n"


def test_importing_it_loads_no_model_code() -> None:
    code = (
        "import sys, openviper.db; print([m for m in sys.modules if m.startswith('openviper.db.')])"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        == "['openviper.db.connections']\n"
    )
