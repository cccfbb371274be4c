"""`send-test-email`: does the mail configuration work?"""

from __future__ import annotations

import socket
from argparse import ArgumentParser
from typing import Any

from openviper.conf import settings
from openviper.core.management.base import BaseCommand, CommandError
from openviper.core.management.errors import describe


class Command(BaseCommand):
    """Send one message at once, past any worker, and say what the server said."""

    help = "Send a test message, to see whether mail works."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument("recipients", nargs="+", metavar="ADDRESS", help="who gets it")
        parser.add_argument("--subject", help="another subject")
        parser.add_argument("--sender", metavar="ADDRESS", help="another sender")

    async def handle(self, **options: Any) -> None:
        """Send it.

        Raises:
            CommandError: If an address is malformed, or the message was not taken.
        """
        # Late: `--help` needs nothing of mail.
        from openviper.core.email import get_backend, send_email

        recipients: list[str] = options["recipients"]
        name = settings.PROJECT_NAME
        try:
            await send_email(
                recipients,
                options["subject"] or f"Test message of {name}",
                text=f"This message was sent by {name} on {socket.gethostname()} to see whether mail works.",
                sender=options["sender"],
                fail_silently=False,
                background=False,
            )
        except Exception as error:  # Backends are the project's too, and raise what they like.
            problem = describe(error)
            raise CommandError(
                f"the message was not sent: {type(error).__name__}: {problem}"
            ) from error
        self._report(type(get_backend()).__name__, ", ".join(recipients))

    def _report(self, backend: str, recipients: str) -> None:
        if backend in _SENDS_NOTHING:
            self.stdout(
                self.style_warning(
                    f"{backend} has the message to {recipients}, and sends nothing: EMAIL['backend'] is not 'smtp'."
                )
            )
        else:
            self.stdout(self.style_success(f"Message sent to {recipients}."))


_SENDS_NOTHING = ("ConsoleBackend", "FileBackend", "MemoryBackend")
