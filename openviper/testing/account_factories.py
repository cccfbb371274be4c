"""Factories of accounts, roles and permissions."""

from __future__ import annotations

from typing import Any

from openviper.auth.models import Permission, Role
from openviper.auth.users import get_user_model
from openviper.testing.factories import Factory, LazyAttribute, Sequence


class UserFactory(Factory[Any]):
    """Makes users of the project's user model; ``create(password="...")`` sets a password, without one none matches."""

    model = None
    username = Sequence(lambda number: f"user{number}")
    email = LazyAttribute(lambda known: f"{known['username']}@example.com")
    first_name = "Test"
    last_name = "User"

    @classmethod
    def _model(cls) -> Any:
        return get_user_model()

    @classmethod
    def build(cls, **values: Any) -> Any:
        """Return a user that is not stored, with no password that matches."""
        user = super().build(**_without_password(values))
        user.set_unusable_password()
        return user

    @classmethod
    async def create(cls, **values: Any) -> Any:
        """Store a user; see `Factory.create`."""
        user = cls.build(**values)
        password = values.get("password")
        if password is not None:
            await user.set_password(password)
        return await cls._saved(user)


def _without_password(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "password"}


class SuperuserFactory(UserFactory):
    """Makes users who may do everything."""

    username = Sequence(lambda number: f"admin{number}")
    is_staff = True
    is_superuser = True


class PermissionFactory(Factory[Permission]):
    """Makes permissions."""

    codename = Sequence(lambda number: f"perm_{number}")


class RoleFactory(Factory[Role]):
    """Makes roles."""

    name = Sequence(lambda number: f"role_{number}")
