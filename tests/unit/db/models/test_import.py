"""What importing the models loads: every command and worker of a project pays for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "_hashlib", "asyncio.events", "concurrent.futures", "dataclasses", "difflib", "email", "html", "http", "inspect",
    "multiprocessing", "random", "secrets", "socket", "ssl", "statistics", "unittest", "zlib",
    "openviper.app", "openviper.conf.base", "openviper.core.management", "openviper.db.dialects.definitions",
    "openviper.db.dialects.mysql", "openviper.db.dialects.postgresql", "openviper.db.fields.files",
    "openviper.db.executor", "openviper.db.models.persistence", "openviper.db.query.queryset", "openviper.db.schemas",
    "openviper.db.sql.functions", "openviper.db.sql.nodes", "openviper.db.sql.patterns", "openviper.http", "openviper.tasks",
)  # fmt: skip
ALLOWED = {
    "openviper.db": (),
    "openviper.db.fields": (),
    "openviper.db.models": (),
    # Reads the settings, for the user model.
    "openviper.auth.models": ("dataclasses", "inspect", "openviper.conf.base"),
}
"""Modules, and which heavy ones each may load."""


@pytest.mark.parametrize("module", ALLOWED)
def test_a_bare_import_loads_nothing_heavy(module: str) -> None:
    script = (
        f"import sys; before = set(sys.modules); import {module}\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules and name not in before\n"
        "       ])"
    )
    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert set(eval(process.stdout)) <= set(ALLOWED[module])
