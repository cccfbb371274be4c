"""Fixtures and rules shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Generator

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
