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
FULL = "full"
"""The form in which files are as they were installed."""
COMPACT = "compact"
"""The form in which Python files lack what nobody reads at run time, and the manual is one file."""
FORMS = (FULL, COMPACT)
MAX_MANIFEST = 16 * 1024 * 1024
"""Largest manifest that is read, in bytes; one of a whole tree has about 100 KiB."""

Origin = str | Mapping[str, str]
"""What a file of the compact form was made from: the SHA-256 of one source, or those of several by their names."""


def sources_of(files: Mapping[str, str], origins: Mapping[str, Origin]) -> dict[str, str]:
    """Return the SHA-256 of each file of the full form by its name.

    Args:
        files: The SHA-256 of each file as it is.
        origins: What some of them were made from.
    """
    found: dict[str, str] = {}
    for name, value in files.items():
        origin = origins.get(name, value)
        found.update({name: origin} if isinstance(origin, str) else origin)
    return found


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
        origins: What files of the compact form were made from.
    """

    name: str
    version: str
    licence: str
    source: str
    requires: Sequence[str]
    licence_files: Sequence[str]
    left_out: Sequence[str]
    files: Mapping[str, str]
    origins: Mapping[str, Origin] = field(default_factory=dict)

    def written_files(self) -> dict[str, str | list[Origin]]:
        """Return the sums as they are written: that of the file, and where it was made from something, that one's beside it."""
        return {
            name: [value, self.origins[name]] if name in self.origins else value
            for name, value in sorted(self.files.items())
        }


@dataclass(frozen=True)
class Manifest:
    """What a tree holds.

    Attributes:
        extras: The drivers that were asked for.
        packages: The packages, in the order of their names.
        files: The SHA-256 of the files that belong to no package, by name.
        not_vendored: What the tree cannot bring, one sentence each.
        form: One of `FORMS`.
    """

    extras: Sequence[str] = ()
    packages: Sequence[PackageEntry] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    not_vendored: Sequence[str] = ()
    form: str = FULL

    def all_files(self) -> dict[str, str]:
        """Return the SHA-256 of every file, by its name."""
        found = dict(self.files)
        for package in self.packages:
            found.update(package.files)
        return found

    def sources(self) -> dict[str, str]:
        """Return the SHA-256 of every file of the full form, by its name."""
        found = dict(self.files)
        for package in self.packages:
            found.update(sources_of(package.files, package.origins))
        return found

    def dump(self) -> bytes:
        """Return the manifest as JSON; equal manifests give equal bytes."""
        document = {
            "format": FORMAT,
            "form": self.form,
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
                    "files": package.written_files(),
                }
                for package in self.packages
            ],
            "files": dict(sorted(self.files.items())),
            "not_vendored": list(self.not_vendored),
        }
        # Lines in both forms, so that what changed is seen where lines are compared.
        is_compact = self.form == COMPACT
        text = json.dumps(
            document,
            indent=0 if is_compact else 1,
            separators=(",", ":") if is_compact else None,
            ensure_ascii=False,
        )
        return f"{text}\n".encode()


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
        files=reader.sums(top.get("files"), "'files'"),
        not_vendored=reader.texts(top, "not_vendored"),
        form=reader.form(top),
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

    def form(self, document: Mapping[str, Any]) -> str:
        form: object = document.get("form", FULL)
        if form not in FORMS:
            raise self.wrong(f"the form {form!r} is not known")
        return str(form)

    def sums(self, value: object, key: str) -> dict[str, str]:
        sums = self.mapping(value, key)
        for name, each in sums.items():
            if not isinstance(each, str):
                raise self.wrong(f"the sum of {name!r} is not text")
            if name.startswith("/") or ".." in name.split("/"):
                raise self.wrong(f"{name!r} leads outside")
        return sums

    def origin(self, name: str, value: object) -> Origin:
        return value if isinstance(value, str) else self.sums(value, f"the origin of {name!r}")

    def package(self, value: object) -> PackageEntry:
        entry = self.mapping(value, "a package")
        package = self.text(entry, "name")
        written = self.mapping(entry.get("files"), "'files'")
        pairs = _pairs(written)
        origins = {name: self.origin(name, pair[1]) for name, pair in pairs.items()}
        sums = written | {name: pair[0] for name, pair in pairs.items()}
        return PackageEntry(
            name=package,
            version=self.text(entry, "version"),
            licence=self.text(entry, "licence"),
            source=self.text(entry, "source"),
            requires=self.texts(entry, "requires"),
            licence_files=self.texts(entry, "licence_files"),
            left_out=self.texts(entry, "left_out"),
            files=self.sums(sums, "'files'"),
            origins=origins,
        )


def _pairs(written: Mapping[str, object]) -> dict[str, list[object]]:
    """Return the files of which there are two sums: their own, and that of what they were made from."""
    return {
        name: value
        for name, value in written.items()
        if isinstance(value, list) and len(value) == 2
    }
