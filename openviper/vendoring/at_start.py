"""Looking at the vendored tree that OpenViper runs from when a process starts, as `VENDOR_CHECK` says."""

from __future__ import annotations

import logging
import os
from functools import lru_cache

from openviper.conf import settings
from openviper.utils.resources import PACKAGE_PLACE
from openviper.vendoring.checking import check_tree, expect_manifest
from openviper.vendoring.exceptions import VendorError
from openviper.vendoring.places import open_place

logger = logging.getLogger("openviper.vendoring")


def running_place() -> str:
    """Return the folder or archive that the running OpenViper lies in."""
    return os.path.dirname(PACKAGE_PLACE)


def check_at_start() -> None:
    """Check the running tree as the settings say: not at all, with a warning in the log, or refusing to go on.

    Each process looks once. Compiled files are passed over: to compile everything again takes seconds, and the answer
    comes from the code that is being asked about anyway. `openviper verify`, run from another copy, looks at them too.

    Raises:
        VendorError: If `VENDOR_CHECK` is ``refuse`` and the tree differs from its manifest, or OpenViper does not run
            from one.
    """
    problem = problem_at_start()
    if problem is None:
        return
    if settings.VENDOR_CHECK == "refuse":
        raise VendorError(f"VENDOR_CHECK is 'refuse', and {problem}")
    logger.warning("%s", problem)


def problem_at_start() -> str | None:
    """Return what is wrong with the running tree; `None` if it is as it was made, or nobody asks."""
    if settings.VENDOR_CHECK == "off":
        return None
    return _problem(running_place(), settings.VENDOR_MANIFEST_SHA256)


@lru_cache(maxsize=4)
def _problem(path: str, expected: str) -> str | None:
    """Return what is wrong with a tree, or `None`."""
    try:
        verdict = check_tree(open_place(path), with_caches=False)
        verdict.require_intact()
        expect_manifest(verdict, expected)
    except VendorError as error:
        return str(error)
    return None
