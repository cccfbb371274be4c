"""Fixtures and rules shared by all tests."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Generator
from typing import Any

import pytest

pytest_plugins = ["openviper.testing.plugin"]

MAY_SKIP = (
    "needs root",
    "not a git checkout",
    "fish is not installed",
    "zsh is not installed",
    "another vendor: ",
)
"""Reasons that lie in who runs the tests, in shells that no server has, or in what a contract suite asks of one vendor."""


def pytest_configure() -> None:
    """Take signals that were ignored when the run began, as behind ``&`` and `nohup`: else all processes of tests ignore them too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        # This process goes on, as it was told to; a program that it starts does not get the handler.
        signal.signal(signal.SIGHUP, lambda _number, _frame: None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skipped test into a failed one in CI, where everything a test needs has to be there."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(allowed in reason for allowed in MAY_SKIP):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} was skipped in CI: {reason}"
    return report


@pytest.fixture
def unknown_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names below ``.invalid`` (RFC 6761) are known to nobody, without asking a resolver, which might be elsewhere."""
    look_up = socket.getaddrinfo

    def without_asking(host: Any, *arguments: Any, **options: Any) -> Any:
        if str(host).endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", without_asking)
