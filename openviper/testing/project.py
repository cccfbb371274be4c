"""The project under test: its settings, and what tests replace of it."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from openviper.conf import Settings, settings
from openviper.testing.caches import cache_in_memory
from openviper.testing.config import OpenViperTestConfig
from openviper.testing.mail import create_mailoutbox
from openviper.testing.settings import overridden, project_settings
from openviper.testing.tasks import tasks_in_memory


@contextmanager
def project_under_test(config: OpenViperTestConfig) -> Iterator[None]:
    """Use the settings of a project inside the block, with what tests replace: passwords, uploads, mail, tasks.

    Raises:
        ImproperlyConfigured: If the settings module cannot be used.
        SettingsValidationError: If one of its values is not allowed.
    """
    with ExitStack() as stack:
        stack.enter_context(project_settings(config.settings_module))
        stack.enter_context(_replaced_settings(config))
        for replacement in _replacements(config):
            stack.enter_context(replacement)
        stack.callback(_forget_uploads)
        yield


def _replacements(config: OpenViperTestConfig) -> Iterator[AbstractContextManager[Any]]:
    """Yield the blocks in which something does not leave the process."""
    if config.disable_real_tasks:
        yield tasks_in_memory()
    if config.disable_real_email:
        yield create_mailoutbox()[1]
    if config.disable_real_cache:
        yield cache_in_memory()


_replaced: dict[tuple[int, bool], tuple[Settings, Settings]] = {}
"""The settings of tests by those of the project, with which they are kept: an application notices other settings, and would
build itself anew for each test."""


@contextmanager
def _replaced_settings(config: OpenViperTestConfig) -> Iterator[None]:
    settings.setup()
    own = settings.instance
    assert own is not None
    key = (id(own), config.fast_passwords)
    if key not in _replaced:
        with overridden(_values(config)) as inside:
            _replaced[key] = (own, inside)
    with overridden({}, _replaced[key][1]):
        yield


def _values(config: OpenViperTestConfig) -> dict[str, Any]:
    values: dict[str, Any] = {"TESTING": True, "MEDIA_ROOT": str(uploads() / "media")}
    if config.fast_passwords:
        # Alone: each one that is named costs a refused login its time. Stored hashes of others are still understood.
        values["PASSWORD_HASHERS"] = ("plain",)
    return values


@cache
def uploads() -> Path:
    """Return the folder of this process for what tests upload; it is removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="openviper-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def upload_folder() -> Path:
    """Return the folder that uploads of the present test are stored in."""
    return Path(settings.MEDIA_ROOT)


def _forget_uploads() -> None:
    shutil.rmtree(uploads() / "media", ignore_errors=True)
