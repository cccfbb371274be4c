"""The forms of a tree: full, as the packages are installed, or compact, for a stick."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence

from openviper.utils.packed_files import pack
from openviper.utils.resources import PACKAGE_PLACE, is_file
from openviper.vendoring import own
from openviper.vendoring.compacting import compact
from openviper.vendoring.distributions import Package, with_record
from openviper.vendoring.exceptions import VendorError
from openviper.vendoring.manifest import COMPACT, MANIFEST, Manifest, Origin, digest
from openviper.vendoring.places import manifest_of, open_place

Known = Mapping[tuple[str, str], Origin]
"""What files were made from, by their name and sum."""


def running_manifest() -> Manifest | None:
    """Return the manifest of the tree that this OpenViper runs from; `None` if it runs from no tree.

    Raises:
        VendorError: If it cannot be read.
    """
    place = os.path.dirname(PACKAGE_PLACE)
    return manifest_of(open_place(place))[0] if is_file(os.path.join(place, MANIFEST)) else None


def in_form(packages: Sequence[Package], form: str) -> list[Package]:
    """Return packages as they lie in a tree of a form.

    Raises:
        VendorError: If the full form is asked of an OpenViper that is compact itself, or its manifest cannot be read.
    """
    running = running_manifest()
    if form == COMPACT:
        known = _known(running)
        return [_compacted(package, known) for package in packages]
    if running is not None and running.form == COMPACT:
        raise VendorError(
            "the OpenViper that runs here is compact, so no full tree can be made from it; --compact makes another like it"
        )
    return list(packages)


def _known(manifest: Manifest | None) -> Known:
    """Return what the files of a tree were made from."""
    found: dict[tuple[str, str], Origin] = {}
    for package in manifest.packages if manifest is not None else ():
        for name, origin in package.origins.items():
            found[name, package.files[name]] = origin
    return found


def _compacted(package: Package, known: Known) -> Package:
    """Return a package in the compact form, with what its files were made from."""
    pages = {name: content for name, content in package.files.items() if own.is_page(name)}
    record = _record_of(package)
    others = package.files.keys() - pages.keys() - {record}
    files = {name: _written(name, package.files[name], known) for name in others}
    origins = dict(_origins(files, package.files, known))
    if pages:
        files[own.PACKED_MANUAL] = _packed(pages)
        origins[own.PACKED_MANUAL] = {name: digest(text) for name, text in pages.items()}
    # The sums stand in the manifest.
    files = with_record(files, record.rpartition("/")[0], with_sums=False)
    origins |= _origins({record: files[record]}, package.files, known)
    return package._replace(files=files, origins=origins)


def _record_of(package: Package) -> str:
    return next(name for name in package.files if name.endswith(".dist-info/RECORD"))


def _packed(pages: Mapping[str, bytes]) -> bytes:
    place = own.PACKED_MANUAL.rpartition("/")[0] + "/"
    return pack({name.removeprefix(place): text for name, text in pages.items()})


def _written(name: str, content: bytes, known: Known) -> bytes:
    is_source = name.endswith(".py") and (name, digest(content)) not in known
    return compact(content) if is_source else content


def _origins(
    written: Mapping[str, bytes], sources: Mapping[str, bytes], known: Known
) -> Iterator[tuple[str, Origin]]:
    for name, content in written.items():
        origin = known.get((name, digest(content)))
        if origin is not None:
            yield name, origin
        elif content != sources[name]:
            yield name, digest(sources[name])
