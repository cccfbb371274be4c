"""The house: imports go down the floors of the design only, and never in a circle, late imports included."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "openviper"

# Each room with its floor; the longest matching name decides. Within a floor only rooms named earlier may be imported.
FLOORS: list[list[str]] = [
    ["openviper.exceptions", "openviper.version", "openviper.utils"],
    ["openviper.core.context", "openviper.conf"],
    [
        "openviper.db.exceptions",
        "openviper.db.identifiers",
        "openviper.db.url",
        "openviper.db.permissions",
        "openviper.db.options",
        "openviper.db.dialects",
        "openviper.db.drivers",
        "openviper.db.backends",
        "openviper.db.pool",
        "openviper.db.databases",
        "openviper.db.connection",
        "openviper.db.lazy",
        "openviper.db.routing",
        "openviper.db.file_storage",
        "openviper.db.fields",
        "openviper.db.expressions",
        "openviper.db.utils",
        "openviper.db.paths",
        "openviper.db.aggregates",
        "openviper.db.lookups",
        "openviper.db.compiler",
        "openviper.db.cache",
        "openviper.db.executor",
        "openviper.db.events",
        "openviper.db.query",
        "openviper.db.virtual",
        "openviper.db.manager",
        "openviper.db.models",
        "openviper.db.patches",
        "openviper.db.schemas",
        "openviper.db.tools",
        "openviper.db",
    ],
    ["openviper.template", "openviper.cache", "openviper.storage", "openviper.tasks", "openviper.core.email"],
    [
        "openviper.http",
        "openviper.routing",
        "openviper.staticfiles",
        "openviper.auth",
        "openviper.middleware",
        "openviper.ai",
    ],
    ["openviper.core.app_resolver", "openviper.apps", "openviper.testing.client", "openviper.app", "openviper.testing"],
    ["openviper.core.management", "openviper.core.flexible_adapter"],
    # `openviper viperctl` is a sub-command, so `cli` stands behind `viperctl`.
    ["openviper.viperctl", "openviper.cli", "openviper.__main__", "openviper"],
]
RANK = {room: (floor, place) for floor, rooms in enumerate(FLOORS) for place, room in enumerate(rooms)}
# `core/` spans floors and its `__init__` imports nothing, so any module may name it.
FREE = {"openviper.core"}


def room_of(module: str) -> str | None:
    """Return the room a module lies in."""
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


def is_type_checking(node: ast.AST) -> bool:
    """Tell whether a node is an ``if TYPE_CHECKING:`` block, whose imports are free."""
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes that exist at run time."""
    for child in ast.iter_child_nodes(node):
        if is_type_checking(child):
            assert isinstance(child, ast.If)
            for other in child.orelse:
                yield from walk(other)
            continue
        yield child
        yield from walk(child)


def imports(module: str, path: Path) -> Iterator[tuple[str, int]]:
    """Yield the modules of ours that a module imports, anywhere in its body, with the line."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in walk(ast.parse(path.read_text(encoding="utf-8"))):
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
            upward.append(f"{MODULES[module].relative_to(PACKAGE.parent)}:{line} imports {target} from above")
    assert not upward, "\n".join(upward)


def test_no_import_goes_in_a_circle() -> None:
    graph = edges()
    done: set[str] = set()

    def visit(module: str, trail: list[str]) -> None:
        if module in trail:
            pytest.fail(f"import cycle: {' -> '.join([*trail[trail.index(module):], module])}")
        if module in done:
            return
        for target in sorted(graph.get(module, ())):
            visit(target, [*trail, module])
        done.add(module)

    for module in sorted(graph):
        visit(module, [])


def test_the_check_sees_late_and_relative_imports(tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    path.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from openviper.app import OpenViper\n"
        "def f():\n    from openviper.db import connection\n    from .url import DatabaseURL\n"
    )
    assert [target for target, _ in imports("openviper.db.sample", path)] == [
        "openviper.db.connection",
        "openviper.db.url",
    ]
