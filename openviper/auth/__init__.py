"""Users, passwords, roles and permissions.

The public names are imported when first used, so that naming this package in `INSTALLED_APPS` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.auth.api_keys import create_api_key as create_api_key
    from openviper.auth.api_keys import list_api_keys as list_api_keys
    from openviper.auth.api_keys import revoke_api_key as revoke_api_key
    from openviper.auth.audit import AuditEvent as AuditEvent
    from openviper.auth.audit import clear_account_events as clear_account_events
    from openviper.auth.audit import find_events as find_events
    from openviper.auth.audit import record_event as record_event
    from openviper.auth.audit_models import AccountEvent as AccountEvent
    from openviper.auth.authentications import BaseAuthentication as BaseAuthentication
    from openviper.auth.authentications import SessionAuthentication as SessionAuthentication
    from openviper.auth.backends import authenticate as authenticate
    from openviper.auth.decorators import login_required as login_required
    from openviper.auth.decorators import permission_classes as permission_classes
    from openviper.auth.decorators import permission_required as permission_required
    from openviper.auth.decorators import require_recent_login as require_recent_login
    from openviper.auth.decorators import role_required as role_required
    from openviper.auth.decorators import staff_required as staff_required
    from openviper.auth.decorators import superuser_required as superuser_required
    from openviper.auth.devices import forget_device as forget_device
    from openviper.auth.devices import forget_devices as forget_devices
    from openviper.auth.devices import is_device_remembered as is_device_remembered
    from openviper.auth.devices import list_devices as list_devices
    from openviper.auth.devices import remember_device as remember_device
    from openviper.auth.emails import is_email_verified as is_email_verified
    from openviper.auth.flows.routes import account_routes as account_routes
    from openviper.auth.flows.view import AccountView as AccountView
    from openviper.auth.hashers import check_password as check_password
    from openviper.auth.hashers import make_password as make_password
    from openviper.auth.hooks import AuthHookContext as AuthHookContext
    from openviper.auth.hooks import AuthHookReject as AuthHookReject
    from openviper.auth.hooks import auth_hooks as auth_hooks
    from openviper.auth.hooks import register_auth_hook as register_auth_hook
    from openviper.auth.jwt import create_access_token as create_access_token
    from openviper.auth.jwt import create_refresh_token as create_refresh_token
    from openviper.auth.jwt import decode_access_token as decode_access_token
    from openviper.auth.jwt import decode_access_token_checked as decode_access_token_checked
    from openviper.auth.jwt import decode_refresh_token as decode_refresh_token
    from openviper.auth.jwt import decode_refresh_token_checked as decode_refresh_token_checked
    from openviper.auth.jwt import decode_token_unverified as decode_token_unverified
    from openviper.auth.login_steps import begin_login as begin_login
    from openviper.auth.login_steps import finish_login as finish_login
    from openviper.auth.login_steps import pending_user as pending_user
    from openviper.auth.models import AnonymousUser as AnonymousUser
    from openviper.auth.models import Authenticable as Authenticable
    from openviper.auth.models import Permission as Permission
    from openviper.auth.models import Role as Role
    from openviper.auth.models import RolePermission as RolePermission
    from openviper.auth.models import User as User
    from openviper.auth.models import UserRole as UserRole
    from openviper.auth.password_rules import PasswordProblem as PasswordProblem
    from openviper.auth.password_rules import WeakPasswordError as WeakPasswordError
    from openviper.auth.password_rules import check_new_password as check_new_password
    from openviper.auth.password_rules import password_problems as password_problems
    from openviper.auth.session_login import SessionManager as SessionManager
    from openviper.auth.session_login import has_logged_in_recently as has_logged_in_recently
    from openviper.auth.session_login import login as login
    from openviper.auth.session_login import logout as logout
    from openviper.auth.session_login import reauthenticate as reauthenticate
    from openviper.auth.session_store import DatabaseSessionStore as DatabaseSessionStore
    from openviper.auth.token_authentications import APIKeyAuthentication as APIKeyAuthentication
    from openviper.auth.token_authentications import JWTAuthentication as JWTAuthentication
    from openviper.auth.token_authentications import TokenAuthentication as TokenAuthentication
    from openviper.auth.tokens import TokenPair as TokenPair
    from openviper.auth.tokens import create_token as create_token
    from openviper.auth.tokens import issue_tokens as issue_tokens
    from openviper.auth.tokens import refresh_tokens as refresh_tokens
    from openviper.auth.tokens import revoke_auth_token as revoke_auth_token
    from openviper.auth.tokens import revoke_login as revoke_login
    from openviper.auth.two_factor import SecondFactorRequired as SecondFactorRequired
    from openviper.auth.two_factor import TwoFactorSetup as TwoFactorSetup
    from openviper.auth.two_factor import begin_two_factor as begin_two_factor
    from openviper.auth.two_factor import check_second_factor as check_second_factor
    from openviper.auth.two_factor import confirm_two_factor as confirm_two_factor
    from openviper.auth.two_factor import count_recovery_codes as count_recovery_codes
    from openviper.auth.two_factor import end_two_factor as end_two_factor
    from openviper.auth.two_factor import has_two_factor as has_two_factor
    from openviper.auth.two_factor import new_recovery_codes as new_recovery_codes
    from openviper.auth.user_queries import identified_by as identified_by
    from openviper.auth.user_sessions import UserSession as UserSession
    from openviper.auth.user_sessions import end_other_sessions as end_other_sessions
    from openviper.auth.user_sessions import end_session as end_session
    from openviper.auth.user_sessions import list_sessions as list_sessions
    from openviper.auth.user_sessions import password_changed as password_changed
    from openviper.auth.users import get_user_by_id as get_user_by_id
    from openviper.auth.users import get_user_model as get_user_model
    from openviper.auth.views import LoginCredentials as LoginCredentials
    from openviper.auth.views import all_auth_routes as all_auth_routes
    from openviper.auth.views import jwt_routes as jwt_routes
    from openviper.auth.views import me_routes as me_routes
    from openviper.auth.views import session_routes as session_routes
    from openviper.auth.views import token_routes as token_routes
    from openviper.core.context import run_as as run_as
    from openviper.http.login_redirect import next_address as next_address
    from openviper.http.permissions import AllowAny as AllowAny
    from openviper.http.permissions import BasePermission as BasePermission
    from openviper.http.permissions import HasPermission as HasPermission
    from openviper.http.permissions import HasRole as HasRole
    from openviper.http.permissions import HasScope as HasScope
    from openviper.http.permissions import IsAdmin as IsAdmin
    from openviper.http.permissions import IsAuthenticated as IsAuthenticated
    from openviper.http.permissions import IsAuthenticatedOrReadOnly as IsAuthenticatedOrReadOnly
    from openviper.http.permissions import IsOwner as IsOwner
    from openviper.http.permissions import IsSuperuser as IsSuperuser
    from openviper.http.permissions import ObjectPermission as ObjectPermission
    from openviper.sessions.middleware import SessionMiddleware as SessionMiddleware

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.auth.api_keys": (
            "create_api_key",
            "list_api_keys",
            "revoke_api_key",
        ),
        "openviper.auth.audit": (
            "AuditEvent",
            "clear_account_events",
            "find_events",
            "record_event",
        ),
        "openviper.auth.audit_models": ("AccountEvent",),
        "openviper.auth.hooks": (
            "AuthHookContext",
            "AuthHookReject",
            "auth_hooks",
            "register_auth_hook",
        ),
        "openviper.auth.jwt": (
            "create_access_token",
            "create_refresh_token",
            "decode_access_token",
            "decode_access_token_checked",
            "decode_refresh_token",
            "decode_refresh_token_checked",
            "decode_token_unverified",
        ),
        "openviper.auth.token_authentications": (
            "APIKeyAuthentication",
            "JWTAuthentication",
            "TokenAuthentication",
        ),
        "openviper.auth.tokens": (
            "TokenPair",
            "create_token",
            "issue_tokens",
            "refresh_tokens",
            "revoke_auth_token",
            "revoke_login",
        ),
        "openviper.auth.authentications": (
            "BaseAuthentication",
            "SessionAuthentication",
        ),
        "openviper.auth.decorators": (
            "login_required",
            "permission_classes",
            "permission_required",
            "require_recent_login",
            "role_required",
            "staff_required",
            "superuser_required",
        ),
        "openviper.auth.user_queries": ("identified_by",),
        "openviper.auth.password_rules": (
            "PasswordProblem",
            "WeakPasswordError",
            "check_new_password",
            "password_problems",
        ),
        "openviper.auth.session_login": (
            "SessionManager",
            "has_logged_in_recently",
            "login",
            "logout",
            "reauthenticate",
        ),
        "openviper.auth.devices": (
            "forget_device",
            "forget_devices",
            "is_device_remembered",
            "list_devices",
            "remember_device",
        ),
        "openviper.auth.emails": ("is_email_verified",),
        "openviper.auth.flows.routes": ("account_routes",),
        "openviper.auth.flows.view": ("AccountView",),
        "openviper.auth.login_steps": ("begin_login", "finish_login", "pending_user"),
        "openviper.auth.two_factor": (
            "SecondFactorRequired",
            "TwoFactorSetup",
            "begin_two_factor",
            "check_second_factor",
            "confirm_two_factor",
            "count_recovery_codes",
            "end_two_factor",
            "has_two_factor",
            "new_recovery_codes",
        ),
        "openviper.auth.user_sessions": (
            "UserSession",
            "end_other_sessions",
            "end_session",
            "list_sessions",
            "password_changed",
        ),
        "openviper.auth.views": (
            "LoginCredentials",
            "all_auth_routes",
            "jwt_routes",
            "me_routes",
            "session_routes",
            "token_routes",
        ),
        "openviper.core.context": ("run_as",),
        "openviper.http.login_redirect": ("next_address",),
        "openviper.http.permissions": (
            "AllowAny",
            "BasePermission",
            "HasPermission",
            "HasRole",
            "HasScope",
            "IsAdmin",
            "IsAuthenticated",
            "IsAuthenticatedOrReadOnly",
            "IsOwner",
            "IsSuperuser",
            "ObjectPermission",
        ),
        "openviper.sessions.middleware": ("SessionMiddleware",),
        "openviper.auth.session_store": ("DatabaseSessionStore",),
        "openviper.auth.backends": ("authenticate",),
        "openviper.auth.hashers": ("check_password", "make_password"),
        "openviper.auth.models": (
            "AnonymousUser",
            "Authenticable",
            "Permission",
            "Role",
            "RolePermission",
            "User",
            "UserRole",
        ),
        "openviper.auth.users": ("get_user_by_id", "get_user_model"),
    },
)
