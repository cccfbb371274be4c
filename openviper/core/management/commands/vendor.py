"""`vendor`: OpenViper and the packages it needs in one folder or file that is carried along."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from openviper.core.management.base import BaseCommand, UsageError
from openviper.core.management.vendor_arguments import FOLDER, add_vendor_arguments
from openviper.core.management.verifying import form_note, show_verdict
from openviper.vendoring.building import Tree, build_tree
from openviper.vendoring.checking import check_tree, manifest_sum
from openviper.vendoring.comparing import Difference, compare
from openviper.vendoring.manifest import COMPACT, FULL, Manifest
from openviper.vendoring.places import manifest_of, open_place
from openviper.vendoring.turns import turn
from openviper.vendoring.writing import replace_folder, write_archive, write_folder

_Make = Callable[[Tree, Path, dict[str, Any]], None]


class Command(BaseCommand):
    """Put OpenViper and what it needs into a folder or one file; check, compare or replace such a tree."""

    help = (
        "Put OpenViper and the packages it needs into a folder or one file; check or replace that."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        add_vendor_arguments(parser)

    def handle(self, **options: Any) -> int:
        """Do it.

        Returns:
            0, or 1 if `--diff` found a difference.

        Raises:
            UsageError: If the options do not go together.
            VendorError: If the tree cannot be made, or `--check` found that it was changed.
        """
        _refuse_empty_names(options)
        _refuse_contradictions(options)
        if options["check"]:
            verdict = check_tree(open_place(options["directory"] or FOLDER))
            show_verdict(self.terminal, verdict, as_json=options["json"])
            return 0
        if options["diff"]:
            return self._show_difference(options)
        self._make(options)
        return 0

    def _show_difference(self, options: dict[str, Any]) -> int:
        old, _ = manifest_of(open_place(options["directory"] or FOLDER))
        new, _ = manifest_of(open_place(options["diff"]))
        difference = compare(old, new)
        if options["json"]:
            self.stdout(json.dumps(difference._asdict(), indent=2, ensure_ascii=False))
        else:
            self._show_news(difference)
        return 1 if difference else 0

    def _show_news(self, difference: Difference) -> None:
        for line in difference.lines():
            self.stdout(line)
        if not difference:
            self.stdout("Nothing else differs." if difference.forms else "Nothing differs.")

    def _make(self, options: dict[str, Any]) -> None:
        extras = [name.strip() for name in options["extras"].split(",") if name.strip()]
        targets = list(self._targets(options))
        forms = [_form(options, place) for _, place in targets]
        with_manual = not options["without_manual"]
        trees = {
            form: build_tree(extras, with_manual=with_manual, form=form) for form in set(forms)
        }
        for (make, place), form in zip(targets, forms, strict=True):
            make(trees[form], place, options)
        for note in trees[forms[0]].manifest.not_vendored:
            self.terminal.warning(note)

    def _targets(self, options: dict[str, Any]) -> Iterator[tuple[_Make, Path]]:
        """Yield what is to be made, and by which method."""
        if options["directory"] or not options["pyz"]:
            yield self._make_folder, Path(options["directory"] or FOLDER)
        if options["pyz"]:
            yield self._make_archive, Path(options["pyz"])

    def _make_archive(self, tree: Tree, archive: Path, options: dict[str, Any]) -> None:
        old = _manifest_if_there(archive) if options["update"] else None
        write_archive(tree, archive, replace=options["update"])
        self._report(tree, old, f"{archive} ({_megabytes(archive.stat().st_size)})")

    def _make_folder(self, tree: Tree, folder: Path, options: dict[str, Any]) -> None:
        if not options["update"]:
            write_folder(tree, folder)
            old = None
        else:
            old = replace_folder(tree, folder, force=options["force"])
        self._report(tree, old, str(folder))

    def _report(self, tree: Tree, old: Manifest | None, place: str) -> None:
        packages = tree.manifest.packages
        size = _megabytes(sum(map(len, tree.values())))
        self.stdout(
            self.style_success(
                f"{place}{form_note(tree.manifest.form)}: {len(packages)} packages, {len(tree)} files, {size} unpacked"
            )
        )
        if old is None:
            self._show_packages(tree)
        else:
            self._show_news(compare(old, tree.manifest))
        self.stdout(f"SHA-256 of VENDOR.json: {manifest_sum(tree.manifest)}")

    def _show_packages(self, tree: Tree) -> None:
        for package in tree.manifest.packages:
            self.stdout(
                f"  {package.name} {package.version}  {package.licence or 'licence unknown'}"
                f"  {_kilobytes(sum(len(tree[name]) for name in package.files))}"
            )


def _manifest_if_there(place: Path) -> Manifest | None:
    """Return the manifest of a folder or archive that is to be replaced; `None` if there is none.

    Raises:
        VendorError: If it is something else, which is not ours to replace.
    """
    if not place.parent.is_dir():
        return None
    with turn(place):  # Which puts back a tree that a killed writer had moved aside.
        return manifest_of(open_place(place))[0] if place.exists() else None


def _form(options: dict[str, Any], place: Path) -> str:
    """Return the form of a new tree: the one that was asked for, or else that of the old one."""
    old = _manifest_if_there(place) if options["update"] else None
    kept = FULL if old is None else old.form
    asked: dict[bool | None, str] = {True: COMPACT, False: FULL}
    return asked.get(options["compact"], kept)


def _refuse_empty_names(options: dict[str, Any]) -> None:
    for name, label in (("directory", "DIR"), ("pyz", "--pyz"), ("diff", "--diff")):
        if options[name] == "":
            raise UsageError(f"{label} is an empty text")


def _refuse_contradictions(options: dict[str, Any]) -> None:
    only_looks = options["check"] or options["diff"] is not None
    given = {**options, "compact": options["compact"] is not None}
    makes = [name for name in ("extras", "pyz", "without_manual", "compact") if given[name]]
    if only_looks and makes:
        raise UsageError(
            f"--{makes[0].replace('_', '-')} makes something, --check and --diff only look"
        )
    if options["force"] and not options["update"]:
        raise UsageError("--force goes with --update")
    if options["json"] and not only_looks:
        raise UsageError("--json goes with --check or --diff")


def _kilobytes(size: int) -> str:
    return f"{size / 1000:.0f} kB"


def _megabytes(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB"
