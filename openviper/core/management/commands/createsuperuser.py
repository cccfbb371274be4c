"""The command `createsuperuser`."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from openviper.core.management.accounts import (
    PROCESS_LIST_WARNING,
    load_user_model,
    model_field_names,
    obtain_password,
    put_password,
)
from openviper.core.management.base import BaseCommand, CommandError
from openviper.core.management.running import run_async_command

VARIABLES = {
    "username": "OPENVIPER_SUPERUSER_USERNAME",
    "email": "OPENVIPER_SUPERUSER_EMAIL",
    "password": "OPENVIPER_SUPERUSER_PASSWORD",
}
"""Where values come from that are not given with `--no-input`."""
FLAGS = ("is_superuser", "is_staff", "is_active")


class Command(BaseCommand):
    """Create a user who may do everything.

    The questions are asked outside the event loop, so that Ctrl-C reaches them.
    """

    help = "Create a user who may do everything."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument("--username", metavar="U", help="name to log in with")
        parser.add_argument("--email", metavar="E", help="e-mail address")
        parser.add_argument(
            "--password", metavar="P", help="password; better let the command ask for it"
        )
        parser.add_argument(
            "--no-input",
            action="store_true",
            help=f"ask nothing; what is not given is read from {', '.join(VARIABLES.values())}",
        )

    def handle(self, **options: Any) -> None:
        """Collect and check the values, then store the user.

        Raises:
            CommandError: If a value is missing, malformed or taken, or a question is not answered.
        """
        given: dict[str, str | None] = {name: options.get(name) for name in VARIABLES}
        if given["password"] is not None:
            self.terminal.warning(PROCESS_LIST_WARNING)
        model = load_user_model()
        fields = model_field_names(model)
        names: tuple[str, ...] = ("username", "name")
        wanted = [name for name in names if name in fields][:1]
        wanted += ["email"] if "email" in fields else []
        if not wanted:
            raise CommandError(
                f"user model {model.__name__} has none of the fields username, name and email"
            )
        if options.get("no_input"):
            given = self._without_questions(given, wanted)
        values = {name: self._obtain(name, given) for name in wanted}
        run_async_command(self._refuse_duplicates(model, values))
        password = obtain_password(self, given["password"])
        for flag in FLAGS:
            if flag in fields:
                values[flag] = True
            elif flag != "is_active":
                self.terminal.warning(
                    f"user model {model.__name__} has no field {flag}, so the user does not get it"
                )
        run_async_command(self._create(model, values, password))
        self.stdout(self.style_success(f"Superuser {values[wanted[0]]!r} created successfully."))

    @staticmethod
    def _without_questions(
        given: dict[str, str | None], wanted: list[str]
    ) -> dict[str, str | None]:
        found = {
            name: os.environ.get(VARIABLES[name]) if value is None else value
            for name, value in given.items()
        }
        needed = [_option(name) for name in wanted] + ["password"]
        missing = [name for name in needed if not found[name]]
        if missing:
            options = ", ".join(f"--{name}" for name in missing)
            variables = ", ".join(VARIABLES[name] for name in missing)
            raise CommandError(
                f"--no-input needs {options} (or the environment variables {variables})"
            )
        return found

    def _obtain(self, name: str, given: dict[str, str | None]) -> Any:
        from openviper.auth.validators import email_problem, normalize_email, username_problem

        check: Callable[[str], str | None] = username_problem
        if name == "email":
            check = email_problem
        elif name == "name":
            check = _blank_problem
        preset = given[_option(name)]
        while True:
            value = self.terminal.prompt(f"{name.capitalize()}: ") if preset is None else preset
            value = normalize_email(value) if name == "email" else value.strip()
            problem = check(value)
            if problem is None:
                return value
            if preset is not None:
                raise CommandError(problem)
            self.terminal.error(problem)

    @staticmethod
    async def _refuse_duplicates(model: type[Any], values: dict[str, Any]) -> None:
        from openviper.core.context import ignore_permissions

        with ignore_permissions():
            for name, value in values.items():
                lookup = "email__iexact" if name == "email" else name
                if await model.objects.filter(**{lookup: value}).exists():
                    raise CommandError(f"a user with {name} {value!r} already exists")

    @staticmethod
    async def _create(model: type[Any], values: dict[str, Any], password: str) -> None:
        from openviper.core.context import ignore_permissions
        from openviper.exceptions import IntegrityError

        user = model(**values)
        await put_password(user, password)
        with ignore_permissions():
            try:
                await user.save()
            except IntegrityError as error:
                # Somebody was faster between our question and our answer.
                names = " or ".join(name for name in values if name not in FLAGS)
                raise CommandError(f"a user with this {names} already exists") from error


def _option(name: str) -> str:
    """Return the option that a field's value comes from."""
    return "username" if name == "name" else name


def _blank_problem(value: str) -> str | None:
    return None if value else "the name must not be blank"
