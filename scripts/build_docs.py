#!/usr/bin/env python3
"""Build the manual as a web site that needs no server and no network.

    python3 scripts/build_docs.py --output DIR     write DIR/VERSION, and the list of versions beside it
    python3 scripts/build_docs.py --check          only look for links, anchors and pictures that lead nowhere

A site of another version that lies in DIR already stays and can be chosen on every page.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from openviper.documentation.pages import ManualError  # noqa: E402
from openviper.documentation.site import Site  # noqa: E402
from openviper.version import VERSION  # noqa: E402


def main(argv: list[str] | None = None) -> int:
    """Build or check the site; return the exit code."""
    parser = argparse.ArgumentParser(description="Build the manual as a web site.")
    parser.add_argument("--output", metavar="DIR", type=Path, help="where to write the site")
    parser.add_argument("--check", action="store_true", help="only check the sources")
    parser.add_argument(
        "--version", default=VERSION, help="the version it is said to be (default: %(default)s)"
    )
    options = parser.parse_args(argv)
    if options.output is None and not options.check:
        parser.error("give --output DIR or --check")
    try:
        site = Site(version=options.version)
        faults = site.faults()
        if not faults and not options.check:
            written = site.build(options.output)
            print(f"{len(written)} files in {options.output / options.version}")
    except (ManualError, OSError) as error:
        faults = [str(error)]
    for fault in faults:
        print(f"Error: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
