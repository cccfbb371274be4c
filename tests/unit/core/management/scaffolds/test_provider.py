"""What `create_provider` writes."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from openviper.core.management.scaffolds.names import ScaffoldError
from openviper.core.management.scaffolds.provider import class_name, create_provider
from tests.unit.core.management.scaffolds.test_project import files_below, unused_imports

FILES = [
    "README.md",
    "__init__.py",
    "provider.py",
    "tests/__init__.py",
    "tests/test_my_provider.py",
]


def test_the_tree_is_the_documented_one(tmp_path: Path) -> None:
    assert create_provider("my-provider", tmp_path) == tmp_path.resolve() / "my_provider"
    assert files_below(tmp_path / "my_provider") == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["my_provider"]


def test_a_package_that_can_be_installed_has_more(tmp_path: Path) -> None:
    path = create_provider("my_provider", tmp_path, standalone=True)
    assert files_below(path) == sorted([*FILES, "py.typed", "pyproject.toml"])
    project = tomllib.loads((path / "pyproject.toml").read_text())
    assert project["project"]["name"] == "my-provider"
    assert project["project"]["entry-points"]["openviper.ai.providers"] == {
        "my_provider": "my_provider.provider:get_providers"
    }


@pytest.mark.parametrize("standalone", [False, True])
def test_texts_are_clean(tmp_path: Path, standalone: bool) -> None:
    path = create_provider("my_provider", tmp_path, standalone=standalone)
    for name in files_below(path):
        text = (path / name).read_text()
        assert "\r" not in text and "\t" not in text and "$" not in text, name
        assert "\n\n\n\n" not in text and not text.endswith("\n\n"), name
        assert all(len(line) <= 120 for line in text.splitlines()), name
        if name.endswith(".py"):
            ast.parse(text)
            # `__init__.py` imports for others.
            assert name == "__init__.py" or unused_imports(text) == set(), name


def test_pip_is_spoken_of_only_where_it_works(tmp_path: Path) -> None:
    plain = create_provider("one", tmp_path) / "README.md"
    package = create_provider("two", tmp_path, standalone=True) / "README.md"
    assert "pip" not in plain.read_text()
    assert "pip install -e ." in package.read_text()


def test_below_an_app_the_dotted_name_is_used(tmp_path: Path) -> None:
    (tmp_path / "viperctl.py").touch()
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").touch()
    path = create_provider("llm", tmp_path / "shop")
    assert "from shop.llm.provider import LlmProvider" in (path / "__init__.py").read_text()
    assert '"provider": "shop.llm.provider.LlmProvider"' in (path / "README.md").read_text()


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("my_provider", "MyProviderProvider"),
        ("llm", "LlmProvider"),
        ("openLLM_2", "OpenLLM2Provider"),
        ("_x__y_", "XYProvider"),
    ],
)
def test_the_name_of_the_class(package: str, name: str) -> None:
    assert class_name(package) == name


@pytest.mark.parametrize(
    "name",
    [
        "class",
        "json",
        "openviper",
        "jinja2",
        "ollama",
        "OpenAI",
        "my.provider",
        "my provider",
        "../x",
        "/x",
        "",
        "-",
        "_",
        "9x",
        "pröv",
        "x\0y",
        "tests",
        "auth",
        "taken",
        "__init__",
    ],
)
def test_wrong_names_are_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ScaffoldError, match="provider name"):
        create_provider(name, tmp_path, taken=("apps.taken",))
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    with pytest.raises(ScaffoldError, match="already exists"):
        create_provider("there", tmp_path)
    with pytest.raises(ScaffoldError, match="does not exist"):
        create_provider("x", tmp_path / "nowhere")
    assert (tmp_path / "there").read_text() == "mine"
