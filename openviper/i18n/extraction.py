"""Finding the texts of a project that are to be translated: in Python by its syntax, in templates by theirs."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from openviper.i18n.catalogue import Message

Arguments = tuple[int | None, int, int | None]
"""The places of the context, the text, and the plural."""
FUNCTIONS: Mapping[str, Arguments] = {
    "_": (None, 0, None),
    "gettext": (None, 0, None),
    "gettext_lazy": (None, 0, None),
    "gettext_noop": (None, 0, None),
    "ngettext": (None, 0, 1),
    "ngettext_lazy": (None, 0, 1),
    "pgettext": (0, 1, None),
    "pgettext_lazy": (0, 1, None),
    "npgettext": (0, 1, 2),
}
_UNWRITABLE = re.compile("[\0\x04\ud800-\udfff]")
"""NUL and EOT part texts in ``.mo`` files; half a character is none."""
SKIPPED = frozenset({"node_modules", "__pycache__", "vendor", "venv", "build", "dist"})


def python_messages(
    source: str | bytes, name: str, functions: Mapping[str, Arguments] = FUNCTIONS
) -> Iterator[Message]:
    """Yield the texts of a module.

    Args:
        source: Its text, or its bytes, which may name their character set (PEP 263).
        name: How it is called in places.
        functions: Which arguments of which functions are texts.

    Raises:
        SyntaxError: If it is not Python.
    """
    tree = ast.parse(source)
    functions = {**functions, **_renamed(tree, functions)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = _called(node.func)
            texts = _texts(node, functions.get(called))
            message = _message(called, texts, f"{name}:{node.lineno}", functions)
            if message is not None:
                yield message


def _renamed(tree: ast.AST, functions: Mapping[str, Arguments]) -> dict[str, Arguments]:
    """Return what functions of ours are called in a module that gives them names of its own."""
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    names = (name for each in imports if each.module == "openviper.i18n" for name in each.names)
    return {
        name.asname: functions[name.name]
        for name in names
        if name.asname and name.name in functions
    }


def template_messages(environment: Any, source: str, name: str) -> Iterator[Message]:
    """Yield the texts of a template: of ``{{ _("...") }}`` and of ``{% trans %}``.

    Args:
        environment: The Jinja2 environment, with its extension for translations.
        source: The template's text.
        name: How it is called in places.
    """
    for line, function, texts in environment.extract_translations(source):
        # One argument comes alone, and one that is no plain text as `None`.
        given = list(texts) if isinstance(texts, tuple) else [texts]
        message = _message(function, given, f"{name}:{line}")
        if message is not None:
            yield message


def _called(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


_KEYWORDS = (("context",), ("message", "singular"), ("plural",))
"""What the arguments are called that are the context, the text, and the plural."""


def _texts(call: ast.Call, places: Arguments | None) -> list[str | None]:
    """Return the arguments of a call in their order, given by their names or not."""
    texts = [_constant(argument) for argument in call.args]
    by_name = {keyword.arg: _constant(keyword.value) for keyword in call.keywords}
    for names, place in zip(_KEYWORDS, places or (), strict=False):
        named = next((by_name[name] for name in names if name in by_name), None)
        if place is not None and place >= len(texts) and named is not None:
            texts += [None] * (place - len(texts)) + [named]
    return texts


def _constant(argument: ast.expr) -> str | None:
    is_text = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    return argument.value if is_text else None  # type: ignore[attr-defined]  # looked at above


def _message(
    function: str,
    texts: list[str | None],
    place: str,
    functions: Mapping[str, Arguments] = FUNCTIONS,
) -> Message | None:
    if function not in functions:
        return None
    context, text, plural = (_pick(texts, place) for place in functions[function])
    if not text:
        return None
    _check_writable((context, text, plural), place)
    flags = ["python-format"] if any(each in text for each in ("%(", "%s", "%d")) else []
    return Message(text, plural or "", context, places=[place], flags=flags)


def _check_writable(parts: Iterable[str | None], place: str) -> None:
    for part in parts:
        if part and _UNWRITABLE.search(part):
            line = place.rpartition(":")[2]
            raise ValueError(f"line {line}: no catalogue can hold {part[:80]!r}")


def _pick(texts: list[str | None], place: int | None) -> str | None:
    return texts[place] if place is not None and place < len(texts) else None


def combined(messages: Iterable[Message]) -> list[Message]:
    """Return each text once, with all its places."""
    by_key: dict[tuple[str | None, str], Message] = {}
    for message in messages:
        first = by_key.setdefault(message.key, message)
        if first is not message:
            first.places += message.places
            first.plural = first.plural or message.plural
    return list(by_key.values())


def source_files(directory: Path, suffixes: Iterable[str]) -> Iterator[Path]:
    """Yield the files of a directory with these endings; hidden folders and those of others are left out."""
    wanted = tuple(suffixes)
    found: list[Path] = []
    for folder, inner, files in os.walk(directory):
        inner[:] = [name for name in inner if is_own_folder(Path(folder, name))]
        found += [Path(folder, name) for name in files]
    yield from sorted(path for path in found if path.suffix in wanted and path.is_file())


def is_own_folder(folder: Path) -> bool:
    """Return whether a folder is neither hidden nor one that others have filled, such as a virtual environment."""
    name = folder.name
    return not (name in SKIPPED or name.startswith(".") or (folder / "pyvenv.cfg").exists())
