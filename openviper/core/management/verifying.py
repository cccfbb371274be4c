"""Showing what came of looking at a vendored tree."""

from __future__ import annotations

import json

from openviper.utils.terminal import Terminal
from openviper.vendoring.checking import Verdict
from openviper.vendoring.manifest import FULL


def form_note(form: str) -> str:
    """Return what stands behind the name of a tree of a form that is not the usual one."""
    return "" if form == FULL else f" ({form})"


def show_verdict(terminal: Terminal, verdict: Verdict, *, as_json: bool) -> None:
    """Print what came of looking at a tree.

    Args:
        terminal: Where it goes.
        verdict: What came of it.
        as_json: Print it as JSON.

    Raises:
        TreeChangedError: If the tree is not as it was made; everything that differs has been printed then.
    """
    if as_json:
        document = {"intact": verdict.is_intact, **verdict._asdict()}
        terminal.line(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        for finding in verdict.findings():
            terminal.line(finding)
        if verdict.unread:
            terminal.warning(
                f"{len(verdict.unread)} compiled files are of another Python or program and were not compared"
            )
    verdict.require_intact()
    if not as_json:
        terminal.line(
            terminal.style(
                "success",
                f"{verdict.path}{form_note(verdict.form)}: all {verdict.files} files are as they were made",
            )
        )
        terminal.line(f"SHA-256 of VENDOR.json: {verdict.manifest_sum}")
