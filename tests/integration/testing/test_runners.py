"""The kit with other plug-ins, and without pytest."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.integration.testing.project import make_project, run, run_pytest

pytestmark = pytest.mark.one_version

CASES = """
import unittest
from openviper.auth.models import User
from openviper.db import atomic
from openviper.core.email import send_email
from openviper.testing import TestCase, UserFactory, assert_email_sent, assert_json_path
from tickets.models import Queue


class Tickets(TestCase):
    async def asyncSetUp(self):
        await super().asyncSetUp()
        self.user = await UserFactory.create(username="ada")

    async def test_who_is_logged_in_is_known(self):
        await self.log_in(self.user)
        assert_json_path(await self.client.get("/tickets/me"), "name", "ada")

    async def test_rows_of_another_test_are_not_seen(self):
        self.assertEqual(await User.objects.count(), 1)
        async with atomic():
            await Queue.objects.create(name="x")
        await send_email(["a@example.com"], "Hello", "Text")
        assert_email_sent(self.mailoutbox, "a@example.com")

    async def test_nor_are_these(self):
        self.assertEqual(await Queue.objects.count(), 1)
        with self.override_settings(PROJECT_NAME="other"):
            pass


class Committing(TestCase):
    isolation = "truncate"

    async def test_it_commits(self):
        self.assertEqual(self.db.isolation, "truncate")
        await Queue.objects.create(name="x")


class Plain(unittest.TestCase):
    def test_it(self):
        self.assertTrue(True)
"""


def test_classes_run_with_pytest(tmp_path: Path) -> None:
    make_project(tmp_path, test_cases=CASES)
    result = run_pytest(tmp_path)
    assert "5 passed" in result.stdout, result.stdout + result.stderr


def test_classes_run_without_pytest_and_leave_nothing(tmp_path: Path) -> None:
    make_project(tmp_path, {"tests/__init__.py": "", "tests/test_cases.py": CASES})
    result = run([sys.executable, "-m", "openviper.testing.running", "tests/"], tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Ran 5 tests" in result.stderr
    assert not list(tmp_path.glob("*.sqlite3*"))


def test_without_pytest_plain_functions_are_said_not_to_be_run(tmp_path: Path) -> None:
    make_project(
        tmp_path, {"tests/__init__.py": "", "tests/test_x.py": "async def test_x(db): pass\n"}
    )
    result = run([sys.executable, "-m", "openviper.testing.running", "tests/"], tmp_path)
    assert result.returncode == 5
    assert "tests that are plain functions need pytest" in result.stderr


ASYNCIO = """
import asyncio
import pytest
from tickets.models import Queue

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("turn", range(2))
async def test_it(client, db_user, turn):
    assert await Queue.objects.count() == 1
    await Queue.objects.create(name="x")
    assert (await client.get("/tickets/me")).json() == {"name": ""}


@pytest.mark.asyncio(loop_scope="module")
async def test_loop(db):
    await Queue.objects.create(name="y")
"""


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_fixtures_work_in_tests_that_pytest_asyncio_runs(tmp_path: Path, mode: str) -> None:
    pytest.importorskip("pytest_asyncio")
    make_project(tmp_path, test_asyncio=ASYNCIO)
    result = run(
        [
            *(sys.executable, "-m", "pytest", "-q", f"--asyncio-mode={mode}"),
            *("-o", "asyncio_default_fixture_loop_scope=function"),
        ],
        tmp_path,
    )
    assert "3 passed" in result.stdout, result.stdout + result.stderr
