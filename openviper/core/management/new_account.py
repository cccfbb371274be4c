"""Making a user account from options, variables and answers."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from typing import Any

from openviper import auth
from openviper.auth.usernames import normalize_username, username_problem
from openviper.auth.validators import email_problem, normalize_email
from openviper.core.context import ignore_permissions
from openviper.core.management.accounts import model_field_names, obtain_password, put_password
from openviper.core.management.base import BaseCommand, CommandError
from openviper.core.management.running import run_async_command
from openviper.exceptions import IntegrityError

VALUES = ("username", "email", "password")


def add_account_arguments(parser: ArgumentParser, variables: Mapping[str, str]) -> None:
    """Add the options for the values of an account.

    Args:
        parser: The command's.
        variables: The environment variable of each of `VALUES`.
    """
    parser.add_argument("--username", metavar="U", help="name to log in with")
    parser.add_argument("--email", metavar="E", help="e-mail address")
    parser.add_argument(
        "--password", metavar="P", help="password; better let the command ask for it"
    )
    parser.add_argument(
        "--no-input",
        action="store_true",
        help=f"ask nothing; what is not given is read from {', '.join(variables.values())}",
    )


class NewAccount:
    """An account in the making. Questions are asked outside the event loop, so that Ctrl-C reaches them.

    Args:
        command: Asks and complains.
        model: The user model.
        variables: The environment variable of each of `VALUES`, for ``--no-input``.

    Raises:
        CommandError: If the model has no field to know a user by.
    """

    def __init__(
        self, command: BaseCommand, model: type[Any], variables: Mapping[str, str]
    ) -> None:
        self.fields = model_field_names(model)
        self._command = command
        self._model = model
        self._variables = variables
        names = [name for name in ("username", "name") if name in self.fields][:1]
        self.wanted = [*names, *(["email"] if "email" in self.fields else [])]
        if not self.wanted:
            raise CommandError(
                f"user model {model.__name__} has none of the fields username, name and email"
            )

    def collect(self, options: Mapping[str, Any], *, needs_password: bool = True) -> dict[str, Any]:
        """Return the values of the fields that name the user, checked and free.

        Raises:
            CommandError: If a value is missing, malformed or taken, or a question is not answered.
        """
        given: dict[str, str | None] = {name: options.get(name) for name in VALUES}
        if options.get("no_input"):
            given = self._without_questions(given, needs_password)
        values = {name: self._obtain(name, given[_option(name)]) for name in self.wanted}
        run_async_command(self._refuse_duplicates(values))
        self._password = given["password"]
        self._values = values
        return values

    def password(self) -> str:
        """Return the password that was given, or ask for one.

        Raises:
            CommandError: If it is too weak, or nobody answers.
        """
        return obtain_password(self._command, self._password, self._values)

    def _without_questions(
        self, given: Mapping[str, str | None], needs_password: bool
    ) -> dict[str, str | None]:
        found = {
            name: os.environ.get(self._variables[name]) if value is None else value
            for name, value in given.items()
        }
        needed = [_option(name) for name in self.wanted] + ["password"] * needs_password
        missing = [name for name in needed if not found[name]]
        if missing:
            raise self._lack_of(missing)
        return found

    def _lack_of(self, missing: Sequence[str]) -> CommandError:
        options = ", ".join(f"--{name}" for name in missing)
        variables = ", ".join(self._variables[name] for name in missing)
        return CommandError(
            f"--no-input needs {options} (or the environment variables {variables})"
        )

    def _obtain(self, name: str, preset: str | None) -> str:
        """Return the value of a field, as it was given or answered, once it is right."""
        while True:
            asked = (
                self._command.terminal.prompt(f"{name.capitalize()}: ")
                if preset is None
                else preset
            )
            value = _normal(name, asked)
            problem = _problem(name, value)
            if problem is None:
                return value
            if preset is not None:
                raise CommandError(problem)
            self._command.terminal.error(problem)

    async def _refuse_duplicates(self, values: Mapping[str, Any]) -> None:
        with ignore_permissions():
            for name, value in values.items():
                if await self._model.objects.filter(
                    auth.identified_by(self._model, name, value)
                ).exists():
                    raise CommandError(f"a user with {name} {value!r} already exists")

    async def store(self, values: Mapping[str, Any], password: str | None) -> Any:
        """Store the user and return it.

        Args:
            values: The fields.
            password: The raw password; `None` for one that no password matches.

        Raises:
            CommandError: If somebody was faster between our question and our answer.
        """
        user = self._model(**values)
        if password is None:
            user.set_unusable_password()
        else:
            await put_password(user, password)
        with ignore_permissions():
            try:
                await user.save()
            except IntegrityError as error:
                names = " or ".join(self.wanted)
                raise CommandError(f"a user with this {names} already exists") from error
        return user


def _option(name: str) -> str:
    """Return the option that a field's value comes from."""
    return "username" if name == "name" else name


def _normal(name: str, value: str) -> str:
    """Return the value of a field as it is stored."""
    if name == "email":
        return normalize_email(value)
    return normalize_username(value) if name == "username" else value.strip()


def _problem(name: str, value: str) -> str | None:
    if name == "email":
        return email_problem(value)
    if name == "username":
        return username_problem(value)
    return None if value else "the name must not be blank"
