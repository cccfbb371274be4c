"""Helpers that commands share."""

from __future__ import annotations

import importlib
import os
from collections.abc import Coroutine, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from openviper.core.app_resolver import AppResolver
from openviper.core.management.base import BaseCommand, CommandError, NoModelsModule
from openviper.core.management.errors import describe, did_you_mean
from openviper.core.management.running import run_to_completion
from openviper.utils.identifiers import is_identifier
from openviper.utils.importing import is_missing
from openviper.utils.terminal import Terminal
from openviper.version import VERSION

if TYPE_CHECKING:
    from openviper.db.models import Model

T = TypeVar("T")

MIN_CLI_PASSWORD_LENGTH = 8
APP_NOT_FOUND_SEARCH_PATHS = ("{name}/", "apps/{name}/", "src/{name}/")


def get_banner(cmd: BaseCommand | None, host: str, port: int) -> str:
    """Return, and show through `cmd` if there is one, the product's name and the address it answers at."""
    shown = f"[{host}]" if ":" in host else host
    text = f"OpenViper {VERSION}\nhttp://{shown}:{port}/\nQuit with CTRL-C."
    if cmd is not None:
        cmd.stdout(text)
    return text


def resolve_installed_apps(include_builtin: bool = False) -> tuple[AppResolver, dict[str, str]]:
    """Return a resolver, and the directories of the installed apps by name; one that is missing is a warning."""
    from openviper.conf import settings

    resolver = AppResolver()
    resolved = resolver.resolve_all_apps(settings.INSTALLED_APPS, include_builtin)
    for name in resolved["not_found"]:
        several = resolver.candidates.get(name)
        found = (
            f"; it may be any of {', '.join(several)}, name it by its dotted name"
            if several
            else ""
        )
        Terminal().warning(f"installed app {name!r} not found{found}")
    return resolver, resolved["found"]


def report_app_not_found(label: str) -> CommandError:
    """Return the error for an app label that no installed app has; the caller raises it."""
    from openviper.conf import settings

    resolver = AppResolver()
    path, _ = resolver.resolve_app(label)
    # Anything importable resolves, the standard library too; only what lies in the project can have been forgotten.
    if (
        path is not None
        and resolver.is_valid_app_directory(path)
        and os.path.abspath(path).startswith(os.getcwd())
    ):
        return CommandError(
            f"App {label!r} exists but not in INSTALLED_APPS; it is at {path!r}: add {label!r} to INSTALLED_APPS"
        )
    hint = did_you_mean(label, [app.rpartition(".")[2] for app in settings.INSTALLED_APPS])
    searched = ", ".join(path.format(name=label) for path in APP_NOT_FOUND_SEARCH_PATHS)
    return CommandError(
        f"App {label!r} not found{hint} (searched {searched}; "
        "an app is a folder with __init__.py and models.py, routes.py or another app module)"
    )


def import_models_module(app_name: str) -> ModuleType:
    """Import the `models` module of an app.

    Raises:
        NoModelsModule: If there is none.
        CommandError: If it exists and cannot be imported.
    """
    name = f"{app_name}.models"
    try:
        return importlib.import_module(name)
    except Exception as error:
        if isinstance(error, ImportError) and is_missing(error, name):
            raise NoModelsModule(f"app {app_name!r} has no models module") from error
        raise CommandError(f"cannot import {name!r}: {type(error).__name__}: {error}") from error


def resolve_db_url(options: Mapping[str, Any]) -> str:
    """Return the database URL of ``--db``, or that of the default database.

    Raises:
        CommandError: If there is neither.
    """
    given = options.get("db")
    if given:
        return str(given)
    from openviper.conf import settings

    alias = check_alias(options.get("database") or "default")
    config = settings.DATABASES[alias]
    url = (config.get("OPTIONS") or {}).get("URL") or config.get("URL")
    if not url:
        raise CommandError(
            f"No database URL configured: set DATABASES['{alias}']['OPTIONS']['URL'] or give --db"
        )
    return str(url)


def database_aliases() -> list[str]:
    """Return the aliases of the configured databases, sorted."""
    from openviper.conf import settings

    return sorted(name for name in settings.DATABASES if name not in ("ROUTERS", "ROUTING"))


def check_alias(alias: str) -> str:
    """Return `alias` if there is a database of this name.

    Raises:
        CommandError: If not; lists those there are.
    """
    known = database_aliases()
    if alias not in known:
        hint = did_you_mean(alias, known)
        raise CommandError(
            f"unknown database alias {alias!r}{hint} (configured: {', '.join(known) or 'none'})"
        )
    return alias


def prompt_password(
    cmd: BaseCommand, prompt: str = "Password: ", confirm_prompt: str = "Password (again): "
) -> str:
    """Ask for a new password twice, until both agree and it is long enough.

    Raises:
        CommandError: If the person gives up or input ends.
    """
    while True:
        password = cmd.terminal.password(prompt)
        problem = password_problem(password)
        if problem is None and password != cmd.terminal.password(confirm_prompt):
            problem = "the passwords do not match"
        if problem is None:
            return password
        cmd.terminal.error(problem)


def password_problem(password: str) -> str | None:
    """Return what is wrong with a new password, or `None`."""
    if not password.strip():
        return "the password must not be blank"
    if len(password) < MIN_CLI_PASSWORD_LENGTH:
        return f"the password must have at least {MIN_CLI_PASSWORD_LENGTH} characters"
    return None


def model_field_names(model: type[Any]) -> set[str]:
    """Return the names of the fields that a model declares."""
    fields = getattr(model, "_fields", None)
    if fields is None:
        return {"username", "email", "is_superuser", "is_staff", "is_active"}
    return set(fields)


def validate_identifier(name: str, label: str = "name") -> str:
    """Return `name` if Python code can use it as a name.

    Raises:
        CommandError: If not; keywords are no identifiers.
    """
    if not is_identifier(name):
        raise CommandError(f"{label} {name!r} is not a valid Python identifier")
    return name


def discover_models_in_module(module: ModuleType) -> list[type[Model]]:
    """Return the concrete models defined in a module, in order."""
    from openviper.db.models import Model

    return [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, Model)
        and value.__module__ == module.__name__
        and not value._meta.abstract
    ]


def run_async_command(coro: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end and close the databases.

    Raises:
        CommandError: As the coroutine raised it, or in place of any other exception, which is its cause.
    """
    try:
        return run_to_completion(coro)
    except CommandError:
        raise
    except Exception as error:
        raise CommandError(describe(error)) from error
