"""What a query for a virtual model asks of its backend."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from openviper.db.exceptions import UnsupportedVirtualQueryError, VirtualBackendNotFoundError
from openviper.db.fields import CharField, ForeignKey, IntegerField
from openviper.db.models import F, Model, Q
from openviper.db.query import QuerySet
from openviper.db.virtual import (
    BASIC_CAPABILITIES,
    Capability,
    FilterClause,
    FilterOp,
    MemoryVirtualBackend,
    VirtualBackend,
    backend_registry,
)
from openviper.db.virtual.specs import backend_of, make_spec, require


class Galaxy(Model):
    _app_name = "virtual_specs"

    name = CharField(max_length=20)

    class Meta:
        virtual = True
        backend = "specs"


class Star(Model):
    _app_name = "virtual_specs"

    name = CharField(max_length=20)
    size = IntegerField(null=True)
    galaxy = ForeignKey(Galaxy, null=True)

    class Meta:
        virtual = True
        backend = "specs"
        ordering = ["-size"]


class Backend(VirtualBackend):
    """One whose capabilities a test chooses."""


@pytest.fixture(autouse=True)
def backend() -> Iterator[VirtualBackend]:
    """Register a backend that can do everything."""
    made = Backend()
    made.capabilities = frozenset(Capability)
    backend_registry.register("specs", made)
    yield made
    backend_registry.unregister("specs")


def spec(query: QuerySet[Star]) -> Any:
    """Return what a query asks of the backend."""
    return make_spec(Star._meta, query.query)


def test_conditions_are_clauses_with_values_of_the_fields_type() -> None:
    asked = spec(Star.objects.filter(name="x", size__gt="3", galaxy=7, pk__in=["1", 2]))
    assert asked.filter_clauses == (
        FilterClause("name", FilterOp.EQ, "x"),
        FilterClause("size", FilterOp.GT, 3),
        FilterClause("galaxy_id", FilterOp.EQ, 7),
        FilterClause("id", FilterOp.IN, [1, 2]),
    )
    assert asked.filters == {"name": "x", "galaxy_id": 7}


def test_columns_ask_the_same_as_names() -> None:
    assert spec(Star.objects.filter(Star.size > 3)) == spec(Star.objects.filter(size__gt=3))
    assert spec(Star.objects.order_by(Star.name.desc())) == spec(Star.objects.order_by("-name"))


def test_none_is_asked_for_as_no_value() -> None:
    for query in (Star.objects.filter(size=None), Star.objects.filter(size__isnull=True)):
        assert spec(query).filter_clauses == (FilterClause("size", FilterOp.IS_NULL, True),)
    asked = spec(Star.objects.filter(size__isnull=False))
    assert asked.filter_clauses == (FilterClause("size", FilterOp.IS_NULL, False),)


def test_order_slice_and_columns_are_handed_on() -> None:
    asked = spec(Star.objects.all())
    assert (asked.order_by, asked.limit, asked.offset) == (("-size",), None, 0)
    asked = spec(Star.objects.order_by("galaxy", "-name").limit(3).offset(4))
    assert (asked.order_by, asked.limit, asked.offset) == (("galaxy_id", "-name"), 3, 4)
    assert spec(Star.objects.order_by()).order_by == ()
    assert spec(Star.objects.distinct()).distinct
    assert spec(Star.objects.only("name")).only_fields
    assert spec(Star.objects.defer("name")).defer_fields


@pytest.mark.parametrize(
    "make",
    [
        lambda: Star.objects.filter(Q(name="x") | Q(name="y")),
        lambda: Star.objects.exclude(name="x"),
        lambda: Star.objects.filter(name__regex="x"),
        lambda: Star.objects.filter(size=F("id")),
        lambda: Star.objects.filter(galaxy__name="x"),
        lambda: Star.objects.order_by("galaxy__name"),
        lambda: Star.objects.annotate(twice=F("size") * 2),
        lambda: Star.objects.select_related("galaxy"),
        lambda: Star.objects.select_for_update(),
    ],
)
def test_what_no_backend_is_asked_is_refused(make: Any) -> None:
    with pytest.raises(UnsupportedVirtualQueryError, match=r"virtual_specs\.Star"):
        spec(make())


@pytest.mark.parametrize(
    ("capability", "query"),
    [
        (Capability.FILTER, Star.objects.order_by().filter(name="x")),
        (Capability.FILTER_OPS, Star.objects.order_by().filter(size__gt=1)),
        (Capability.FILTER_OPS, Star.objects.order_by().filter(size=None)),
        (Capability.ORDER_BY, Star.objects.order_by("name")),
        (Capability.ORDER_BY, Star.objects.all()),
        (Capability.LIMIT, Star.objects.order_by().limit(1)),
        (Capability.OFFSET, Star.objects.order_by().offset(1)),
        (Capability.DISTINCT, Star.objects.order_by().distinct()),
        (Capability.ONLY, Star.objects.order_by().only("name")),
        (Capability.DEFER, Star.objects.order_by().defer("name")),
    ],
)
def test_each_part_of_a_query_needs_its_capability(
    capability: Capability, query: QuerySet[Star], backend: VirtualBackend
) -> None:
    spec(query)
    backend.capabilities = frozenset(Capability) - {capability}
    with pytest.raises(
        UnsupportedVirtualQueryError, match=rf"does not support {capability.value}$"
    ):
        spec(query)


def test_requiring_asks_the_backend_of_the_model(backend: VirtualBackend) -> None:
    backend.capabilities = BASIC_CAPABILITIES
    require(Star._meta, Capability.CREATE)
    with pytest.raises(UnsupportedVirtualQueryError, match="does not support count"):
        require(Star._meta, Capability.COUNT)
    assert backend_of(Star._meta) is backend
    backend_registry.unregister("specs")
    with pytest.raises(VirtualBackendNotFoundError, match="'specs'"):
        backend_of(Star._meta)
    other = MemoryVirtualBackend()
    backend_registry.register("specs", other)
    assert backend_of(Star._meta) is other


@pytest.mark.parametrize(
    ("make", "clauses"),
    [
        (lambda: Star.objects.filter(size__in=[]), (FilterClause("id", FilterOp.IN, []),)),
        (lambda: Star.objects.filter(size__not_in=[]), ()),
        (
            lambda: Star.objects.filter(name="x", size__in=[]),
            (FilterClause("name", FilterOp.EQ, "x"), FilterClause("id", FilterOp.IN, [])),
        ),
    ],
)
def test_an_empty_list_is_no_reason_to_refuse(make: Any, clauses: tuple[FilterClause, ...]) -> None:
    assert spec(make()).filter_clauses == clauses


def test_two_values_for_one_field_are_no_matter_for_a_backend_that_knows_one(
    backend: VirtualBackend,
) -> None:
    query = Star.objects.order_by().filter(name="x").filter(name="y")
    assert [clause.value for clause in spec(query).filter_clauses] == ["x", "y"]
    backend.capabilities = frozenset(Capability) - {Capability.FILTER_OPS}
    assert spec(Star.objects.order_by().filter(name="x", size=1)).filters == {
        "name": "x",
        "size": 1,
    }
    with pytest.raises(UnsupportedVirtualQueryError, match="filter_ops"):
        spec(query)


def test_columns_to_load_are_named_as_attributes() -> None:
    assert spec(Star.objects.only("name", "galaxy")).only_fields == ("name", "galaxy_id")
    assert spec(Star.objects.defer("galaxy")).defer_fields == ("galaxy_id",)
