"""Which rows of a model a request is about: those of the resource's query that its permission shows, below one parent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

from openviper.api.resources.actions import Action
from openviper.api.resources.lookups import converter_of
from openviper.db.executor import write_alias
from openviper.db.fields.base import Field
from openviper.db.fields.relations import ForeignKey
from openviper.db.models import Model
from openviper.db.query import QuerySet
from openviper.db.query.manager import Manager
from openviper.exceptions import NotFound
from openviper.http.asgi import ROUTE
from openviper.http.permissions import (
    BasePermission,
    UserPermission,
    as_permission,
    check_permission,
    passes_unasked,
    refusal_of,
)
from openviper.http.request import Request
from openviper.validation.describing import describe
from openviper.validation.forms.model_records import annotation_of
from openviper.validation.parsers import Parser

M = TypeVar("M", bound=Model)

Source: TypeAlias = (
    "Callable[[Request], QuerySet[M] | Manager[M] | Awaitable[QuerySet[M] | Manager[M]]]"
)
"""Gives the rows that a request may be about."""


class Rows(Generic[M]):
    """The rows of one resource.

    Args:
        model: The model.
        field: The field by which one row is found; the path calls its value by the field's name.
        source: Gives the rows of a request; all rows of the model when not given.
        permissions: The permission of each action that has one of its own.

    Attributes:
        lookup: The attribute of a row by which it is found.
        parameter: What the path, and a list of changes, call its value.
        parse_key: Reads the key of a row in a list of changes.
        parent: The rows below which these lie.
        parent_key: The foreign key that refers to one of those.
    """

    def __init__(
        self,
        model: type[M],
        field: Field[Any],
        source: Source[M] | None,
        permissions: Mapping[Action, BasePermission],
    ) -> None:
        self.model = model
        self.lookup = field.attname
        self.parameter = field.name
        self._field = field
        self.parse_key = Parser[Any](describe(annotation_of(field))).parse
        self._source = source
        self._permissions = permissions
        self.parent: Rows[Any] | None = None
        self.parent_key: ForeignKey[Any] | None = None

    def lie_below(self, parent: Rows[Any], key: ForeignKey[Any]) -> None:
        """Have the rows lie below those of another resource."""
        self.parent = parent
        self.parent_key = key

    def path(self, name: str = "") -> str:
        """Return the path of one row, below that of the list.

        Args:
            name: What the path calls the key, in place of the field's name.
        """
        return f"/{{{name or self.parameter}:{converter_of(self._field)}}}"

    @property
    def parent_name(self) -> str:
        """The field with the row below which these lie; empty if they lie below none."""
        return "" if self.parent_key is None else self.parent_key.name

    def path_of_parent(self) -> str:
        """Return the path of the row below which these lie, below the list of its resource."""
        return "" if self.parent is None else self.parent.path(self.parent_name)

    def key_of(self, instance: M) -> Any:
        """Return the key of a row, as its path has it."""
        return getattr(instance, self.lookup)

    async def of(self, request: Request, action: Action = "read") -> QuerySet[M]:
        """Return the rows that a request may see.

        Args:
            request: The request.
            action: ``list`` if it is about all of them.

        Raises:
            NotFound: If there is no such parent.
        """
        return await self._granted(request, self._row_permission(request, action))

    async def _granted(self, request: Request, permission: BasePermission | None) -> QuerySet[M]:
        """Return the rows of a request that a permission grants."""
        queryset = await self._given(request)
        parent = await self.parent_of(request)
        if parent is not None and self.parent_key is not None:
            queryset = queryset.filter(**{self.parent_key.attname: parent.pk})
        # One that asks who it is, and nothing of rows, has been asked for the request, whose method it may go by.
        if permission is None or isinstance(permission, UserPermission):
            return queryset
        return await permission.for_user(request.user, queryset)

    async def _given(self, request: Request) -> QuerySet[M]:
        if self._source is None:
            return self.model.objects.all()
        given = self._source(request)
        # A query can be awaited, too, which would run it.
        found = given if isinstance(given, (QuerySet, Manager)) else await given
        return found.all()

    def _row_permission(self, request: Request, action: Action) -> BasePermission | None:
        """Return the permission that says which rows a user sees: the resource's, or else that of the routers around it."""
        own = self._permissions.get("list" if action == "list" else "read")
        if own is not None:
            return own
        # What the route has, and no action of the resource, is from around.
        of_route = request.scope[ROUTE].permission
        is_own = any(of_route is each for each in self._permissions.values())
        return None if is_own else _of_route(request)

    async def parent_of(self, request: Request) -> Model | None:
        """Return the row below which the rows of a request lie; `None` if they lie below none.

        Raises:
            NotFound: If there is no such row, or the user may not see it.
        """
        if self.parent is None or self.parent_key is None:
            return None
        # What the route, which is not the parent's, says of rows is about others.
        asked = self.parent._permissions.get("read")
        if asked is not None:
            await check_permission(asked, request)
        rows = await self.parent._granted(request, asked)
        parent: Model = await self.parent.one_of(rows, request.path_params[self.parent_name])
        return parent

    async def find(self, request: Request, key: object) -> M:
        """Return the row of a key.

        Raises:
            NotFound: If there is none, or the user may not see it.
        """
        return await self.one_of(await self.of(request), key)

    async def one_of(self, queryset: QuerySet[M], key: object) -> M:
        """Return the row of a key among those of a query.

        Raises:
            NotFound: If there is none.
        """
        lookup: dict[str, Any] = {self.lookup: key}
        try:
            return await queryset.get_or_404(**lookup)
        except ValueError:
            raise NotFound(f"{self.model._meta.verbose_name} not found.") from None

    async def check(self, request: Request, instance: M) -> None:
        """Check that a request may do to a row what it asks for.

        Raises:
            Unauthorized: If not, and nobody has logged in.
            PermissionDenied: If not, and somebody has.
        """
        permission = _of_route(request)
        if permission is None or passes_unasked(request):
            return
        if not await permission.has_object_permission(request, None, instance):
            raise refusal_of(request)

    async def database(self) -> str:
        """Return the database in which rows are changed."""
        return await write_alias(self.model._meta, None)

    async def lock(self, alias: str, keys: list[Any]) -> None:
        """Have nobody else change the rows of some keys until the transaction ends."""
        every = self.model.objects.all(ignore_permissions=True).using(alias)
        rows = self.chosen(every, keys).order_by("pk").select_for_update()
        await rows.values_list("pk", flat=True)

    def chosen(self, queryset: QuerySet[M], keys: list[Any]) -> QuerySet[M]:
        """Return the rows of a query that have some keys."""
        lookup: dict[str, Any] = {f"{self.lookup}__in": keys}
        return queryset.filter(**lookup)


def _of_route(request: Request) -> BasePermission | None:
    permission = request.scope[ROUTE].permission
    return None if permission is None else as_permission(permission)
