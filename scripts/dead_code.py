#!/usr/bin/env python3
"""Report names of OpenViper that nothing uses, its tests and documentation included.

    python3 scripts/dead_code.py [PYTHON]    PYTHON is an interpreter that has vulture

`scripts/vulture_allowlist.py` holds the names that others use. vulture reads the tests too, for what they use; names
that are unused there are not its business: pytest finds tests and fixtures by itself.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READ = ("openviper", "tests", "scripts")
REPORTED = "openviper/"


def main() -> int:
    """Print the unused names and return the exit code."""
    python = sys.argv[1] if len(sys.argv) > 1 else sys.executable
    result = subprocess.run(
        [python, "-m", "vulture", *READ], cwd=ROOT, capture_output=True, text=True
    )
    sys.stderr.write(result.stderr)
    unused = [line for line in result.stdout.splitlines() if line.startswith(REPORTED)]
    print("\n".join(unused) or "No dead code.")
    return 1 if unused or result.stderr else 0


if __name__ == "__main__":
    sys.exit(main())
