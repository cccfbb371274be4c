"""`backup-db`: write a verified backup of a database."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction
from datetime import timedelta
from typing import Any

from openviper.core.management.base import BaseCommand

AGE = re.compile(r"(\d{1,6})\s*(h|d|w|m|y)")
HOURS = {"h": 1, "d": 24, "w": 24 * 7, "m": 24 * 30, "y": 24 * 365}


class Command(BaseCommand):
    """Back up a database into a verified archive with a checksum beside it."""

    help = "Back up a database into a verified archive with a checksum beside it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        _add_places(parser)
        _add_sources(parser)
        _add_form(parser)
        _add_retention(parser)
        parser.add_argument(
            "--lock-timeout",
            type=seconds,
            default=10.0,
            metavar="SECONDS",
            help="longest wait for a lock of others (default: %(default)g)",
        )
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")

    async def handle(self, *args: Any, **options: Any) -> None:
        """Make the backup, or list those that are there, and print what and where they are.

        Raises:
            CommandError: If at least one database could not be backed up, or the command was interrupted.
        """
        # Late: it loads the compressor, the archive format and SQLite; `--help` needs none of them.
        from openviper.core.management.backing_up import BackingUp

        await BackingUp(self).run(options)


def at_least_one(text: str) -> int:
    """Read a count for argparse."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def age(text: str) -> timedelta:
    """Read an age for argparse: a number and ``h``, ``d``, ``w``, ``m`` (30 days) or ``y`` (365 days)."""
    match = AGE.fullmatch(text.strip())
    if match is None or int(match[1]) < 1:
        raise ArgumentTypeError(f"{text!r} is not an age such as 36h, 14d, 8w, 6m or 1y")
    return timedelta(hours=int(match[1]) * HOURS[match[2]])


def seconds(text: str) -> float:
    """Read a time in seconds for argparse, more than none and at most a day."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 86400:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds up to 86400")
    return value


def _add_places(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--path",
        default="./backup",
        metavar="DIR",
        help="directory of the results (default: %(default)s)",
    )
    parser.add_argument(
        "--work-path",
        metavar="DIR",
        help="directory for private files while the backup is made (default: that of the results)",
    )
    names = parser.add_mutually_exclusive_group()
    names.add_argument(
        "--name", help="what file names begin with, before the UTC time (default: database name)"
    )
    names.add_argument("--filename", metavar="FILE", help="the exact file name")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace an existing result of this --filename"
    )


def _add_sources(parser: ArgumentParser) -> None:
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--db", metavar="URL", help="database URL (default: that of the settings)")
    source.add_argument(
        "--database",
        default="default",
        metavar="ALIAS",
        help="alias in DATABASES (default: %(default)s)",
    )
    source.add_argument("--all", action="store_true", help="back up every configured database")
    source.add_argument(
        "--list", action="store_true", help="show the backups in the directory and make none"
    )


def _add_form(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--compress",
        action=BooleanOptionalAction,
        default=True,
        help="write a .tar.gz instead of a plain .sql file",
    )
    parser.add_argument(
        "--level",
        type=int,
        choices=range(1, 10),
        default=6,
        metavar="1..9",
        help="compression: 1 is fastest, 9 smallest (default: %(default)s)",
    )
    parser.add_argument(
        "--with-media",
        action="store_true",
        help="put the files of MEDIA_ROOT into the same archive",
    )


def _add_retention(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--keep",
        type=at_least_one,
        metavar="N",
        help="afterwards delete all but the newest N results of this database",
    )
    for period in ("daily", "weekly", "monthly"):
        unit = {"daily": "day", "weekly": "week", "monthly": "month"}[period]
        parser.add_argument(
            f"--keep-{period}",
            type=at_least_one,
            metavar="N",
            help=f"keep the newest result of each of the last N {unit}s that have one",
        )
    parser.add_argument(
        "--keep-within",
        type=age,
        metavar="AGE",
        help="keep what is younger: 36h, 14d, 8w, 6m, 1y",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="show what the --keep options would delete, and make and delete nothing",
    )
