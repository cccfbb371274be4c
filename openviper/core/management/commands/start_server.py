"""``start-server``: serve the project with uvicorn."""

from __future__ import annotations

import threading
from argparse import ArgumentParser
from typing import Any

from openviper.core.management.base import BaseCommand
from openviper.core.management.server_arguments import ServerOptions, add_server_arguments

CHECK_SECONDS = 0.5
"""Longest wait for the look at pending schema changes before the server starts."""


class Command(BaseCommand):
    """Start uvicorn with the project's application."""

    help = "Start the development server, or several workers."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the application, the address and the kind of run."""
        parser.add_argument(
            "app",
            nargs="?",
            help="module, module:attribute or path (default: the project's asgi.py)",
        )
        add_server_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> int:
        """Find the application, warn of pending schema changes, serve."""
        # Late: `--help` needs no server.
        from openviper.core.management.serving import (
            application_candidates,
            choose_application,
            normalise_target,
            serve,
        )

        server = ServerOptions.from_parsed(options)
        given: str | None = options["app"]
        candidates = [normalise_target(given)] if given else application_candidates()
        target = choose_application(candidates)
        return serve(target, server, self.terminal, before=self._warn_of_pending_changes)

    def _warn_of_pending_changes(self) -> None:
        tables: list[str] = []
        check = threading.Thread(target=_find_pending_tables, args=(tables,), daemon=True)
        check.start()
        check.join(CHECK_SECONDS)
        if not check.is_alive() and tables:
            self.terminal.warning(
                f"the database is behind the schema files ({', '.join(tables)}); run: python viperctl.py migrate"
            )


def _find_pending_tables(tables: list[str]) -> None:
    """Add the tables with pending changes to a list; runs in a thread with an event loop and connections of its own."""
    # Late: the database is loaded in the thread, while the server starts.
    from openviper.core.management.pending_tables import find_pending_tables

    tables += find_pending_tables()
