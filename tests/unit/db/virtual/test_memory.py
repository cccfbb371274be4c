"""The backend in memory, asked directly."""

from __future__ import annotations

from typing import Any

import pytest

from openviper.db.exceptions import (
    ReadOnlyVirtualModelError,
    UnsupportedVirtualQueryError,
    VirtualBackendOperationError,
)
from openviper.db.fields import CharField, IntegerField
from openviper.db.models import Model
from openviper.db.virtual import (
    BASIC_CAPABILITIES,
    APIVirtualBackend,
    Capability,
    FilterClause,
    FilterOp,
    MemoryVirtualBackend,
    QuerySpec,
    VirtualBackend,
)


class Star(Model):
    _app_name = "virtual_unit"

    name = CharField(max_length=20)
    size = IntegerField(null=True)

    class Meta:
        virtual = True
        backend = "stars"


ROWS: list[dict[str, Any]] = [
    {"id": 1, "name": "Sol", "size": 1},
    {"id": 2, "name": "Rigel", "size": 78},
    {"id": 3, "name": "Vega", "size": None},
]


def stars() -> MemoryVirtualBackend:
    """Return a backend with three stars."""
    return MemoryVirtualBackend({"Star": ROWS})


def clause(field: str, op: FilterOp, value: Any) -> QuerySpec:
    """Return a query with one condition."""
    return QuerySpec({}, (FilterClause(field, op, value),))


@pytest.mark.parametrize(
    ("op", "value", "names"),
    [
        (FilterOp.EQ, 1, ["Sol"]),
        (FilterOp.NE, 1, ["Rigel"]),
        (FilterOp.GT, 1, ["Rigel"]),
        (FilterOp.GTE, 1, ["Sol", "Rigel"]),
        (FilterOp.LT, 78, ["Sol"]),
        (FilterOp.LTE, 78, ["Sol", "Rigel"]),
        (FilterOp.IN, [1, 5], ["Sol"]),
        (FilterOp.IN, [], []),
        (FilterOp.IN, [None], ["Vega"]),
        (FilterOp.NOT_IN, [1], ["Rigel"]),
        (FilterOp.NOT_IN, [], ["Sol", "Rigel"]),
        (FilterOp.IS_NULL, True, ["Vega"]),
        (FilterOp.IS_NULL, False, ["Sol", "Rigel"]),
    ],
)
async def test_a_missing_value_neither_equals_nor_differs(
    op: FilterOp, value: Any, names: list[str]
) -> None:
    found = await stars().list(Star, clause("size", op, value))
    assert [row["name"] for row in found] == names


@pytest.mark.parametrize(
    ("op", "value", "names"),
    [
        (FilterOp.CONTAINS, "e", ["Rigel", "Vega"]),
        (FilterOp.CONTAINS, "E", []),
        (FilterOp.ICONTAINS, "E", ["Rigel", "Vega"]),
        (FilterOp.STARTSWITH, "S", ["Sol"]),
        (FilterOp.ENDSWITH, "l", ["Sol", "Rigel"]),
    ],
)
async def test_texts_are_searched(op: FilterOp, value: str, names: list[str]) -> None:
    found = await stars().list(Star, clause("name", op, value))
    assert [row["name"] for row in found] == names


def test_every_operator_is_known() -> None:
    from openviper.db.virtual.memory import _COMPARISONS

    assert set(FilterOp) - set(_COMPARISONS) == {FilterOp.IN, FilterOp.IS_NULL}


async def test_orders_are_applied_from_the_last_to_the_first_and_slices_after_them() -> None:
    backend = MemoryVirtualBackend(
        {"Star": [*ROWS, {"id": 4, "name": "Sol", "size": 9}, {"id": 5, "name": "Sol", "size": 3}]}
    )
    spec = QuerySpec({}, (), order_by=("name", "-size"))
    assert [row["id"] for row in await backend.list(Star, spec)] == [2, 4, 5, 1, 3]
    spec = spec._replace(limit=2, offset=1)
    assert [row["id"] for row in await backend.list(Star, spec)] == [4, 5]
    assert [row["id"] for row in await backend.list(Star, QuerySpec({}, order_by=("size",)))][
        0
    ] == 3
    assert await backend.count(Star, QuerySpec({})) == 5
    assert await backend.list(Star, spec._replace(offset=99)) == []


async def test_equal_rows_are_left_out_when_asked() -> None:
    row = {"id": 1, "name": "x"}
    backend = MemoryVirtualBackend()
    backend._tables["Star"] = {1: row, 2: dict(row)}
    assert len(await backend.list(Star, QuerySpec({}))) == 2
    assert len(await backend.list(Star, QuerySpec({}, distinct=True))) == 1


async def test_rows_are_copied_on_their_way_in_and_out() -> None:
    backend = stars()
    row = await backend.get(Star, 1)
    assert row is not None
    row["name"] = "changed"
    given = {"name": "new"}
    made = await backend.create(Star, given)
    made["name"] = "changed"
    assert given == {"name": "new"} and ROWS[0]["name"] == "Sol"
    assert (await backend.get(Star, 1) or {})["name"] == "Sol"
    assert (await backend.get(Star, made["id"]) or {})["name"] == "new"


async def test_new_keys_are_free_ones_and_given_ones_must_be() -> None:
    backend = stars()
    assert (await backend.create(Star, {"name": "a"}))["id"] == 4
    assert (await backend.create(Star, {"id": 9, "name": "b"}))["id"] == 9
    with pytest.raises(VirtualBackendOperationError, match="exists already"):
        await backend.create(Star, {"id": 9, "name": "c"})
    many = await backend.bulk_create(Star, [{"name": "d"}, {"name": "e"}])
    assert len({row["id"] for row in many} | {1, 2, 3, 4, 9}) == 7


async def test_changes_tell_whether_there_was_something() -> None:
    backend = stars()
    assert await backend.update(Star, 1, {"size": 5}) == {"id": 1, "name": "Sol", "size": 5}
    assert await backend.update(Star, 9, {"size": 5}) is None
    assert await backend.delete(Star, 1) and not await backend.delete(Star, 1)
    assert await backend.bulk_update(Star, clause("size", FilterOp.GT, 9), {"size": 0}) == 1
    assert await backend.bulk_delete(Star, clause("size", FilterOp.EQ, 0)) == 1
    assert await backend.get(Star, 2) is None and await backend.count(Star, QuerySpec({})) == 1


def test_it_can_do_everything_and_a_plain_one_the_basics() -> None:
    assert MemoryVirtualBackend.capabilities == frozenset(Capability)
    assert VirtualBackend.capabilities == BASIC_CAPABILITIES < frozenset(Capability)
    assert Capability.COUNT not in BASIC_CAPABILITIES


async def test_a_plain_backend_says_what_it_cannot_do() -> None:
    backend, spec = VirtualBackend(), QuerySpec({})
    for call in (
        backend.get(Star, 1),
        backend.list(Star, spec),
        backend.count(Star, spec),
        backend.create(Star, {}),
        backend.update(Star, 1, {}),
        backend.delete(Star, 1),
        backend.bulk_create(Star, []),
        backend.bulk_update(Star, spec, {}),
        backend.bulk_delete(Star, spec),
    ):
        with pytest.raises(UnsupportedVirtualQueryError, match="VirtualBackend cannot"):
            await call
    backend.check_writable(Star)
    backend.read_only = True
    with pytest.raises(ReadOnlyVirtualModelError, match=r"virtual_unit\.Star"):
        backend.check_writable(Star)


def test_names_of_a_service_are_turned_both_ways() -> None:
    class Service(APIVirtualBackend):
        field_map = {"name": "title"}

    service = Service()
    assert service.to_record({"title": "x", "size": 1}) == {"name": "x", "size": 1}
    assert service.from_record({"name": "x", "size": 1}) == {"title": "x", "size": 1}


class Comet(Model):
    _app_name = "virtual_unit"

    code = CharField(max_length=9, primary_key=True)
    years = IntegerField(default=0)

    class Meta:
        virtual = True
        backend = "stars"


async def test_what_is_there_at_the_beginning_is_found_by_whatever_key_a_model_has() -> None:
    given = {"Comet": [{"code": "1P", "years": 76}, {"code": "2P", "years": 3}]}
    backend = MemoryVirtualBackend(given)
    given["Comet"][0]["years"] = 0
    given["Comet"].clear()
    assert await backend.get(Comet, "1P") == {"code": "1P", "years": 76}
    assert await backend.count(Comet, QuerySpec({})) == 2
    assert await backend.count(Star, QuerySpec({})) == 0


async def test_of_many_new_rows_none_is_stored_if_one_cannot_be() -> None:
    backend = stars()
    rows = [{"id": 7, "name": "a"}, {"id": 2, "name": "taken"}, {"id": 8, "name": "b"}]
    with pytest.raises(VirtualBackendOperationError, match="2"):
        await backend.bulk_create(Star, rows)
    assert await backend.list(Star, QuerySpec({})) == ROWS
    await backend.bulk_create(Star, [rows[0], rows[2]])
    assert await backend.count(Star, QuerySpec({})) == 5


async def test_a_key_stays_as_it_is() -> None:
    backend = stars()
    with pytest.raises(VirtualBackendOperationError, match="'id'"):
        await backend.update(Star, 1, {"id": 9})
    with pytest.raises(VirtualBackendOperationError, match="'id'"):
        await backend.bulk_update(Star, QuerySpec({}), {"id": 9, "name": "x"})
    assert await backend.list(Star, QuerySpec({})) == ROWS
    assert await backend.update(Star, 1, {"id": 1, "name": "Sun"}) == {
        "id": 1,
        "name": "Sun",
        "size": 1,
    }
