"""How much of the package a command imports: what is not needed is not waited for.

`scripts/bench/startup.py` measures the times; these bounds are what they were when it did so last, and a few more. Look at
what was added with ``python -X importtime viperctl.py ...`` before you raise one.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]
BOUNDS = {
    "--help": 20,
    "an unknown command": 26,
    "openviper viperctl migrat": 30,
    "migrate, nothing to do": 75,
    "makemigrations, nothing to do": 142,
    "backup-db --list": 85,
    "import openviper.auth.models": 94,
    "import openviper.app": 155,
}
"""Modules of ours, by the name of the benchmark's case."""


@pytest.fixture(scope="module")
def startup() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "ov_bench_startup", ROOT / "scripts" / "bench" / "startup.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    first = sys.path[0]
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path[0] = first
    return module


@pytest.fixture(scope="module")
def project(startup: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = startup.make_project(sys.executable, tmp_path_factory.mktemp("start"))
    return path


@pytest.mark.parametrize("name", BOUNDS)
def test_a_command_imports_few_modules(startup: ModuleType, project: Path, name: str) -> None:
    case = next(case for case in startup.CASES if case.name == name)
    everything, ours = startup.count_modules(sys.executable, project, case)
    assert 2 < ours <= BOUNDS[name]
    assert everything > ours
    assert not os.path.exists(project / "sitecustomize.py")
