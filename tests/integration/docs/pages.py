"""Running the examples of a page: its models are made, its examples typed, their answers compared."""

from __future__ import annotations

import ast
import doctest
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

from openviper.db.models import model_registry

DOCS = Path(__file__).resolve().parents[3] / "docs"


def page(name: str) -> str:
    """Return the text of a page."""
    return (DOCS / name).read_text(encoding="utf-8")


@contextmanager
def models_of(text: str, app: str) -> Iterator[tuple[ModuleType, list[Any]]]:
    """Run the models of a page as the module of an app; give it, and the models made by it."""
    before = model_registry.all()
    (source,) = re.findall(
        r'^```python title="\w+/models.py"\n(.*?)^```$', text, re.MULTILINE | re.DOTALL
    )
    module = ModuleType(f"{app}.models")
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, "models.py", "exec"), module.__dict__)
        yield module, [model for model in model_registry.all() if model not in before]
    finally:
        for model in [model for model in model_registry.all() if model not in before]:
            model_registry.unregister(model)
        del sys.modules[module.__name__]


def examples_of(text: str) -> list[doctest.Example]:
    """Return everything on a page that begins with ``>>>``."""
    blocks = re.findall(r"^```pycon\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [example for block in blocks for example in doctest.DocTestParser().get_examples(block)]


async def check_examples(text: str, names: dict[str, Any]) -> int:
    """Type every example of a page, compare what is shown, and return how many there were."""
    examples = examples_of(text)
    for example in examples:
        wanted = example.want
        if example.exc_msg is not None:
            wanted = f"Traceback (most recent call last):\n{example.exc_msg}"
        shown = await typed(example.source, names)
        assert shown == wanted, f"{example.source}shows {shown!r}, not {wanted!r}"
    return len(examples)


async def typed(source: str, names: dict[str, Any]) -> str:
    """Return what a console with top-level ``await`` shows for a statement."""
    output = StringIO()
    with redirect_stdout(output):
        try:
            tree = ast.parse(source)
            flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            if isinstance(tree.body[-1], ast.Expr):
                result = eval(compile(source, "<page>", "eval", flags), names)
                result = await result if hasattr(result, "cr_code") else result
                if result is not None:
                    print(repr(result))
            else:
                result = eval(compile(source, "<page>", "exec", flags), names)
                if result is not None:
                    await result
        except Exception as error:
            print("Traceback (most recent call last):")
            print("".join(traceback.format_exception_only(error)), end="")
    return output.getvalue()
