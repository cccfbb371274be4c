"""Checks of the templates: do they compile, and do those they build on exist."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openviper.conf import Settings, settings
from openviper.core.management.checks.findings import Finding
from openviper.core.management.checks.routes import project_routes
from openviper.exceptions import ImproperlyConfigured
from openviper.routing.converters import CONVERTERS
from openviper.routing.route import Route
from openviper.staticfiles.serving import static_directories
from openviper.template.context import KNOWN_NAMES
from openviper.template.environment import (
    SUFFIXES,
    MissingDependencyError,
    get_jinja2_env,
    get_template_directories,
)

if TYPE_CHECKING:
    from jinja2 import Environment, nodes


def check_templates() -> list[Finding]:
    """Return the findings about templates."""
    _routes.cache_clear()
    findings = list(_missing_directory())
    directories = get_template_directories()
    found = [(directory, path) for directory in directories for path in _files(directory)]
    if not found:
        return findings
    try:
        environment = get_jinja2_env(directories)
    except MissingDependencyError as error:
        return [*findings, Finding("templates.W002", str(error))]
    except ImproperlyConfigured as error:
        return [*findings, Finding("templates.E004", str(error), where="JINJA_PLUGINS")]
    for directory, path in found:
        findings += _check(environment, path, path.relative_to(directory).as_posix())
    return findings


def _missing_directory() -> Iterator[Finding]:
    directory = settings.TEMPLATES_DIR
    # Not every project has templates; only who names another place than the default wants it to be there.
    if directory != Settings.__dataclass_fields__["TEMPLATES_DIR"].default and not os.path.isdir(
        directory
    ):
        yield Finding(
            "templates.W001", f"TEMPLATES_DIR {directory!r} does not exist", where="TEMPLATES_DIR"
        )


def _files(directory: str) -> list[Path]:
    return sorted(
        path for path in Path(directory).rglob("*") if path.suffix in SUFFIXES and path.is_file()
    )


def _check(environment: Environment, path: Path, name: str) -> Iterator[Finding]:
    from jinja2 import TemplateSyntaxError

    try:
        source = path.read_text(encoding="utf-8")
        tree = environment.parse(source, name, str(path))
        environment.compile(source, name, str(path))  # Finds filters and tests that do not exist.
    except TemplateSyntaxError as error:
        yield Finding(
            "templates.E001",
            f"{name}, line {error.lineno}: {error.message}",
            where=f"{path}:{error.lineno}",
        )
        return
    except (OSError, UnicodeError, RecursionError, SyntaxError) as error:
        # The latter two of what is nested more deeply than Python can have it.
        yield Finding("templates.E001", f"{name} cannot be read: {error}", where=str(path))
        return
    yield from _wrong_calls(tree, path, name)
    yield from _unknown_names(tree, environment, path, name)
    yield from _missing_templates(tree, environment, path, name)


def _missing_templates(
    tree: nodes.Template, environment: Environment, path: Path, name: str
) -> Iterator[Finding]:
    known = set(environment.list_templates())
    kinds = _nodes()
    for node in tree.find_all((kinds.Extends, kinds.Include, kinds.Import, kinds.FromImport)):
        wanted = _wanted(node)
        if wanted and known.isdisjoint(wanted):
            them = " or ".join(map(repr, wanted))
            yield Finding(
                "templates.E002",
                f"{name} uses the template {them}, which does not exist",
                where=str(path),
            )


def _wanted(node: Any) -> list[str]:
    """Return the templates of which a statement needs one; none where that is not known, or it does without."""
    if getattr(node, "ignore_missing", False):
        return []
    try:
        wanted = node.template.as_const()
    except _nodes().Impossible:
        return []
    names = [wanted] if isinstance(wanted, str) else wanted
    is_known = isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names)
    return list(names) if is_known else []


def _wrong_calls(tree: nodes.Template, path: Path, name: str) -> Iterator[Finding]:
    """Yield what is wrong with routes and static files in a template."""
    own = _own_names(tree)
    for call in tree.find_all(_nodes().Call):
        problem = "" if getattr(call.node, "name", "") in own else _call_problem(call)
        if problem:
            where = f"{path}:{call.lineno}"
            yield Finding("templates.E003", f"{name}, line {call.lineno}: {problem}", where=where)


def _own_names(tree: nodes.Template) -> set[str]:
    """Return the names that a template gives something itself."""
    kinds = _nodes()
    names = {node.name for node in tree.find_all(kinds.Name) if node.ctx != "load"}
    imported = (name for node in tree.find_all(kinds.FromImport) for name in node.names)
    return names | {name if isinstance(name, str) else name[1] for name in imported}


def _unknown_names(
    tree: nodes.Template, environment: Environment, path: Path, name: str
) -> Iterator[Finding]:
    """Yield near misses of global names in a template."""
    from jinja2 import meta

    known = {*environment.globals, *KNOWN_NAMES}
    # Singular and plural of a known name are names of the view's own: a `message` beside the `messages`, and `users`.
    others = {name.removesuffix("s") if name.endswith("s") else f"{name}s" for name in known}
    for variable in sorted(meta.find_undeclared_variables(tree) - known - others):
        # Any other name may come from the view.
        nearest = get_close_matches(variable, sorted(known), n=1, cutoff=0.8)
        if nearest:
            yield Finding(
                "templates.W003",
                f"{name} uses {variable!r}; did you mean {nearest[0]!r}?",
                where=str(path),
            )


def _nodes() -> Any:
    from jinja2 import nodes

    return nodes


def _call_problem(call: nodes.Call) -> str:
    """Return what is wrong with a call of `url_for`, `static` or `_` with a fixed text; empty if nothing is known to be."""
    function = getattr(call.node, "name", "")
    first = getattr(call.args[0], "value", None) if call.args else None
    if not isinstance(first, str):
        return ""
    if function == "url_for":
        return _address_problem(call, first)
    if function == "static" and not _has_static_file(first):
        return f"there is no static file {first!r}"
    return _text_problem(call, first) if function in ("_", "gettext") else ""


_VALUE = re.compile(r"%\((\w+)\)")


def _text_problem(call: nodes.Call, text: str) -> str:
    """Return why a text to translate cannot be filled in, which all are; empty if it can be."""
    if "%" in _VALUE.sub("", text.replace("%%", "")):
        return f"the text {text!r} has a '%' alone; it is written '%%'"
    given = {keyword.key for keyword in call.kwargs}
    missing = [name for name in _VALUE.findall(text) if name not in given]
    is_known = call.dyn_kwargs is None
    return f"the text {text!r} needs a value for {missing[0]!r}" if missing and is_known else ""


def _address_problem(call: nodes.Call, name: str) -> str:
    """Return what is wrong with the address of a route; empty if nothing is known to be."""
    route = _routes().get(name)
    if route is None:
        return f"there is no route {name!r}"
    if call.dyn_kwargs is not None or call.dyn_args is not None:
        return ""
    given = {keyword.key: getattr(keyword.value, "value", None) for keyword in call.kwargs}
    wrong = [each for each in given if each not in route.names]
    missing = [each for each in route.names if each not in given]
    if wrong:
        return f"route {name!r} has no parameter {wrong[0]!r}"
    if missing:
        return f"route {name!r} needs a value for {missing[0]!r}"
    return _misfit(route, given)


def _misfit(route: Route, given: dict[str, Any]) -> str:
    """Return which of the values that stand in the template does not fit; empty if none is known to be wrong."""
    for name, value in given.items():
        kind = route.kinds[name]
        if isinstance(value, (str, int, float)) and CONVERTERS[kind].read(str(value)) is None:
            return f"{value!r} does not fit {name!r} ({kind}) of route {route.name!r}"
    return ""


@lru_cache(maxsize=1)
def _routes() -> dict[str, Route]:
    try:
        return {route.name: route for route in project_routes()}
    except Exception:
        # Told by the check of the routes.
        return {}


def _has_static_file(name: str) -> bool:
    """Return whether there is a static file, or with a slash at the end a folder, to which a page adds names."""
    places = (directory / name for directory in static_directories())
    return any(place.is_dir() if name.endswith("/") else place.is_file() for place in places)
