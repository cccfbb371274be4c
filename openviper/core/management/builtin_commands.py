"""The built-in commands: name and one line each; nothing of them is imported to list them."""

from __future__ import annotations

PACKAGE = "openviper.core.management.commands"
ENTRY_POINT_GROUP = "openviper.cli"

BUILTIN: dict[str, str] = {
    "api-keys": "List API keys; create one for a user; revoke one.",
    "auth-log": "Show what has happened to accounts, the latest first.",
    "backup-db": "Write a verified backup of a database.",
    "changepassword": "Change a user's password.",
    "check": "Look for mistakes in settings, models, routes, templates and databases.",
    "clear-cache": "Remove the entries of caches: all, those with a tag, or the expired ones.",
    "clear-sessions": "Throw away expired sessions and old counts of failed logins.",
    "collectstatic": "Collect the static files of project and apps in STATIC_ROOT.",
    "compilemessages": "Make the .mo files of translations from the .po files.",
    "console": "Open a Python prompt with the project's models and top-level await.",
    "copy-data": "Copy rows from one database into another, whatever their vendors.",
    "create-app": "Create an app: models, routes, views, tests.",
    "create-command": "Create a management command in an app.",
    "create-provider": "Create an AI provider: a package with tests and a README.",
    "create-user": "Create a user, with roles if wanted.",
    "createsuperuser": "Create a user who may do everything.",
    "db-shell": "Open the database's own client: psql, mariadb or sqlite3.",
    "dump-data": "Write rows as lines of JSON, which any database can load.",
    "export-openapi": "Write the OpenAPI document of the project's API.",
    "find-static": "Show which files a static path is found as.",
    "flush": "Delete all rows of the project's models; the tables stay.",
    "inspect-db": "Print models for the tables of an existing database.",
    "load-data": "Store the rows of a file of dump-data: all of them or none.",
    "makemessages": "Collect the texts to translate in the .po file of each language.",
    "makemigrations": "Write the schema files of the project's models.",
    "migrate": "Bring a database to the state of the schema files.",
    "restore-db": "Restore a database from a backup: everything or nothing.",
    "roles": "List roles; create one; grant it to users or revoke it.",
    "rotate-secrets": "Encrypt the values of SensitiveFields anew with the newest key.",
    "schema-status": "Show what is applied to a database, when, and what is pending.",
    "send-test-email": "Send a test message, to see whether mail works.",
    "settings": "Show the settings in use, secrets masked.",
    "sql-of": "Show the SQL that makes the tables of a model or app.",
    "start-server": "Start the development server, or several workers.",
    "start-worker": "Run background tasks and send periodic jobs.",
    "tasks": "Look at background tasks; retry, cancel or purge them.",
    "test": "Run the project's tests with pytest.",
    "vendor": "Put OpenViper and the packages it needs into a folder or one file; check or replace that.",
    "verify": "Check that a vendored tree is as it was made: every file, by its SHA-256.",
    "version": "Show the version of OpenViper.",
}
"""Summaries of the built-in commands; the module of each is its name with `_` for `-`."""

SETTINGS_OPTIONAL = frozenset(
    {"check", "create-app", "create-command", "create-provider", "vendor", "verify", "version"}
)
"""Commands that also run where there are no valid settings."""

RUN_WHEN_REFUSED = frozenset({"check", "vendor", "verify", "version"})
"""Commands that also run in a vendored tree that `VENDOR_CHECK` refuses: they say so, or put it right."""

_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-")


def normalise(name: str) -> str:
    """Return a command's name with ``-`` for ``_``, which mean the same; what cannot be a name comes back as it is."""
    return name.replace("_", "-") if is_command_name(name) else name


def is_command_name(name: str) -> bool:
    """Return whether a command can have this name: one or more of ``a-z 0-9 _ -``."""
    return bool(name) and _ALLOWED.issuperset(name)


def module_name(command: str) -> str:
    """Return the name of the module that holds a command."""
    return command.replace("-", "_")
