"""Making user accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from openviper.auth.validators import email_problem, normalize_email, username_problem
from openviper.db.models import Manager

if TYPE_CHECKING:
    from openviper.auth.models import AbstractUser

U = TypeVar("U", bound="AbstractUser")

ADMIN_FLAGS = ("is_staff", "is_superuser", "is_active")


class UserManager(Manager[U]):
    """The manager of user models."""

    async def create_user(self, username: str, email: str, password: str | None = None, **extra: Any) -> U:
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
        problem = username_problem(username) or email_problem(email)
        if problem is None and password is not None and not password.strip():
            problem = "the password must not be blank"
        if problem is not None:
            raise ValueError(problem)
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
