"""Checks of the databases: can they be used, and are they at the state of the schema files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from openviper.core.management.aliases import database_aliases
from openviper.core.management.checks.findings import Finding
from openviper.core.management.errors import describe
from openviper.db.connection import connections
from openviper.db.schemas.sync import SchemaSync

MOST_NAMED = 5
"""How many pending operations a message names."""


async def check_databases(apps: Mapping[str, str], chosen: Sequence[str]) -> list[Finding]:
    """Return the findings about databases.

    Args:
        apps: The directories of the installed apps by name.
        chosen: Aliases to look at; when none, all of them, and the schema of the default one.
    """
    findings = []
    for alias in chosen or database_aliases():
        problem = await _access(alias)
        if problem is not None:
            findings.append(problem)
        elif chosen or alias == "default":
            findings += await _schema(alias, apps)
    return findings


async def _access(alias: str) -> Finding | None:
    try:
        database = connections.get(alias)
        url = database.url
        if url.vendor == "sqlite" and not url.is_memory and not url.path.exists():
            if url.path.parent.is_dir():
                return None  # Connecting would make the file; `migrate` is to do that.
            return Finding(
                "database.E001", f"directory {str(url.path.parent)!r} does not exist", where=alias
            )
        async with database.connection() as connection:
            await connection.fetch_one("SELECT 1")
    except Exception as error:  # Drivers have trees of errors of their own.
        return Finding("database.E001", _named(alias, error), where=alias)
    return None


async def _schema(alias: str, apps: Mapping[str, str]) -> list[Finding]:
    try:
        plan = await SchemaSync(apps).plan(None, database=alias)
    except Exception as error:
        return [Finding("database.E002", _named(alias, error), where=alias)]
    findings = []
    if plan.operations:
        shown = ", ".join(plan.operations[:MOST_NAMED])
        more = (
            f" and {len(plan.operations) - MOST_NAMED} more"
            if len(plan.operations) > MOST_NAMED
            else ""
        )
        findings.append(
            Finding(
                "database.W001",
                f"{alias} is behind the schema files: {shown}{more}",
                "Run migrate.",
                alias,
            )
        )
    if plan.patches:
        findings.append(
            Finding(
                "database.W002",
                f"not run on {alias}: {', '.join(plan.patches)}",
                "Run migrate.",
                alias,
            )
        )
    findings += [Finding("database.W003", warning, where=alias) for warning in plan.warnings]
    return findings


def _named(alias: str, error: Exception) -> str:
    text = describe(error)
    return text if text.startswith(f"database {alias!r}") else f"database {alias!r}: {text}"
