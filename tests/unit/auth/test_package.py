"""The package as a whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import openviper.auth
from openviper.auth import models
from openviper.core.management.commands.makemigrations import models_of
from openviper.db.schemas.maker import AppModels, compare_apps

PACKAGE = Path(openviper.auth.__file__).parent


def test_every_public_name_is_there() -> None:
    for name in openviper.auth.__all__:
        assert getattr(openviper.auth, name) is not None


def test_the_shipped_schema_files_are_those_of_the_models() -> None:
    app = AppModels("openviper.auth", str(PACKAGE), models_of("openviper.auth", models))
    assert app.models
    assert [compared.changes for compared in compare_apps([app])] == [[]]


def test_a_password_column_has_room_and_names_are_unique() -> None:
    user = json.loads((PACKAGE / "schemas" / "User.json").read_text())
    columns = {column["name"]: column for column in user["columns"]}
    assert columns["password"]["type"] == "VARCHAR(255)"
    assert columns["username"]["unique"] and columns["email"]["unique"]


def test_setting_up_permissions_imports_no_models_and_no_event_loop() -> None:
    code = (
        "import sys; import openviper.auth.permission_core as core; core.register();"
        "print([name for name in ('asyncio', 'openviper.db.models', 'openviper.db.connection', 'hashlib')"
        " if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-S", "-c", code],
        capture_output=True,
        text=True,
        cwd=PACKAGE.parent.parent,
    )
    assert result.stdout == "[]\n", result.stderr
