"""Looking into Python source files without running or importing them.

The nodes are those of `ast`, told apart by the names of their classes: the parser is part of the interpreter, while the
module `ast` and an import of the file would cost more than the answer is worth.
"""

from __future__ import annotations

import os
import sys

# Not from `typing`: see `openviper.utils.terminal`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ONLY_AST = 0x400  # ast.PyCF_ONLY_AST


def find_source(module: str) -> str | None:
    """Return the file of a module that lies in a folder on `sys.path`; nothing is imported."""
    relative = module.replace(".", os.sep)
    for entry in sys.path:
        for name in (os.path.join(relative, "__init__.py"), f"{relative}.py"):
            path = os.path.join(entry or os.getcwd(), name)
            if os.path.isfile(path):
                return path
    return None


def find_classes(path: str) -> list[Any] | None:
    """Return the nodes of the classes at the top of a file, or `None` if it cannot be read or parsed."""
    try:
        with open(path, "rb") as file:
            tree: Any = compile(file.read(), path, "exec", _ONLY_AST, True)
    except (OSError, SyntaxError, ValueError):
        return None
    return [node for node in tree.body if type(node).__name__ == "ClassDef"]


def find_attribute(class_node: Any, name: str) -> Any | None:
    """Return the node of the value that a class body gives a name, or `None` if it gives it none."""
    for statement in class_node.body:
        targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
        if any(getattr(target, "id", None) == name for target in targets):
            return getattr(statement, "value", None)
    return None


def has_unannotated_setting(class_node: Any) -> bool:
    """Return whether a class body gives a name in capitals a value without an annotation."""
    return any(
        getattr(target, "id", "").isupper()
        for statement in class_node.body
        for target in getattr(statement, "targets", ())
    )


def literal_text(node: Any) -> str | None:
    """Return the value of a node that is a plain string, else `None`."""
    value = getattr(node, "value", None) if type(node).__name__ == "Constant" else None
    return value if isinstance(value, str) else None


def literal_texts(node: Any) -> tuple[str, ...] | None:
    """Return the values of a node that is a tuple or list of plain strings, none of them empty, else `None`."""
    if type(node).__name__ not in ("Tuple", "List"):
        return None
    texts = [literal_text(element) for element in node.elts]
    filled = tuple(text for text in texts if text)
    return filled if len(filled) == len(texts) else None
