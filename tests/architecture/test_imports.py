"""The house: imports go down the floors of the design only, and never in a circle.

Late imports and imports under ``TYPE_CHECKING`` count like any other.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "openviper"

# Each room with its floor; the longest matching name decides. Within a floor only rooms named earlier may be imported.
FLOORS: list[list[str]] = [
    ["openviper.exceptions", "openviper.version", "openviper.utils", "openviper.validation"],
    [
        "openviper.core.context",
        "openviper.project",
        "openviper.conf",
        "openviper.i18n",
        "openviper.core.app_resolver",
    ],
    [
        "openviper.db.exceptions",
        "openviper.db.dialects",
        "openviper.db.connections",
        "openviper.db.connection",
        "openviper.db.routing",
        "openviper.db.fields",
        "openviper.db.sql",
        "openviper.db.executor",
        "openviper.db.query",
        "openviper.db.virtual",
        "openviper.db.models",
        "openviper.db.patches",
        "openviper.db.schemas",
        "openviper.db.transfer",
        "openviper.db.inspection",
        "openviper.db",
    ],
    [
        "openviper.template",
        "openviper.cache",
        "openviper.storage",
        "openviper.backup",
        "openviper.tasks",
        "openviper.core.email",
        "openviper.vendoring",
        "openviper.documentation",
    ],
    [
        "openviper.http",
        "openviper.routing",
        "openviper.staticfiles",
        "openviper.sessions",
        "openviper.auth",
        "openviper.middleware",
        # Forms know the request; the rest of validation knows nothing, so that settings and tasks may use it.
        "openviper.validation.forms",
        "openviper.api",
        "openviper.serializers",
        "openviper.ai",
        # What the web part shows of tasks; nothing in `openviper.tasks` imports it.
        "openviper.tasks.pages",
    ],
    [
        "openviper.apps",
        "openviper.testing.bodies",
        "openviper.testing.cookies",
        "openviper.testing.deadlines",
        "openviper.testing.exchange",
        "openviper.testing.responses",
        "openviper.testing.websockets",
        "openviper.testing.client",
        "openviper.app",
        "openviper.testing",
    ],
    ["openviper.core.management", "openviper.core.flexible_adapter"],
    # `openviper viperctl` is a sub-command, so `cli` stands behind `viperctl`.
    ["openviper.viperctl", "openviper.cli", "openviper.__main__", "openviper"],
]
RANK = {
    room: (floor, place) for floor, rooms in enumerate(FLOORS) for place, room in enumerate(rooms)
}
# `core/` spans floors and its `__init__` imports nothing, so any module may name it.
FREE = {"openviper.core"}
# The public face of a package that also names what is at home above it (`ManyToManyField` has a manager, and managers
# stand above fields). No module of ours below the models may import from it, so that no circle comes of it.
FACES = {
    "openviper.db.fields": "openviper.db.models",
    "openviper.validation": "openviper.validation.forms",
}


def room_of(module: str) -> str | None:
    """Return the room a module lies in."""
    if module in FACES:
        return FACES[module]
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name == "openviper" and len(parts) > 1:
            return None
        if name in RANK:
            return name
    return None


def modules() -> dict[str, Path]:
    """Return every module of the package by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path
    return found


MODULES = modules()


def imports(module: str, path: Path) -> Iterator[tuple[str, int]]:
    """Yield the modules of ours that a module imports, anywhere in its body, with the line."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "openviper":
                    yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parts, *([node.module] if node.module else [])])
            if base.split(".")[0] != "openviper":
                continue
            for alias in node.names:
                name = f"{base}.{alias.name}"
                yield (name if name in MODULES else base), node.lineno


def edges() -> dict[str, set[str]]:
    """Return which module imports which."""
    return {
        module: {target for target, _ in imports(module, path) if target != module}
        for module, path in MODULES.items()
    }


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_from_below(module: str) -> None:
    if module in FREE:
        assert not list(imports(module, MODULES[module]))
        return
    room = room_of(module)
    assert room is not None, f"{module} has no room in the house; see FLOORS"
    upward = []
    for target, line in imports(module, MODULES[module]):
        if target in FREE:
            continue
        other = room_of(target)
        assert other is not None, f"{target} has no room in the house"
        if RANK[other] > RANK[room]:
            upward.append(
                f"{MODULES[module].relative_to(PACKAGE.parent)}:{line} imports {target} from above"
            )
    assert not upward, "\n".join(upward)


def test_no_import_goes_in_a_circle() -> None:
    graph = edges()
    done: set[str] = set()

    def visit(module: str, trail: list[str]) -> None:
        if module in trail:
            pytest.fail(f"import cycle: {' -> '.join([*trail[trail.index(module) :], module])}")
        if module in done:
            return
        for target in sorted(graph.get(module, ())):
            visit(target, [*trail, module])
        done.add(module)

    for module in sorted(graph):
        visit(module, [])


def test_the_check_sees_late_relative_and_type_only_imports(tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    path.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from openviper.app import OpenViper\n"
        "def f():\n    from openviper.db import connection\n    from .url import DatabaseURL\n"
    )
    assert {target for target, _ in imports("openviper.db.sample", path)} == {
        "openviper.app",
        "openviper.db.connection",
        "openviper.db.url",
    }
