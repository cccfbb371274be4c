"""Write ``docs/reference/names.md``: every public name of every public package, with the first sentence of its docstring.

python3 scripts/build_names_doc.py            write it
python3 scripts/build_names_doc.py --check    exit 1 if it is not what would be written
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import inspect
import re
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PAGE = ROOT / "docs" / "reference" / "names.md"
HEAD = """# Reference: public names

What can be imported, and from where. Only these places are meant to be imported from; modules below them may move without
notice. `scripts/build_names_doc.py` writes this page from the docstrings.
"""
# The places that public names are imported from, in the order of the page, and what each is about.
PACKAGES = {
    "openviper": "The names that most modules of a project need.",
    "openviper.http": "Requests and answers.",
    "openviper.routing": "Addresses and handlers.",
    "openviper.middleware": "What stands around every request.",
    "openviper.validation": "Typed input, errors and forms.",
    "openviper.api": "OpenAPI.",
    "openviper.serializers": "What is received and sent, of models, dataclasses and fields of their own.",
    "openviper.auth": "Users, logins, permissions, tokens.",
    "openviper.sessions": "What is kept for a browser.",
    "openviper.db": "Models, queries and transactions; see also [the reference of the ORM](orm.md).",
    "openviper.db.fields": "The fields of models; see also [the reference of fields](fields.md).",
    "openviper.tasks": "Background work; see also [the how-to](../how-to/background-tasks.md).",
    "openviper.core.email": "Mail; see also [the reference of mail](email.md).",
    "openviper.cache": "The cache.",
    "openviper.template": "Pages from templates.",
    "openviper.i18n": "Translations.",
    "openviper.storage": "Where uploaded files lie.",
    "openviper.staticfiles": "Files that are served as they are.",
    "openviper.conf": "Settings.",
    "openviper.apps": "The life of installed apps.",
    "openviper.ai": "Language models.",
    "openviper.testing": "For the tests of a project.",
}


def is_type_alias(thing: object) -> bool:
    """Tell whether a name stands for a type that annotations use."""
    return typing.get_origin(thing) is not None


def first_sentence(thing: object, name: str) -> str:
    """Return what a thing says it is, in one sentence."""
    if is_type_alias(thing):
        return "For annotations."
    described = thing if inspect.isroutine(thing) or inspect.isclass(thing) else type(thing)
    if not described.__module__.startswith("openviper"):
        return f"An object of type `{described.__name__}`."
    text = inspect.getdoc(described) or ""
    paragraph = " ".join(text.partition("\n\n")[0].split())
    sentence = re.split(r"(?<=[.!?])\s+(?=[A-Z`])", paragraph)[0]
    if not sentence:
        raise SystemExit(f"{name} has no docstring")
    return sentence.replace("``", "`").replace("|", "\\|")


def kind_of(thing: object) -> str:
    """Return what sort of thing a name stands for."""
    if is_type_alias(thing):
        return "type"
    if inspect.isclass(thing):
        return "exception" if issubclass(thing, BaseException) else "class"
    return "function" if inspect.isroutine(thing) else "object"


def rows(module: ModuleType) -> Iterator[str]:
    """Yield the rows of a package's table."""
    for name in sorted(module.__all__, key=str.lower):
        thing = getattr(module, name)
        if not inspect.ismodule(thing):
            yield f"| `{name}` | {kind_of(thing)} | {first_sentence(thing, f'{module.__name__}.{name}')} |"


def build() -> str:
    """Return the page."""
    parts = [HEAD]
    for package, about in PACKAGES.items():
        if importlib.util.find_spec(package) is None:
            continue
        module = importlib.import_module(package)
        if not hasattr(module, "__all__"):
            continue
        table = ["| Name | Is a | |", "| --- | --- | --- |", *rows(module)]
        parts.append(f"## `{package}`\n\n{about}\n\n" + "\n".join(table) + "\n")
    return "\n".join(parts)


def main(argv: list[str] | None = None) -> int:
    """Write or compare the page; return the exit code."""
    parser = argparse.ArgumentParser(description="Write the reference of public names.")
    parser.add_argument("--check", action="store_true", help="only compare")
    options = parser.parse_args(argv)
    text = build()
    if not options.check:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        print(f"{PAGE.name} is not what scripts/build_names_doc.py writes", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
