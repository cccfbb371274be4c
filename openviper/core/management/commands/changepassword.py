"""The command `changepassword`."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from openviper import auth
from openviper.core.context import ignore_permissions
from openviper.core.management.accounts import (
    PROCESS_LIST_WARNING,
    load_user_model,
    model_field_names,
    obtain_password,
    put_password,
)
from openviper.core.management.base import BaseCommand, CommandError
from openviper.core.management.running import run_async_command

LOOKUP_FIELDS = ("username", "email", "name")


class Command(BaseCommand):
    """Change a user's password.

    The questions are asked outside the event loop, so that Ctrl-C reaches them.
    """

    help = "Change a user's password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument("username", nargs="?", help="whose password; asked for when not given")
        parser.add_argument(
            "--password", metavar="P", help="new password; better let the command ask for it"
        )

    def handle(self, **options: Any) -> None:
        """Find the user, obtain the password and store its hash.

        Raises:
            CommandError: If there is no such user, the password is too weak, or a question is not answered.
        """
        given: str | None = options.get("password")
        if given is not None:
            self.terminal.warning(PROCESS_LIST_WARNING)
        model = load_user_model()
        fields = model_field_names(model)
        field = next((name for name in LOOKUP_FIELDS if name in fields), None)
        if field is None:
            raise CommandError(
                f"user model {model.__name__} has none of the fields {', '.join(LOOKUP_FIELDS)}"
            )
        username: str | None = options.get("username")
        if username is None:
            username = self.terminal.prompt(f"{field.capitalize()}: ")
        username = username.strip()
        if not username:
            raise CommandError(f"the {field} must not be blank")
        user = run_async_command(self._find(model, field, username))
        run_async_command(self._store(user, obtain_password(self, given, user)))
        self.stdout(self.style_success(f"Password changed successfully for user {username!r}."))

    @staticmethod
    async def _find(model: type[Any], field: str, username: str) -> Any:
        with ignore_permissions():
            user = await model.objects.filter(auth.identified_by(model, field, username)).first()
        if user is None:
            raise CommandError(f"user {username!r} not found")
        return user

    @staticmethod
    async def _store(user: Any, password: str) -> None:
        await put_password(user, password)
        with ignore_permissions():
            # The password, and what a model of the project's own changes along with it.
            await user.save(update_fields=list(user.get_changed_fields()))
        await auth.password_changed(user)
