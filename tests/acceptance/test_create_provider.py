"""`create-provider` as a person uses it: what it writes runs, is typed, and can be installed."""

from __future__ import annotations

import ast
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.acceptance.running import create_project, run, succeed

BLOCK = re.compile(r'^```python title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Create the project `shop`."""
    return create_project("shop", tmp_path)


def blocks(path: Path) -> dict[str, str]:
    """Return the examples of a README by their titles."""
    return dict(BLOCK.findall((path / "README.md").read_text()))


def test_it_says_how_to_go_on(project: Path) -> None:
    printed = succeed("viperctl.py", "create-provider", "my-provider", cwd=project).splitlines()
    path = project.resolve() / "my_provider"
    assert printed[:2] == [f"Created provider 'my_provider' at {path}", "Next steps:"]
    assert [line[:2] for line in printed[2:6]] == ["1.", "2.", "3.", "4."]
    assert "MY_PROVIDER_API_KEY" in printed[3]
    assert 'register_from_module("my_provider.provider")' in printed[6]


def test_its_tests_pass(project: Path) -> None:
    succeed("viperctl.py", "create-provider", "my-provider", cwd=project)
    printed = succeed("-m", "pytest", "-q", "my_provider/tests", cwd=project)
    assert "7 passed" in printed


@pytest.mark.one_version
def test_it_is_typed(project: Path) -> None:
    succeed("viperctl.py", "create-provider", "my-provider", cwd=project)
    printed = succeed("-m", "mypy", "--strict", "my_provider", cwd=project)
    assert "no issues found in 4 source files" in printed


def test_the_readme_is_true(project: Path) -> None:
    succeed("viperctl.py", "create-provider", "my-provider", cwd=project)
    examples = blocks(project / "my_provider")
    assert list(examples) == ["settings.py", "ask", "by module", "by instance"]
    # The settings of the page, with the key of the project.
    given = project / "shop/settings.py"
    text = given.read_text()
    ast.parse(examples["settings.py"])
    fields = examples["settings.py"].partition("class ProjectSettings(Settings):\n")[2]
    marker = '    """What differs from the defaults of OpenViper."""\n'
    assert marker in text
    given.write_text(text.replace(marker, f"{marker}\n{fields}"))
    source = "from openviper import setup\nsetup()\n"
    printed = succeed(
        "-c",
        f"{source}import asyncio\nasync def main():\n"
        + "".join(f"    {line}\n" for line in examples["ask"].splitlines())
        + "    print(answer)\nasyncio.run(main())\n",
        cwd=project,
        OPENVIPER_SETTINGS_MODULE="shop.settings",
    )
    assert printed == "my_provider-v1 was asked: Hello\n"
    assert "nothing found" in succeed("viperctl.py", "check", "--only", "ai", cwd=project)
    for title in ("by module", "by instance"):
        shown = succeed(
            "-c", f"{examples[title]}\nprint(provider_registry.list_models())", cwd=project
        )
        assert shown == "['my_provider-v1']\n"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["class"], 1, "'class' is not a valid Python identifier"),
        (["json"], 1, "'json' would hide the module"),
        (["shop"], 1, "'shop'"),
        (["ollama"], 1, "'ollama' is a provider of OpenViper"),
        (["my.provider"], 1, "'my.provider'"),
        (["x", "--output-dir", "nowhere"], 1, "does not exist"),
        (["x", "-o", "viperctl.py"], 1, "does not exist"),
        ([], 2, "name"),
        (["x", "--standalne"], 2, "--standalne"),
    ],
)
def test_wrong_input_is_one_line(project: Path, arguments: list[str], code: int, told: str) -> None:
    result = run("viperctl.py", "create-provider", *arguments, cwd=project)
    assert result.returncode == code and told in result.stderr
    assert "Traceback" not in result.stderr
    if code == 1:
        assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1


def test_a_second_time_is_refused(project: Path) -> None:
    succeed("viperctl.py", "create-provider", "llm", cwd=project)
    (project / "llm/provider.py").write_text("mine")
    result = run("viperctl.py", "create-provider", "llm", cwd=project)
    assert result.returncode == 1 and "already exists" in result.stderr
    assert (project / "llm/provider.py").read_text() == "mine"


def test_no_project_is_needed(tmp_path: Path) -> None:
    succeed("-m", "openviper", "viperctl", "create-provider", "llm", "--standalone", cwd=tmp_path)
    assert (tmp_path / "llm/pyproject.toml").is_file()


LOOK = """
import importlib.metadata
(point,) = importlib.metadata.entry_points(group="openviper.ai.providers")
(provider,) = point.load()()
print(point.name, provider.provider_name(), provider.supported_models())
"""


def test_its_entry_point_is_found(tmp_path: Path) -> None:
    if find_spec("setuptools") is None:
        pytest.skip("setuptools is not installed")
    succeed("-m", "openviper", "viperctl", "create-provider", "llm", "--standalone", cwd=tmp_path)
    out = tmp_path / "out"
    out.mkdir()
    setup = "import setuptools, warnings; warnings.simplefilter('ignore'); setuptools.setup()"
    succeed("-c", setup, "-q", "egg_info", "-e", out, cwd=tmp_path / "llm")
    succeed("-c", setup, "-q", "build_py", "-d", out, cwd=tmp_path / "llm")
    assert sorted(path.name for path in (out / "llm").iterdir()) == [
        "__init__.py",
        "provider.py",
        "py.typed",
    ]
    printed = succeed("-c", f"import sys; sys.path.insert(0, {str(out)!r}){LOOK}", cwd=tmp_path)
    assert printed == "llm llm ['llm-v1']\n"


@pytest.mark.one_version
def test_a_wheel_is_built_and_installed_without_a_network(tmp_path: Path) -> None:
    if find_spec("setuptools") is None or _needs_wheel() or find_spec("pip") is None:
        pytest.skip("setuptools with bdist_wheel, or pip, is not installed")
    succeed("-m", "openviper", "viperctl", "create-provider", "llm", "--standalone", cwd=tmp_path)
    offline = ("--no-deps", "--no-index", "-q", "--disable-pip-version-check")
    build = ("wheel", "--no-build-isolation", "--wheel-dir", tmp_path, tmp_path / "llm")
    succeed("-m", "pip", *build, *offline, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    place = tmp_path / "place"
    succeed("-m", "pip", "install", "--target", place, wheel, *offline, cwd=tmp_path)
    printed = succeed("-c", f"import sys; sys.path.insert(0, {str(place)!r}){LOOK}", cwd=place)
    assert printed == "llm llm ['llm-v1']\n"


def _needs_wheel() -> bool:
    """Return whether setuptools is of the versions that build wheels with another package only."""
    code = "from setuptools.command.bdist_wheel import bdist_wheel"
    return find_spec("wheel") is None and run("-c", code, cwd=Path(sys.prefix)).returncode != 0
