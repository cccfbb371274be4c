"""The command `create-user`."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from openviper.core.context import ignore_permissions
from openviper.core.management.accounts import PROCESS_LIST_WARNING, load_user_model
from openviper.core.management.base import BaseCommand, CommandError, UsageError
from openviper.core.management.new_account import NewAccount, add_account_arguments
from openviper.core.management.roles import grant_roles, load_roles
from openviper.core.management.running import run_async_command

VARIABLES = {
    "username": "OPENVIPER_USER_USERNAME",
    "email": "OPENVIPER_USER_EMAIL",
    "password": "OPENVIPER_USER_PASSWORD",
}
"""Where values come from that are not given with `--no-input`."""


class Command(BaseCommand):
    """Create a user without rights of its own; roles give them."""

    help = "Create a user, with roles if wanted."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        add_account_arguments(parser, VARIABLES)
        parser.add_argument(
            "--role",
            action="append",
            default=[],
            dest="roles",
            metavar="NAME",
            help="give the user this role; repeatable",
        )
        parser.add_argument(
            "--staff", action="store_true", help="let the user into the pages for staff"
        )
        parser.add_argument(
            "--no-password",
            action="store_true",
            help="no password matches until one is set with changepassword",
        )

    def handle(self, **options: Any) -> None:
        """Collect and check the values, then store the user with the roles, or nothing.

        Raises:
            CommandError: If a value is missing, malformed or taken, a role is unknown, or a question is not answered.
        """
        self._look_at_password(options["password"], needless=options["no_password"])
        model = load_user_model()
        account = NewAccount(self, model, VARIABLES)
        staff = {"is_staff": True} if options["staff"] else {}
        if not account.fields.issuperset(staff):
            raise CommandError(f"user model {model.__name__} has no field is_staff")
        values = account.collect(options, needs_password=not options["no_password"])
        password = None if options["no_password"] else account.password()
        values |= staff
        run_async_command(self._store(account, values, password, options["roles"]))
        name = values[account.wanted[0]]
        self.stdout(self.style_success(f"User {name!r} created successfully."))

    def _look_at_password(self, password: str | None, *, needless: bool) -> None:
        if password is None:
            return
        if needless:
            raise UsageError("--password and --no-password exclude each other")
        self.terminal.warning(PROCESS_LIST_WARNING)

    @staticmethod
    async def _store(
        account: NewAccount, values: dict[str, Any], password: str | None, roles: Sequence[str]
    ) -> None:
        # Late: `--help` needs no database.
        from openviper.db.connection import atomic

        with ignore_permissions():
            async with atomic():
                found = await load_roles(roles) if roles else []
                user = await account.store(values, password)
                await grant_roles(user, found)
