"""Making a tree, in memory: the files of the packages, the bill of materials, the manifest."""

from __future__ import annotations

from collections.abc import Sequence

from openviper.vendoring import own
from openviper.vendoring.distributions import Package, collect
from openviper.vendoring.exceptions import VendorError
from openviper.vendoring.forms import in_form
from openviper.vendoring.manifest import FULL, MANIFEST, Manifest, PackageEntry, digest
from openviper.vendoring.sbom import SBOM, build_sbom, source_date_epoch

MAIN = "__main__.py"
_MAIN_CODE = b'''"""Run OpenViper from here: `python vendor create-project shop`, or `python openviper.pyz ...`."""

import os
import sys

if sys.version_info < (3, 11):
    sys.exit("OpenViper needs Python 3.11 or later; this is " + sys.version.split()[0])

PLACE = os.path.dirname(os.path.abspath(__file__))
if PLACE not in sys.path:
    sys.path.insert(0, PLACE)

from openviper.cli import cli  # noqa: E402

if __name__ == "__main__":
    cli()
'''


class Tree(dict[str, bytes]):
    """The files of a tree by name, in order.

    Attributes:
        manifest: What they are.
        modules: The top-level modules that it brings.
    """

    manifest: Manifest
    modules: tuple[str, ...]


def build_tree(extras: Sequence[str] = (), *, with_manual: bool = True, form: str = FULL) -> Tree:
    """Return the tree of OpenViper and all it needs, from what is installed; equal input gives equal bytes.

    Args:
        extras: The drivers to add, names out of `own.EXTRAS`.
        with_manual: Whether the pages of the manual come along.
        form: One of `manifest.FORMS`.

    Raises:
        VendorError: If a package is not installed or cannot be read, two bring the same file, or a full tree is asked of
            an OpenViper that is compact itself.
    """
    try:
        epoch = source_date_epoch()
    except ValueError as error:
        raise VendorError(str(error)) from error
    wanted = sorted(set(extras))
    needed = collect(wanted, with_manual=with_manual)
    packages = in_form(needed.packages, form)
    others = {MAIN: _MAIN_CODE, SBOM: build_sbom(packages, epoch)}
    notes = [own.EXTRAS[extra].note for extra in wanted if own.EXTRAS[extra].note]
    notes += [f"not installed here, so not carried: {text}" for text in needed.missing]
    files = _files(packages)
    notes += [] if any(own.is_manual(name) for name in files) else [own.NO_MANUAL]
    manifest = Manifest(
        extras=wanted,
        packages=[_entry(package) for package in packages],
        files={name: digest(content) for name, content in others.items()},
        not_vendored=notes,
        form=form,
    )
    tree = Tree(sorted({**files, **others}.items()))
    tree[MANIFEST] = manifest.dump()
    tree.manifest = manifest
    tree.modules = tuple(module for package in packages for module in package.modules)
    return tree


def _files(packages: Sequence[Package]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    owners: dict[str, tuple[str, str]] = {}
    for package in packages:
        for name, content in package.files.items():
            # Some systems do not tell capitals from small letters.
            other, owner = owners.setdefault(name.casefold(), (name, package.name))
            if owner != package.name or other != name:
                raise VendorError(f"{name!r} of {package.name!r} is {other!r} of {owner!r} already")
            found[name] = content
    return found


def _entry(package: Package) -> PackageEntry:
    return PackageEntry(
        name=package.name,
        version=package.version,
        licence=package.licence,
        source=package.source,
        requires=package.requires,
        licence_files=package.licence_files,
        left_out=package.left_out,
        files={name: digest(content) for name, content in package.files.items()},
        origins=package.origins,
    )
