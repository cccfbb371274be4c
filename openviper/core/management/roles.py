"""What the commands do with roles: find them, give and take them, and say who has which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from openviper import auth
from openviper.core.management.base import CommandError
from openviper.core.management.errors import did_you_mean

if TYPE_CHECKING:
    from openviper.auth.models import Role


async def load_roles(names: Sequence[str]) -> list[Role]:
    """Return the roles of some names.

    Raises:
        CommandError: If there is no role of a name; says what there is.
    """
    known = {role.name: role for role in await auth.Role.objects.all()}
    for name in names:
        if name not in known:
            hint = did_you_mean(name, [*known])
            raise CommandError(
                f"there is no role {name!r}{hint} (roles: {', '.join(sorted(known)) or 'none'})"
            )
    return [known[name] for name in dict.fromkeys(names)]


async def create_role(name: str) -> Role:
    """Return a new role.

    Raises:
        CommandError: If the name is blank or taken.
    """
    if not name.strip():
        raise CommandError("the name of a role must not be blank")
    role, is_new = await auth.Role.objects.get_or_create(name=name)
    if not is_new:
        raise CommandError(f"role {name!r} already exists")
    return role


async def load_users(model: type[Any], names: Sequence[str]) -> list[Any]:
    """Return the users of some names.

    Raises:
        CommandError: If there is no user of a name.
    """
    field = name_field(model)
    users = []
    for name in names:
        user = await model.objects.filter(auth.identified_by(model, field, name)).first()
        if user is None:
            raise CommandError(f"user {name!r} not found")
        users.append(user)
    return users


def name_field(model: type[Any]) -> str:
    """Return the field that users of a model are known by."""
    fields = getattr(model, "_fields", {})
    return next((name for name in ("username", "name") if name in fields), "email")


async def grant_roles(user: Any, roles: Iterable[Role]) -> None:
    """Give a user roles; one that is given already stays."""
    for role in roles:
        await user.assign_role(role)


async def holders(model: type[Any]) -> dict[str, list[str]]:
    """Return the names of all roles, each with the users it is given to, both sorted."""
    roles = {role.pk: role.name for role in await auth.Role.objects.all()}
    users = {user.pk: str(getattr(user, name_field(model))) for user in await model.objects.all()}
    found: dict[str, list[str]] = {name: [] for name in sorted(roles.values())}
    for given in await auth.UserRole.objects.all():
        if given.user_id in users:
            found[roles[given.role_id]].append(users[given.user_id])
    return {name: sorted(names) for name, names in found.items()}
