"""Users, roles and what they may do.

A user has roles, either one by one (`UserRole`) or as a profile (`RoleProfile`). A role has permissions, which are named by a
codename such as ``post.publish`` and asked for by the code, and rights on models (`ContentTypePermission`), which the ORM
enforces. These models themselves are exempt from that.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from openviper.auth.anonymous import AnonymousUser as AnonymousUser
from openviper.auth.audit_models import AccountEvent as AccountEvent
from openviper.auth.audited import (
    record_grant,
    record_user_deleted,
    record_user_saved,
    watched_changes,
)
from openviper.auth.managers import ContentTypeManager, GrantManager, UserManager
from openviper.auth.name_keys import NameKeyField, with_keys
from openviper.auth.owned import delete_owned
from openviper.auth.permission_cache import forget_permissions, remembered
from openviper.auth.proof_models import MailedCode as MailedCode
from openviper.auth.proof_models import RecoveryCode as RecoveryCode
from openviper.auth.proof_models import RememberedDevice as RememberedDevice
from openviper.auth.proof_models import TOTPDevice as TOTPDevice
from openviper.auth.proof_models import VerifiedEmail as VerifiedEmail
from openviper.auth.together import retried_with_its_events, with_its_events
from openviper.auth.token_models import APIKey as APIKey
from openviper.auth.token_models import AuthToken as AuthToken
from openviper.auth.users import BUILT_IN_USER_MODEL, get_user_model
from openviper.conf import settings
from openviper.db.fields import (
    BigIntegerField,
    BooleanField,
    CharField,
    DateTimeField,
    EmailField,
    ForeignKey,
    IntegerField,
    PasswordField,
    TextField,
)
from openviper.db.fields.related_paths import Named
from openviper.db.models import AbstractModel, Model

if TYPE_CHECKING:
    from openviper.db.query.values import ValuesQuery

ACTIONS = ("create", "read", "update", "delete")
"""What can be done with a model."""


class Authenticable(Protocol):
    """Whoever a request may come from: a user, or nobody we know."""

    @property
    def is_authenticated(self) -> bool:
        """Whether this is a user we know."""
        ...

    async def has_perm(self, codename: str) -> bool:
        """Tell whether a permission is granted."""
        ...

    async def has_role(self, name: str) -> bool:
        """Tell whether a role is held."""
        ...

    async def has_model_perm(self, label: str, action: str) -> bool:
        """Tell whether an action on a model is allowed."""
        ...


class _Grant(AbstractModel):
    """A row that decides what users may do; any change to one makes remembered answers worthless."""

    objects: ClassVar[GrantManager[Self]] = GrantManager()

    class Meta:
        abstract = True

    async def after_insert(self) -> None:
        """Forget remembered permissions, and record the grant."""
        await self._note("insert")

    async def on_update(self) -> None:
        """Forget remembered permissions, and record what is granted now."""
        await self._note("update")

    async def after_delete(self) -> None:
        """Forget remembered permissions, and record what is granted no more."""
        await self._note("delete")

    async def _note(self, change: str) -> None:
        forget_permissions()
        await record_grant(self, change)


class ContentType(_Grant):
    """A model of the project, as a row that rights can refer to."""

    objects: ClassVar[ContentTypeManager[Self]] = ContentTypeManager()

    app_label = CharField(max_length=100)
    model = CharField(max_length=100)

    async def _note(self, change: str) -> None:
        forget_permissions()  # That there is such a model grants nothing, so nothing is recorded.

    class Meta:
        table_name = "auth_content_types"
        unique_together = ("app_label", "model")

    def __str__(self) -> str:
        return f"{self.app_label}.{self.model}"

    def natural_key(self) -> tuple[str, str]:
        """Return what the row is called in every database, whatever its number."""
        return self.app_label, self.model


class Permission(_Grant):
    """Something that may be granted, named by a codename."""

    codename = CharField(max_length=100, unique=True)
    name = CharField(max_length=255)
    content_type = ForeignKey(ContentType, null=True, on_delete="CASCADE")
    content_type_id: int | None
    created_at = DateTimeField(auto_now_add=True, editable=False)

    class Meta:
        table_name = "auth_permissions"

    def __str__(self) -> str:
        return self.codename


class Role(_Grant):
    """A set of permissions."""

    name = CharField(max_length=100, unique=True)
    description = TextField(null=True)
    created_at = DateTimeField(auto_now_add=True, editable=False)

    class Meta:
        table_name = "auth_roles"

    def __str__(self) -> str:
        return self.name


class RolePermission(_Grant):
    """A permission that a role has."""

    role = ForeignKey(Role, on_delete="CASCADE")
    role_id: int
    permission = ForeignKey(Permission, on_delete="CASCADE")
    permission_id: int

    class Meta:
        table_name = "auth_role_permissions"
        unique_together = ("role", "permission")


class RoleProfile(_Grant):
    """A named set of roles that users can be given as a whole."""

    name = CharField(max_length=100, unique=True)
    description = TextField(null=True)
    created_at = DateTimeField(auto_now_add=True, editable=False)
    updated_at = DateTimeField(auto_now=True, editable=False)

    class Meta:
        table_name = "auth_role_profiles"

    def __str__(self) -> str:
        return self.name


class RoleProfileDetail(_Grant):
    """A role in a profile."""

    role_profile = ForeignKey(RoleProfile, on_delete="CASCADE")
    role_profile_id: int
    role = ForeignKey(Role, on_delete="CASCADE")
    role_id: int
    created_at = DateTimeField(auto_now_add=True, editable=False)
    updated_at = DateTimeField(auto_now=True, editable=False)

    class Meta:
        table_name = "auth_role_profile_details"
        unique_together = ("role_profile", "role")


class ContentTypePermission(_Grant):
    """What a role may do with a model. A model with at least one such row is closed to everybody else."""

    content_type = ForeignKey(ContentType, on_delete="CASCADE")
    content_type_id: int
    role = ForeignKey(Role, on_delete="CASCADE")
    role_id: int
    can_create = BooleanField(default=False)
    can_read = BooleanField(default=False)
    can_update = BooleanField(default=False)
    can_delete = BooleanField(default=False)

    class Meta:
        table_name = "auth_content_type_permissions"
        unique_together = ("content_type", "role")


class AbstractUser(AbstractModel):
    """What every user has; derive from it for a user model of your own and name that in `USER_MODEL`."""

    username = CharField(max_length=150, unique=True)
    email = EmailField(unique=True)
    # What makes them unique whatever their capitals.
    username_key = NameKeyField(of="username", max_length=150)
    email_key = NameKeyField(of="email", max_length=254)
    # The hash, of any length that the column has room for: a hasher of a project's own need not be known here.
    password = PasswordField(min_length=0, max_length=255, editable=False)
    first_name = CharField(max_length=150, null=True)
    last_name = CharField(max_length=150, null=True)
    is_active = BooleanField(default=True, db_index=True)
    is_superuser = BooleanField(default=False)
    is_staff = BooleanField(default=False)
    role_profile = ForeignKey(RoleProfile, null=True, on_delete="SET NULL")
    role_profile_id: int | None
    created_at = DateTimeField(auto_now_add=True, editable=False)
    updated_at = DateTimeField(auto_now=True, editable=False)
    date_joined = DateTimeField(auto_now_add=True, editable=False)
    last_login = DateTimeField(null=True)

    objects: ClassVar[UserManager[Self]] = UserManager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.username

    @property
    def is_authenticated(self) -> bool:
        """Whether this is a user we know: always."""
        return True

    @property
    def is_anonymous(self) -> bool:
        """Whether this is nobody we know: never."""
        return False

    @property
    def full_name(self) -> str:
        """The parts of the name that are there, joined by a space."""
        return " ".join(part for part in (self.first_name, self.last_name) if part)

    async def save(
        self, ignore_permissions: bool = False, update_fields: Iterable[Named] | None = None
    ) -> None:
        """Insert or update the user; see `Model.save`.

        The keys of the names change along with them, and what concerns the account is recorded.
        """
        written = None if update_fields is None else with_keys(type(self), update_fields)
        is_new = self._row is None
        changed = {} if is_new else watched_changes(self, written)
        if not is_new and not changed:
            await super().save(ignore_permissions, written)
            return
        store = partial(super().save, ignore_permissions, written)

        async def work() -> None:
            await store()
            await record_user_saved(self, is_new=is_new, changed=changed)

        await retried_with_its_events(work, self)

    async def delete(self, ignore_permissions: bool = False) -> None:
        """Delete the user with its tokens, keys and second factor, which is recorded; see `Model.delete`."""
        pk = self.pk
        async with with_its_events(self):
            await super().delete(ignore_permissions)
            await delete_owned(type(self), [pk])
            await record_user_deleted(self)

    async def set_password(self, raw_password: str) -> None:
        """Put the hash of a password into this instance, without saving it.

        Raises:
            ValueError: If the password is longer than 4096 characters.
        """
        # Late: `hashlib` and `secrets` are loaded where a password is set or checked.
        from openviper.auth.hashers import make_password

        self.password = await make_password(raw_password)

    def set_unusable_password(self) -> None:
        """Let no password match, without saving."""
        # Late: `hashlib` and `secrets` are loaded where a password is set or checked.
        from openviper.auth.hashers import make_unusable_password

        self.password = make_unusable_password()

    async def check_password(self, raw_password: str) -> bool:
        """Tell whether this is the user's password."""
        # Late: `hashlib` and `secrets` are loaded where a password is set or checked.
        from openviper.auth.hashers import check_password

        return await check_password(raw_password, self.password or "")

    async def get_roles(self) -> list[Role]:
        """Return the roles of the user's profile, or without one those given to the user."""
        return await Role.objects.filter(pk__in=self._role_ids()).order_by("name")

    def _role_ids(self) -> ValuesQuery[Any]:
        if self.role_profile_id is not None:
            details = RoleProfileDetail.objects.filter(role_profile_id=self.role_profile_id)
            return details.values_list("role_id", flat=True)
        return UserRole.objects.filter(user_id=self.pk).values_list("role_id", flat=True)

    async def get_permissions(self) -> set[str]:
        """Return the codenames of all permissions of the user; a superuser has every one there is."""
        return set(await remembered(("permissions", self.pk), self._load_permissions))

    async def _load_permissions(self) -> set[str]:
        permissions = Permission.objects.all()
        if not self.is_superuser:
            granted = RolePermission.objects.filter(role_id__in=self._role_ids())
            permissions = permissions.filter(pk__in=granted.values_list("permission_id", flat=True))
        return set(await permissions.values_list("codename", flat=True))

    async def has_perm(self, codename: str) -> bool:
        """Tell whether the user has a permission; an inactive user has none, an active superuser all."""
        if not self.is_active:
            return False
        return self.is_superuser or codename in await self.get_permissions()

    async def has_role(self, name: str) -> bool:
        """Tell whether the user has a role; an inactive user has none, an active superuser all."""
        if not self.is_active:
            return False
        return self.is_superuser or any(role.name == name for role in await self.get_roles())

    async def has_model_perm(self, label: str, action: str) -> bool:
        """Tell whether one of the user's roles allows an action on a model.

        Args:
            label: The model, as ``app.Model``.
            action: ``create``, ``read``, ``update`` or ``delete``.

        Raises:
            ValueError: If there is no such action.
        """
        if action not in ACTIONS:
            raise ValueError(f"action must be one of {', '.join(ACTIONS)}, not {action!r}")
        if not self.is_active or self.is_superuser:
            return self.is_active

        async def load() -> set[str]:
            return await self._allowed_actions(label)

        return action in await remembered(("actions", self.pk, label), load)

    async def _allowed_actions(self, label: str) -> set[str]:
        app_label, _, model = label.rpartition(".")
        grants = await ContentTypePermission.objects.filter(
            content_type__app_label=app_label,
            content_type__model=model,
            role_id__in=self._role_ids(),
        )
        return {action for action in ACTIONS for grant in grants if getattr(grant, f"can_{action}")}

    async def assign_role(self, role: Role) -> None:
        """Give the user a role, if it is not given already."""
        await UserRole.objects.get_or_create(user=self, role=role)
        forget_permissions()

    async def remove_role(self, role: Role) -> None:
        """Take a role from the user, if it was given."""
        for given in await UserRole.objects.filter(user_id=self.pk, role_id=role.pk):
            await given.delete()


class User(AbstractUser):
    """The user model of a project that does not bring its own."""

    class Meta:
        table_name = "auth_users"
        # With a user model of the project's own, this one must not have a table beside it.
        abstract = settings.USER_MODEL != BUILT_IN_USER_MODEL


class UserRole(_Grant):
    """A role that a user has."""

    user = ForeignKey(get_user_model, on_delete="CASCADE")
    user_id: Any
    role = ForeignKey(Role, on_delete="CASCADE")
    role_id: int

    class Meta:
        table_name = "auth_user_roles"
        unique_together = ("user", "role")


class StoredSession(Model):
    """One session. `session_key` is the SHA-256 of what the browser holds, so that a copy of the table opens none."""

    session_key = CharField(max_length=64, unique=True)
    # Text, whatever the key of the user model is; no foreign key, as any store has it so.
    user_id = CharField(max_length=64, null=True, db_index=True)
    fingerprint = CharField(max_length=64, default="")
    data = TextField(default="{}")
    created_at = DateTimeField(null=False)
    authenticated_at = DateTimeField(null=True)
    used_at = DateTimeField(null=False)
    expires_at = DateTimeField(null=False, db_index=True)
    is_remembered = BooleanField(default=False)
    address = CharField(max_length=45, default="")
    user_agent = CharField(max_length=200, default="")
    version = IntegerField(default=0)

    class Meta:
        table_name = "openviper_sessions"


class RevokedToken(Model):
    """A token, or a whole login, that is over before its time."""

    jti = CharField(max_length=64, unique=True)
    token_type = CharField(max_length=16)
    user_id = CharField(max_length=64, null=True, db_index=True)
    expires_at = DateTimeField(null=False, db_index=True)
    revoked_at = DateTimeField(null=False)

    class Meta:
        table_name = "openviper_token_blocklist"


class LoginAttempt(Model):
    """How often logins for one name, or from one address, have failed lately."""

    # A hash: names that people typed, their passwords among them, are not kept.
    key = CharField(max_length=64, unique=True)
    failures = IntegerField(default=0)
    last_at = BigIntegerField(default=0)
    free_at = BigIntegerField(default=0)

    class Meta:
        table_name = "auth_login_attempts"
