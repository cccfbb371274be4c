"""`rotate-secrets`: encrypt the values of SensitiveFields anew with the newest key."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import TYPE_CHECKING, Any

from openviper.core.management.apps import find_installed_apps, import_all_models
from openviper.core.management.base import BaseCommand, CommandError, UsageError
from openviper.core.management.running import run_async_command
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.db.transfer import rotating
    from openviper.db.transfer.rotating import FieldRotation
else:
    rotating = lazy_module("openviper.db.transfer.rotating")  # `--help` needs no database.

MOST_ROWS = 10_000


class Command(BaseCommand):
    """Encrypt every value of the project's SensitiveFields with the present SECRET_KEY.

    Others may read and write meanwhile, and a run that was ended goes on where it was.
    """

    help = "Encrypt the values of SensitiveFields anew with the newest key."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument(
            "--dry-run", action="store_true", help="say how many there are to do, and do nothing"
        )
        choice.add_argument(
            "--check",
            action="store_true",
            help="the same, with exit code 1 unless all values are encrypted with the newest key",
        )
        parser.add_argument(
            "--database", metavar="ALIAS", help="the database (default: the models')"
        )
        parser.add_argument(
            "--batch-size",
            type=int,
            default=200,
            metavar="N",
            help="rows per transaction (default: %(default)s)",
        )

    def handle(self, **options: Any) -> None:
        """Encrypt them and say how many there were.

        Raises:
            CommandError: If a value cannot be decrypted, or with ``--check`` if one is to be encrypted anew.
            UsageError: If the number of rows makes no sense.
        """
        if not 1 <= options["batch_size"] <= MOST_ROWS:
            raise UsageError(f"--batch-size must be 1 to {MOST_ROWS}, not {options['batch_size']}")
        import_all_models(find_installed_apps(with_builtin=True))
        looks_only = options["dry_run"] or options["check"]
        rotations = run_async_command(self._rotate(options, writes=not looks_only))
        if not rotations:
            self.stdout("No model has a SensitiveField.")
        verb = "to encrypt anew" if looks_only else "encrypted anew"
        for each in rotations:
            self.stdout(f"{each.model}.{each.field}: {each.rotated} of {each.seen} values {verb}.")
        self._complain(rotations, must_be_done=options["check"])

    @staticmethod
    async def _rotate(options: dict[str, Any], *, writes: bool) -> list[FieldRotation]:
        rotations: list[FieldRotation] = []
        for model, fields in rotating.sensitive_models():
            async for so_far in rotating.rotate_model(
                model,
                fields,
                using=options["database"],
                batch=options["batch_size"],
                writes=writes,
            ):
                done = so_far
            rotations += done
        return rotations

    def _complain(self, rotations: list[FieldRotation], *, must_be_done: bool) -> None:
        for each in rotations:
            if each.changed:
                self.terminal.warning(
                    f"{each.model}.{each.field}: {each.changed} values were written by others meanwhile; run this again"
                )
        unreadable = [each for each in rotations if each.failures]
        for each in unreadable:
            keys = ", ".join(map(repr, each.unreadable))
            more = " ..." if each.failures > len(each.unreadable) else ""
            self.terminal.error(
                f"{each.model}.{each.field}: {each.failures} values cannot be decrypted (primary keys {keys}{more}); "
                "they are as they were"
            )
        if unreadable:
            raise CommandError(
                "not all values can be decrypted; is a former key missing in SECRET_KEY_FALLBACKS?"
            )
        left = sum(each.rotated for each in rotations) if must_be_done else 0
        if left:
            raise CommandError(
                f"{left} values are not encrypted with the newest key; run rotate-secrets"
            )
