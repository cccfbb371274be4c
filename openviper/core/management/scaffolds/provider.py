"""Generating an AI provider."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from openviper.ai.providers import PROVIDER_TYPE_MAP
from openviper.core.management.scaffolds.app import dotted_name
from openviper.core.management.scaffolds.names import ScaffoldError, validate_package_name
from openviper.core.management.scaffolds.renderer import GeneratedFile, render, write_tree
from openviper.version import VERSION

TREE = (
    GeneratedFile("__init__.py", "provider/package.py.tmpl"),
    GeneratedFile("provider.py", "provider/provider.py.tmpl"),
    GeneratedFile("README.md", "provider/readme.md.tmpl"),
    GeneratedFile("tests/__init__.py", "provider/tests.py.tmpl"),
    GeneratedFile("tests/test_$name.py", "provider/test_provider.py.tmpl"),
)
STANDALONE = (
    GeneratedFile("pyproject.toml", "provider/pyproject.toml.tmpl"),
    GeneratedFile("py.typed"),
)
IN_PROJECT = "To make a package of it that any project can install, give its `pyproject.toml` this entry point:\n"
IN_PACKAGE = "`pyproject.toml` has this entry point:\n"


def create_provider(
    name: str, directory: Path, *, standalone: bool = False, taken: Collection[str] = ()
) -> Path:
    """Create a provider that answers by itself until it is made to ask a server.

    Args:
        name: Name of the package; ``-`` stands for ``_``.
        directory: Existing directory in which the package is made.
        standalone: Make a package of it that can be installed.
        taken: Dotted names of the apps installed already; the new one must differ from them.

    Returns:
        The absolute path of the new package.

    Raises:
        ScaffoldError: If the name cannot be used, the target exists or the directory does not; nothing was written.
        OSError: If the directory is not writable or full; nothing was left.
    """
    package = name.replace("-", "_")
    validate_package_name(package, "provider name", taken=taken)
    if package.lower() in PROVIDER_TYPE_MAP:
        raise ScaffoldError(f"provider name {name!r} is a provider of OpenViper")
    if not package.strip("_"):
        raise ScaffoldError(f"provider name {name!r} holds no letter")
    target = directory.resolve() / package
    values = _values(package, package if standalone else dotted_name(target))
    if standalone:
        values |= {
            "install": render("provider/install_standalone.md.tmpl", values),
            "entry_point": IN_PACKAGE,
            "test_command": "python -m pytest",
        }
    else:
        values |= {
            "install": render("provider/install_project.md.tmpl", values),
            "entry_point": IN_PROJECT,
            "test_command": f"python -m pytest {values['package'].replace('.', '/')}/tests",
        }
    write_tree(target, TREE + STANDALONE if standalone else TREE, values)
    return target


def class_name(package: str) -> str:
    """Return the name of a provider's class: ``my_provider`` gives ``MyProviderProvider``."""
    return "".join(part[0].upper() + part[1:] for part in _parts(package)) + "Provider"


def _parts(package: str) -> list[str]:
    return [part for part in package.split("_") if part]


def _values(name: str, package: str) -> dict[str, str]:
    return {
        "name": name,
        "package": package,
        "class_name": class_name(name),
        "title": " ".join(part[0].upper() + part[1:] for part in _parts(name)),
        "key_variable": f"{name.upper()}_API_KEY",
        "model": f"{name}-v1",
        "distribution": name.strip("_").replace("_", "-"),
        "openviper": VERSION.partition("-")[0],
    }
