"""What `create_project` writes."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from openviper.conf.production import violations
from openviper.conf.settings import load_settings_from_module
from openviper.core.management.scaffolds.names import ScaffoldError
from openviper.core.management.scaffolds.project import create_project
from openviper.db.connections.url import DatabaseURL

FILES = [
    ".gitignore",
    "conftest.py",
    "pyproject.toml",
    "shop/__init__.py",
    "shop/asgi.py",
    "shop/routes.py",
    "shop/settings.py",
    "shop/settings_production.py",
    "shop/views.py",
    "static/.gitkeep",
    "templates/home.html",
    "tests/__init__.py",
    "tests/test_smoke.py",
    "viperctl.py",
]


def files_below(root: Path) -> list[str]:
    """Return the relative paths of all files."""
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def unused_imports(source: str) -> set[str]:
    """Return the names a module imports and never uses."""
    tree = ast.parse(source)
    imported = {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    return imported - {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def test_the_tree_is_the_documented_one(tmp_path: Path) -> None:
    assert create_project("shop", tmp_path) == tmp_path.resolve() / "shop"
    assert files_below(tmp_path / "shop") == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]


def test_texts_are_clean(tmp_path: Path) -> None:
    project = create_project("shop", tmp_path)
    for name in FILES:
        data = (project / name).read_bytes()
        assert b"\r" not in data and b"\t" not in data and b"$" not in data, name
        assert not data or (data.endswith(b"\n") and not data.endswith(b"\n\n")), name
        if name.endswith(".py"):
            assert unused_imports(data.decode()) == set(), name
            assert max(map(len, data.decode().splitlines())) <= 120, name


def test_the_settings_with_the_key_are_for_their_owner_only(tmp_path: Path) -> None:
    project = create_project("shop", tmp_path)
    assert stat.S_IMODE((project / "shop/settings.py").stat().st_mode) == 0o600


def test_the_command_script_is_executable(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        project = create_project("shop", tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE((project / "viperctl.py").stat().st_mode) == 0o755
    assert (project / "viperctl.py").read_text().startswith("#!/usr/bin/env python\n")


def test_only_the_key_differs_between_two_projects_of_one_name(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = create_project("shop", tmp_path / "a"), create_project("shop", tmp_path / "b")
    differing = [
        name for name in FILES if (first / name).read_bytes() != (second / name).read_bytes()
    ]
    assert differing == ["shop/settings.py"]
    texts = [(project / "shop/settings.py").read_text() for project in (first, second)]
    keys = [re.search(r'"SECRET_KEY",\n        "([^"]{40,})"', text) for text in texts]
    assert keys[0] and keys[1] and keys[0][1] != keys[1][1]
    assert texts[0].replace(keys[0][1], keys[1][1]) == texts[1]


def test_nothing_that_does_not_exist_yet_is_named(tmp_path: Path) -> None:
    project = create_project("shop", tmp_path)
    text = "".join((project / name).read_text() for name in FILES if name != ".gitignore")
    for name in ("admin", "CACHES", "aiosqlite", "MIDDLEWARE", "session"):
        assert name not in text


def test_a_refused_name_writes_nothing(tmp_path: Path) -> None:
    for name in ("class", "json", "openviper", "tests", "../up", ""):
        with pytest.raises(ScaffoldError):
            create_project(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_target_that_holds_work_or_a_missing_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/notes.txt").write_text("mine")
    with pytest.raises(ScaffoldError, match="is not empty: it holds 'notes.txt'"):
        create_project("shop", tmp_path)
    assert files_below(tmp_path) == ["shop/notes.txt"]
    with pytest.raises(ScaffoldError, match="does not exist"):
        create_project("shop", tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(ScaffoldError, match="already exists"):
        create_project("file", tmp_path)


def test_an_empty_directory_or_a_fresh_checkout_is_filled(tmp_path: Path) -> None:
    (tmp_path / "shop/.git").mkdir(parents=True)
    (tmp_path / "shop/.git/HEAD").touch()
    (tmp_path / "shop/README.md").write_text("mine")
    assert create_project("shop", tmp_path) == tmp_path / "shop"
    assert files_below(tmp_path / "shop") == sorted([*FILES, ".git/HEAD", "README.md"])


def test_a_project_can_be_put_where_one_stands(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "shop").mkdir()
    assert create_project("shop", tmp_path / "here", here=True) == tmp_path / "here"
    assert create_project(".", tmp_path / "shop") == tmp_path / "shop"
    assert files_below(tmp_path / "here") == files_below(tmp_path / "shop") == FILES


def test_a_directory_whose_name_cannot_be_imported_needs_a_name(tmp_path: Path) -> None:
    (tmp_path / "my-shop").mkdir()
    with pytest.raises(ScaffoldError, match="'my-shop' is not a valid Python identifier"):
        create_project(".", tmp_path / "my-shop")
    assert create_project("shop", tmp_path / "my-shop", here=True) == tmp_path / "my-shop"


def test_a_file_that_the_project_brings_too_stops_it(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine")
    with pytest.raises(ScaffoldError, match="gitignore' already exists"):
        create_project("shop", tmp_path, here=True)
    assert files_below(tmp_path) == [".gitignore"]
    assert (tmp_path / ".gitignore").read_text() == "mine"


def test_the_settings_for_production_leave_secrets_and_hosts_to_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = create_project("shop", tmp_path)
    monkeypatch.syspath_prepend(str(project))
    before = set(sys.modules)
    try:
        instance = load_settings_from_module("shop.settings_production")
    finally:
        for name in set(sys.modules) - before:
            del sys.modules[name]
    assert instance is not None
    assert {violation.setting for violation in violations(instance)} == {
        "SECRET_KEY",
        "ALLOWED_HOSTS",
    }


def load_settings(project: Path) -> Any:
    """Return the settings of a generated project, imported under a name of their own."""
    spec = importlib.util.spec_from_file_location(
        "generated_settings", project / "shop/settings.py"
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[spec.name]
    return module.ProjectSettings()


def test_the_secret_key_of_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "from-the-environment")
    assert load_settings(create_project("shop", tmp_path)).SECRET_KEY == "from-the-environment"


def test_the_database_lies_in_the_project_whatever_its_path_is_called(tmp_path: Path) -> None:
    parent = tmp_path / "100% odd? name#1"
    parent.mkdir()
    project = create_project("shop", parent)
    url = load_settings(project).DATABASES["default"]["OPTIONS"]["URL"]
    assert DatabaseURL.parse(url).path == project / "db.sqlite3"


def test_with_accounts_there_are_pages_for_them_and_a_test(tmp_path: Path) -> None:
    project = create_project("shop", tmp_path, extras=["accounts", "accounts"])
    assert files_below(project) == sorted([*FILES, "tests/test_accounts.py"])
    routes = (project / "shop/routes.py").read_text("utf-8")
    assert '("/accounts", account_routes()),' in routes
    assert unused_imports(routes) == set()
    assert 'url_for("accounts:sign-up")' in (project / "templates/home.html").read_text("utf-8")
    assert stat.S_IMODE((project / "shop/settings.py").stat().st_mode) == 0o600


def test_what_the_files_have_in_common_is_the_same_with_accounts(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    plain = create_project("shop", tmp_path)
    with_accounts = create_project("shop", tmp_path / "other", extras=["accounts"])
    for name in ("shop/settings.py", "shop/routes.py", "templates/home.html"):
        old = re.sub('".{86}"', "", (plain / name).read_text("utf-8")).splitlines()
        new = re.sub('".{86}"', "", (with_accounts / name).read_text("utf-8")).splitlines()
        # One was made from the other: lines were added, and none was taken away or changed.
        assert [line for line in old if line not in new] == []
