"""`VENDOR.json`: what a vendored tree holds, file by file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from openviper.vendoring.exceptions import VendorError

MANIFEST = "VENDOR.json"
FORMAT = 1
MAX_MANIFEST = 16 * 1024 * 1024
"""Largest manifest that is read, in bytes; one of a whole tree has about 100 KiB."""


@dataclass(frozen=True)
class PackageEntry:
    """What the manifest says of one package.

    Attributes:
        name: Its normalised name.
        version: Its version.
        licence: Its licence as its metadata names it.
        source: Where it comes from.
        requires: The names of the packages it needs.
        licence_files: The files that hold its licence.
        left_out: Compiled modules of the installed package that are not carried.
        files: The SHA-256 of each file, by its name in the tree.
    """

    name: str
    version: str
    licence: str
    source: str
    requires: Sequence[str]
    licence_files: Sequence[str]
    left_out: Sequence[str]
    files: Mapping[str, str]


@dataclass(frozen=True)
class Manifest:
    """What a tree holds.

    Attributes:
        extras: The drivers that were asked for.
        packages: The packages, in the order of their names.
        files: The SHA-256 of the files that belong to no package, by name.
        not_vendored: What the tree cannot bring, one sentence each.
    """

    extras: Sequence[str] = ()
    packages: Sequence[PackageEntry] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    not_vendored: Sequence[str] = ()

    def all_files(self) -> dict[str, str]:
        """Return the SHA-256 of every file, by its name."""
        found = dict(self.files)
        for package in self.packages:
            found.update(package.files)
        return found

    def dump(self) -> bytes:
        """Return the manifest as JSON; equal manifests give equal bytes."""
        document = {
            "format": FORMAT,
            "extras": list(self.extras),
            "packages": [
                {
                    "name": package.name,
                    "version": package.version,
                    "licence": package.licence,
                    "source": package.source,
                    "requires": list(package.requires),
                    "licence_files": list(package.licence_files),
                    "left_out": list(package.left_out),
                    "files": dict(sorted(package.files.items())),
                }
                for package in self.packages
            ],
            "files": dict(sorted(self.files.items())),
            "not_vendored": list(self.not_vendored),
        }
        return (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode()


def digest(content: bytes) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def read_manifest(content: bytes, place: str) -> Manifest:
    """Read a manifest.

    Args:
        content: The file.
        place: The tree it lies in, for messages.

    Raises:
        VendorError: If it is not a manifest.
    """
    if len(content) > MAX_MANIFEST:
        raise VendorError(f"{MANIFEST} in {place!r} is larger than {MAX_MANIFEST} bytes")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise VendorError(f"{MANIFEST} in {place!r} is not JSON: {error}") from error
    reader = _Reader(place)
    top = reader.mapping(document, "it")
    if top.get("format") != FORMAT:
        raise reader.wrong(f"format {top.get('format')!r} is not known")
    return Manifest(
        extras=reader.texts(top, "extras"),
        packages=[reader.package(entry) for entry in reader.sequence(top, "packages")],
        files=reader.sums(top, "files"),
        not_vendored=reader.texts(top, "not_vendored"),
    )


class _Reader:
    """Takes a document apart and says what is wrong with it."""

    def __init__(self, place: str) -> None:
        self._place = place

    def wrong(self, problem: str) -> VendorError:
        return VendorError(f"{MANIFEST} in {self._place!r} is damaged: {problem}")

    def mapping(self, value: object, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.wrong(f"{name} is not an object")
        return value

    def sequence(self, document: Mapping[str, Any], key: str) -> list[Any]:
        value = document.get(key)
        if not isinstance(value, list):
            raise self.wrong(f"{key!r} is not a list")
        return value

    def texts(self, document: Mapping[str, Any], key: str) -> list[str]:
        values = self.sequence(document, key)
        if not all(isinstance(value, str) for value in values):
            raise self.wrong(f"{key!r} holds something that is not text")
        return values

    def text(self, document: Mapping[str, Any], key: str) -> str:
        value = document.get(key)
        if not isinstance(value, str):
            raise self.wrong(f"{key!r} is not text")
        return value

    def sums(self, document: Mapping[str, Any], key: str) -> dict[str, str]:
        sums = self.mapping(document.get(key), repr(key))
        for name, value in sums.items():
            if not isinstance(value, str):
                raise self.wrong(f"the sum of {name!r} is not text")
            if name.startswith("/") or ".." in name.split("/"):
                raise self.wrong(f"{name!r} leads outside")
        return sums

    def package(self, value: object) -> PackageEntry:
        entry = self.mapping(value, "a package")
        return PackageEntry(
            name=self.text(entry, "name"),
            version=self.text(entry, "version"),
            licence=self.text(entry, "licence"),
            source=self.text(entry, "source"),
            requires=self.texts(entry, "requires"),
            licence_files=self.texts(entry, "licence_files"),
            left_out=self.texts(entry, "left_out"),
            files=self.sums(entry, "files"),
        )
