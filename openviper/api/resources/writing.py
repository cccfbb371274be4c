"""The answers that change rows: each is one transaction, and says what the database has made of it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

from openviper.api.resources.bodies import PATCHES, WHOLE, merged, read_body
from openviper.api.resources.conflicts import as_conflict, refusal_to_delete, unexplained
from openviper.api.resources.links import row_address
from openviper.api.resources.refusals import below, collected
from openviper.api.resources.rows import Rows
from openviper.api.resources.shapes import Fields, Shape
from openviper.api.resources.versions import (
    check_version,
    is_conditional,
    refuse_conditions,
    version_of,
)
from openviper.api.serializers.model import ModelSerializer
from openviper.db.connection import transaction
from openviper.db.fields.structured import JSONField
from openviper.db.models import Model
from openviper.exceptions import IntegrityError
from openviper.http.json_body import LONG
from openviper.http.request import Request
from openviper.http.responses import JSONResponse, Response
from openviper.validation.faults import MAX_FAULTS, Fault, ParseError, Place, shown_value

M = TypeVar("M", bound=Model)
Extra: TypeAlias = Callable[[Request], Mapping[str, Any] | Awaitable[Mapping[str, Any]]]
"""Gives what a new row has beside what the client has sent, by field."""

MOST_AT_ONCE = 100
"""Most rows that one request makes or changes, unless the resource says otherwise."""
BODY: Place = ("body",)


class Writer(Generic[M]):
    """Makes, changes and deletes rows.

    Args:
        rows: The rows.
        shape: What is received of them, and how they are shown.
        extra: Gives what a new row has beside what is sent.
        requires_version: Whether a change has to say which version it means.
        most: Most rows of one request; 0 if each is for one row.
    """

    def __init__(
        self,
        rows: Rows[M],
        shape: Shape[M],
        extra: Extra | None,
        *,
        requires_version: bool,
        most: int,
    ) -> None:
        self._rows = rows
        self._shape = shape
        self._extra = extra
        self._requires_version = requires_version
        self._most = most
        self._nested = [
            name for name, field in rows.model._meta.fields.items() if isinstance(field, JSONField)
        ]

    # Making

    async def create(self, request: Request) -> Response:
        """Make a row of what is sent; or several of a list."""
        fields = self._shape.asked(request)
        refuse_conditions(request)
        data = await read_body(request, WHOLE)
        is_many = isinstance(data, list) and self._most > 0
        items = self._items(data) if is_many else [(BODY, data)]
        stored = await self._store(request, await self._checked(request, items), fields)
        return self._made(request, stored, is_many=is_many)

    def _made(
        self, request: Request, stored: Sequence[tuple[M, Any]], *, is_many: bool
    ) -> Response:
        """Return the answer to the making of rows."""
        if is_many:
            return JSONResponse([shown for _, shown in stored], 201)
        [(instance, shown)] = stored
        return _one(shown, 201, self._location(request, instance))

    async def _checked(
        self, request: Request, items: Sequence[tuple[Place, Any]]
    ) -> list[tuple[Place, ModelSerializer[M]]]:
        readings = [(place, partial(self._shape.check, item)) for place, item in items]
        if len(await request.body()) > LONG:
            # A long one would hold up everybody else.
            return await asyncio.to_thread(collected, readings)
        return collected(readings)

    def _location(self, request: Request, instance: M) -> dict[str, str]:
        key = self._rows.key_of(instance)
        # Where the field of the path may be empty, the new row may have no address.
        return {} if key is None else {"location": row_address(request, key)}

    def _items(self, data: list[Any]) -> list[tuple[Place, Any]]:
        if len(data) > self._most:
            params = {"most": self._most}
            raise ParseError([Fault(BODY, "max_length", "has more than {most} items", params)])
        return [((*BODY, index), item) for index, item in enumerate(data)]

    async def _store(
        self,
        request: Request,
        checked: Sequence[tuple[Place, ModelSerializer[M]]],
        fields: Fields,
    ) -> list[tuple[M, Any]]:
        """Store new rows, all or none, and return each with what is shown of it."""
        extra = await self._given(request)
        _refuse_given(checked, extra)
        parent = await self._rows.parent_of(request)
        if parent is not None:
            extra[self._rows.parent_name] = parent

        async def work() -> list[M]:
            made = []
            for place, values in checked:
                with below(place):
                    instance = await self._shape.create(values, extra)
                await self._rows.check(request, instance)
                made.append(instance)
            return made

        return await self._changed(request, work, fields)

    async def _given(self, request: Request) -> dict[str, Any]:
        if self._extra is None:
            return {}
        given = self._extra(request)
        return dict(await given if inspect.isawaitable(given) else given)

    # Changing

    async def update(self, request: Request) -> Response:
        """Change what is sent of a row, and leave the rest."""
        return await self._change(request, PATCHES, partial=True)

    async def replace(self, request: Request) -> Response:
        """Put what is sent in the place of a row; what may be left out gets its default."""
        return await self._change(request, WHOLE, partial=False)

    async def _change(self, request: Request, types: Sequence[str], *, partial: bool) -> Response:
        fields = self._shape.asked(request)
        data = await read_body(request, types)
        key = request.path_params[self._rows.parameter]

        async def work() -> list[M]:
            instance = await self._locked(request, key, fields)
            await self._apply(instance, data, BODY, partial=partial)
            return [instance]

        [(_, shown)] = await self._changed(request, work, fields)
        return _one(shown, 200, {})

    async def _locked(self, request: Request, key: object, fields: Fields) -> M:
        """Return a row that nobody else can change until the transaction ends, and that is the version meant.

        Raises:
            NotFound: If there is no such row.
            PermissionDenied: If the user may not do this to it.
            HTTPException: 412 or 428, see `check_version`.
        """
        alias = await self._rows.database()
        await self._rows.lock(alias, [key])
        # Read behind the lock, in a statement of its own: one that waits for a lock may see what was there before.
        queryset = self._shape.prepare((await self._rows.of(request)).using(alias), fields)
        instance = await self._rows.one_of(queryset, key)
        await self._rows.check(request, instance)
        if self._requires_version or is_conditional(request):
            tag = version_of(await self._shape.dump(instance, fields))
            check_version(request, tag, is_required=self._requires_version)
        return instance

    async def _apply(self, instance: M, data: Any, place: Place, *, partial: bool) -> None:
        with below(place):
            sent = await self._without_repeated(instance, data)
            sent = self._merged(instance, sent) if partial else sent
            await self._shape.update(self._shape.check(sent, partial=partial), instance)

    async def _without_repeated(self, instance: M, data: Any) -> Any:
        """Return what was sent without what cannot be changed, and is sent as it is: who changes what was read sends it back."""
        repeated = self._shape.read_only.intersection(data) if isinstance(data, dict) else ()
        if not repeated:
            return data
        shown = await self._shape.dump(instance, None)
        same = {key for key in repeated if key in shown and shown[key] == data[key]}
        return {key: value for key, value in data.items() if key not in same}

    def _merged(self, instance: M, data: Any) -> Any:
        """Return a patch with the values of JSON fields that it changes a part of."""
        if not isinstance(data, dict):
            return data
        nested = {
            name: merged(getattr(instance, name), data[name])
            for name in self._nested
            if isinstance(data.get(name), dict)
        }
        return {**data, **nested}

    async def update_many(self, request: Request) -> Response:
        """Change several rows by a list of what is sent of each, with its key; all of them or none."""
        fields = self._shape.asked(request)
        refuse_conditions(request)
        data = await read_body(request, PATCHES)
        items = self._items(_list_in(data))
        keys = collected((place, partial(self._key_in, item)) for place, item in items)
        _refuse_twice(keys, self._rows.parameter)

        async def work() -> list[M]:
            alias = await self._rows.database()
            await self._rows.lock(alias, [key for _, key in keys])
            found = await self._found(request, alias, keys)
            for (place, item), instance in zip(items, found, strict=True):
                await self._rows.check(request, instance)
                await self._apply(instance, self._without_key(item), place, partial=True)
            return found

        stored = await self._changed(request, work, fields)
        return JSONResponse([shown for _, shown in stored])

    def _without_key(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in item.items() if name != self._rows.parameter}

    def _key_in(self, item: Any) -> Any:
        name = self._rows.parameter
        if not isinstance(item, dict):
            raise ParseError([Fault((), "type", "must be an object")])
        if name not in item:
            raise ParseError([Fault((name,), "missing", "is missing")])
        with below((name,)):
            return self._rows.parse_key(item[name])

    async def _found(
        self, request: Request, alias: str, keys: Sequence[tuple[Place, Any]]
    ) -> list[M]:
        queryset = self._shape.prepare((await self._rows.of(request)).using(alias), None)
        found = await self._rows.chosen(queryset, [key for _, key in keys])
        by_key = {self._rows.key_of(instance): instance for instance in found}
        faults = [self._no_row(place, key) for place, key in keys if key not in by_key]
        if faults:
            raise ParseError(faults)
        return [by_key[key] for _, key in keys]

    def _no_row(self, place: Place, key: object) -> Fault:
        params = {"model": self._rows.model.__name__}
        where = (*place, self._rows.parameter)
        return Fault(where, "no_row", "there is no {model} with this key", params, shown_value(key))

    # Deleting

    async def delete(self, request: Request) -> Response:
        """Delete a row."""
        fields = self._shape.asked(request)
        key = request.path_params[self._rows.parameter]
        instance: M | None = None
        try:
            async with transaction(await self._rows.database()):
                instance = await self._locked(request, key, fields)
                await instance.delete()
        except IntegrityError:
            if instance is None:
                raise
            raise await refusal_to_delete(instance) from None
        return Response(None, 204)

    # In one transaction

    async def _changed(
        self, request: Request, work: Callable[[], Awaitable[list[M]]], fields: Fields
    ) -> list[tuple[M, Any]]:
        """Do some work in one transaction, and return each row that it gives with what is shown of it then.

        Raises:
            ParseError: If the database refuses it: 409 or 422, with what is wrong.
        """
        alias = await self._rows.database()
        try:
            async with transaction(alias):
                instances = await work()
                return await self._shown(request, alias, instances, fields)
        except ParseError as error:
            raise as_conflict(error) from None
        except IntegrityError:
            # Of a constraint that is checked at the end, or of a hook of the program.
            raise unexplained(BODY) from None

    async def _shown(
        self, request: Request, alias: str, instances: Sequence[M], fields: Fields
    ) -> list[tuple[M, Any]]:
        """Return rows with what is shown of them, read again: the database may have worked out values; `None` of a row that the
        user may not see."""
        keys = [instance.pk for instance in instances]
        queryset = self._shape.prepare((await self._rows.of(request)).using(alias), fields)
        found = await queryset.filter(pk__in=keys)
        shown = dict(
            zip([row.pk for row in found], await self._shape.dump_many(found, fields), strict=True)
        )
        return [(instance, shown.get(instance.pk)) for instance in instances]


def _one(shown: Any, status: int, headers: Mapping[str, str]) -> Response:
    """Return the answer to the change of one row; without a body if the user may not see what it is now."""
    if shown is None:
        return Response(None, 201 if status == 201 else 204, headers)
    response = JSONResponse(shown, status)
    for name, value in {**headers, "etag": version_of(shown)}.items():
        response.headers[name] = value
    return response


def _list_in(data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise ParseError([Fault(BODY, "type", "must be a list of rows, each with its key")])
    return data


def _refuse_given(
    checked: Sequence[tuple[Place, ModelSerializer[Any]]], extra: Mapping[str, Any]
) -> None:
    """Refuse what is sent of a field whose value the resource gives.

    Raises:
        ParseError: If there is such a field.
    """
    faults = [
        Fault((*place, name), "read_only", "is read-only")
        for place, received in checked
        for name in extra
        if name in received.model_fields_set
    ]
    if faults:
        raise ParseError(faults[:MAX_FAULTS])


def _refuse_twice(keys: Sequence[tuple[Place, Any]], name: str) -> None:
    """Refuse a list with two changes of one row.

    Raises:
        ParseError: If it is one; names the later ones.
    """
    first: dict[Any, Place] = {}
    later = [(place, key) for place, key in keys if first.setdefault(key, place) is not place]
    if later:
        raise ParseError([_twice((*place, name), key) for place, key in later])


def _twice(place: Place, key: object) -> Fault:
    return Fault(place, "multiple", "stands in the list twice", {}, shown_value(key))
