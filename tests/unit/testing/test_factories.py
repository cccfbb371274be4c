"""Factories: what a row gets that has to have it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from openviper.conf import settings
from openviper.db import (
    CharField,
    DateTimeField,
    DecimalField,
    EmailField,
    ForeignKey,
    IntegerField,
    JSONField,
    Model,
    UUIDField,
)
from openviper.db.models import model_registry
from openviper.testing import (
    Factory,
    LazyAttribute,
    PostGeneration,
    RelatedFactory,
    Sequence,
    SuperuserFactory,
    TestDatabase,
    UserFactory,
)

BEFORE = model_registry.all()


class KitShop(Model):
    name = CharField(max_length=6, unique=True)
    mail = EmailField()


class KitItem(Model):
    shop = ForeignKey(KitShop, on_delete="CASCADE")
    shop_id: int
    twin = ForeignKey(KitShop, null=True, on_delete="SET NULL", related_name="twins")
    twin_id: int | None
    label = CharField(max_length=30)
    code = UUIDField()
    price = DecimalField(max_digits=4, decimal_places=2)
    state = CharField(max_length=10, choices=[("new", "New"), ("old", "Old")])
    data = JSONField()
    count = IntegerField(default=7)
    at = DateTimeField(null=False)
    note = CharField(max_length=5, null=True)


class KitHen(Model):
    egg: ForeignKey[KitEgg] = ForeignKey("KitEgg", on_delete="CASCADE")
    name = CharField(max_length=20)


class KitEgg(Model):
    hen = ForeignKey(KitHen, on_delete="CASCADE")


class KitNode(Model):
    above: ForeignKey[KitNode] = ForeignKey("self", null=True, on_delete="CASCADE")
    above_id: int | None
    name = CharField(max_length=20, unique=True)


OWN = [model for model in model_registry.all() if model not in BEFORE]


class ItemFactory(Factory[KitItem]):
    label = Sequence(lambda number: f"item {number}")
    note = LazyAttribute(lambda known: known["label"][-2:])
    twin = RelatedFactory(lambda: ShopFactory, {"name": "twin"})


class ShopFactory(Factory[KitShop]):
    done: list[Any] = []
    after = PostGeneration(lambda shop, created: ShopFactory.done.append((shop.name, created)))


@pytest.fixture
async def database() -> Any:
    settings.setup()
    kit = TestDatabase()
    await kit.setup()
    yield kit
    await kit.teardown()


def test_what_is_built_is_not_stored_and_refers_to_nothing() -> None:
    item = ItemFactory.build()
    assert item.pk is None and item.label.startswith("item ")
    assert vars(item).get("shop_id") is None


def test_every_value_fits_its_field() -> None:
    first, second = Factory[KitItem].build_batch(2)
    assert first.label != second.label and first.code != second.code
    assert first.state in ("new", "old") and first.count == 7 and first.note is None
    assert first.at.tzinfo is not None
    assert first.data == {}
    shops = Factory[KitShop].build_batch(1200)
    assert len({shop.name for shop in shops}) == 1200
    assert all(len(shop.name) <= 6 and "@" in shop.mail for shop in shops)


def test_what_is_given_wins_and_is_seen_by_what_is_made_of_it() -> None:
    item = ItemFactory.build(label="abcd", count=1)
    assert (item.label, item.note, item.count) == ("abcd", "cd", 1)


async def test_what_a_row_refers_to_is_stored_first(database: TestDatabase) -> None:
    item = await ItemFactory.create(shop__name="own", state="old")
    assert (await item.shop).name == "own"
    assert item.twin is not None
    twin = await KitShop.objects.get(pk=item.twin_id)
    assert twin.name == "twin"
    assert ("twin", True) in ShopFactory.done
    shop = await ShopFactory.create()
    assert (await ItemFactory.create(shop=shop, twin=None)).twin_id is None
    assert (await ItemFactory.create(shop_id=shop.pk, twin=None)).pk


async def test_a_batch_has_different_rows(database: TestDatabase) -> None:
    shop = await ShopFactory.create()
    await Factory[KitItem].create_batch(3, shop=shop)
    assert await KitItem.objects.filter(shop=shop).count() == 3
    assert await KitShop.objects.count() == 1


def test_a_name_that_is_no_field_is_refused() -> None:
    with pytest.raises(TypeError):
        ItemFactory.build(nonesuch=1)


def test_a_factory_without_a_model_says_so() -> None:
    class Nothing(Factory[Any]):
        pass

    with pytest.raises(RuntimeError, match="Nothing has no model"):
        Nothing.build()


def test_a_model_may_be_named_in_meta() -> None:
    class Old(Factory[Any]):
        class Meta:
            model = KitShop

    assert isinstance(Old.build(), KitShop)


async def test_users_have_a_password_if_they_are_given_one(database: TestDatabase) -> None:
    user = await UserFactory.create(password="right")
    assert await user.check_password("right") and user.email == f"{user.username}@example.com"
    assert not await (await UserFactory.create()).check_password("")
    admin = await SuperuserFactory.create()
    assert admin.is_staff and admin.is_superuser


@pytest.fixture(autouse=True, scope="module")
def _quiet() -> Iterator[None]:
    yield
    for model in OWN:
        model_registry.unregister(model)


# Rows that need each other


@pytest.mark.parametrize("values", [{}, {"name": "x"}, {"egg__hen__name": "x"}])
async def test_rows_that_need_each_other_without_end_are_an_error(
    db: TestDatabase, values: dict[str, Any]
) -> None:
    with pytest.raises(TypeError, match="a row of KitHen cannot be made.*KitEgg -> KitHen"):
        await Factory[KitHen].create(**values)
    assert await KitHen.objects.count() == await KitEgg.objects.count() == 0
    # What was refused leaves nothing behind.
    assert (await Factory[KitShop].create()).pk


async def test_a_model_that_refers_to_itself_needs_no_other_row(db: TestDatabase) -> None:
    root = await Factory[KitNode].create()
    child = await Factory[KitNode].create(above=root)
    assert (root.above_id, child.above_id) == (None, root.pk)
    assert root.name != child.name


async def test_a_chain_is_made_as_far_as_it_is_asked_for(db: TestDatabase) -> None:
    leaf = await Factory[KitNode].create(name="leaf", above__name="stem", above__above__name="root")
    names = []
    node: KitNode | None = leaf
    while node is not None:
        names.append(node.name)
        node = None if node.above_id is None else await KitNode.objects.get(pk=node.above_id)
    assert names == ["leaf", "stem", "root"]


@pytest.mark.parametrize("size", [0, 1, 3])
async def test_so_many_rows_are_made(db: TestDatabase, size: int) -> None:
    assert len(Factory[KitShop].build_batch(size)) == size
    assert len(await Factory[KitShop].create_batch(size)) == size
    assert await KitShop.objects.count() == size


async def test_fewer_than_none_cannot_be_made(db: TestDatabase) -> None:
    with pytest.raises(ValueError, match="-1 rows cannot be made"):
        Factory[KitShop].build_batch(-1)
    with pytest.raises(ValueError, match="-2 rows cannot be made"):
        await Factory[KitShop].create_batch(-2)
