"""`check`: look for mistakes before they are met."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from openviper.conf import settings
from openviper.core.management.aliases import check_alias
from openviper.core.management.base import BaseCommand, CommandError
from openviper.core.management.checks.findings import GROUPS, LEVELS, Finding
from openviper.core.management.checks.suite import Outcome, run_checks
from openviper.project.deployment import is_production


class Command(BaseCommand):
    """Check the project: settings, models, routes, templates, databases, and hardening for production."""

    help = "Check settings, models, routes, templates and databases; with --deploy also hardening for production."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--deploy",
            action="store_true",
            help="also check hardening; on by itself where OPENVIPER_ENV is production",
        )
        parser.add_argument(
            "--only",
            action="append",
            choices=GROUPS,
            metavar="GROUP",
            help="only %(choices)s; repeatable",
        )
        parser.add_argument(
            "--database",
            action="append",
            dest="databases",
            metavar="ALIAS",
            help="look at this database and its schema; repeatable (default: all, and the schema of default)",
        )
        parser.add_argument(
            "--fail-level",
            choices=LEVELS,
            default="error",
            metavar="LEVEL",
            help="lowest level that makes the exit code 1: %(choices)s (default: %(default)s)",
        )
        parser.add_argument("--json", action="store_true", help="print the findings as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the checks and show what they find.

        Raises:
            CommandError: If there is a finding of the level that fails.
        """
        outcome = run_checks(self._groups(options), self._databases(options["databases"] or []))
        failing = [
            one
            for one in outcome.findings
            if LEVELS.index(one.level) >= LEVELS.index(options["fail_level"])
        ]
        if options["json"]:
            self._print_json(outcome, failing)
        else:
            self._print(outcome)
        if failing:
            raise CommandError(f"check failed: {summary(failing)}")

    @staticmethod
    def _groups(options: dict[str, Any]) -> list[str]:
        if options["only"]:
            return [*options["only"], *(["security"] if options["deploy"] else [])]
        hardening = options["deploy"] or is_production()
        return [group for group in GROUPS if group != "security" or hardening]

    @staticmethod
    def _databases(aliases: list[str]) -> list[str]:
        # Settings that cannot be loaded are a finding, so nothing is asked of them here.
        return [check_alias(alias) for alias in aliases] if settings.configured else []

    def _print(self, outcome: Outcome) -> None:
        for finding in outcome.findings:
            self._print_finding(finding)
        silenced = f" ({len(outcome.silenced)} silenced)" if outcome.silenced else ""
        checked = f"Checked {', '.join(outcome.groups)}: "
        if outcome.findings:
            self.stdout(f"{checked}{summary(outcome.findings)}{silenced}.")
        else:
            self.stdout(self.style_success(f"{checked}nothing found{silenced}."))

    def _print_finding(self, finding: Finding) -> None:
        style = self.style_error if finding.level == "error" else self.style_warning
        where = (
            f"{finding.where}: " if finding.where and finding.where not in finding.message else ""
        )
        self.stdout(f"{style(f'{finding.level.upper()} {finding.code}')} {where}{finding.message}")
        if finding.hint:
            self.stdout(f"    {finding.hint}")

    def _print_json(self, outcome: Outcome, failing: list[Finding]) -> None:
        import json

        document = {
            "ok": not failing,
            "groups": outcome.groups,
            "findings": [finding.as_dict() for finding in outcome.findings],
            "silenced": [finding.as_dict() for finding in outcome.silenced],
        }
        self.stdout(json.dumps(document, indent=2, ensure_ascii=False))


def summary(findings: list[Finding]) -> str:
    """Return how many findings of which level there are."""
    counts = [(sum(one.level == level for one in findings), level) for level in reversed(LEVELS)]
    return ", ".join(
        f"{count} {level}{'' if count == 1 else 's'}" for count, level in counts if count
    )
