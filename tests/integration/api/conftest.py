"""What tests of APIs have in common: nobody is asked for permissions unless a test has somebody asked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from openviper.db.sql import permissions


@pytest.fixture(autouse=True)
def unasked() -> Iterator[None]:
    """Take away the rule that the accounts of another test have left; serializers then join what they read."""
    before = permissions._rule
    permissions.set_access_rule(None)
    yield
    permissions.set_access_rule(before)
