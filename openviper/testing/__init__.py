"""Helpers for testing OpenViper applications, each imported when first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.cache import InMemoryCache as InMemoryCache
    from openviper.testing.account_factories import PermissionFactory as PermissionFactory
    from openviper.testing.account_factories import RoleFactory as RoleFactory
    from openviper.testing.account_factories import SuperuserFactory as SuperuserFactory
    from openviper.testing.account_factories import UserFactory as UserFactory
    from openviper.testing.accounts import TestUser as TestUser
    from openviper.testing.accounts import attach_bearer_token as attach_bearer_token
    from openviper.testing.accounts import attach_session_cookie as attach_session_cookie
    from openviper.testing.accounts import force_authenticate as force_authenticate
    from openviper.testing.accounts import force_login as force_login
    from openviper.testing.accounts import log_in as log_in
    from openviper.testing.accounts import login_user as login_user
    from openviper.testing.accounts import token_for_user as token_for_user
    from openviper.testing.accounts import with_permissions as with_permissions
    from openviper.testing.accounts import with_roles as with_roles
    from openviper.testing.application import lifespan as lifespan
    from openviper.testing.application import load_app as load_app
    from openviper.testing.assertions import assert_cookie as assert_cookie
    from openviper.testing.assertions import assert_error_code as assert_error_code
    from openviper.testing.assertions import assert_field_error as assert_field_error
    from openviper.testing.assertions import assert_field_value as assert_field_value
    from openviper.testing.assertions import assert_header as assert_header
    from openviper.testing.assertions import assert_json_contains as assert_json_contains
    from openviper.testing.assertions import assert_json_path as assert_json_path
    from openviper.testing.assertions import assert_model_count as assert_model_count
    from openviper.testing.assertions import assert_model_exists as assert_model_exists
    from openviper.testing.assertions import assert_queryset_count as assert_queryset_count
    from openviper.testing.assertions import assert_redirects as assert_redirects
    from openviper.testing.assertions import assert_response_json as assert_response_json
    from openviper.testing.assertions import assert_status as assert_status
    from openviper.testing.assertions import assert_storage_path as assert_storage_path
    from openviper.testing.assertions import assert_validation_error as assert_validation_error
    from openviper.testing.caches import assert_cache_key as assert_cache_key
    from openviper.testing.caches import cache_in_memory as cache_in_memory
    from openviper.testing.caches import setup_test_cache as setup_test_cache
    from openviper.testing.cases import OpenViperTestCase as OpenViperTestCase
    from openviper.testing.cases import TestCase as TestCase
    from openviper.testing.client import OpenViperTestClient as OpenViperTestClient
    from openviper.testing.client import StreamedResponse as StreamedResponse
    from openviper.testing.client import TestResponse as TestResponse
    from openviper.testing.client import WebSocketRefused as WebSocketRefused
    from openviper.testing.client import WebSocketSession as WebSocketSession
    from openviper.testing.clock import Clock as Clock
    from openviper.testing.clock import travel as travel
    from openviper.testing.commands import CommandRunner as CommandRunner
    from openviper.testing.commands import assert_exit_code as assert_exit_code
    from openviper.testing.commands import call_command as call_command
    from openviper.testing.config import OpenViperTestConfig as OpenViperTestConfig
    from openviper.testing.config import OpenViperTestingConfigError as OpenViperTestingConfigError
    from openviper.testing.databases.database import SessionDatabase as SessionDatabase
    from openviper.testing.databases.database import TestDatabase as TestDatabase
    from openviper.testing.databases.database import finish_databases as finish_databases
    from openviper.testing.databases.database import (
        hide_configured_databases as hide_configured_databases,
    )
    from openviper.testing.databases.database import migrate_database as migrate_database
    from openviper.testing.databases.database import session_databases as session_databases
    from openviper.testing.databases.database import truncate_database as truncate_database
    from openviper.testing.databases.kept import IsolationLostError as IsolationLostError
    from openviper.testing.databases.naming import (
        assert_safe_database_url as assert_safe_database_url,
    )
    from openviper.testing.databases.naming import (
        resolve_test_database_url as resolve_test_database_url,
    )
    from openviper.testing.databases.session import should_create_db as should_create_db
    from openviper.testing.databases.session import should_reuse_db as should_reuse_db
    from openviper.testing.documents import assert_openapi_operation as assert_openapi_operation
    from openviper.testing.documents import assert_openapi_path as assert_openapi_path
    from openviper.testing.documents import assert_request_schema as assert_request_schema
    from openviper.testing.documents import assert_response_schema as assert_response_schema
    from openviper.testing.documents import openapi_document as openapi_document
    from openviper.testing.events import EventRecorder as EventRecorder
    from openviper.testing.events import RecordedEvent as RecordedEvent
    from openviper.testing.events import assert_event_count as assert_event_count
    from openviper.testing.events import assert_event_emitted as assert_event_emitted
    from openviper.testing.events import assert_event_payload as assert_event_payload
    from openviper.testing.events import create_event_recorder as create_event_recorder
    from openviper.testing.factories import Factory as Factory
    from openviper.testing.factories import LazyAttribute as LazyAttribute
    from openviper.testing.factories import ModelFactory as ModelFactory
    from openviper.testing.factories import PostGeneration as PostGeneration
    from openviper.testing.factories import RelatedFactory as RelatedFactory
    from openviper.testing.factories import Sequence as Sequence
    from openviper.testing.files import make_upload as make_upload
    from openviper.testing.live import LiveServer as LiveServer
    from openviper.testing.live import serving as serving
    from openviper.testing.live import share_databases as share_databases
    from openviper.testing.mail import InMemoryMailBackend as InMemoryMailBackend
    from openviper.testing.mail import TestEmail as TestEmail
    from openviper.testing.mail import assert_email_count as assert_email_count
    from openviper.testing.mail import assert_email_recipient as assert_email_recipient
    from openviper.testing.mail import assert_email_sent as assert_email_sent
    from openviper.testing.mail import assert_email_subject as assert_email_subject
    from openviper.testing.mail import create_mailoutbox as create_mailoutbox
    from openviper.testing.project import project_under_test as project_under_test
    from openviper.testing.project import upload_folder as upload_folder
    from openviper.testing.queries import Query as Query
    from openviper.testing.queries import assert_queries as assert_queries
    from openviper.testing.queries import assert_query_plan as assert_query_plan
    from openviper.testing.queries import captured_queries as captured_queries
    from openviper.testing.settings import (
        override_openviper_settings as override_openviper_settings,
    )
    from openviper.testing.settings import override_settings as override_settings
    from openviper.testing.snapshots import Snapshot as Snapshot
    from openviper.testing.snapshots import assert_matches_snapshot as assert_matches_snapshot
    from openviper.testing.tasks import EagerTaskRunner as EagerTaskRunner
    from openviper.testing.tasks import TaskQueue as TaskQueue
    from openviper.testing.tasks import assert_task_count as assert_task_count
    from openviper.testing.tasks import assert_task_queued as assert_task_queued
    from openviper.testing.tasks import create_task_queue as create_task_queue

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.cache": ("InMemoryCache",),
        "openviper.testing.caches": ("assert_cache_key", "cache_in_memory", "setup_test_cache"),
        "openviper.testing.documents": (
            "assert_openapi_operation",
            "assert_openapi_path",
            "assert_request_schema",
            "assert_response_schema",
            "openapi_document",
        ),
        "openviper.testing.project": ("project_under_test", "upload_folder"),
        "openviper.testing.application": ("lifespan", "load_app"),
        "openviper.testing.account_factories": (
            "PermissionFactory",
            "RoleFactory",
            "SuperuserFactory",
            "UserFactory",
        ),
        "openviper.testing.accounts": (
            "TestUser",
            "attach_bearer_token",
            "attach_session_cookie",
            "force_authenticate",
            "force_login",
            "log_in",
            "login_user",
            "token_for_user",
            "with_permissions",
            "with_roles",
        ),
        "openviper.testing.assertions": (
            "assert_cookie",
            "assert_error_code",
            "assert_field_error",
            "assert_field_value",
            "assert_header",
            "assert_json_contains",
            "assert_json_path",
            "assert_model_count",
            "assert_model_exists",
            "assert_queryset_count",
            "assert_redirects",
            "assert_response_json",
            "assert_status",
            "assert_storage_path",
            "assert_validation_error",
        ),
        "openviper.testing.cases": (
            "OpenViperTestCase",
            "TestCase",
        ),
        "openviper.testing.client": (
            "OpenViperTestClient",
            "StreamedResponse",
            "TestResponse",
            "WebSocketRefused",
            "WebSocketSession",
        ),
        "openviper.testing.clock": (
            "Clock",
            "travel",
        ),
        "openviper.testing.commands": (
            "CommandRunner",
            "assert_exit_code",
            "call_command",
        ),
        "openviper.testing.config": (
            "OpenViperTestConfig",
            "OpenViperTestingConfigError",
        ),
        "openviper.testing.databases.database": (
            "hide_configured_databases",
            "migrate_database",
            "session_databases",
            "truncate_database",
            "SessionDatabase",
            "TestDatabase",
            "finish_databases",
        ),
        "openviper.testing.databases.kept": ("IsolationLostError",),
        "openviper.testing.databases.naming": (
            "assert_safe_database_url",
            "resolve_test_database_url",
        ),
        "openviper.testing.databases.session": (
            "should_create_db",
            "should_reuse_db",
        ),
        "openviper.testing.events": (
            "EventRecorder",
            "RecordedEvent",
            "assert_event_count",
            "assert_event_emitted",
            "assert_event_payload",
            "create_event_recorder",
        ),
        "openviper.testing.factories": (
            "Factory",
            "LazyAttribute",
            "ModelFactory",
            "PostGeneration",
            "RelatedFactory",
            "Sequence",
        ),
        "openviper.testing.files": ("make_upload",),
        "openviper.testing.live": (
            "serving",
            "share_databases",
            "LiveServer",
        ),
        "openviper.testing.mail": (
            "InMemoryMailBackend",
            "TestEmail",
            "assert_email_count",
            "assert_email_recipient",
            "assert_email_sent",
            "assert_email_subject",
            "create_mailoutbox",
        ),
        "openviper.testing.queries": (
            "Query",
            "assert_queries",
            "assert_query_plan",
            "captured_queries",
        ),
        "openviper.testing.settings": (
            "override_openviper_settings",
            "override_settings",
        ),
        "openviper.testing.snapshots": (
            "Snapshot",
            "assert_matches_snapshot",
        ),
        "openviper.testing.tasks": (
            "EagerTaskRunner",
            "TaskQueue",
            "assert_task_count",
            "assert_task_queued",
            "create_task_queue",
        ),
    },
)
