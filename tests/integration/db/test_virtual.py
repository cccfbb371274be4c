"""Models whose data are in a backend of the project's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from openviper.db.exceptions import (
    DatabaseReadOnlyError,
    ReadOnlyVirtualModelError,
    UnsupportedVirtualQueryError,
    VirtualBackendNotFoundError,
    VirtualBackendOperationError,
)
from openviper.db.fields import CharField, IntegerField
from openviper.db.models import Model
from openviper.db.schemas.state import models_state
from openviper.db.sql.aggregates import Count
from openviper.db.sql.expressions import F, Q
from openviper.db.virtual import (
    BASIC_CAPABILITIES,
    APIVirtualBackend,
    Capability,
    FilterOp,
    MemoryVirtualBackend,
    QuerySpec,
    VirtualBackend,
    backend_registry,
)
from openviper.exceptions import DoesNotExist, FieldError, MultipleObjectsReturned


class Planet(Model):
    _app_name = "virtual"

    name = CharField(max_length=20)
    moons = IntegerField(default=0)
    ring = CharField(max_length=20, null=True)

    class Meta:
        virtual = True
        backend = "sky"


@pytest.fixture(autouse=True)
def backend() -> Iterator[MemoryVirtualBackend]:
    """Register a backend with three planets."""
    rows: list[dict[str, Any]] = [
        {"id": 1, "name": "Mars", "moons": 2, "ring": None},
        {"id": 2, "name": "Saturn", "moons": 83, "ring": "ice"},
        {"id": 3, "name": "Venus", "moons": 0, "ring": None},
    ]
    made = MemoryVirtualBackend({"Planet": rows})
    backend_registry.register("sky", made)
    yield made
    backend_registry.unregister("sky")


def names(planets: list[Planet]) -> list[str]:
    """Return the names of planets."""
    return [planet.name for planet in planets]


async def test_queries_are_answered_by_the_backend() -> None:
    assert names(await Planet.objects.order_by("-moons")) == ["Saturn", "Mars", "Venus"]
    assert names(await Planet.objects.filter(moons__gt=0).order_by("name").limit(1)) == ["Mars"]
    assert names(
        await Planet.objects.filter(name__in=["Mars", "Venus"]).order_by("name").offset(1)
    ) == ["Venus"]
    assert names(await Planet.objects.filter(ring=None, moons__lte=1)) == ["Venus"]
    assert names(await Planet.objects.filter(name__icontains="s", name__endswith="rs")) == ["Mars"]
    assert (await Planet.objects.get(pk="2")).moons == 83
    assert await Planet.objects.get_or_none(pk=9) is None
    assert await Planet.objects.filter(ring__isnull=True).count() == 2
    assert await Planet.objects.exists()
    assert (await Planet.objects.first()).name == "Mars"  # type: ignore[union-attr]  # there is one
    assert [planet.pk async for planet in Planet.objects.order_by("id").iterator()] == [1, 2, 3]
    with pytest.raises(DoesNotExist):
        await Planet.objects.get(name="Pluto")
    with pytest.raises(MultipleObjectsReturned):
        await Planet.objects.get(ring=None)
    with pytest.raises(FieldError):
        Planet.objects.filter(nope=1)


async def test_instances_are_stored_changed_reloaded_and_deleted(
    backend: MemoryVirtualBackend,
) -> None:
    pluto = await Planet.objects.create(name="Pluto")
    assert (pluto.pk, pluto.has_changed) == (4, False)
    pluto.moons = 5
    assert pluto.get_changed_fields() == {"moons": 0}
    await pluto.save()
    assert await backend.get(Planet, 4) == {"id": 4, "name": "Pluto", "moons": 5, "ring": None}
    await backend.update(Planet, 4, {"moons": 6})
    await pluto.refresh_from_db()
    assert pluto.moons == 6
    await pluto.delete()
    assert await Planet.objects.count() == 3
    with pytest.raises(ValueError, match="characters"):
        await Planet(name="x" * 30).save()
    with pytest.raises(VirtualBackendOperationError):
        await Planet.objects.create(id=1, name="again")


async def test_many_instances_at_once() -> None:
    made = await Planet.objects.bulk_create([Planet(name="A"), Planet(name="B")])
    assert [planet.pk for planet in made] == [4, 5]
    assert await Planet.objects.filter(pk__gt=3).update(moons=7) == 2
    assert await Planet.objects.filter(moons=7).delete() == 2


async def test_what_no_backend_can_do_is_refused() -> None:
    for wrong in (
        lambda: Planet.objects.values("name"),
        lambda: Planet.objects.values_list("name"),
        lambda: Planet.objects.raw_sql(),
    ):
        with pytest.raises(UnsupportedVirtualQueryError):
            wrong()
    for query in (
        Planet.objects.filter(Q(moons=1) | Q(moons=2)),
        Planet.objects.exclude(moons=1),
        Planet.objects.filter(name__regex="a"),
        Planet.objects.filter(moons=F("id")),
        Planet.objects.annotate(n=F("moons") + 1),
    ):
        with pytest.raises(UnsupportedVirtualQueryError):
            await query
    with pytest.raises(UnsupportedVirtualQueryError):
        await Planet.objects.aggregate(n=Count("id"))
    with pytest.raises(UnsupportedVirtualQueryError):
        await Planet.objects.filter(pk=1).update(moons=F("moons") + 1)


class Narrow(VirtualBackend):
    capabilities = BASIC_CAPABILITIES - {Capability.ORDER_BY, Capability.OFFSET}

    async def list(self, model: type[Any], spec: QuerySpec) -> list[dict[str, Any]]:
        """Return one planet, whatever is asked for."""
        assert all(clause.op is FilterOp.EQ for clause in spec.filter_clauses)
        return [{"id": 1, "name": spec.filters.get("name", "Any"), "moons": 1}]


async def test_what_a_backend_cannot_do_is_refused_before_it_is_asked() -> None:
    backend_registry.register("sky", Narrow())
    assert names(await Planet.objects.filter(name="X")) == ["X"]
    assert await Planet.objects.count() == 1
    for query in (
        Planet.objects.order_by("name"),
        Planet.objects.offset(1),
        Planet.objects.filter(moons__gt=1),
        Planet.objects.distinct(),
        Planet.objects.only("name"),
    ):
        with pytest.raises(UnsupportedVirtualQueryError):
            await query
    with pytest.raises(UnsupportedVirtualQueryError):
        await Planet.objects.bulk_create([Planet(name="x")])
    with pytest.raises(UnsupportedVirtualQueryError):
        await Planet.objects.create(name="x")


async def test_a_read_only_backend_refuses_writes(backend: MemoryVirtualBackend) -> None:
    mars = await Planet.objects.get(pk=1)
    backend.read_only = True
    for write in (
        mars.save(),
        mars.delete(),
        Planet.objects.create(name="x"),
        Planet.objects.all().delete(),
    ):
        with pytest.raises(ReadOnlyVirtualModelError):
            await write
    assert issubclass(ReadOnlyVirtualModelError, DatabaseReadOnlyError)


async def test_a_backend_that_is_not_registered_is_named() -> None:
    backend_registry.unregister("sky")
    with pytest.raises(VirtualBackendNotFoundError, match="'sky'"):
        await Planet.objects.count()


def test_a_virtual_model_has_no_table() -> None:
    assert models_state([Planet]) == {}


def test_names_of_a_service_are_translated_both_ways() -> None:
    class Service(APIVirtualBackend):
        field_map = {"name": "title"}

    assert Service().to_record({"title": "x", "moons": 1}) == {"name": "x", "moons": 1}
    assert Service().from_record({"name": "x", "moons": 1}) == {"title": "x", "moons": 1}
