"""``start-server``: serve the project with uvicorn."""

from __future__ import annotations

import threading
from argparse import ArgumentParser
from typing import Any

from openviper.core.management.base import BaseCommand
from openviper.core.management.errors import describe
from openviper.core.management.server_arguments import ServerOptions, add_server_arguments

CHECK_SECONDS = 0.5
"""Longest wait for the look at pending schema changes before the server starts."""
PATIENCE = 15.0
"""How long it may take until it is said that the database does not answer, in seconds."""


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
        """Say that the database is behind; a look that takes longer than the server waits speaks when it is done."""
        look = _Look()
        if look.wait(CHECK_SECONDS):
            self._say(look.finding)
        else:
            threading.Thread(target=self._say_later, args=(look,), daemon=True).start()

    def _say_later(self, look: _Look) -> None:
        if not look.wait(PATIENCE):
            self._say(
                f"the database could not be looked at within {PATIENCE:g} s; whether it is behind the schema files is told by: "
                "python viperctl.py schema-status"
            )
            look.wait(None)
        self._say(look.finding)

    def _say(self, finding: str) -> None:
        if finding:
            self.terminal.warning(finding)


class _Look:
    """A look at the database in a thread, which has an event loop and connections of its own.

    Attributes:
        finding: What there is to say; empty as long as there is nothing.
    """

    def __init__(self) -> None:
        self.finding = ""
        self._done = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def wait(self, seconds: float | None) -> bool:
        """Wait for the end of it, for ever where no time is given, and return whether it came in time."""
        return self._done.wait(seconds)

    def _run(self) -> None:
        try:
            self.finding = _pending_changes()
        except Exception as error:  # Drivers have trees of errors of their own, and the server starts all the same.
            self.finding = (
                f"whether the database is behind the schema files cannot be told: {describe(error)}"
            )
        finally:
            self._done.set()


def _pending_changes() -> str:
    """Return that the database is behind the schema files, or an empty text."""
    # Late: the database is loaded in the thread, while the server starts.
    from openviper.core.management.pending_tables import find_pending_tables

    tables = find_pending_tables()
    if not tables:
        return ""
    return f"the database is behind the schema files ({', '.join(tables)}); run: python viperctl.py migrate"
