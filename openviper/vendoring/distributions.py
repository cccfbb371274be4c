"""The installed packages that OpenViper needs, followed through their metadata, and which of their files are carried."""

from __future__ import annotations

import csv
import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from importlib.metadata import Distribution, PackageNotFoundError, PackagePath, distribution
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import NamedTuple

from openviper.utils.resources import is_directory, is_file, list_names
from openviper.vendoring import own
from openviper.vendoring.exceptions import VendorError
from openviper.vendoring.manifest import Origin
from openviper.vendoring.requirements import (
    Environment,
    Requirement,
    environments,
    normalise_name,
    parse_requirement,
)
from openviper.version import VERSION

COMPILED = frozenset({".a", ".dll", ".dylib", ".lib", ".o", ".pyd", ".so"})
"""Endings of files that run on one kind of machine only."""
LEFT_OUT = COMPILED | {".c", ".cpp", ".h", ".pxd", ".pyc", ".pyo", ".pyx"}
"""Endings of files that are not carried; sources of compiled modules are of no use without a compiler."""
SKIPPED_FOLDERS = frozenset({"__pycache__", "test", "tests"})
METADATA_FILES = frozenset({"METADATA", "entry_points.txt", "top_level.txt"})
"""What is kept of a package's metadata beside its licences: nothing that says where or how it was installed."""
LICENCE_WORDS = ("LICEN", "COPYING", "NOTICE", "AUTHORS")
SOURCE_LABELS = ("source", "source code", "repository", "homepage", "code")
"""Labels of a project's addresses, the best first."""


class Package(NamedTuple):
    """One package as it is carried.

    Attributes:
        name: Its normalised name.
        version: Its version.
        licence: The licence as its metadata names it.
        source: Where it comes from: an address of its metadata, or empty.
        requires: The names of the packages it needs here.
        files: The carried files, by their names in the tree.
        left_out: The compiled modules that are not carried.
        modules: The top-level modules it brings.
        origins: What files of the compact form were made from; see `manifest.Origin`.
    """

    name: str
    version: str
    licence: str
    source: str
    requires: tuple[str, ...]
    files: dict[str, bytes]
    left_out: tuple[str, ...]
    modules: tuple[str, ...]
    origins: Mapping[str, Origin] = MappingProxyType({})

    @property
    def licence_files(self) -> list[str]:
        """The names of the files that hold its licence."""
        return [name for name in self.files if ".dist-info/" in name and is_licence(name)]


class Needed(NamedTuple):
    """What a tree is made of, and what it lacks.

    Attributes:
        packages: The packages in the order of their names.
        missing: Requirements that only other versions of Python have, and that are not installed here.
    """

    packages: list[Package]
    missing: list[str]


def collect(extras: Sequence[str], *, with_manual: bool = True) -> Needed:
    """Return OpenViper and every installed package that it needs, with those of some extras.

    Args:
        extras: Names out of `own.EXTRAS`.
        with_manual: Whether the pages of the manual come along.

    Raises:
        VendorError: If an extra is not known, a package is not installed, or its version is not one that is asked for.
    """
    unknown = sorted(set(extras) - set(own.EXTRAS))
    if unknown:
        raise VendorError(f"unknown extra {unknown[0]!r}; there are {', '.join(own.EXTRAS)}")
    texts = [*own.REQUIREMENTS, *(own.EXTRAS[extra].requirement for extra in extras)]
    search = _Search()
    roots = search.follow(texts, own.NAME, ("",))
    if search.absent:
        raise VendorError(
            f"not installed here: {', '.join(sorted(search.absent))}; what is vendored is taken from this "
            "environment, so install it first"
        )
    packages = [own_package(roots, with_manual=with_manual), *search.packages.values()]
    return Needed(sorted(packages, key=lambda package: package.name), sorted(search.missing))


def own_package(requires: Sequence[str], *, with_manual: bool = True) -> Package:
    """Return OpenViper itself as it is carried.

    Args:
        requires: The names of the packages it needs.
        with_manual: Whether the pages of the manual come along.

    Raises:
        VendorError: If its licence is not there.
    """
    folder = f"{own.NAME}-{VERSION}.dist-info"
    files = own.package_files()
    files[f"{folder}/METADATA"] = own.metadata()
    files[f"{folder}/entry_points.txt"] = own.ENTRY_POINTS.encode()
    files[f"{folder}/licenses/LICENSE"] = own.licence_text()
    carried = {
        name: content
        for name, content in files.items()
        if is_carried(name) and (with_manual or not own.is_manual(name))
    }
    return Package(
        own.NAME,
        VERSION,
        own.LICENCE,
        "",
        tuple(requires),
        with_record(carried, folder),
        (),
        (own.NAME,),
    )


class _Search:
    """Follows requirements through installed packages, each once for each set of extras."""

    def __init__(self) -> None:
        self.packages: dict[str, Package] = {}
        self.absent: set[str] = set()
        self.missing: set[str] = set()
        self._seen: set[tuple[str, tuple[str, ...]]] = set()

    @cached_property
    def _environments(self) -> list[dict[str, str]]:
        return environments()

    def follow(self, texts: Iterable[str], wanted_by: str, extras: Sequence[str]) -> list[str]:
        """Add what some requirements ask for, and return the names of the packages that are there."""
        names = set()
        for text in texts:
            requirement = parse_requirement(text)
            here, others = self._where(requirement, extras)
            if not (here or others):
                continue
            if self._add(requirement, wanted_by, is_needed=here):
                names.add(requirement.name)
        return sorted(names)

    def _where(self, requirement: Requirement, extras: Sequence[str]) -> tuple[bool, bool]:
        """Return whether something is required on this Python, and whether it is on another one."""
        here, *others = (
            self._applies(requirement, environment, extras) for environment in self._environments
        )
        return here, any(others)

    @staticmethod
    def _applies(requirement: Requirement, environment: Environment, extras: Sequence[str]) -> bool:
        return any(requirement.marker({**environment, "extra": extra}) for extra in extras)

    def _add(self, requirement: Requirement, wanted_by: str, *, is_needed: bool) -> bool:
        try:
            found = distribution(requirement.name)
        except PackageNotFoundError:
            text = f"{requirement.text} (needed by {wanted_by})"
            (self.absent if is_needed else self.missing).add(text)
            return False
        if not requirement.is_fulfilled_by(found.version):
            raise VendorError(
                f"{wanted_by} needs {requirement.text!r}, and {found.version!r} is installed"
            )
        key = (requirement.name, requirement.extras)
        if key not in self._seen:
            self._seen.add(key)
            requires = self.follow(
                found.requires or (), requirement.name, requirement.extras or ("",)
            )
            known = self.packages.get(requirement.name)
            more = known.requires if known is not None else ()
            self.packages[requirement.name] = package_of(found, sorted({*requires, *more}))
        return True


def package_of(found: Distribution, requires: Sequence[str]) -> Package:
    """Return an installed package as it is carried.

    Args:
        found: The package.
        requires: The names of the packages it needs.

    Raises:
        VendorError: If its files cannot be told, or one cannot be read.
    """
    name = normalise_name(found.metadata["Name"])
    listed = _listed(found, name)
    folder = f"{name.replace('-', '_')}-{found.version}.dist-info"
    carried: dict[str, bytes] = {}
    left_out = []
    for path in listed:
        place = _place(path, folder)
        if place is None:
            continue
        if is_carried(place):
            carried[place] = _content(path, name)
        elif PurePosixPath(place).suffix in COMPILED:
            # Without what stands for machine and Python version, on which the tree does not depend.
            left_out.append(f"{place.rpartition('/')[0]}/{path.name.partition('.')[0]}".lstrip("/"))
    carried.setdefault(f"{folder}/METADATA", str(found.read_text("PKG-INFO") or "").encode())
    modules = {place.partition("/")[0].removesuffix(".py") for place in carried} - {folder}
    if not modules:
        raise VendorError(f"no Python file of the installed package {name!r} was found")
    return Package(
        name,
        found.version,
        licence_of(found),
        source_of(found),
        tuple(requires),
        with_record(carried, folder),
        tuple(sorted(left_out)),
        tuple(sorted(module for module in modules if module.isidentifier())),
    )


def _listed(found: Distribution, name: str) -> list[PackagePath]:
    """Return the files that a package says it has, those that are gone among them.

    RECORD is read here, as from Python 3.12 on `Distribution.files` leaves out what is gone.
    """
    paths = []
    for row in csv.reader((found.read_text("RECORD") or "").splitlines()):
        path = PackagePath(row[0])
        path.dist = found
        paths.append(path)
    return paths or found.files or list(_files_without_record(found, name))


def _content(path: PackagePath, name: str) -> bytes:
    try:
        return path.read_binary()
    except OSError as error:
        raise VendorError(
            f"cannot read {str(path)!r} of the installed package {name!r}: {error.strerror or error}"
        ) from error


def _place(path: PackagePath, folder: str) -> str | None:
    """Return the name of a file in the tree, or `None` for one outside the packages, such as a script in ``bin``."""
    parts = path.parts
    if ".." in parts or path.is_absolute():
        return None
    is_metadata = parts[0].endswith((".dist-info", ".egg-info"))
    if not is_metadata:
        return "/".join(parts)
    kept = parts[1:]
    is_kept = kept in [(name,) for name in METADATA_FILES] or is_licence("/".join(kept))
    return "/".join([folder, *kept]) if is_kept else None


def _files_without_record(found: Distribution, name: str) -> Iterator[PackagePath]:
    """Yield the files of a package whose installer kept no list of them, as those of Linux distributions do."""
    listed = (found.read_text("top_level.txt") or "").split()
    candidates = listed or [name.replace("-", "_"), name.replace("-", "")]
    for candidate in dict.fromkeys(candidates):
        waiting = [candidate, f"{candidate}.py"]
        while waiting:
            here = waiting.pop()
            place = str(found.locate_file(here))
            if is_directory(place):
                waiting += [f"{here}/{entry}" for entry in list_names(place)]
            elif is_file(place):
                yield _package_path(found, here)


def _package_path(found: Distribution, name: str) -> PackagePath:
    path = PackagePath(name)
    path.dist = found
    return path


def is_carried(name: str) -> bool:
    """Return whether a file of a package belongs in a tree, by its name."""
    path = PurePosixPath(name)
    is_skipped = not SKIPPED_FOLDERS.isdisjoint(path.parts[:-1])
    return not (is_skipped or path.suffix in LEFT_OUT or own.is_left_over(path.name))


def is_licence(name: str) -> bool:
    """Return whether a file of a package's metadata holds a licence."""
    path = PurePosixPath(name)
    return path.name.upper().startswith(LICENCE_WORDS) or "licenses" in path.parts[:-1]


def licence_of(found: Distribution) -> str:
    """Return the licence of a package as its metadata names it, or an empty text."""
    metadata = found.metadata
    named = _header(found, "License-Expression") or _header(found, "License")
    is_name = bool(named) and "\n" not in named and len(named) <= 100
    if is_name:
        return named.strip()
    labels: list[str] = metadata.get_all("Classifier") or []
    licences = [label.rpartition(" :: ")[2] for label in labels if label.startswith("License ::")]
    return " AND ".join(sorted(licences))


def source_of(found: Distribution) -> str:
    """Return the address of a package's source or home, or an empty text."""
    addresses: dict[str, str] = {}
    for entry in found.metadata.get_all("Project-URL") or ():
        label, _, address = entry.partition(",")
        addresses[label.strip().lower()] = address.strip()
    for label in SOURCE_LABELS:
        if label in addresses:
            return addresses[label]
    return _header(found, "Home-page")


def _header(found: Distribution, name: str) -> str:
    values: list[str] = found.metadata.get_all(name) or [""]
    return values[0]


def with_record(
    files: dict[str, bytes], folder: str, *, with_sums: bool = True
) -> dict[str, bytes]:
    """Return files in order with the list of them that an installed package has (PEP 376, PEP 427).

    Args:
        files: The files by name.
        folder: The package's folder of metadata.
        with_sums: Whether their sums and sizes stand there too.
    """
    record = f"{folder}/RECORD"
    rows = [
        f"{_quoted(name)},{_sum(files[name]) if with_sums else ','}\n" for name in sorted(files)
    ]
    rows.append(f"{_quoted(record)},,\n")
    return dict(sorted({**files, record: "".join(rows).encode()}.items()))


def _sum(content: bytes) -> str:
    """Return the sum and the size of a file as RECORD has them."""
    digest = urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"sha256={digest},{len(content)}"


def _quoted(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""')) if set(name) & set(',"') else name
