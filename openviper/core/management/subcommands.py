"""The sub-commands of `openviper` other than `viperctl`: their parser, and running them."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from openviper.core.management.base import CommandParser
from openviper.core.management.builtin_commands import BUILTIN
from openviper.core.management.completion.shells import SHELLS, completion_script
from openviper.core.management.dispatch import dispatch
from openviper.core.management.server_arguments import ServerOptions, add_server_arguments
from openviper.core.management.vendor_arguments import add_vendor_arguments, add_verify_arguments
from openviper.utils.terminal import Terminal
from openviper.version import VERSION

OF_MANAGEMENT: dict[str, Callable[[ArgumentParser], None]] = {
    "vendor": add_vendor_arguments,
    "verify": add_verify_arguments,
}
"""Management commands that need no project and are sub-commands too, with what declares their options."""


class SubcommandParser(CommandParser):
    """The parser of a sub-command, which refuses what it does not know itself.

    argparse would hand it to the parser above, whose usage line and options are not the ones that were meant.
    """

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse a command line.

        Raises:
            SystemExit: If an argument is not known.
        """
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return parsed, unknown


def build_parser() -> ArgumentParser:
    """Return the parser of the `openviper` command."""
    parser = CommandParser(
        prog="openviper", description="An async web framework for locked-down places."
    )
    parser.add_argument("--version", action="version", version=f"openviper, version {VERSION}")
    commands = parser.add_subparsers(
        dest="subcommand", metavar="COMMAND", title="commands", parser_class=SubcommandParser
    )

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
            create.add_argument(
                "--with",
                dest="extras",
                action="append",
                default=[],
                choices=("accounts",),
                help="what it has from the start: accounts, for pages to sign up and log in",
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

    for name, add_arguments in OF_MANAGEMENT.items():
        add_arguments(commands.add_parser(name, help=BUILTIN[name], description=BUILTIN[name]))
    manual = commands.add_parser(
        "docs",
        help="Show the manual in a browser.",
        description="Serve the manual that came along, for a browser of this machine; or search it.",
    )
    _add_manual_arguments(manual)
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


def _add_manual_arguments(parser: ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--search", metavar="WORDS", help="name the pages that fit WORDS, and end")
    what.add_argument("--output", metavar="DIR", help="write the site into DIR, and end")
    parser.add_argument(
        "--host", default="127.0.0.1", help="the address to serve on (default: %(default)s)"
    )
    parser.add_argument(
        "--port",
        type=int,
        default=8080,
        help="the port; 0 for any that is free (default: %(default)s)",
    )


def run_subcommand(arguments: Sequence[str], terminal: Terminal) -> int:
    """Run a sub-command, or show the help where there is none; return the exit code.

    Raises:
        SystemExit: On a usage error (2) and after ``--help`` (0).
        CommandError: If the sub-command fails.
    """
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.subcommand == "create-project":
        return _create_project(options, terminal)
    if options.subcommand == "create-app":
        return dispatch("openviper", ["create-app", options.name, "--directory", options.directory])
    if options.subcommand in OF_MANAGEMENT:
        return dispatch("openviper", arguments)
    if options.subcommand == "run":
        return _serve(options, terminal)
    if options.subcommand == "docs":
        return _show_manual(options, terminal)
    if options.subcommand == "version":
        terminal.line(f"OpenViper {VERSION}")
    elif options.subcommand == "completion":
        terminal.line(completion_script(options.shell), end="")
    else:
        parser.print_help()
    return 0


def _serve(options: Namespace, terminal: Terminal) -> int:
    # Late: it imports sockets and the settings, which the other sub-commands do without.
    from openviper.core.management.serving import run

    return run(options.target, ServerOptions.from_parsed(vars(options)), terminal)


def _show_manual(options: Namespace, terminal: Terminal) -> int:
    # Late: the other sub-commands need no HTTP server.
    from openviper.core.management.manual import show_manual

    return show_manual(options, terminal)


def _create_project(options: Namespace, terminal: Terminal) -> int:
    # Late: the other sub-commands make no files.
    from openviper.core.management.scaffolds.project import create_project

    path = create_project(
        options.name, Path(options.directory), here=options.here, extras=options.extras
    )
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
