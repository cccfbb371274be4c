"""What differs between two trees, or between a tree and what would be made now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from openviper.vendoring.manifest import Manifest


class Difference(NamedTuple):
    """What is new in one tree beside another.

    Attributes:
        packages: One line per package that came, went or changed its version.
        added: Files that came.
        removed: Files that went.
        changed: Files with another content.
        forms: The forms of the older and the newer tree where they differ. Files are compared by what they were made from,
            so this alone is no difference.
    """

    packages: list[str]
    added: list[str]
    removed: list[str]
    changed: list[str]
    forms: tuple[str, str] | None = None

    def __bool__(self) -> bool:
        return bool(self.packages or self.added or self.removed or self.changed)

    def lines(self) -> Iterator[str]:
        """Yield the difference: the form, the packages, then a sum of the files."""
        if self.forms is not None:
            yield "form: {} -> {}".format(*self.forms)
        yield from self.packages
        if self.added or self.removed or self.changed:
            yield (
                f"{len(self.added)} files added, {len(self.removed)} removed, {len(self.changed)} changed"
            )


def compare(old: Manifest, new: Manifest) -> Difference:
    """Return what is new in a tree beside an older one, by their manifests."""
    before, after = old.sources(), new.sources()
    return Difference(
        packages=list(_packages(_versions(old), _versions(new))),
        added=sorted(after.keys() - before.keys()),
        removed=sorted(before.keys() - after.keys()),
        changed=sorted(
            name for name in before.keys() & after.keys() if before[name] != after[name]
        ),
        forms=None if old.form == new.form else (old.form, new.form),
    )


def _versions(manifest: Manifest) -> dict[str, str]:
    return {package.name: package.version for package in manifest.packages}


def _packages(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old is None:
            yield f"{name} {new} added"
        elif new is None:
            yield f"{name} {old} removed"
        elif old != new:
            yield f"{name} {old} -> {new}"
