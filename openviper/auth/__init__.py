"""Users, passwords, roles and permissions.

The public names are imported when first used, so that naming this package in `INSTALLED_APPS` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.auth.backends import authenticate as authenticate
    from openviper.auth.hashers import check_password as check_password
    from openviper.auth.hashers import make_password as make_password
    from openviper.auth.models import AnonymousUser as AnonymousUser
    from openviper.auth.models import Authenticable as Authenticable
    from openviper.auth.models import Permission as Permission
    from openviper.auth.models import Role as Role
    from openviper.auth.models import RolePermission as RolePermission
    from openviper.auth.models import User as User
    from openviper.auth.models import UserRole as UserRole
    from openviper.auth.users import get_user_by_id as get_user_by_id
    from openviper.auth.users import get_user_model as get_user_model

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
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
