"""Helpers for testing OpenViper applications, each imported when first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.testing.client import OpenViperTestClient as OpenViperTestClient
    from openviper.testing.client import StreamedResponse as StreamedResponse
    from openviper.testing.client import TestResponse as TestResponse
    from openviper.testing.client import WebSocketRefused as WebSocketRefused
    from openviper.testing.client import WebSocketSession as WebSocketSession
    from openviper.testing.config import OpenViperTestConfig as OpenViperTestConfig
    from openviper.testing.config import OpenViperTestingConfigError as OpenViperTestingConfigError
    from openviper.testing.database import TestDatabase as TestDatabase
    from openviper.testing.mail import InMemoryMailBackend as InMemoryMailBackend
    from openviper.testing.mail import TestEmail as TestEmail
    from openviper.testing.mail import assert_email_count as assert_email_count
    from openviper.testing.mail import assert_email_recipient as assert_email_recipient
    from openviper.testing.mail import assert_email_sent as assert_email_sent
    from openviper.testing.mail import assert_email_subject as assert_email_subject
    from openviper.testing.mail import create_mailoutbox as create_mailoutbox
    from openviper.testing.settings import (
        override_openviper_settings as override_openviper_settings,
    )
    from openviper.testing.settings import override_settings as override_settings
    from openviper.testing.tasks import EagerTaskRunner as EagerTaskRunner
    from openviper.testing.tasks import TaskQueue as TaskQueue
    from openviper.testing.tasks import assert_task_count as assert_task_count
    from openviper.testing.tasks import assert_task_queued as assert_task_queued
    from openviper.testing.tasks import create_task_queue as create_task_queue

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.testing.client": (
            "OpenViperTestClient",
            "StreamedResponse",
            "TestResponse",
            "WebSocketRefused",
            "WebSocketSession",
        ),
        "openviper.testing.config": ("OpenViperTestConfig", "OpenViperTestingConfigError"),
        "openviper.testing.database": ("TestDatabase",),
        "openviper.testing.mail": (
            "InMemoryMailBackend",
            "TestEmail",
            "assert_email_count",
            "assert_email_recipient",
            "assert_email_sent",
            "assert_email_subject",
            "create_mailoutbox",
        ),
        "openviper.testing.settings": ("override_openviper_settings", "override_settings"),
        "openviper.testing.tasks": (
            "EagerTaskRunner",
            "TaskQueue",
            "assert_task_count",
            "assert_task_queued",
            "create_task_queue",
        ),
    },
)
