"""`export-openapi`: the document of the project's API, for generators and reviews."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from openviper.app import OpenViper
from openviper.core.management.base import BaseCommand, CommandError
from openviper.core.management.errors import describe
from openviper.core.management.serving import (
    application_candidates,
    choose_application,
    import_application,
)
from openviper.exceptions import ImproperlyConfigured
from openviper.utils.atomic_files import atomic_write


class Command(BaseCommand):
    """Write the OpenAPI document of an application, or compare a file with it."""

    help = "Write the OpenAPI document of the project's API."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the arguments."""
        parser.add_argument(
            "--app",
            metavar="MODULE:NAME",
            help="the application (default: that of the project)",
        )
        parser.add_argument(
            "--host", help="describe what is answered on this host (default: everything)"
        )
        parser.add_argument(
            "--output", metavar="FILE", help="the file to write (default: standard output)"
        )
        parser.add_argument(
            "--check",
            metavar="FILE",
            help="write nothing; exit with 1 if the file is not what would be written",
        )

    def handle(self, **options: Any) -> None:
        """Write or compare the document.

        Raises:
            CommandError: If there is no application, the setting `OPENAPI` is wrong, or a file cannot be read, written, or differs.
        """
        text = self._document(options["app"], options["host"])
        try:
            if options["check"] is not None:
                self._compare(Path(options["check"]), text)
            elif options["output"] is not None:
                with atomic_write(Path(options["output"])) as file:
                    file.write(text.encode())
            else:
                self.stdout(text.rstrip("\n"))
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"the document: {describe(error)}") from error

    @staticmethod
    def _document(target: str | None, host: str | None) -> str:
        name = target or choose_application(application_candidates())
        application = import_application(name)
        if not isinstance(application, OpenViper):
            raise CommandError(
                f"{name!r} is no OpenViper application but {type(application).__name__!r}"
            )
        application.prepare()
        try:
            document = application.get_openapi_schema(host)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

    @staticmethod
    def _compare(path: Path, text: str) -> None:
        if path.read_text(encoding="utf-8") != text:
            raise CommandError(f"{str(path)!r} is not the document of this application")
