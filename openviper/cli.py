"""The `openviper` command."""

from __future__ import annotations

import os
import sys

from openviper.core.management.completion import TRIGGER
from openviper.core.management.dispatch import dispatch, guarded
from openviper.utils.terminal import Terminal
from openviper.version import VERSION

# Not from `typing`, and argparse is imported late: `openviper viperctl` has a parser of its own.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence
    from typing import NoReturn


def build_parser() -> ArgumentParser:
    """Return the parser of the `openviper` command."""
    from openviper.core.management.base import CommandParser
    from openviper.core.management.completion.shells import SHELLS
    from openviper.core.management.server_arguments import add_server_arguments

    parser = CommandParser(
        prog="openviper", description="An async web framework for locked-down places."
    )
    parser.add_argument("--version", action="version", version=f"openviper, version {VERSION}")
    commands = parser.add_subparsers(dest="subcommand", metavar="COMMAND", title="commands")

    for what in ("project", "app"):
        create = commands.add_parser(
            f"create-{what}", help=f"Create a new {what}.", description=f"Create a new {what}."
        )
        or_here = "; '.' for the directory one stands in" if what == "project" else ""
        create.add_argument(
            "name", metavar="NAME", help=f"name of the {what}, a Python identifier{or_here}"
        )
        create.add_argument(
            "--directory", "-d", default=".", help="where to create it (default: here)"
        )
        if what == "project":
            create.add_argument(
                "--here",
                action="store_true",
                help="put the project into the directory itself, which must be empty",
            )

    # -h is the host here, so only --help shows the help.
    run = commands.add_parser(
        "run",
        add_help=False,
        help="Serve an application.",
        description="Serve an ASGI application with uvicorn.",
    )
    run.add_argument("--help", action="help", help="show this help and exit")
    run.add_argument("target", metavar="TARGET", help="module, module:attribute or path of a file")
    add_server_arguments(run, short=True)

    commands.add_parser("version", help="Show the version.", description="Show the version.")
    completion = commands.add_parser(
        "completion",
        help="Print a shell's completion script.",
        description="Print the script that teaches a shell to complete openviper and viperctl.py.",
    )
    completion.add_argument("shell", choices=SHELLS, help="the shell: %(choices)s")
    viperctl = commands.add_parser(
        "viperctl", add_help=False, help="Run a management command on a project."
    )
    viperctl.add_argument("arguments", nargs="*")
    return parser


def cli(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the `openviper` command.

    Args:
        argv: The arguments; those of the process when not given.

    Raises:
        SystemExit: Always, with the exit code.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments and arguments[0] == "viperctl":
        # Everything after it belongs to the dispatcher, options of commands included.
        from openviper.viperctl import viperctl

        viperctl(arguments[1:])
    terminal = Terminal()
    if arguments and arguments[0] == TRIGGER:
        sys.exit(guarded(lambda: _complete(arguments[1:], terminal), terminal))
    sys.exit(guarded(lambda: _run(arguments, terminal), terminal))


def _complete(words: Sequence[str], terminal: Terminal) -> int:
    from openviper.core.management.completion.answers import complete_openviper, print_candidates
    from openviper.viperctl import complete

    return print_candidates(terminal, lambda: complete_openviper(build_parser(), words, complete))


def _run(arguments: Sequence[str], terminal: Terminal) -> int:
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.subcommand == "create-project":
        return _create_project(options, terminal)
    if options.subcommand == "create-app":
        return dispatch("openviper", ["create-app", options.name, "--directory", options.directory])
    if options.subcommand == "run":
        from openviper.core.management.server_arguments import ServerOptions
        from openviper.core.management.serving import run

        return run(options.target, ServerOptions.from_parsed(vars(options)), terminal)
    if options.subcommand == "version":
        terminal.line(f"OpenViper {VERSION}")
        return 0
    if options.subcommand == "completion":
        from openviper.core.management.completion.shells import completion_script

        terminal.line(completion_script(options.shell), end="")
        return 0
    parser.print_help()
    return 0


def _create_project(options: Namespace, terminal: Terminal) -> int:
    from pathlib import Path

    from openviper.core.management.scaffolds.project import create_project

    path = create_project(options.name, Path(options.directory), here=options.here)
    name = path.name if options.name == "." else options.name
    terminal.line(terminal.style("success", f"Project '{name}' created at {path}"))
    steps = ["python viperctl.py migrate", "python viperctl.py start-server"]
    if not os.path.samefile(path, "."):
        steps.insert(0, f"cd {os.path.relpath(path)}")
    terminal.line("\n  ".join(["\nNext:", *steps]))
    terminal.warning(
        f"the SECRET_KEY in {name}/settings.py is for development; "
        "in production set SECRET_KEY in the environment."
    )
    return 0
