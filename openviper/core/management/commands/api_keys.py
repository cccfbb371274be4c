"""`api-keys`: which API keys there are, making one and ending one."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from openviper.core.context import ignore_permissions
from openviper.core.management.aligned_rows import aligned
from openviper.core.management.api_keys import (
    ListedKey,
    cells,
    create_key,
    end_of_key,
    listed_keys,
    revoke_key,
)
from openviper.core.management.base import BaseCommand, UsageError
from openviper.core.management.running import run_async_command

WANTED = {"create": "the name of a user", "revoke": "the prefix of a key"}
OPTIONS = {"user": "list", "json": "list", "name": "create", "scope": "create", "expires": "create"}
"""The action that each option goes with."""


class Command(BaseCommand):
    """Look at API keys, make one for a user, or end one."""

    help = "List API keys; create one for a user; revoke one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument(
            "action",
            nargs="?",
            default="list",
            choices=("list", "create", "revoke"),
            help="what to do (default: %(default)s)",
        )
        parser.add_argument(
            "subject",
            nargs="?",
            metavar="USER_OR_PREFIX",
            help="create: whose key; revoke: the part of a key before the dot",
        )
        parser.add_argument("--user", metavar="USER", help="list: keys of this user only")
        parser.add_argument("--json", action="store_true", help="list: print it as JSON")
        parser.add_argument("--name", metavar="TEXT", help="create: what the key is for")
        parser.add_argument(
            "--scope",
            action="append",
            metavar="SCOPE",
            help="create: what the key may be used for; repeatable",
        )
        parser.add_argument(
            "--expires",
            metavar="DATE",
            help="create: when the key ends, such as 2031-01-31 (0:00 UTC) or 2031-01-31T18:00+01:00",
        )

    def handle(self, **options: Any) -> None:
        """Do it; a new key is all that standard output gets, once.

        Raises:
            CommandError: If a user or key is unknown, or a value is none.
        """
        action, subject = options["action"], options["subject"]
        self._check(
            action, subject, [name for name in OPTIONS if options[name] not in (None, False)]
        )
        if action == "list":
            self._list(options["user"], as_json=options["json"])
        elif action == "create":
            self._create(subject, options)
        else:
            run_async_command(self._revoke(subject))
            self.stdout(self.style_success(f"Key {subject} revoked."))

    @staticmethod
    def _check(action: str, subject: str | None, given: Sequence[str]) -> None:
        for name in given:
            if OPTIONS[name] != action:
                raise UsageError(f"--{name} goes with {OPTIONS[name]} only")
        if action == "list" and subject:
            raise UsageError(f"list takes no argument, not {subject!r}; use --user")
        if action != "list" and not subject:
            raise UsageError(f"{action} needs {WANTED[action]}")

    def _list(self, user: str | None, *, as_json: bool) -> None:
        found = run_async_command(self._found(user))
        if as_json:
            import json  # Late: most people read the lines.

            document = [key._asdict() for key in found]
            self.stdout(json.dumps(document, indent=2, ensure_ascii=False))
            return
        for line in aligned(cells(found)):
            self.stdout(line)
        if not found:
            self.stdout("There are no API keys; make one with: api-keys create USER")

    @staticmethod
    async def _found(user: str | None) -> list[ListedKey]:
        with ignore_permissions():
            return await listed_keys(user)

    def _create(self, user: str, options: dict[str, Any]) -> None:
        text = options["expires"]
        expires_at = None if text is None else end_of_key(text)
        made = self._made(user, options["name"] or "", options["scope"] or (), expires_at)
        self.stdout(run_async_command(made))
        self.stderr("This is shown once. Send it as: Authorization: Api-Key <key>")

    @staticmethod
    async def _made(
        user: str, name: str, scopes: Sequence[str], expires_at: datetime | None
    ) -> str:
        with ignore_permissions():
            return await create_key(user, name, scopes, expires_at)

    @staticmethod
    async def _revoke(prefix: str) -> None:
        with ignore_permissions():
            await revoke_key(prefix)
