"""`openviper docs`: show, search or write the manual that came along."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from openviper.core.management.base import CommandError
from openviper.core.management.errors import describe
from openviper.documentation.pages import ManualError
from openviper.documentation.search import search
from openviper.documentation.server import ManualServer
from openviper.documentation.site import Site
from openviper.utils.terminal import Terminal

# How many pages a search names.
FOUND = 8


def show_manual(options: Namespace, terminal: Terminal) -> int:
    """Run the sub-command; return the exit code.

    Raises:
        CommandError: If the manual cannot be read, written or served.
        MissingDependencyError: If `markdown` or `jinja2` is not installed and pages are to be made.
    """
    try:
        site = Site()
        if options.search is not None:
            return _search(site, options.search, terminal)
        if options.output is not None:
            folder = Path(options.output)
            written = site.build(folder)
            terminal.line(f"{len(written)} files in {folder / site.version}")
            return 0
        return _serve(site, options.host, options.port, terminal)
    except BrokenPipeError:
        raise  # Whoever reads has had enough; the outermost runner knows.
    except (ManualError, OSError, OverflowError) as error:
        raise CommandError(f"the manual: {describe(error)}") from error


def _search(site: Site, question: str, terminal: Terminal) -> int:
    entries = search(site.index, question, FOUND)
    if not entries:
        terminal.warning(f"nothing found for {question!r}")
        return 1
    for entry in entries:
        heading = f" - {entry.heading}" if entry.heading else ""
        terminal.line(terminal.style("success", f"{entry.title}{heading}"))
        terminal.line(
            f"  docs/{entry.address.replace('.html', '.md').replace('index.md', 'README.md')}"
        )
    return 0


def _bound(site: Site, host: str, port: int) -> ManualServer:
    try:
        return ManualServer(site, host, port)
    except OSError as error:
        raise CommandError(f"the manual: port {port} of {host}: {describe(error)}") from error


def _serve(site: Site, host: str, port: int, terminal: Terminal) -> int:
    # A page made once shows now, not at the first request, what is not installed.
    site.answer("index.html")
    with _bound(site, host, port) as server:
        terminal.line(f"The manual of OpenViper {site.version}: {server.address} (Ctrl-C ends it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            terminal.line("")
    return 0
