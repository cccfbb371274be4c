"""Making user accounts, and noticing every change to what users may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from openviper.auth.usernames import normalize_username, username_problem
from openviper.auth.validators import email_problem, normalize_email
from openviper.db.query.manager import Manager, late_queryset
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.auth import grant_queries, user_queries
    from openviper.db.query.queryset import QuerySet
else:
    # With the first query.
    grant_queries = lazy_module("openviper.auth.grant_queries")
    user_queries = lazy_module("openviper.auth.user_queries")

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

    queryset_class = late_queryset(lambda: user_queries.UserQuerySet)

    async def get_by_natural_key(self, username: str) -> U:
        """Return the user with a username, whatever its capitals.

        Raises:
            DoesNotExist: If there is none.
        """
        return await self.get(user_queries.identified_by(self.model, "username", username))

    async def create_user(
        self, username: str, email: str, password: str | None = None, **extra: Any
    ) -> U:
        """Store a new user.

        The rules of `PASSWORD_RULES` are not asked: what code sets is for the code to judge, with
        `openviper.auth.check_new_password`. Commands and account pages ask them; `bulk_create` checks nothing of an account.

        Args:
            username: The name to log in with; see `openviper.auth.usernames`. It is stored in its normal form.
            email: The e-mail address; its domain is stored in lower case and in ASCII.
            password: The raw password; without one, none matches until one is set.
            extra: Values of further fields.

        Raises:
            ValueError: If the username or the address is malformed, or the password blank.
            IntegrityError: If either is taken, by one that differs in capitals only too.
        """
        username, email = normalize_username(username), normalize_email(email)
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


class GrantManager(Manager[M]):
    """The manager of models whose rows decide what users may do."""

    def get_queryset(self) -> QuerySet[M]:
        """Return a query that notices changes in bulk."""
        return grant_queries.GrantQuerySet(self.model)


class ContentTypeManager(GrantManager[M]):
    """The manager of the rows that stand for models."""

    async def get_by_natural_key(self, app_label: str, model: str) -> M:
        """Return the row of a model.

        Raises:
            DoesNotExist: If there is none.
        """
        return await self.get(app_label=app_label, model=model)
