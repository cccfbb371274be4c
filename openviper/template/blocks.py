"""One block of a template, rendered alone as it would be within its page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from jinja2 import Environment, Template, nodes

NAMING = (nodes.Import, nodes.FromImport, nodes.Assign, nodes.AssignBlock, nodes.Macro)
"""What gives names to the blocks of a template, where it stands outside of them."""


class _Around(NamedTuple):
    """What a template has outside of its blocks.

    Attributes:
        parent: What makes the name of the template that it extends; `None` if it extends none.
        names: What gives names to its blocks; `None` if nothing does.
    """

    parent: Template | None
    names: Template | None


# Parsed once for each template; one that has changed is another object.
_known: WeakKeyDictionary[Template, _Around] = WeakKeyDictionary()


def render_one_block(template: Template, block: str, values: Mapping[str, Any]) -> str:
    """Render a block of a template, or of one that it extends.

    What a page has outside of its blocks is not rendered; what it imports, sets and defines there, its blocks have.

    Raises:
        LookupError: If there is no such block.
    """
    blocks, named = _gathered(template, values)
    if block not in blocks:
        known = ", ".join(sorted(blocks)) or "none"
        raise LookupError(f"template {template.name!r} has no block {block!r}; it has: {known}")
    context = template.new_context(dict(values))
    context.blocks = blocks
    context.vars.update(named)
    try:
        return "".join(blocks[block][0](context))
    except Exception:
        # Points the traceback at the lines of the template, as `render` does.
        return template.environment.handle_exception()


def _gathered(
    template: Template, values: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the blocks of a template and of those that it extends, and the names that these give them."""
    blocks: dict[str, Any] = {}
    named: dict[str, Any] = {}
    for each in _lineage(template, values):
        for name, render in each.blocks.items():
            # Behind its own one, the parent's: that is what `super` calls.
            blocks.setdefault(name, []).append(render)
        named.update(_names_of(each, {**values, **named}))
    return blocks, named


def _lineage(template: Template, values: Mapping[str, Any]) -> list[Template]:
    """Return a template and those that it extends, the nearest first."""
    lineage = [template]
    while (parent := _around(lineage[-1]).parent) is not None:
        following = template.environment.get_template(parent.render(values), lineage[-1].name)
        if (
            following in lineage
        ):  # It extends itself, which the rendering of the page would not survive.
            break
        lineage.append(following)
    return lineage


def _names_of(template: Template, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the names that a template gives outside of its blocks."""
    names = _around(template).names
    if names is None:
        return {}
    context = names.new_context(dict(values))
    for _ in names.root_render_func(context):
        pass
    return context.vars


def _around(template: Template) -> _Around:
    around = _known.get(template)
    if around is None:
        around = _known[template] = _read(template)
    return around


def _read(template: Template) -> _Around:
    environment = template.environment
    if environment.loader is None or template.name is None:
        return _Around(None, None)
    source, filename, _ = environment.loader.get_source(environment, template.name)
    tree = environment.parse(source, template.name, filename)
    extends = next(tree.find_all(nodes.Extends), None)
    parent = None if extends is None else [nodes.Output([extends.template], lineno=extends.lineno)]
    naming: list[nodes.Node] = [node for node in tree.body if isinstance(node, NAMING)]
    return _Around(_made(template, parent), _made(template, naming or None))


def _made(template: Template, body: list[Any] | None) -> Template | None:
    """Return a template of some nodes of another one."""
    if body is None:
        return None
    environment: Environment = template.environment
    tree = nodes.Template(body, lineno=1)
    tree.set_environment(environment)
    code = environment.compile(tree, template.name, template.filename)
    return Template.from_code(environment, code, environment.globals)
