"""Translating what a page was given, ``{{ _(row.state) }}``: unlike a text that stands in the template it is escaped."""

from __future__ import annotations

from typing import Any

from jinja2 import nodes
from markupsafe import escape

PLACES = {"_": (0,), "gettext": (0,), "ngettext": (0, 1), "pgettext": (1,), "npgettext": (1, 2)}
"""Which arguments of which functions are texts."""
COUNTING = ("ngettext", "npgettext")
"""Those whose number is always put into the text."""


class GivenText(str):
    """A text from elsewhere. Its translation stands in a catalogue of ours; without one it is shown as it is, escaped."""

    def __html__(self) -> str:
        return str(escape(str(self)))


class GivenPlainText(GivenText):
    """One that no values are put into, though Jinja2 puts none into each: its percent signs are percent signs."""

    def __html__(self) -> str:
        return super().__html__().replace("%", "%%")

    def __mod__(self, values: Any) -> str:
        return str(self)


def given_text(value: Any, is_plain: bool) -> Any:
    """Return a value as a given text, if it is a text and not HTML."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return GivenPlainText(value) if is_plain else GivenText(value)


def mark_given_texts(tree: nodes.Template) -> nodes.Template:
    """Have a template mark the texts that it was given where it translates them; returns the template."""
    for call in list(tree.find_all(nodes.Call)):
        name = getattr(call.node, "name", "")
        has_values = name in COUNTING or call.kwargs or call.dyn_kwargs
        for place in PLACES.get(name, ()):
            if place < len(call.args) and not isinstance(call.args[place], nodes.Const):
                call.args[place] = _marked(call.args[place], is_plain=not has_values)
    return tree


def _marked(text: nodes.Expr, *, is_plain: bool) -> nodes.Expr:
    line = text.lineno
    marker = nodes.EnvironmentAttribute("given_text", lineno=line)
    return nodes.Call(
        marker, [text, nodes.Const(is_plain, lineno=line)], [], None, None, lineno=line
    )
