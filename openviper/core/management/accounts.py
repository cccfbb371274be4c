"""What the commands for user accounts share."""

from __future__ import annotations

import inspect
from typing import Any

from openviper.core.management.base import BaseCommand, CommandError
from openviper.core.management.utils import password_problem, prompt_password

PROCESS_LIST_WARNING = "a password given with --password can be seen in the list of processes and in the shell's history"


def load_user_model() -> type[Any]:
    """Return the active user model.

    Raises:
        CommandError: If it has no manager.
        ImproperlyConfigured: If `USER_MODEL` cannot be used.
    """
    from openviper.auth.users import get_user_model

    model = get_user_model()
    if getattr(model, "objects", None) is None:
        raise CommandError(
            f"user model {model.__module__}.{model.__name__} has no manager `objects`; "
            "derive it from openviper.auth.models.AbstractUser, or set USER_MODEL to a model that is not abstract"
        )
    return model


def obtain_password(command: BaseCommand, given: str | None) -> str:
    """Return the password that was given, or ask for one twice.

    Raises:
        CommandError: If the one that was given is too weak, or nobody answers.
    """
    if given is None:
        return prompt_password(command)
    problem = password_problem(given)
    if problem is not None:
        raise CommandError(problem)
    return given


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
        from openviper.auth.hashers import make_password

        user.password = await make_password(password)
