"""The command `createsuperuser`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from openviper.core.management.accounts import PROCESS_LIST_WARNING, load_user_model
from openviper.core.management.base import BaseCommand
from openviper.core.management.new_account import NewAccount, add_account_arguments
from openviper.core.management.running import run_async_command

VARIABLES = {
    "username": "OPENVIPER_SUPERUSER_USERNAME",
    "email": "OPENVIPER_SUPERUSER_EMAIL",
    "password": "OPENVIPER_SUPERUSER_PASSWORD",
}
"""Where values come from that are not given with `--no-input`."""
FLAGS = ("is_superuser", "is_staff", "is_active")


class Command(BaseCommand):
    """Create a user who may do everything."""

    help = "Create a user who may do everything."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        add_account_arguments(parser, VARIABLES)

    def handle(self, **options: Any) -> None:
        """Collect and check the values, then store the user.

        Raises:
            CommandError: If a value is missing, malformed or taken, or a question is not answered.
        """
        if options.get("password") is not None:
            self.terminal.warning(PROCESS_LIST_WARNING)
        model = load_user_model()
        account = NewAccount(self, model, VARIABLES)
        values = account.collect(options)
        password = account.password()
        for flag in FLAGS:
            if flag in account.fields:
                values[flag] = True
            elif flag != "is_active":
                self.terminal.warning(
                    f"user model {model.__name__} has no field {flag}, so the user does not get it"
                )
        run_async_command(account.store(values, password))
        name = values[account.wanted[0]]
        self.stdout(self.style_success(f"Superuser {name!r} created successfully."))
