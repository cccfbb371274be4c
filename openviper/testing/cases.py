"""The kit for tests that are written with `unittest`."""

from __future__ import annotations

import asyncio
import os
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from openviper.app import OpenViper
from openviper.testing.accounts import log_in
from openviper.testing.application import lifespan, load_app
from openviper.testing.client import OpenViperTestClient
from openviper.testing.config import load_testing_config
from openviper.testing.databases.database import TestDatabase, session_databases
from openviper.testing.mail import TestEmail, create_mailoutbox
from openviper.testing.project import project_under_test
from openviper.testing.settings import override_openviper_settings

SLOW_SECONDS = 10.0


class OpenViperTestCase(unittest.IsolatedAsyncioTestCase):
    """A test case with test databases, the application, a client and an outbox; tests are ``async def``.

    Attributes:
        isolation: What keeps tests apart, if not what `[tool.openviper.testing]` says; see `TestDatabase`.
        db: The test databases.
        app: The application, started.
        client: A client that follows redirects.
        mailoutbox: What would have been sent.
    """

    isolation: ClassVar[str | None] = None
    db: TestDatabase
    app: OpenViper
    client: OpenViperTestClient
    mailoutbox: list[TestEmail]

    @classmethod
    def setUpClass(cls) -> None:
        """Make the test databases, if they are not there yet; an override calls this first."""
        super().setUpClass()
        config = load_testing_config(project_root())
        with project_under_test(config):
            session_databases(config, in_memory=cls._is_in_memory())

    async def asyncSetUp(self) -> None:
        """Begin a test; an override calls this first."""
        # `unittest` has asyncio look for slow steps, and the first use of an application is one.
        asyncio.get_running_loop().slow_callback_duration = SLOW_SECONDS
        config = load_testing_config(project_root())
        self.enterContext(project_under_test(config))
        self.mailoutbox, catching = create_mailoutbox()
        self.enterContext(catching)
        self.db = TestDatabase(config, self.isolation)
        await self.db.setup()
        self.addAsyncCleanup(self.db.teardown)
        self.app = await load_app(config)
        self.enterContext(self.app.debugging())
        await self.enterAsyncContext(lifespan(self.app))
        self.client = await self.enterAsyncContext(
            OpenViperTestClient(self.app, follow_redirects=True)
        )

    @classmethod
    def _is_in_memory(cls) -> bool | None:
        return None if cls.isolation is None else cls.isolation == "in_memory"

    async def log_in(self, user: Any) -> None:
        """Have the client be a stored user from now on, without a password."""
        await log_in(self.client, user)

    @contextmanager
    def override_settings(self, **values: Any) -> Iterator[None]:
        """Use other values of some settings inside the block."""
        with override_openviper_settings(**values):
            yield


TestCase = OpenViperTestCase


def project_root() -> Path:
    """Return the directory of the project: the nearest one with a pyproject.toml, from the working directory upwards."""
    here = Path(os.getcwd())
    for directory in (here, *here.parents):
        if (directory / "pyproject.toml").is_file():
            return directory
    return here
