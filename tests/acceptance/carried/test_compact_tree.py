"""A tree in the compact form, as `docs/how-to/vendor.md` tells it: smaller, and in nothing else another one."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from openviper.vendoring.building import Tree
from openviper.vendoring.writing import archive_bytes, write_folder
from scripts.locked_down import CONDITIONS, Host
from tests.acceptance.carried.test_locked_down import BY_NAME, live, make
from tests.acceptance.running import ROOT

BARE = CONDITIONS[0]
LARGEST = 6_000_000
"""Bytes of a compact tree, everything included."""
PAGE = ROOT / "docs/how-to/vendor.md"


def without_words(tree: ast.Module) -> ast.Module:
    """Take every text out that stands as a statement; a body of nothing else passes."""
    for node in ast.walk(tree):
        for name, value in list(ast.iter_fields(node)):
            if name not in ("body", "orelse", "finalbody") or not isinstance(value, list):
                continue
            kept = [each for each in value if not is_words(each)]
            needs_one = bool(value) and not isinstance(node, ast.Module)
            setattr(node, name, kept or ([ast.Pass()] if needs_one else []))
    return tree


def is_words(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
    return False


def lines_of(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield where everything begins that runs, in order."""
    for node in ast.walk(tree):
        if hasattr(node, "lineno") and not isinstance(node, ast.Pass):
            yield type(node).__name__, node.lineno


def test_every_file_does_the_same_on_the_same_lines(tree: Tree, compact_tree: Tree) -> None:
    """The comparison is another one than that of `openviper.vendoring.compacting`."""
    names = [name for name in tree if name.endswith(".py")]
    assert len(names) > 900
    for name in names:
        before = without_words(ast.parse(tree[name]))
        after = without_words(ast.parse(compact_tree[name]))
        assert ast.dump(after) == ast.dump(before), name
        assert list(lines_of(after)) == list(lines_of(before)), name


def test_no_file_holds_comments_but_for_notices(tree: Tree, compact_tree: Tree) -> None:
    ours = [name for name in tree if name.startswith("openviper/") and name.endswith(".py")]
    untouched = {name for name in ours if tree[name] == compact_tree[name]}
    assert all(b'"""' not in tree[name] for name in untouched)
    assert not any(b"\n# " in compact_tree[name] for name in ours if "vendoring" not in name)


def test_licences_are_there(tree: Tree, compact_tree: Tree) -> None:
    texts = [name for package in tree.manifest.packages for name in package.licence_files]
    assert len(texts) >= len(tree.manifest.packages)
    assert all(compact_tree[name] == tree[name] for name in texts)


def test_the_manifest_says_what_every_file_was_made_from(tree: Tree, compact_tree: Tree) -> None:
    assert compact_tree.manifest.sources() == tree.manifest.all_files()
    assert compact_tree["sbom.cdx.json"] == tree["sbom.cdx.json"]


def test_it_is_as_small_as_the_manual_says(compact_tree: Tree) -> None:
    size = sum(map(len, compact_tree.values()))
    assert size < LARGEST
    rows = {
        line.split("|")[1].strip(): line.split("|")
        for line in PAGE.read_text().splitlines()
        if line.startswith("|")
    }
    folder, archive = rows["folder, `--compact`"], rows["one file, `--compact`"]
    assert float(folder[3]) == pytest.approx(size / 1e6, rel=0.05)
    assert int(folder[2].replace(",", "")) == pytest.approx(len(compact_tree), rel=0.05)
    assert float(archive[3]) == pytest.approx(len(archive_bytes(compact_tree)) / 1e6, rel=0.08)


def test_the_story_of_a_project_that_carries_it(base: Path, compact_tree: Tree) -> None:
    live(make(base, BARE, compact_tree))


def test_one_file_of_it_lives_where_nothing_may_be_written(base: Path, compact_tree: Tree) -> None:
    live(make(base, BY_NAME["read-only"], compact_tree, as_archive=True))


def test_it_is_proven_and_makes_another_like_it(base: Path, compact_tree: Tree) -> None:
    host = Host(base, BARE, tree=compact_tree)
    assert "vendor (compact): all " in host.run("verify").output
    refused = host.run("vendor", "again")
    assert refused.code == 1 and refused.output.startswith("Error: the OpenViper that runs here is")
    assert host.run("vendor", "again", "--compact").code == 0
    again = {
        path.relative_to(host.project / "again").as_posix(): path.read_bytes()
        for path in (host.project / "again").rglob("*")
        if path.is_file()
    }
    differing = {name for name in compact_tree if compact_tree[name] != again.get(name)}
    # The manifest names the compiled modules that were there to be left out.
    assert differing <= {"VENDOR.json"} and again.keys() == compact_tree.keys()
    manifest = json.loads(again["VENDOR.json"])
    assert manifest["form"] == "compact"
    assert (
        manifest["packages"][0]["files"]
        == json.loads(compact_tree["VENDOR.json"])["packages"][0]["files"]
    )


@pytest.fixture(scope="module")
def folders(
    tmp_path_factory: pytest.TempPathFactory, tree: Tree, compact_tree: Tree
) -> tuple[Path, Path]:
    """Both forms, in folders."""
    place = tmp_path_factory.mktemp("forms")
    write_folder(tree, place / "full")
    write_folder(compact_tree, place / "compact")
    return place / "full", place / "compact"


SHOWN = """
import contextlib, importlib, inspect, io, json, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import openviper
from openviper.api.openapi import Info, build_document
from openviper.auth.flows.routes import account_routes
from openviper.core.management.builtin_commands import BUILTIN
from openviper.core.management.command_lookup import find_builtin
from openviper.core.management.subcommands import build_parser
from openviper.routing.typed.results import describe_result
from openviper.auth.models import User
from uvicorn.main import main

shown = {"openviper": build_parser().format_help(), "uvicorn": main.get_help(main.make_context("uvicorn", ["x:y"]))}
for name in sorted(BUILTIN):
    shown[name] = find_builtin(name).create_parser("viperctl.py", name).format_help()
views = [route.handler for route in account_routes().routes]
shown["pages"] = build_document(account_routes().routes, Info())
shown["handlers"] = [inspect.getdoc(view) for view in views]
for _, module, _ in pkgutil.walk_packages(openviper.__path__, "openviper."):
    if "testing.plugin" in module or "__main__" in module:
        continue
    with contextlib.suppress(ImportError):
        importlib.import_module(module)
for module in sorted(sys.modules):
    for name, cls in sorted(vars(sys.modules[module]).items()) if module.startswith("openviper") else ():
        if isinstance(cls, type) and cls.__module__ == module:
            with contextlib.suppress(Exception):
                shown[f"{module}.{name}"] = getattr(describe_result(cls), "description", None)
print(json.dumps(shown))
"""


def test_what_is_read_of_docstrings_is_the_same(folders: tuple[Path, Path]) -> None:
    full, compact = (
        json.loads(
            subprocess.run(
                [sys.executable, "-I", "-S", "-W", "ignore", "-c", SHOWN, str(folder)],
                check=True,
                capture_output=True,
                env={"COLUMNS": "100"},
                text=True,
            ).stdout
        )
        for folder in folders
    )
    assert sum(1 for words in full.values() if words) > 200
    assert compact == full


def test_the_manual_is_served_from_its_archive(folders: tuple[Path, Path], tmp_path: Path) -> None:
    sites = []
    for folder in folders:
        command = [sys.executable, "-I", "-S", str(folder)]
        target = tmp_path / folder.name
        subprocess.run([*command, "docs", "--output", str(target)], check=True, env={})
        sites.append(
            {
                path.relative_to(target): path.read_bytes()
                for path in target.rglob("*.*")
                if path.is_file()
            }
        )
        found = subprocess.run(
            [*command, "docs", "--search", "usb stick"], check=True, env={}, capture_output=True
        )
        assert b"docs/how-to/vendor.md" in found.stdout
    assert sites[0] == sites[1]


def test_a_traceback_names_the_lines_of_the_source(folders: tuple[Path, Path]) -> None:
    places = []
    for folder in folders:
        code = f"import sys; sys.path.insert(0, {str(folder)!r}); import jinja2; jinja2.Template('{{{{ 1 / 0 }}}}{{{{')"
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", code], capture_output=True, env={}, text=True
        )
        lines = done.stderr.splitlines()
        places.append([line.replace(str(folder), "") for line in lines if "  File " in line])
    assert places[0] == places[1] and len(places[0]) >= 4
