"""What may go wrong with a vendored tree.

VendorError
├── TreeChangedError
└── DamagedFileError
"""

from __future__ import annotations

from collections.abc import Sequence

from openviper.exceptions import OpenViperException

SHOWN = 5
"""How many of the findings a message names."""


class VendorError(OpenViperException):
    """A vendored tree cannot be made, read or replaced; what was there is as it was."""


class DamagedFileError(VendorError):
    """A file in an archive cannot be unpacked."""


class TreeChangedError(VendorError):
    """A vendored tree is not what its manifest says.

    Attributes:
        place: The folder or archive.
        findings: What differs, one sentence each.
    """

    def __init__(self, place: str, findings: Sequence[str]) -> None:
        self.place = place
        self.findings = list(findings)
        more = len(self.findings) - SHOWN
        rest = f", and {more} more" if more > 0 else ""
        super().__init__(
            f"{place!r} is not as it was made: {', '.join(self.findings[:SHOWN])}{rest}"
        )
