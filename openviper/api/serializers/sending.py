"""What a serializer does with rows: writing one, many, a page of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from typing import Any, ClassVar, Self, TypeVar, cast

from openviper.api.serializers.base import GIVEN, BaseSerializer
from openviper.api.serializers.pages import PaginatedSerializer, page_links
from openviper.api.serializers.rows import (
    NOTHING,
    Hidden,
    is_wanted,
    load_relations,
    readings_of,
    relation_paths,
)
from openviper.db.models.base import Model
from openviper.db.query.fetching import ReadingQuery
from openviper.db.query.manager import Manager
from openviper.db.sql.permissions import is_enforced
from openviper.exceptions import InvalidPage
from openviper.utils.json_text import encode_json

Q = TypeVar("Q", bound=ReadingQuery[Any])


class RowSerializer(BaseSerializer):
    """A serializer that reads rows of models, and other objects by their attributes."""

    PAGE_SIZE: ClassVar[int] = 25
    """Rows of a page, and of a batch of `serialize_many`, when nobody says how many."""
    MAX_PAGE_SIZE: ClassVar[int] = 1000
    """Most rows of a page."""

    @classmethod
    def _source_of(cls, name: str) -> str:
        """Return the attribute of a row that a field shows."""
        return name

    @classmethod
    def _from_row(
        cls, row: Any, hidden: Hidden = NOTHING, names: frozenset[str] | None = None
    ) -> Self:
        instance = object.__new__(cls)
        values = instance.__dict__
        for reading in readings_of(cls, type(row)):
            if reading.step is None or is_wanted(reading, reading.step, hidden, names):
                values[reading.name] = reading.read(row, hidden)
        values[GIVEN] = tuple(cls._plan().names)
        return instance

    @classmethod
    def from_orm(cls, obj: object) -> Self:
        """Return an instance with the values of a row or another object; nothing is checked.

        A foreign key gives the key, or the nested serializer of its row where the field's type is one. Relations must have been
        loaded; `dump` loads them itself.

        Raises:
            SerializerError: If a relation was not loaded, or the object has no such field.
        """
        return cls._from_row(obj)

    @classmethod
    def from_orm_many(cls, objs: Iterable[object]) -> list[Self]:
        """Return an instance for each of some objects; see `from_orm`."""
        return [cls._from_row(obj) for obj in objs]

    @classmethod
    async def load(cls, obj: object) -> Self:
        """Return an instance with the values of a row, whose relations are loaded if they are not yet.

        What a handler returns whose result is of this type; what the current user may not read of related rows is not there.
        """
        return (await cls.load_many([obj]))[0]

    @classmethod
    async def load_many(cls, objs: Sequence[object]) -> list[Self]:
        """Return an instance for each of some rows; see `load`. The number of statements does not grow with that of the rows."""
        return await cls._loaded(objs, None)

    @classmethod
    async def _loaded(cls, objs: Sequence[object], names: frozenset[str] | None) -> list[Self]:
        rows = [obj for obj in objs if isinstance(obj, Model)]
        hidden = await load_relations(cls, rows, names)
        return [cls._from_row(obj, hidden, names) for obj in objs]

    @classmethod
    def prepare(cls, queryset: Q, fields: Collection[str] | None = None) -> Q:
        """Return a query that loads the relations this serializer shows along with its rows.

        `dump_many` loads what is missing by as many statements. Where permissions are asked for, it does all of it, as it can
        leave out what may not be read.

        Args:
            queryset: The query.
            fields: The fields that are wanted; all when not given.

        Raises:
            SerializerError: If there is no such field; names the nearest.
        """
        wanted = cls._wanted(fields)
        if is_enforced():
            return queryset
        paths = relation_paths(cls, queryset.model, wanted)
        joined = [path for path, is_joined in paths.items() if is_joined]
        others = [path for path, is_joined in paths.items() if not is_joined]
        query = queryset.select_related(*joined) if joined else queryset
        return query.prefetch_related(*others) if others else query

    @classmethod
    def _wanted(cls, fields: Collection[str] | None) -> frozenset[str] | None:
        """Return the fields to read for those that are to be written; `None` for all."""
        if fields is None:
            return None
        names = cls._plan().sent_names(fields, "fields")
        # What is computed may need any of the others.
        return None if names & cls._computed.keys() else names

    @classmethod
    def output_names(cls) -> list[str]:
        """Return the names that `fields` and `exclude` may have: the keys of what is sent."""
        return [field.key for field in cls._plan().sent]

    @classmethod
    async def dump(cls, obj: object, fields: Collection[str] | None = None) -> dict[str, Any]:
        """Return what is sent of a row or another object; relations that are not loaded yet are loaded.

        What the current user may not read of related rows is left out.

        Args:
            obj: The row.
            fields: The fields that are wanted; all when not given.

        Raises:
            SerializerError: If there is no such field; names the nearest.
        """
        return (await cls.dump_many([obj], fields))[0]

    @classmethod
    async def dump_many(
        cls, objs: Sequence[object], fields: Collection[str] | None = None
    ) -> list[dict[str, Any]]:
        """Return what is sent of each of some rows; see `dump`.

        The number of statements does not grow with that of the rows.
        """
        made = await cls._loaded(objs, cls._wanted(fields))
        if fields is None:
            return [cls._plan().write(instance) for instance in made]
        names = cls._plan().sent_names(fields, "fields")
        ordered = [name for name in cls._plan().writers if name in names]
        return [instance._written(ordered) for instance in made]

    @classmethod
    async def serialize_many(
        cls,
        objs: Iterable[object] | ReadingQuery[Any] | Manager[Any],
        *,
        exclude: Collection[str] | None = None,
    ) -> list[dict[str, Any]]:
        """Return what is sent of each of some rows, or of those of a query, which are read and written 25 at a time.

        Args:
            objs: The rows, or a query for them.
            exclude: Names of fields to leave out.

        Raises:
            PermissionDenied: If the rows may not be read.
            SerializerError: If there is no such field.
        """
        fields = cls._without(exclude)
        found: list[dict[str, Any]] = []
        async for batch in _batches(objs, cls.PAGE_SIZE):
            found += await cls.dump_many(batch, fields)
        return found

    @classmethod
    def _without(cls, exclude: Collection[str] | None) -> list[str] | None:
        if not exclude:
            return None
        plan = cls._plan()
        left_out = plan.sent_names(exclude, "exclude")
        return [name for name in plan.writers if name not in left_out]

    @classmethod
    async def serialize_many_json(
        cls,
        objs: Iterable[object] | ReadingQuery[Any] | Manager[Any],
        *,
        exclude: Collection[str] | None = None,
    ) -> bytes:
        """Return what is sent of each of some rows as a JSON array; see `serialize_many`."""
        return encode_json(await cls.serialize_many(objs, exclude=exclude))

    @classmethod
    async def paginate(
        cls,
        qs: ReadingQuery[Any] | Manager[Any],
        *,
        page: int = 1,
        page_size: int | None = None,
        cursor: str | None = None,
        base_url: str = "",
        exclude: Collection[str] | None = None,
    ) -> PaginatedSerializer:
        """Return one page of a query's rows, with the addresses of those before and behind it.

        Args:
            qs: The query.
            page: The page's number, from 1 on.
            page_size: Rows of a page, at most `MAX_PAGE_SIZE`; `PAGE_SIZE` when not given.
            cursor: The `next_cursor` of the page before, in place of a number.
            base_url: The address to which ``page``, ``page_size`` and ``cursor`` are added; parameters in it stay.
            exclude: Names of fields to leave out.

        Raises:
            InvalidPage: If there is no such page, or the cursor is of another query; a 400 if nobody catches it.
            SerializerError: If there is no such field.
        """
        fields = cls._without(exclude)
        size = cls.PAGE_SIZE if page_size is None else page_size
        if size > cls.MAX_PAGE_SIZE:
            raise InvalidPage(f"page_size={size} is more than {cls.MAX_PAGE_SIZE}")
        query = qs.all() if isinstance(qs, Manager) else qs
        found = await query.paginate(page, size, cursor)
        links = page_links(base_url, found, cursor)
        return PaginatedSerializer(
            count=found.total_count,
            next=links[0],
            previous=links[1],
            next_cursor=found.next_cursor,
            results=await cls.dump_many(found.items, fields),
        )


async def _batches(
    objs: Iterable[object] | ReadingQuery[Any] | Manager[Any], size: int
) -> AsyncIterator[Sequence[Any]]:
    if isinstance(objs, Manager):
        objs = objs.all()
    if isinstance(objs, ReadingQuery):
        async for batch in _read(objs, size):
            yield batch
    else:
        yield list(cast("Iterable[Any]", objs))


async def _read(query: ReadingQuery[Any], size: int) -> AsyncIterator[Sequence[Any]]:
    batch: list[Any] = []
    async for row in query.iterator(size):
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
