"""Making user accounts, and noticing every change to what users may do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from openviper.auth.permission_cache import forget_permissions
from openviper.auth.validators import email_problem, normalize_email, username_problem
from openviper.db.fields.related_paths import Named
from openviper.db.models import Manager, QuerySet

if TYPE_CHECKING:
    from openviper.db.query.upserts import OnConflict

M = TypeVar("M")

ADMIN_FLAGS = ("is_staff", "is_superuser", "is_active")


class Account(Protocol):
    """What making an account asks of a user model."""

    def __init__(self, **values: Any) -> None: ...

    async def set_password(self, raw_password: str) -> None:
        """Hash a password and keep the hash."""
        ...

    def set_unusable_password(self) -> None:
        """Keep what no password matches."""
        ...

    async def save(self) -> None:
        """Store the account."""
        ...


U = TypeVar("U", bound=Account)


def _check_account(username: str, email: str, password: str | None) -> None:
    problem = username_problem(username) or email_problem(email)
    if problem is not None:
        raise ValueError(problem)
    is_blank = password is not None and not password.strip()
    if is_blank:
        raise ValueError("the password must not be blank")


class UserManager(Manager[U]):
    """The manager of user models."""

    async def create_user(
        self, username: str, email: str, password: str | None = None, **extra: Any
    ) -> U:
        """Store a new user.

        Args:
            username: The name to log in with; 1 to 150 letters, digits and ``@ . + - _``.
            email: The e-mail address; its domain is stored in lower case.
            password: The raw password; without one, none matches until one is set.
            extra: Values of further fields.

        Raises:
            ValueError: If the username or the address is malformed, or the password blank.
            IntegrityError: If either is taken.
        """
        email = normalize_email(email)
        _check_account(username, email, password)
        user = self.model(username=username, email=email, **extra)
        if password is None:
            user.set_unusable_password()
        else:
            await user.set_password(password)
        await user.save()
        return user

    async def create_superuser(self, username: str, email: str, password: str, **extra: Any) -> U:
        """Store a new user who may do everything.

        Raises:
            ValueError: As `create_user`, and if `is_staff`, `is_superuser` or `is_active` is given and not true.
            IntegrityError: If the username or the address is taken.
        """
        for flag in ADMIN_FLAGS:
            if not extra.setdefault(flag, True):
                raise ValueError(f"a superuser must have {flag}=True, not {extra[flag]!r}")
        return await self.create_user(username, email, password, **extra)


class GrantQuerySet(QuerySet[M]):
    """A query for rows that decide what users may do; changes in bulk, which run no hooks, are noticed here."""

    __slots__ = ()

    async def update(self, **values: Any) -> int:
        """Set columns of all rows of the query and forget remembered permissions."""
        count = await super().update(**values)
        forget_permissions()
        return count

    async def delete(self) -> int:
        """Delete all rows of the query and forget remembered permissions."""
        count = await super().delete()
        forget_permissions()
        return count

    async def bulk_create(
        self,
        objs: Iterable[M],
        batch_size: int | None = None,
        *,
        ignore_permissions: bool = False,
        on_conflict: OnConflict | None = None,
        unique_fields: Sequence[str] | None = None,
        update_fields: Sequence[str] | None = None,
    ) -> list[M]:
        """Insert instances and forget remembered permissions."""
        made = await super().bulk_create(
            objs,
            batch_size,
            ignore_permissions=ignore_permissions,
            on_conflict=on_conflict,
            unique_fields=unique_fields,
            update_fields=update_fields,
        )
        forget_permissions()
        return made

    async def bulk_update(
        self,
        objs: Iterable[M],
        fields: Sequence[Named],
        batch_size: int | None = None,
        *,
        ignore_permissions: bool = False,
    ) -> int:
        """Write some fields of instances and forget remembered permissions."""
        count = await super().bulk_update(
            objs, fields, batch_size, ignore_permissions=ignore_permissions
        )
        forget_permissions()
        return count


class GrantManager(Manager[M]):
    """The manager of models whose rows decide what users may do."""

    def get_queryset(self) -> QuerySet[M]:
        """Return a query that notices changes in bulk."""
        return GrantQuerySet(self.model)


class ContentTypeManager(GrantManager[M]):
    """The manager of the rows that stand for models."""

    async def get_by_natural_key(self, app_label: str, model: str) -> M:
        """Return the row of a model.

        Raises:
            DoesNotExist: If there is none.
        """
        return await self.get(app_label=app_label, model=model)
