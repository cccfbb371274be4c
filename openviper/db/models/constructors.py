"""Constructors of models, generated once per model when the first instance is made.

One that names its keywords takes half the time of one that merges two dicts, and leaves the values where generated code
for loading puts them, in the order in which all instances of the class have them.
"""

from __future__ import annotations

from collections.abc import Callable
from keyword import iskeyword
from typing import Any

from openviper.db.fields.instance_state import has_plain_attributes
from openviper.db.fields.model_options import MADE_INIT, ModelOptions


def give_constructor(model: type[Any], general: Callable[..., None]) -> None:
    """Give a model class a constructor of its own in place of the one of all models, which does the same.

    Nothing is done if somebody else has replaced that one meanwhile, or a field has the name of a Python keyword.

    Args:
        model: The class; it has no constructor of its own.
        general: The constructor of all models.
    """
    meta: ModelOptions = model._meta
    meta.awaits_constructor = False
    if model.__init__ is general and not any(map(iskeyword, meta.defaults)):
        setattr(model, "__init__", _made(meta))  # noqa: B010 - an assignment is an error for the checker


def _made(meta: ModelOptions) -> Callable[..., None]:
    namespace: dict[str, Any] = {}
    # Past whatever the class does when attributes are set, as ever.
    is_plain = has_plain_attributes(meta.model, meta.defaults)
    place = "_instance.{}" if is_plain else "_values[{!r}]"
    lines: list[str] = [] if is_plain else ["    _values = _instance.__dict__\n"]
    for position, (attname, default) in enumerate(meta.defaults.items()):
        value = attname
        if default is not None:
            namespace[f"_default{position}"] = default
            value = f"_default{position} if {attname} is None else {attname}"
        lines.append(f"    {place.format(attname)} = {value}\n")
    lines.append("    if _others:\n        _instance._take(_others)\n")
    if meta.factories:
        lines.append("    _instance._make_defaults()\n")
    keywords = "".join(f"{attname}=None, " for attname in meta.defaults)
    # The names are those of fields, which are Python identifiers and begin with a letter; nothing else enters the text.
    source = f"def __init__(_instance, /, *, {keywords}**_others):\n{''.join(lines)}"
    exec(compile(source, f"<constructor of {meta.model_name}>", "exec"), namespace)  # noqa: S102
    made: Callable[..., None] = namespace["__init__"]
    made.__qualname__ = f"{meta.model.__qualname__}.__init__"
    made.__module__ = meta.model.__module__
    setattr(made, MADE_INIT, True)
    return made
