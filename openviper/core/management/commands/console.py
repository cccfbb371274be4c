"""`console`: a Python prompt inside the project."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from openviper.conf import settings
from openviper.core.management.base import BaseCommand
from openviper.core.management.console.evaluation import Evaluator
from openviper.core.management.console.namespace import FRAMEWORK_NAMES, Namespace
from openviper.version import VERSION


class Command(BaseCommand):
    """Open a prompt, or run the code of `-c` or of standard input."""

    help = "Open a Python prompt with the project's models and top-level await."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--no-models",
            action="store_true",
            help="do not import the models of the installed apps",
        )
        parser.add_argument(
            "-c", "--command", metavar="CODE", help="run CODE, which may use await, and exit"
        )

    def handle(self, *args: Any, **options: Any) -> int:
        """Run the console and return its exit code."""
        namespace = Namespace()
        if not options["no_models"]:
            namespace.load_models()
        evaluator = Evaluator(namespace)
        try:
            if options["command"] is not None:
                self._report(namespace)
                return evaluator.run_source(options["command"])
            if not self.terminal.is_interactive:
                # As `python` itself does with a pipe: the whole of it is the program, and output is its own only.
                self._report(namespace)
                return evaluator.run_source(self.terminal.source.read(), "<stdin>")
            # Late: `--help` needs no prompt.
            from openviper.core.management.console.prompt import start_prompt

            namespace.load_all_names()
            self._report(namespace)
            start_prompt(evaluator, banner(namespace))
            return 0
        finally:
            evaluator.close()

    def _report(self, namespace: Namespace) -> None:
        for problem in namespace.problems:
            self.terminal.warning(problem)


def banner(namespace: Namespace) -> str:
    """Return what the prompt says first: version, project, models, names, and how to leave."""
    lines = [
        f"OpenViper {VERSION} console, {settings.PROJECT_NAME} (Python {sys.version.split()[0]})"
    ]
    for app, models in namespace.models.items():
        count = f"{len(models)} model{'' if len(models) == 1 else 's'}"
        lines.append(f"  {app}: {count}" + (f" ({', '.join(models)})" if models else ""))
    lines.append(f"Names: {', '.join(name for name in FRAMEWORK_NAMES if name in namespace)}")
    lines.append("await works at the prompt. Quit with exit() or Ctrl-D.")
    return "\n".join(lines)
