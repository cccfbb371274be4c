"""`resource`: the routes of a model in one line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Generic, TypeVar

from openviper.api.resources.actions import ACTIONS, METHODS, Action, ListFormat
from openviper.api.resources.asking import Questions
from openviper.api.resources.checks import Checks, Permissions, with_read_only
from openviper.api.resources.filters import Filters
from openviper.api.resources.lookups import lookup_field
from openviper.api.resources.mistakes import hint
from openviper.api.resources.notes import Describer
from openviper.api.resources.parameters import FIELDS
from openviper.api.resources.parents import parent_key as find_parent_key
from openviper.api.resources.reading import Reader
from openviper.api.resources.rows import Rows, Source
from openviper.api.resources.shapes import Shape
from openviper.api.resources.writing import Extra, Writer
from openviper.api.serializers.model import ModelSerializer
from openviper.db.models import Model
from openviper.http.permissions import BasePermission
from openviper.http.request import Request
from openviper.routing.binding import Handler
from openviper.routing.operations import OperationNotes, noted
from openviper.routing.route import RouteOptions
from openviper.routing.router import Router

M = TypeVar("M", bound=Model)
H = TypeVar("H", bound=Handler)
Answer = Callable[[Request], Any]
MANY = "update_many"
"""The name of the route that changes several rows."""


class Resource(Router, Generic[M]):
    """The routes of one model; made by `openviper.api.resource`, mounted like every router.

    Attributes:
        rows: Which rows a request is about.
    """

    def __init__(
        self,
        path: str,
        name: str,
        rows: Rows[M],
        permissions: Mapping[Action, BasePermission],
        tags: Sequence[str],
    ) -> None:
        super().__init__(path, tags=tags, namespace=name)
        self.rows = rows
        self._permissions = permissions
        self._answers: dict[Action, Answer] = {}

    def serve(self, action: Action, answer: Answer, notes: OperationNotes) -> None:
        """Answer an action as the resource does by itself."""
        self._answers[action] = answer
        self._offer(action, _handler(answer, action, notes))

    def serve_many(self, answer: Answer, notes: OperationNotes) -> None:
        """Answer changes of several rows, which need the permission to change one."""
        options = self._options("update")
        self.add("", _handler(answer, MANY, notes), ["PATCH"], name=MANY, **options)

    def _offer(self, action: Action, handler: Handler) -> None:
        path = "" if action in ("list", "create") else self.rows.path()
        self.add(path, handler, [METHODS[action]], name=action, **self._options(action))

    def _options(self, action: Action) -> RouteOptions:
        permission = self._permissions.get(action)
        return {} if permission is None else {"permission": permission}

    def action(self, action: Action) -> Callable[[H], H]:
        """Have the decorated handler answer an action in place of the resource.

        ::

            @books.action("delete")
            async def retire(request: Request, id: int) -> Response:
                book = await books.get_object(request)
                ...

        Raises:
            ValueError: If the resource does not have the action.
        """
        self._check(action)

        def register(handler: H) -> H:
            self.remove(action)
            self._offer(action, handler)
            return handler

        return register

    def _check(self, action: Action) -> None:
        if action not in self._answers:
            raise ValueError(f"{self!r} has no action {action!r}{hint(action, self._answers)}")

    async def answer(self, action: Action, request: Request) -> Any:
        """Return what the resource answers by itself to a request, for a handler that has taken the place of an action.

        Raises:
            HTTPException: As the action does.
            ValueError: If the resource does not have the action.
        """
        self._check(action)
        return await self._answers[action](request)

    async def get_object(self, request: Request) -> M:
        """Return the row that a request is about, if its user may do with it what the request asks for.

        Raises:
            NotFound: If there is none, or the user may not see it.
            PermissionDenied: If the user may not do this.
        """
        found = await self.rows.find(request, request.path_params[self.rows.parameter])
        await self.rows.check(request, found)
        return found

    def __repr__(self) -> str:
        return f"<Resource {self.rows.model.__name__} {self.prefix}>"


def _handler(answer: Answer, name: str, notes: OperationNotes) -> Handler:
    async def handler(request: Request) -> Any:
        return await answer(request)

    handler.__name__ = name
    return noted(handler, notes)


def resource(
    model: type[M],
    path: str = "",
    *,
    fields: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    serializer: type[ModelSerializer[Any]] | None = None,
    actions: Collection[Action] = ACTIONS,
    filters: Filters = (),
    ordering: Sequence[str] = (),
    search: Sequence[str] = (),
    lookup: str = "pk",
    queryset: Source[M] | None = None,
    permission: Permissions = None,
    create_with: Extra | None = None,
    parent: Resource[Any] | None = None,
    parent_key: str = "",
    bulk: bool | int = False,
    require_version: bool = False,
    page_size: int = 25,
    max_page_size: int = 100,
    count: bool = False,
    formats: Sequence[ListFormat] = ("json", "csv", "ndjson"),
    name: str = "",
    tags: Sequence[str] = (),
) -> Resource[M]:
    """Return a router with the routes of a model, to be mounted with `include_router`.

    ::

        router.include_router(
            resource(
                Book,
                fields=["id", "title", "author", "price"],
                filters={"author": ["exact"], "price": ["gte", "lte"]},
                ordering=["price", "title"],
                search=["title"],
                permission=IsAuthenticatedOrReadOnly,
            )
        )

    Args:
        model: The model.
        path: The path of the list; the plural of the model's name when not given, ``/books``.
        fields: What is received and shown; every field of the model when not given.
        exclude: Fields that are neither.
        serializer: A serializer of the model, in place of `fields` and `exclude`.
        actions: What clients may do: ``list``, ``create``, ``read``, ``update`` (PATCH), ``replace`` (PUT), ``delete``.
        filters: Fields by which a list may be narrowed; or for each the words of its lookups: ``{"price": ["gte", "lte"]}``.
        ordering: Fields by which it may be ordered, in both directions.
        search: Texts in which the words of ``?search=`` are looked for.
        lookup: The unique field by which the path tells rows apart.
        queryset: Gives the rows that a request may be about; what it leaves out is not found.
        permission: Who may do what: one permission for all actions, or one for each. Lists show the rows that it grants.
        create_with: Gives what a new row has beside what is sent: ``lambda request: {"owner": request.user}``.
        parent: The resource below whose rows these lie: ``/authors/{author}/books``.
        parent_key: The foreign key to the parent, where there are several.
        bulk: Whether a list may be sent to make, or with their keys to change, several rows at once; a number is the most.
        require_version: Whether PUT, PATCH and DELETE have to say by ``If-Match`` which version they mean.
        page_size: Rows of a page when the client does not say.
        max_page_size: Most rows of a page.
        count: Whether a page says how many rows there are on all of them, at the price of one more statement.
        formats: The formats of a list, the one preferred first.
        name: The namespace of its routes: ``books:list``; the last word of its path when not given,
            behind the namespace of the parent if there is one.
        tags: Groups in the document of the API.

    Raises:
        ResourceError: If the declaration names something that is not there, or cannot work.
    """
    check = Checks(model)
    offered = check.actions(actions)
    most = check.bulk(bulk, offered, require_version=require_version)
    check.pages(page_size, max_page_size)
    check.switches(require_version=require_version, count=count)
    check.functions(queryset=queryset, create_with=create_with)
    allowed = check.permissions(permission, offered)
    shown: Any = check.serializer(serializer, fields, exclude)
    rows = Rows(model, lookup_field(model._meta, lookup), queryset, allowed)
    place = check.path(path)
    if parent is not None:
        check.parent(parent)
        rows.lie_below(parent.rows, find_parent_key(model._meta, parent.rows.model, parent_key))
        place = f"{parent.prefix}{rows.path_of_parent()}{place}"
        name = name or f"{parent.namespace}-{place.rpartition('/')[2]}"
        shown = with_read_only(shown, rows.parent_name)
    elif parent_key:
        raise check.error("parent_key", f"{parent_key!r} needs a parent")
    shape: Shape[M] = Shape(shown)
    if "create" in offered and create_with is None:
        check.filled(shape, rows.parent_name)
    questions = Questions(model._meta, filters, ordering, search, shape.parameter, max_page_size)
    chosen = check.formats(formats)
    reader = Reader(rows, shape, questions, page_size, chosen, is_counted=count)
    writer = Writer(rows, shape, create_with, requires_version=require_version, most=most)
    describer = Describer(
        shape,
        most=most,
        is_counted=count,
        is_nested=parent is not None,
        requires_version=require_version,
    )
    made = Resource(place, check.name(name, place), rows, allowed, tags)
    selecting = {FIELDS: shape.parameter}
    answers: dict[Action, tuple[Answer, OperationNotes]] = {
        "list": (reader.page, describer.of_list(questions.parameters, chosen)),
        "create": (writer.create, describer.of_create(selecting)),
        "read": (reader.row, describer.of_read(selecting)),
        "update": (writer.update, describer.of_update(selecting)),
        "replace": (writer.replace, describer.of_replace(selecting)),
        "delete": (writer.delete, describer.of_delete(selecting)),
    }
    for action in offered:
        made.serve(action, *answers[action])
    if most and "update" in offered:
        made.serve_many(writer.update_many, describer.of_update_many(selecting))
    return made
