"""Accounts of servers that may not make databases: what a run of tests says, and what helps."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from tests.integration.testing.project import configured_url, left_behind, make_project, run_pytest
from tests.integration.testing.test_databases import passed
from tests.servers import run_on_server

pytestmark = pytest.mark.one_version

PLAIN = """
from tickets.models import Queue


async def test_it(transactional_db):
    assert await Queue.objects.count() == 1
    await Queue.objects.create(name="x")


async def test_anew(isolated_db):
    assert await Queue.objects.count() == 1
    await Queue.objects.create(name="x")


async def test_next(db):
    assert await Queue.objects.count() == 1
"""


@pytest.mark.parametrize("restricted", ["postgresql", "mysql"])
def test_an_account_that_may_not_make_databases_is_told_the_way_out(
    restricted: str, tmp_path: Path
) -> None:
    make_project(tmp_path, test_plain=PLAIN)
    user = f"desk_{uuid4().hex[:8]}"
    with configured_url(restricted, tmp_path) as configured:
        scheme, _, place = configured.partition("://")
        url = f"{scheme}://{user}:x@{place.rpartition('@')[2]}"
        name = f"test_{url.rpartition('/')[2]}"
        is_postgresql = restricted == "postgresql"
        make = f"CREATE ROLE {user} LOGIN PASSWORD 'x'"
        out = f'CREATE DATABASE "{name}" OWNER "{user}"'
        if not is_postgresql:
            make = f"CREATE USER '{user}'@'%' IDENTIFIED BY 'x'"
            grants = name.replace("_", "\\_")
            out = f"GRANT ALL ON `{grants}%`.* TO '{user}'@'%'"
        run_on_server(restricted, make)
        try:
            result = run_pytest(tmp_path, OPENVIPER_DATABASE_URL=url)
            assert result.returncode == 1 and "3 errors" in result.stdout, result.stdout
            assert out in result.stdout and "INTERNALERROR" not in result.stdout
            run_on_server(restricted, out)
            for _ in range(2):
                assert passed(run_pytest(tmp_path, OPENVIPER_DATABASE_URL=url), 3)
            # What was made for the account stays, and is empty.
            assert left_behind(restricted, url) == ([name] if is_postgresql else [])
        finally:
            if is_postgresql:
                run_on_server(restricted, f'DROP DATABASE IF EXISTS "{name}"')
            run_on_server(restricted, f"DROP {'ROLE' if is_postgresql else 'USER'} {user}")
