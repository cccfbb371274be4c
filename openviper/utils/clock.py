"""The time as a function that may be taken as a default.

Where `time.time` itself is taken, as the default of an argument or of a field of a dataclass, a test that moves the clock does not
move what was taken.
"""

from __future__ import annotations

import time


def now() -> float:
    """Return the time, in seconds since 1970."""
    return time.time()
