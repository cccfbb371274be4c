"""Whoever is not logged in. A module of its own, as an application without a database needs no models for it."""

from __future__ import annotations


class AnonymousUser:
    """Whoever is not logged in; false in a condition."""

    pk = None
    id = None
    username = ""
    email = ""
    is_authenticated = False
    is_anonymous = True
    is_active = False
    is_staff = False
    is_superuser = False

    def __bool__(self) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AnonymousUser)

    def __hash__(self) -> int:
        return hash(AnonymousUser)

    def __repr__(self) -> str:
        return "<AnonymousUser>"

    async def get_permissions(self) -> set[str]:
        """Return nothing."""
        return set()

    async def has_perm(self, codename: str) -> bool:
        """Tell whether a permission is granted: never."""
        return False

    async def has_role(self, name: str) -> bool:
        """Tell whether a role is held: never."""
        return False

    async def has_model_perm(self, label: str, action: str) -> bool:
        """Tell whether an action on a protected model is allowed: never."""
        return False
