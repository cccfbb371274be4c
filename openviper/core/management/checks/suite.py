"""Running the checks, and leaving out what is silenced."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from openviper.conf import settings
from openviper.core.management.checks.configuration import check_settings, load_settings
from openviper.core.management.checks.findings import GROUPS, Finding


class Outcome(NamedTuple):
    """What the checks found.

    Attributes:
        findings: In the order of the groups.
        silenced: Findings that `SILENCED_SYSTEM_CHECKS` names.
        groups: The groups that were checked.
    """

    findings: list[Finding]
    silenced: list[Finding]
    groups: list[str]


def run_checks(groups: Collection[str], databases: Sequence[str] = ()) -> Outcome:
    """Run groups of checks; settings that cannot be loaded end it, since all others need them.

    Args:
        groups: Names of `GROUPS`.
        databases: Aliases to look at; when none, all of them, and the schema of the default one.

    Raises:
        ValueError: If a group is unknown.
    """
    unknown = set(groups) - set(GROUPS)
    if unknown:
        raise ValueError(f"unknown group {sorted(unknown)[0]!r}")
    found = load_settings()
    if found:
        return Outcome(found, [], ["settings"])
    wanted = [group for group in GROUPS if group in groups]
    for group in wanted:
        found += _run(group, databases)
    outcome = Outcome([], [], wanted)
    for finding in found:
        is_silenced = finding.code in settings.SILENCED_SYSTEM_CHECKS
        (outcome.silenced if is_silenced else outcome.findings).append(finding)
    return outcome


def _run(group: str, databases: Sequence[str]) -> list[Finding]:
    # Each group is imported when it runs: `check --only settings` needs neither the ORM nor templates.
    if group == "settings":
        return check_settings()
    if group == "routes":
        from openviper.core.management.checks.routes import check_routes

        return check_routes()
    if group == "templates":
        from openviper.core.management.checks.templates import check_templates

        return check_templates()
    if group == "static":
        from openviper.core.management.checks.static import check_static

        return check_static()
    if group == "mail":
        from openviper.core.management.checks.mail import check_mail

        return check_mail()
    if group == "tasks":
        from openviper.core.management.checks.tasks import check_tasks

        return check_tasks()
    if group == "security":
        from openviper.core.management.checks.security import check_security

        return check_security()
    return _with_apps(group, databases)


def _with_apps(group: str, databases: Sequence[str]) -> list[Finding]:
    from openviper.core.app_resolver import AppResolver

    apps = AppResolver().resolve_all_apps(settings.INSTALLED_APPS, include_builtin=True)["found"]
    if group == "models":
        from openviper.core.management.checks.models import check_models

        return check_models(apps)
    from openviper.core.management.checks.databases import check_databases
    from openviper.core.management.running import run_to_completion

    return run_to_completion(check_databases(apps, databases))
