"""What a collection makes besides copies."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass

from openviper.staticfiles.copying import is_compressible
from openviper.staticfiles.hashed_names import MAX_NAME


@dataclass(frozen=True, slots=True)
class Extras:
    """What a collection makes besides copies.

    Attributes:
        hashed: Copies whose name holds a hash of their content, referring to each other.
        compress: A ``.gz`` file beside each file that becomes smaller.
        static_url: What the files are served below, for references that begin with it.
    """

    hashed: bool = False
    compress: bool = False
    static_url: str = "/static/"

    def wants_gzip(self, name: str, size: int, names: Collection[str]) -> bool:
        """Return whether a companion is made for a file, unless it turns out not to save anything.

        Args:
            name: The file's name.
            size: Its size, in bytes.
            names: All names that are collected; a companion that comes from a source is taken as it is.
        """
        companion = f"{name}.gz"
        is_too_long = len(os.fsencode(companion.rpartition("/")[2])) > MAX_NAME
        if not self.compress or companion in names or is_too_long:
            return False
        return is_compressible(name, size)
