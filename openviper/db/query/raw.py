"""Instances from SQL of one's own."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Container, Generator, Sequence
from typing import Any, Generic, TypeVar

from openviper.db.connections.drivers.base import Described
from openviper.db.executor import may_read, plan_on, read, read_alias
from openviper.db.fields.base import Field
from openviper.db.fields.instance_state import remember_alias
from openviper.db.query.slices import QueryNotList
from openviper.db.sql.description import Description
from openviper.db.sql.prepared import Plan
from openviper.db.sql.rows.from_rows import Build, Row, annotated_builder
from openviper.db.sql.selects import builder_of
from openviper.exceptions import FieldError, QueryError

M = TypeVar("M")

_READS = re.compile(r"\s*\(*\s*(?:SELECT|WITH|VALUES|TABLE)\b", re.IGNORECASE)


class RawQuery(QueryNotList, Generic[M]):
    """A SELECT of one's own for instances of a model; run when awaited.

    Args:
        model: The model.
        query: Says which database, and whether permissions are checked.
        sql: The SELECT.
        parameters: Its values.

    Raises:
        QueryError: If it is no SELECT.
    """

    __slots__ = ("_meta", "_parameters", "_query", "_sql", "model")

    def __init__(
        self, model: type[M], query: Description, sql: str, parameters: Sequence[Any]
    ) -> None:
        if not _READS.match(sql):
            raise QueryError(f"raw() takes a SELECT, not {sql!r}")
        if isinstance(parameters, (str, bytes)):
            raise QueryError(f"raw() takes a list of values, not {parameters!r}")
        self.model = model
        self._meta: Any = model._meta  # type: ignore[attr-defined]  # models are a higher room
        self._query = query
        self._sql = sql
        self._parameters = list(parameters)

    def __await__(self) -> Generator[Any, None, list[M]]:
        return self._run().__await__()

    async def __aiter__(self) -> AsyncIterator[M]:
        for instance in await self:
            yield instance

    async def _run(self) -> list[M]:
        meta = self._meta
        if not await may_read(meta, self._query):
            return []
        alias = await read_alias(meta, self._query.using)
        plan = plan_on(meta, alias)
        convert = Described(lambda names, rows: instances_of(plan, names, rows))
        found: list[M] = await read(meta, alias, self._sql, self._parameters, convert)
        if alias != meta.backend:
            _remember_alias(found, alias)
        return found


def _remember_alias(instances: Sequence[Any], alias: str) -> None:
    for instance in instances:
        remember_alias(instance, alias)


def instances_of(plan: Plan, names: tuple[str, ...], rows: list[Row]) -> list[Any]:
    """Return the instances for rows whose columns have names.

    Raises:
        QueryError: If two columns have the same name, or the primary key is missing.
        FieldError: If a column would hide an attribute of the model.
    """
    _check_unique(names)
    places = {name: place for place, name in enumerate(names)}
    fields = _fields_read(plan, places)
    columns = [field.column_name for field in fields]
    further = _further(plan, names, columns)
    build = _builder(plan, fields, further)
    order = [places[name] for name in (*columns, *further)]
    return build([tuple([row[place] for place in order]) for row in rows])


def _fields_read(plan: Plan, names: Container[str]) -> list[Field[Any]]:
    fields = [field for field in plan.fields if field.column_name in names]
    if plan.meta.pk not in fields:
        raise QueryError(f"raw() needs the primary key, {plan.meta.pk.column_name!r}")
    return fields


def _builder(plan: Plan, fields: list[Field[Any]], further: Sequence[str]) -> Build:
    build = builder_of(plan, fields)
    if not further:
        return build
    return annotated_builder(build, len(fields), further, [None] * len(further))


def _check_unique(names: tuple[str, ...]) -> None:
    if len(set(names)) < len(names):
        raise QueryError(f"raw(): two columns have the same name: {', '.join(names)}")


def _further(plan: Plan, names: tuple[str, ...], columns: Sequence[str]) -> list[str]:
    """Return the names of columns that are no fields and become attributes."""
    further = [name for name in names if name not in columns]
    for name in further:
        if name.startswith("_") or hasattr(plan.meta.model, name):
            raise FieldError(f"raw(): {plan.meta.model_name} has {name!r} already")
    return further
