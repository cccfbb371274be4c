"""Types of every method of querysets and managers; read by the type checker only."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any, ClassVar, Self, assert_type

from openviper.db.fields import CharField, ForeignKey, IntegerField
from openviper.db.models import Model
from openviper.db.query import QuerySet
from openviper.db.query.combining import CombinedQuery, Source
from openviper.db.query.groups import GroupsQuery
from openviper.db.query.manager import Manager
from openviper.db.query.pages import Page
from openviper.db.query.raw import RawQuery
from openviper.db.query.values import ValuesQuery
from openviper.db.sql.aggregates import Avg, Count, Max, Sum
from openviper.db.sql.expressions import F, Q


class Shop(Model):
    name = CharField(max_length=20)
    offers: QuerySet[Offer]


class OfferManager(Manager["Offer"]):
    def cheap(self) -> QuerySet[Offer]:
        return self.filter(price__lt=10)


class Offer(Model):
    title = CharField(max_length=20)
    price = IntegerField()
    shop = ForeignKey(Shop, related_name="offers")
    objects: ClassVar[OfferManager] = OfferManager()


class Ranked(QuerySet["Offer"]):
    def top(self) -> Self:
        return self.order_by("-price").limit(3)


async def builders_keep_the_model(query: QuerySet[Offer]) -> None:
    assert_type(query.filter(Q(price=1), title="x"), QuerySet[Offer])
    assert_type(query.exclude(price=1), QuerySet[Offer])
    assert_type(query.order_by("-price"), QuerySet[Offer])
    assert_type(query.limit(1), QuerySet[Offer])
    assert_type(query.offset(1), QuerySet[Offer])
    assert_type(query.distinct(), QuerySet[Offer])
    assert_type(query.only("title"), QuerySet[Offer])
    assert_type(query.defer("title"), QuerySet[Offer])
    assert_type(query.select_related("shop"), QuerySet[Offer])
    assert_type(query.prefetch_related("shop"), QuerySet[Offer])
    assert_type(query.annotate(n=Count("shop"), double=F("price") * 2), QuerySet[Offer])
    assert_type(query.select_for_update(nowait=True), QuerySet[Offer])
    assert_type(query.if_permitted(), QuerySet[Offer])
    assert_type(query.using("other"), QuerySet[Offer])
    assert_type(query.all(ignore_permissions=True), QuerySet[Offer])


async def awaiting_gives_instances(query: QuerySet[Offer]) -> None:
    assert_type(await query, list[Offer])
    assert_type(await query.get(pk=1), Offer)
    assert_type(await query.get_or_none(pk=1), Offer | None)
    assert_type(await query.get_or_404(pk=1), Offer)
    assert_type(await query.first(), Offer | None)
    assert_type(await query.last(), Offer | None)
    assert_type(await query.in_bulk([1]), dict[Any, Offer])
    assert_type(await query.create(title="x"), Offer)
    assert_type(await query.get_or_create({"price": 1}, title="x"), tuple[Offer, bool])
    assert_type(await query.update_or_create({"price": 1}, title="x"), tuple[Offer, bool])
    assert_type(await query.bulk_create([Offer(title="x")]), list[Offer])
    assert_type(await query.bulk_update([Offer(title="x")], ["title"]), int)
    page = await query.paginate(2, 10)
    assert_type(page, Page[Offer])
    assert_type(page.items, list[Offer])
    assert_type(page.next_cursor, str | None)
    assert_type([offer async for offer in query], list[Offer])


async def streams_yield_instances_or_lists(query: QuerySet[Offer]) -> None:
    assert_type(query.iterator(), AsyncGenerator[Offer, None])
    assert_type(query.batch(5), AsyncGenerator[list[Offer], None])
    assert_type(query.id_batch(5), AsyncGenerator[list[Offer], None])


async def plain_results(query: QuerySet[Offer]) -> None:
    assert_type(await query.count(), int)
    assert_type(await query.exists(), bool)
    assert_type(await query.update(price=F("price") + 1), int)
    assert_type(await query.delete(), int)
    assert_type(await query.aggregate(n=Max("price")), dict[str, Any])
    assert_type(query.values("title"), ValuesQuery[dict[str, Any]])
    assert_type(await query.values_list("title", "price"), list[tuple[Any, ...]])
    assert_type(await query.values_list("title", flat=True), list[Any])
    assert_type(query.values("shop").annotate(n=Sum("price"), mean=Avg("price")), GroupsQuery)
    assert_type(
        await query.values("shop").annotate(n=Count("*")).order_by("-n").limit(3),
        list[dict[str, Any]],
    )
    assert_type(query.raw_sql(), str)
    assert_type(await query.explain(), str)


async def managers_offer_the_same(manager: Manager[Offer]) -> None:
    assert_type(manager.annotate(n=Count("shop")), QuerySet[Offer])
    assert_type(manager.prefetch_related("shop"), QuerySet[Offer])
    assert_type(manager.select_for_update(), QuerySet[Offer])
    assert_type(manager.if_permitted(), QuerySet[Offer])
    assert_type(manager.batch(), AsyncGenerator[list[Offer], None])
    assert_type(manager.id_batch(), AsyncGenerator[list[Offer], None])
    assert_type(manager.iterator(), AsyncGenerator[Offer, None])
    assert_type(await manager.paginate(), Page[Offer])
    assert_type(await manager.update_or_create(title="x"), tuple[Offer, bool])
    assert_type(await manager.bulk_update([], ["title"]), int)
    assert_type(await manager.values_list("title", flat=True), list[Any])
    assert_type(await manager.explain(), str)


async def classes_of_ones_own_keep_their_methods(shop: Shop) -> None:
    assert_type(Offer.objects.cheap(), QuerySet[Offer])
    assert_type(await Offer.objects.cheap().first(), Offer | None)
    assert_type(Ranked(Offer).filter(price=1).top(), Ranked)
    assert_type(await Ranked(Offer).top(), list[Offer])
    assert_type(await shop.offers.filter(price=1), list[Offer])


async def the_one_row_of_a_single_model(query: QuerySet[Offer], manager: Manager[Offer]) -> None:
    assert_type(await query.get_single(), Offer)
    assert_type(await query.create_single(title="x"), Offer)
    assert_type(await query.update_single(title="x"), Offer)
    assert_type(await query.get_or_create_single(title="x"), Offer)
    assert_type(await manager.get_single(), Offer)
    assert_type(await manager.create_single(title="x"), Offer)
    assert_type(await manager.update_single(title="x"), Offer)
    assert_type(await manager.get_or_create_single(title="x"), Offer)


async def further_ways_to_ask_keep_the_model(query: QuerySet[Offer]) -> None:
    assert_type(query[1:3], QuerySet[Offer])
    assert_type(query.none(), QuerySet[Offer])
    assert_type(query.alias(double=F("price") * 2), QuerySet[Offer])
    assert_type(await query.latest("price"), Offer)
    assert_type(await query.earliest(), Offer)
    assert_type(query.dates("day", "month"), ValuesQuery[Any])
    assert_type(query.datetimes("day", "hour"), ValuesQuery[Any])
    assert_type(query.raw("SELECT 1"), RawQuery[Offer])
    assert_type(await query.raw("SELECT 1"), list[Offer])
    assert_type(query.union(query, all=True), CombinedQuery[Offer])
    assert_type(query.intersection(query), CombinedQuery[Offer])
    assert_type(await query.difference(query)[:2], list[Offer])
    assert_type(query.as_source(), Source[Offer])
    assert_type(await query.values_list(Offer.title).filter(price=1).get(), tuple[str])
