"""Write ``docs/reference/orm.md`` from the docstrings of the public names of `openviper.db`.

python3 scripts/build_orm_reference.py            write it
python3 scripts/build_orm_reference.py --check    exit 1 if it is not what would be written
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import openviper.db  # noqa: E402 - behind the path
from openviper.db import connection  # noqa: E402

PAGE = ROOT / "docs" / "reference" / "orm.md"
HEAD = """# Reference: the ORM

The public names of `openviper.db`, from their docstrings. `scripts/build_orm_reference.py` writes this page. Fields have a
[page of their own](fields.md); the how-tos show how things go together: [queries](../how-to/queries.md),
[relations](../how-to/relations.md), [transactions](../how-to/transactions.md).
"""
SECTIONS: dict[str, tuple[str, ...]] = {
    "Models": ("Model", "AbstractModel", "Manager", "QuerySet", "Page", "CursorPage", "Prefetch", "ManyToManyManager"),
    "Expressions": ("Q", "F", "Count", "Sum", "Avg", "Max", "Min"),
    "Indexes and constraints": ("Index", "CheckConstraint", "UniqueConstraint"),
    "Connections and transactions": (
        "atomic", "transaction", "on_commit", "before_commit", "request_connection", "get_connection", "get_engine", "init_db", "configure_db",
        "close_db", "Connection", "ConnectionManager",
    ),
    "Routing": ("DatabaseRouter", "PrimaryReplicaRouter", "AdminRouter", "RouterResolver"),
    "Permissions": ("bypass_permissions",),
    "Errors": (
        "DatabaseError", "DatabaseConfigurationError", "DatabaseBackendNotFoundError", "DatabaseAliasNotFoundError",
        "DatabaseReadOnlyError", "DatabaseOperationNotSupportedError", "DatabaseRoutingError",
        "DatabaseTransactionRoutingError", "OperationalError", "PoolTimeoutError",
    ),
}  # fmt: skip


def find(name: str) -> Any:
    """Return a public object of `openviper.db`, or of its connection module."""
    return getattr(openviper.db, name, None) or getattr(connection, name)


def paragraphs(thing: Any) -> str:
    """Return a docstring as Markdown: its sections become lists."""
    lines: list[str] = []
    for line in (inspect.getdoc(thing) or "").splitlines():
        stripped = line.strip()
        if stripped in ("Args:", "Returns:", "Raises:", "Attributes:"):
            lines += [f"**{stripped[:-1]}**", ""]
        elif line.startswith("        "):  # The continuation of an entry.
            lines.append(f"  {stripped}")
        elif line.startswith("    "):
            name, separator, text = stripped.partition(": ")
            lines.append(
                f"- `{name}`: {text}"
                if separator and " " not in name.strip("*")
                else f"- {stripped}"
            )
        else:
            lines.append(line)
    return "\n".join(lines).strip()


def signature(name: str, thing: Any) -> str:
    """Return how something is called."""
    try:
        text = str(inspect.signature(thing))
    except (TypeError, ValueError):
        return name
    text = re.sub(r"(: |-> )'([^']*)'", r"\1\2", text)  # Annotations are texts.
    return name + text.replace("(self, ", "(").replace("(self)", "()")


def methods(cls: type[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the public methods of a class in the order of their names, inherited ones of OpenViper too."""
    for name in sorted(dir(cls)):
        member = inspect.getattr_static(cls, name)
        function = member.__func__ if isinstance(member, (classmethod, staticmethod)) else member
        own = getattr(function, "__module__", "") or ""
        if (
            not name.startswith("_")
            and inspect.isfunction(function)
            and own.startswith("openviper.")
        ):
            yield name, function


def entry(name: str) -> str:
    """Return the part of the page about one name."""
    thing = find(name)
    parts = [f"### `{name}`", paragraphs(thing)]
    if inspect.isclass(thing):
        if not issubclass(thing, BaseException):
            for method, function in methods(thing):
                parts += [f"#### `{signature(f'{name}.{method}', function)}`", paragraphs(function)]
    else:
        parts[0] = f"### `{signature(name, thing)}`"
    return "\n\n".join(parts)


def build() -> str:
    """Return the whole page."""
    parts = [HEAD.strip()]
    for title, names in SECTIONS.items():
        parts += [f"## {title}", *(entry(name) for name in names)]
    return "\n\n".join(parts) + "\n"


def main() -> int:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser(description="Write docs/reference/orm.md from docstrings.")
    parser.add_argument(
        "--check", action="store_true", help="only tell whether the page is up to date"
    )
    text = build()
    if not parser.parse_args().check:
        PAGE.write_text(text, encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") == text:
        return 0
    print(
        "docs/reference/orm.md is out of date; run: python3 scripts/build_orm_reference.py",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
