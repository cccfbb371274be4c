"""What `vendor` and `verify` can be told on the command line."""

from __future__ import annotations

from argparse import BooleanOptionalAction

# Not from `typing`: see `openviper.utils.terminal`.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser

FOLDER = "vendor"
"""Where a tree is put, and looked for, when nothing is said."""


def add_vendor_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `vendor`."""
    parser.add_argument(
        "directory",
        nargs="?",
        metavar="DIR",
        help=f"folder to put OpenViper and its packages into (default: {FOLDER})",
    )
    parser.add_argument(
        "--extras",
        default="",
        metavar="NAMES",
        help="drivers to add, separated by commas: postgres, mariadb, redis",
    )
    parser.add_argument(
        "--pyz", metavar="FILE", help="write one executable file; without DIR no folder is written"
    )
    parser.add_argument(
        "--without-manual", action="store_true", help="leave the pages of the manual out"
    )
    parser.add_argument(
        "--compact",
        action=BooleanOptionalAction,
        help="leave out comments and the docstrings that no program reads, and pack the manual: a third smaller; lines keep "
        "their numbers (default: --no-compact; with --update the form of what is there)",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--check", action="store_true", help="compare every file of DIR with its manifest"
    )
    what.add_argument(
        "--update", action="store_true", help="replace what is there and show what is new"
    )
    what.add_argument(
        "--diff",
        metavar="OTHER",
        help="show what is new in OTHER, a folder or archive, beside DIR; exit code 1 if anything is",
    )
    parser.add_argument(
        "--force", action="store_true", help="with --update: even if files were changed by hand"
    )
    parser.add_argument(
        "--json", action="store_true", help="with --check or --diff: print the outcome as JSON"
    )


def add_verify_arguments(parser: ArgumentParser) -> None:
    """Declare the options of `verify`."""
    parser.add_argument(
        "place",
        nargs="?",
        metavar="PLACE",
        help=f"folder or archive to look at (default: the one this OpenViper runs from, else {FOLDER})",
    )
    parser.add_argument(
        "--manifest-sha256",
        default="",
        metavar="SUM",
        help="what the SHA-256 of VENDOR.json has to be, as noted when the tree was made",
    )
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
