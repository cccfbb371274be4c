"""`verify`: is a vendored tree what its manifest says?"""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any

from openviper.core.management.base import BaseCommand
from openviper.core.management.vendor_arguments import FOLDER, add_verify_arguments
from openviper.core.management.verifying import show_verdict
from openviper.utils.resources import is_file
from openviper.vendoring.at_start import running_place
from openviper.vendoring.checking import check_tree, expect_manifest
from openviper.vendoring.manifest import MANIFEST
from openviper.vendoring.places import open_place


class Command(BaseCommand):
    """Compare every file of a vendored tree, compiled ones included, with its manifest."""

    help = "Check that a vendored tree is as it was made: every file, by its SHA-256."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        add_verify_arguments(parser)

    def handle(self, **options: Any) -> None:
        """Check it and say what differs.

        Raises:
            VendorError: If anything does, or there is no tree.
        """
        verdict = check_tree(open_place(options["place"] or _default_place()))
        show_verdict(self.terminal, verdict, as_json=options["json"])
        expect_manifest(verdict, options["manifest_sha256"])


def _default_place() -> str:
    running = running_place()
    return running if is_file(os.path.join(running, MANIFEST)) else FOLDER
