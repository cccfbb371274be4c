"""OpenViper as a package among packages: what it needs, and the metadata it is carried with.

The metadata is written from here and not copied from the installation, which in a checkout may be older than the code.
A test compares it with `pyproject.toml`.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from openviper.utils.resources import PACKAGE_PLACE
from openviper.vendoring.exceptions import VendorError
from openviper.version import VERSION

NAME = "openviper"
MANUAL = f"{NAME}/documentation/content/"
"""What the names of the manual's pages begin with."""
PACKED_MANUAL = f"{NAME}/documentation/content.tar.gz"
"""The file that stands for all of them in a tree of the compact form."""
NO_MANUAL = "the manual is not carried; `openviper docs` is for a copy that has it"
SUMMARY = "An async web framework for locked-down places: the whole stack on one Python and three packages."
LICENCE = "MIT"
REQUIRES_PYTHON = ">=3.11"
REQUIREMENTS = ("jinja2>=3.1", "markdown>=3.4", "uvicorn>=0.23")
ENTRY_POINTS = """[console_scripts]
openviper = openviper.cli:cli

[pytest11]
openviper.testing.plugin = openviper.testing.plugin
"""


class Extra(NamedTuple):
    """A driver that may be carried along.

    Attributes:
        requirement: The package.
        note: What a folder of Python cannot bring, and which system package does; empty if there is nothing.
    """

    requirement: str
    note: str = ""


EXTRAS = {
    "postgres": Extra(
        "psycopg>=3.1",
        "psycopg calls the library libpq of the system, which cannot be vendored: "
        "install libpq5 (Debian, Ubuntu) or libpq (RHEL, Fedora)",
    ),
    "mariadb": Extra(
        "PyMySQL>=1.1",
        "for accounts of MySQL with sha256_password or caching_sha2_password on connections without TLS, PyMySQL "
        "needs the package cryptography, which is compiled and cannot be vendored: install python3-cryptography",
    ),
    "redis": Extra("redis>=5.0.1"),
}


def metadata() -> bytes:
    """Return the content of `METADATA` (core metadata 2.4)."""
    lines = [
        "Metadata-Version: 2.4",
        f"Name: {NAME}",
        f"Version: {VERSION}",
        f"Summary: {SUMMARY}",
        f"License-Expression: {LICENCE}",
        "License-File: LICENSE",
        f"Requires-Python: {REQUIRES_PYTHON}",
        *(f"Requires-Dist: {requirement}" for requirement in REQUIREMENTS),
    ]
    for name, extra in EXTRAS.items():
        lines.append(f"Provides-Extra: {name}")
        lines.append(f'Requires-Dist: {extra.requirement}; extra == "{name}"')
    return ("\n".join(lines) + "\n").encode()


def licence_text() -> bytes:
    """Return the text of OpenViper's licence, as it was installed, vendored or checked out.

    Raises:
        VendorError: If this installation has none.
    """
    try:
        listed = distribution(NAME).files or []
    except PackageNotFoundError:
        listed = []
    for path in listed:
        if path.name.startswith("LICENSE") and ".dist-info" in str(path):
            return path.read_binary()
    checkout = Path(PACKAGE_PLACE).parent
    if (checkout / "pyproject.toml").is_file() and (checkout / "LICENSE").is_file():
        return (checkout / "LICENSE").read_bytes()
    raise VendorError(f"the OpenViper in {PACKAGE_PLACE!r} has no LICENSE file")


def package_files() -> dict[str, bytes]:
    """Return the files of the package as it runs, from a folder or an archive, by their names below its parent."""
    found: dict[str, bytes] = {}
    waiting = [(NAME, files(NAME))]
    while waiting:
        name, place = waiting.pop()
        for entry in place.iterdir():
            below = f"{name}/{entry.name}"
            if entry.is_dir():
                if entry.name != "__pycache__":
                    waiting.append((below, entry))
            elif not is_left_over(entry.name):
                found[below] = entry.read_bytes()
    return found


def is_page(name: str) -> bool:
    """Return whether a file is a page of the manual, or a drawing for one."""
    return name.startswith(MANUAL)


def is_manual(name: str) -> bool:
    """Return whether a file is part of the manual, in any form."""
    return is_page(name) or name == PACKED_MANUAL


def is_left_over(name: str) -> bool:
    """Return whether a file's name is one that editors and interrupted writers leave."""
    return name.startswith(".") or name.endswith(("~", ".orig", ".rej", ".swp"))
