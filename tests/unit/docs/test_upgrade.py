"""What projects of 0.1 have imported or named in their settings is importable, or the page about the upgrade says what to do."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from openviper.conf.former import FORMER

PAGE = Path(__file__).resolve().parents[3] / "docs/how-to/upgrade-from-0.1.md"
TEXT = PAGE.read_text("utf-8")
MOVED = re.findall(r"^\| `(openviper\.\S+)` \| `(openviper\.\S+)` \|$", TEXT, re.MULTILINE)
STAYED = [
    name
    for paragraph in TEXT.split("\n\n")
    if re.search(r"where (it was|they were)", paragraph)
    for name in re.findall(r"`(openviper\.[\w.]+)`", paragraph)
]
GONE_PART = TEXT.partition("## What is not here")[2].partition("\n## ")[0]
GONE = [
    name
    for row in GONE_PART.splitlines()
    for name in re.findall(r"`(openviper\.[\w.]+)`", row.rpartition(" | ")[0])
]
IN_USE = """
openviper.JSONResponse
openviper.OpenViper
openviper.Request
openviper.admin
openviper.admin.ActionResult
openviper.admin.ChildTable
openviper.admin.ModelAdmin
openviper.admin.action
openviper.admin.get_admin_site
openviper.admin.middleware.AdminMiddleware
openviper.admin.options.ModelAdmin
openviper.admin.register
openviper.admin.unregister
openviper.ai.router.ModelRouter
openviper.ai.router.model_router
openviper.app.OpenViper
openviper.auth
openviper.auth.admin.UserRoleInline
openviper.auth.authenticate
openviper.auth.decorators.login_required
openviper.auth.get_user_model
openviper.auth.jwt.create_access_token
openviper.auth.login
openviper.auth.logout
openviper.auth.models.AbstractUser
openviper.auth.models.Role
openviper.auth.models.User
openviper.auth.session.manager.SessionManager
openviper.auth.session.middleware.SessionMiddleware
openviper.auth.session.utils.get_session_cookie_config
openviper.cache.InMemoryCache
openviper.conf.settings
openviper.conf.settings.Settings
openviper.conf.types.ConfigMap
openviper.contrib.countries.CountryField
openviper.core.email.send_email
openviper.core.management.base.BaseCommand
openviper.core.management.base.CommandError
openviper.core.management.execute_from_command_line
openviper.core.management.utils.run_async_command
openviper.db.Model
openviper.db.backends.DefaultDatabaseBackend
openviper.db.connection.get_engine
openviper.db.connection.get_metadata
openviper.db.connection.init_db
openviper.db.events.model_event
openviper.db.executor.build_table
openviper.db.executor.resolve_engine_for_alias
openviper.db.fields
openviper.db.fields.BooleanField
openviper.db.fields.CharField
openviper.db.fields.DateTimeField
openviper.db.fields.DecimalField
openviper.db.fields.FloatField
openviper.db.fields.ForeignKey
openviper.db.fields.ImageField
openviper.db.fields.IntegerField
openviper.db.fields.JSONField
openviper.db.fields.TextField
openviper.db.fields.UUIDField
openviper.db.init_db
openviper.db.migrations.executor.get_migration_table
openviper.db.migrations.executor.get_soft_removed_table
openviper.db.model_registry
openviper.db.models.Index
openviper.db.models.Model
openviper.db.patches.db_patch
openviper.exceptions.AuthenticationFailed
openviper.exceptions.NotFound
openviper.http.HTMLResponse
openviper.http.JSONResponse
openviper.http.Request
openviper.http.Response
openviper.http.request.Request
openviper.http.response.HTMLResponse
openviper.http.response.JSONResponse
openviper.http.response.RedirectResponse
openviper.http.response.Response
openviper.http.types.ASGIReceive
openviper.http.types.ASGIScope
openviper.http.types.ASGISend
openviper.http.views.View
openviper.middleware.auth.AuthenticationMiddleware
openviper.middleware.base.BaseMiddleware
openviper.middleware.cors.CORSMiddleware
openviper.middleware.security.SecurityMiddleware
openviper.routing.Router
openviper.serializers.ModelSerializer
openviper.serializers.Serializer
openviper.tasks
openviper.tasks.actor
openviper.tasks.periodic
openviper.utils.timezone
""".split()
"""What eight public projects made for 0.1 import from it or name in their settings."""


def is_here(name: str) -> bool:
    """Return whether a dotted name is a module, or something in one."""
    module, _, attribute = name.rpartition(".")
    try:
        importlib.import_module(name)
    except ImportError:
        pass
    else:
        return True
    try:
        return hasattr(importlib.import_module(module), attribute)
    except ImportError:
        return False


@pytest.mark.parametrize("name", [*(now for _, now in MOVED), *STAYED])
def test_a_name_can_be_imported(name: str) -> None:
    assert is_here(name)


def test_what_has_moved_is_not_where_it_was() -> None:
    assert len(MOVED) == 14 and len(STAYED) == 12
    assert [before for before, _ in MOVED if is_here(before)] == []


@pytest.mark.parametrize("name", IN_USE)
def test_a_name_that_projects_use_is_here_or_told_of(name: str) -> None:
    told = {before for before, _ in MOVED} | set(GONE)
    assert is_here(name) or name in told


def test_what_is_said_to_be_gone_is_gone() -> None:
    assert len(GONE) == 19
    assert [name for name in GONE if is_here(name)] == []


@pytest.mark.parametrize("name", FORMER)
def test_a_setting_without_an_effect_is_in_the_table_with_its_advice(name: str) -> None:
    assert f"| `{name}` | {FORMER[name]} |" in TEXT
