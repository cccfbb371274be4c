"""Running the checks, and leaving out what is silenced."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from openviper.conf import settings
from openviper.core.app_resolver import AppResolver
from openviper.core.management import checks
from openviper.core.management.checks.configuration import check_settings, load_settings
from openviper.core.management.checks.findings import GROUPS, Finding
from openviper.core.management.running import run_to_completion

WITHOUT_APPS: dict[str, Callable[[], list[Finding]]] = {
    "routes": lambda: checks.check_routes(),
    "templates": lambda: checks.check_templates(),
    "static": lambda: checks.check_static(),
    "mail": lambda: checks.check_mail(),
    "tasks": lambda: checks.check_tasks(),
    "ai": lambda: checks.check_ai(),
    "security": lambda: checks.check_security(),
}
"""The groups that need no more than the settings; each is imported when it runs."""


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
    if group == "settings":
        return check_settings()
    if group == "models":
        return checks.check_models(_apps())
    if group == "database":
        return run_to_completion(checks.check_databases(_apps(), databases))
    return WITHOUT_APPS[group]()


def _apps() -> dict[str, str]:
    return AppResolver().resolve_all_apps(settings.INSTALLED_APPS, include_builtin=True)["found"]
