#!/usr/bin/env python3
"""Collect the texts of the account pages in `openviper/auth/locale` and those of validation in `openviper/i18n/locale`.

What is translated there is compiled.

python3 scripts/build_texts.py            write the catalogues
python3 scripts/build_texts.py --check    exit with 1 if they are not what would be written
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "openviper"
AUTH = PACKAGE / "auth"
LANGUAGES = ("de",)
sys.path.insert(0, str(ROOT))

from openviper.i18n.catalogue import Message, merge, read_po, write_mo, write_po  # noqa: E402
from openviper.i18n.extraction import (  # noqa: E402
    FUNCTIONS,
    Arguments,
    combined,
    python_messages,
    source_files,
    template_messages,
)
from openviper.template.environment import get_jinja2_env  # noqa: E402

OF_FAULTS: dict[str, Arguments] = {
    **FUNCTIONS,
    "refuse": (None, 1, None),
    "Refusal": (None, 1, None),
    "Fault": (None, 2, None),
    "fault_of": (None, 3, None),
    "_text_of": (None, 1, None),
    "_read_iso": (None, 3, None),
}
"""The functions of validation whose arguments are told."""
VALIDATION = [
    *source_files(PACKAGE / "validation", (".py",)),
    *source_files(PACKAGE / "routing" / "typed", (".py",)),
    *source_files(PACKAGE / "api" / "serializers", (".py",)),
    PACKAGE / "http" / "errors.py",
]
NO_WORDS = {"{message}"}
"""Texts that are nothing but what is put into them."""


def _of_accounts() -> Iterator[Message]:
    for path in source_files(AUTH, (".py",)):
        yield from python_messages(path.read_text("utf-8"), path.relative_to(AUTH).as_posix())
    folder = AUTH / "templates"
    environment = get_jinja2_env([str(folder)])
    for path in source_files(folder, (".html", ".txt")):
        name = path.relative_to(AUTH).as_posix()
        yield from template_messages(environment, path.read_text("utf-8"), name)


def _of_validation() -> Iterator[Message]:
    for path in VALIDATION:
        found = python_messages(path.read_text("utf-8"), path.name, OF_FAULTS)
        yield from (message for message in found if message.text not in NO_WORDS)


CATALOGUES = {AUTH / "locale": _of_accounts, PACKAGE / "i18n" / "locale": _of_validation}


def catalogue(folder: Path, language: str) -> dict[Path, bytes]:
    """Return the files of a language with their contents; translations that are there are kept."""
    found = combined(CATALOGUES[folder]())
    for message in found:
        message.places = []  # Where they stand changes all the time.
    place = folder / language / "LC_MESSAGES"
    source = place / "messages.po"
    known = read_po(source.read_text("utf-8")) if source.exists() else []
    # Texts that are gone are in the history.
    merged = [message for message in merge(found, known, language) if not message.is_obsolete]
    translated = [message for message in merged if message.is_translated]
    return {source: write_po(merged).encode(), place / "messages.mo": write_mo(translated)}


def main() -> int:
    """Write the files, or compare them; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    wants_check: bool = parser.parse_args().check
    files = {
        path: content
        for folder in CATALOGUES
        for language in LANGUAGES
        for path, content in catalogue(folder, language).items()
    }
    stale = [path for path, content in files.items() if not _holds(path, content)]
    if wants_check:
        print("\n".join(f"{path} is stale" for path in stale), end="\n" if stale else "")
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[path])
    return 0


def _holds(path: Path, content: bytes) -> bool:
    return path.exists() and path.read_bytes() == content


if __name__ == "__main__":
    raise SystemExit(main())
