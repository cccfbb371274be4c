"""`roles`: which roles there are, who has them, and giving and taking them."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from openviper.core.context import ignore_permissions
from openviper.core.management.accounts import load_user_model
from openviper.core.management.base import BaseCommand, UsageError
from openviper.core.management.roles import (
    create_role,
    grant_roles,
    holders,
    load_roles,
    load_users,
)
from openviper.core.management.running import run_async_command


class Command(BaseCommand):
    """Look at roles, make one, give it to users or take it from them."""

    help = "List roles; create one; grant it to users or revoke it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument(
            "action",
            nargs="?",
            default="list",
            choices=("list", "create", "grant", "revoke"),
            help="what to do (default: %(default)s)",
        )
        parser.add_argument("role", nargs="?", metavar="ROLE", help="the role")
        parser.add_argument("users", nargs="*", metavar="USER", help="names of users")
        parser.add_argument("--json", action="store_true", help="print the list as JSON")

    def handle(self, **options: Any) -> None:
        """Do it.

        Raises:
            CommandError: If a role or user is unknown, or a new role exists already; nothing was changed.
        """
        action, role, users = options["action"], options["role"], options["users"]
        if options["json"] and action != "list":
            raise UsageError("--json goes with list only")
        if action == "list":
            self._refuse(role, f"list takes no argument, not {role!r}")
            self._list(run_async_command(self._holders()), options["json"])
            return
        self._change_and_say(action, role, users)

    def _change_and_say(self, action: str, role: str | None, users: Sequence[str]) -> None:
        if not role:
            raise UsageError(f"{action} needs the name of a role")
        takes_users = action != "create"
        self._refuse(takes_users and not users, f"{action} needs the names of users")
        self._refuse(not takes_users and users, "create takes one name and no users")
        run_async_command(self._change(action, role, users))
        names = f" {', '.join(map(repr, users))}" if users else ""
        done = {"create": "created.", "grant": "granted to", "revoke": "revoked from"}[action]
        self.stdout(self.style_success(f"Role {role!r} {done}{names}{'.' if users else ''}"))

    @staticmethod
    def _refuse(reason: object, message: str) -> None:
        if reason:
            raise UsageError(message)

    @staticmethod
    async def _holders() -> dict[str, list[str]]:
        with ignore_permissions():
            return await holders(load_user_model())

    def _list(self, found: dict[str, list[str]], as_json: bool) -> None:
        if as_json:
            import json  # Late: most people read the lines.

            self.stdout(json.dumps(found, indent=2, ensure_ascii=False))
            return
        for name, users in found.items():
            self.stdout(f"{name}: {', '.join(users) or '(nobody)'}")
        if not found:
            self.stdout("There are no roles; make one with: roles create NAME")

    @staticmethod
    async def _change(action: str, name: str, names: Sequence[str]) -> None:
        # Late: `--help` needs no database.
        from openviper.db.connection import atomic  # Late: `--help` needs no database.

        with ignore_permissions():
            async with atomic():
                if action == "create":
                    await create_role(name)
                    return
                (role,) = await load_roles([name])
                for user in await load_users(load_user_model(), names):
                    if action == "grant":
                        await grant_roles(user, [role])
                    else:
                        await user.remove_role(role)
