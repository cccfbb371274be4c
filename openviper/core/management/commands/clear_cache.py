"""`clear-cache`: remove the entries of caches."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from openviper.cache import BaseCache, get_cache
from openviper.conf import settings
from openviper.core.management.base import BaseCommand, CommandError, UsageError
from openviper.core.management.running import run_async_command


class Command(BaseCommand):
    """Remove all entries of caches, those with a tag, or those that have come to their end.

    A cache in memory is that of each process, and ends with it; no command reaches it.
    """

    help = "Remove the entries of caches: all, those with a tag, or the expired ones."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument(
            "aliases", nargs="*", metavar="ALIAS", help="caches of CACHES (default: default)"
        )
        parser.add_argument("--all", action="store_true", help="every cache that processes share")
        parser.add_argument(
            "--tag",
            action="append",
            default=[],
            metavar="TAG",
            help="only entries with this tag; may be repeated",
        )
        parser.add_argument(
            "--expired", action="store_true", help="only what has come to its end and takes room"
        )

    def handle(self, **options: Any) -> None:
        """Remove them and say so.

        Raises:
            CommandError: If there is no such cache, it does not answer, or no command can reach it.
        """
        if options["tag"] and options["expired"]:
            raise UsageError("--tag and --expired exclude each other")
        if options["all"] and options["aliases"]:
            raise UsageError("--all takes no alias")
        caches = _shared() if options["all"] else _named(options["aliases"] or ["default"])
        for cache in caches:
            self.stdout(run_async_command(_clear(cache, options["tag"], options["expired"])))
        if not caches:
            self.stdout("No cache of CACHES is shared by processes.")


def _named(aliases: Sequence[str]) -> list[BaseCache]:
    try:
        caches = [get_cache(alias) for alias in aliases]
    except ValueError as error:
        raise CommandError(str(error)) from None
    for cache in caches:
        if not cache.is_shared:
            raise CommandError(
                f"cache {cache.alias!r} is a {type(cache).__name__}, which other processes have of their own; "
                "restart them to clear it"
            )
    return caches


def _shared() -> list[BaseCache]:
    return [cache for cache in map(get_cache, settings.CACHES) if cache.is_shared]


async def _clear(cache: BaseCache, tags: Sequence[str], only_expired: bool) -> str:
    if only_expired:
        return f"Removed {await cache.prune()} expired entries of cache {cache.alias!r}."
    if tags:
        await cache.invalidate_tags(*tags)
        return f"Invalidated {', '.join(map(repr, tags))} in cache {cache.alias!r}."
    await cache.clear()
    return f"Cleared cache {cache.alias!r}."
