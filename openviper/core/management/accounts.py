"""What the commands for user accounts share."""

from __future__ import annotations

import inspect
from typing import Any

from openviper import auth
from openviper.core.management.base import BaseCommand, CommandError
from openviper.core.management.running import run_async_command

PROCESS_LIST_WARNING = "a password given with --password can be seen in the list of processes and in the shell's history"


def load_user_model() -> type[Any]:
    """Return the active user model.

    Raises:
        CommandError: If it has no manager.
        ImproperlyConfigured: If `USER_MODEL` cannot be used.
    """
    model = auth.get_user_model()
    if getattr(model, "objects", None) is None:
        raise CommandError(
            f"user model {model.__module__}.{model.__name__} has no manager `objects`; "
            "derive it from openviper.auth.models.AbstractUser, or set USER_MODEL to a model that is not abstract"
        )
    return model


def model_field_names(model: type[Any]) -> set[str]:
    """Return the names of the fields that a model declares; those of `AbstractUser` where it does not say."""
    fields = getattr(model, "_fields", None)
    if fields is None:
        return {"username", "email", "is_superuser", "is_staff", "is_active"}
    return set(fields)


def obtain_password(command: BaseCommand, given: str | None, user: object) -> str:
    """Return the password that was given, or ask for one twice.

    Args:
        command: Asks and complains.
        given: The password, if it was given.
        user: Whose it is to be, or the values of a user in the making by field.

    Raises:
        CommandError: If the one that was given is too weak, or nobody answers.
    """
    if given is None:
        return prompt_password(command, user)
    problem = password_problem(given, user)
    if problem is not None:
        raise CommandError(problem)
    return given


def prompt_password(
    command: BaseCommand,
    user: object,
    prompt: str = "Password: ",
    confirm_prompt: str = "Password (again): ",
) -> str:
    """Ask for a new password twice, until both agree and nothing is wrong with it.

    Raises:
        CommandError: If the person gives up or input ends.
    """
    while True:
        password = command.terminal.password(prompt)
        problem = password_problem(password, user)
        if problem is None and password != command.terminal.password(confirm_prompt):
            problem = "the passwords do not match"
        if problem is None:
            return password
        command.terminal.error(problem)


def password_problem(password: str, user: object) -> str | None:
    """Return what is wrong with a new password, or `None`."""
    problems = run_async_command(auth.password_problems(password, user))
    return "; ".join(problem.message for problem in problems) or None


async def put_password(user: Any, password: str) -> None:
    """Put the hash of a password into a user of any model, without saving.

    Raises:
        ValueError: If the password is too long.
    """
    if hasattr(user, "set_password"):
        result = user.set_password(password)
        if inspect.isawaitable(result):
            await result
    else:
        user.password = await auth.make_password(password)
