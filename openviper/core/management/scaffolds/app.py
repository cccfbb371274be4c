"""Generating an app."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from openviper.core.management.scaffolds.names import validate_package_name
from openviper.core.management.scaffolds.renderer import GeneratedFile, write_tree

TREE = (
    GeneratedFile("__init__.py", "app/package.py.tmpl"),
    GeneratedFile("models.py", "app/models.py.tmpl"),
    GeneratedFile("routes.py", "app/routes.py.tmpl"),
    GeneratedFile("views.py", "app/views.py.tmpl"),
    GeneratedFile("serializers.py", "app/serializers.py.tmpl"),
    GeneratedFile("tasks.py", "app/tasks.py.tmpl"),
    GeneratedFile("events.py", "app/events.py.tmpl"),
    GeneratedFile("lifecycle.py", "app/lifecycle.py.tmpl"),
    GeneratedFile("tests.py", "app/tests.py.tmpl"),
    GeneratedFile("patches/__init__.py", "app/patches.py.tmpl"),
)


def create_app(name: str, directory: Path, *, taken: Collection[str] = ()) -> Path:
    """Create an app whose examples are comments, ready to be installed.

    Args:
        name: Name of the app's package.
        directory: Existing directory in which the package is made.
        taken: Dotted names of the apps installed already; the new one must differ from them.

    Returns:
        The absolute path of the new package; `dotted_name` tells how to import it.

    Raises:
        ScaffoldError: If the name cannot be used, the target exists or the directory does not; nothing was written.
        OSError: If the directory is not writable or full; nothing was left.
    """
    validate_package_name(name, "app name", taken=taken)
    target = directory.resolve() / name
    module = dotted_name(target)
    write_tree(target, TREE, {"name": name, "module": module, "path": module.replace(".", "/")})
    return target


def dotted_name(package: Path) -> str:
    """Return the name under which a package is imported.

    It is counted from the directory with the nearest `viperctl.py`, since that directory is on the path; without one,
    from the outermost package around it.
    """
    for parent in package.parents:
        if (parent / "viperctl.py").is_file():
            return ".".join(package.relative_to(parent).parts)
    parts = [package.name]
    for parent in package.parents:
        if not (parent / "__init__.py").is_file():
            break
        parts.insert(0, parent.name)
    return ".".join(parts)
