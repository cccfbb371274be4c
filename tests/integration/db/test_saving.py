"""What saving, deleting and creating store, on a real SQLite file."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from openviper.core.context import ignore_permissions
from openviper.db.connection import atomic
from openviper.db.exceptions import DatabaseReadOnlyError
from openviper.db.executor import bypass_permissions, set_access_rule
from openviper.db.fields import (
    BigAutoField,
    CharField,
    DateTimeField,
    ForeignKey,
    IntegerField,
    UUIDField,
)
from openviper.db.models import Count, F, Max, Model, ModelValidationError
from openviper.exceptions import DoesNotExist, IntegrityError, QueryError
from tests.integration.db.library import MODELS, Author, Book
from tests.integration.db.support import database, stored

EVERY_DATABASE = True


class Stamp(Model):
    _app_name = "saving"

    id = BigAutoField()
    label = CharField(max_length=10, unique=True)
    count = IntegerField(default=0)
    made = DateTimeField(auto_now_add=True)
    touched = DateTimeField(auto_now=True)


class Token(Model):
    _app_name = "saving"

    id = UUIDField(primary_key=True, auto=True)
    number = IntegerField()


class Member(Model):
    _app_name = "saving"

    club = CharField(max_length=10, null=True)
    number = IntegerField(db_column="nr")

    class Meta:
        unique_together = ("club", "number")


class Frozen(Model):
    _app_name = "saving"

    label = CharField(max_length=10)

    class Meta:
        read_only = True


SAVING = (Stamp, Token, Member, Frozen)


async def test_every_kind_of_value_survives_the_round_trip(tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "title": "Ä \U0001f40d '; DROP TABLE",
        "copies": -5,
        "price": Decimal("1234.50"),
        "lent": True,
        "notes": "",
        "printed": datetime(2026, 1, 2, 3, 4, 5, 6, UTC),
        "day": date(1999, 12, 31),
        "hour": time(1, 2, 3, 4),
        "code": UUID(int=3),
        "extra": {"list": [1, "two", None], "deep": {"ü": True}},
    }
    async with database(tmp_path, *MODELS) as path:
        author = await Author.objects.create(name="A")
        book = await Book.objects.create(author=author, **values)
        again = await Book.objects.get(pk=book.pk)
        assert {name: getattr(again, name) for name in values} == values
        assert str(again.price) == "1234.50"
        ((printed, lent),) = stored(path, "SELECT printed, lent FROM library_book")
        assert str(printed).removesuffix("+00:00") == "2026-01-02 03:04:05.000006"
        assert lent == 1
        assert not again.has_changed and not book.has_changed


async def test_saving_converts_values_and_leaves_nothing_changed(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        author = await Author.objects.create(name="A")
        book = Book(
            title="x",
            author_id=author.pk,
            copies="3",
            price="1.5",
            printed="2026-01-02T03:04:05",
            lent="on",
        )
        await book.save()
        assert (book.copies, book.price, book.lent) == (3, Decimal("1.5"), True)
        assert book.printed == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        assert book.get_changed_fields() == {}


async def test_save_writes_changed_columns_only(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        author = await Author.objects.create(name="A")
        book = await Book.objects.create(title="x", author=author)
        stale = await Book.objects.get(pk=book.pk)
        book.copies = 7
        assert book.get_changed_fields() == {"copies": 1}
        await book.save()
        stale.title = "y"
        await stale.save()
        await book.refresh_from_db()
        assert (book.title, book.copies) == ("y", 7)


async def test_a_change_inside_a_json_value_is_seen(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        author = await Author.objects.create(name="A")
        book = await Book.objects.create(title="x", author=author, extra={"a": [1]})
        book.extra["a"].append(2)
        assert book.get_changed_fields() == {"extra": {"a": [1]}}
        await book.save()
        assert (await Book.objects.get(pk=book.pk)).extra == {"a": [1, 2]}


async def test_saving_a_partly_loaded_instance_keeps_the_other_columns(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        author = await Author.objects.create(name="A")
        book = await Book.objects.create(
            title="x", author=author, copies=9, notes="keep", extra=[1]
        )
        part = await Book.objects.only("title").get(pk=book.pk)
        part.title = "y"
        part.notes = "new"
        await part.save()
        assert part.get_deferred_fields() == set(Book._fields) - {"id", "title", "notes"}
        assert not part.has_changed
        full = await Book.objects.get(pk=book.pk)
        assert (full.title, full.copies, full.notes, full.extra, full.author_id) == (
            "y",
            9,
            "new",
            [1],
            author.pk,
        )
        await part.refresh_from_db()
        assert part.copies == 9 and part.get_deferred_fields() == set()


async def test_update_fields_limits_what_is_written(tmp_path: Path) -> None:
    async with database(tmp_path, *SAVING):
        stamp = await Stamp.objects.create(label="a")
        touched = stamp.touched
        stamp.label, stamp.count = "b", 5
        await stamp.save(update_fields=["count"])
        assert stamp.get_changed_fields() == {"label": "a"}
        fresh = await Stamp.objects.get(pk=stamp.pk)
        assert (fresh.label, fresh.count, fresh.touched) == ("a", 5, touched)
        with pytest.raises(ValueError, match="nope"):
            await stamp.save(update_fields=["nope"])


async def test_auto_fields_set_themselves(tmp_path: Path) -> None:
    async with database(tmp_path, *SAVING):
        stamp = await Stamp.objects.create(label="a")
        made, touched = stamp.made, stamp.touched
        assert made.tzinfo is UTC
        await stamp.save()
        assert stamp.made == made and stamp.touched > touched
        given = datetime(2000, 1, 1, tzinfo=UTC)
        assert (await Stamp.objects.create(label="b", made=given)).made == given


async def test_keys_of_any_kind(tmp_path: Path) -> None:
    async with database(tmp_path, *SAVING):
        token = await Token.objects.create(number=1)
        assert isinstance(token.id, UUID)
        token.number = 2
        await token.save()
        assert (await Token.objects.get(pk=str(token.id))).number == 2
        tokens = await Token.objects.bulk_create([Token(number=n) for n in range(3)])
        assert len({one.pk for one in tokens}) == 3
        assert sorted([one.pk async for one in Token.objects.iterator(2)]) == sorted(
            [token.pk, *(one.pk for one in tokens)]
        )
        await token.delete()
        assert await Token.objects.count() == 3


async def test_an_update_that_matches_no_row_raises(tmp_path: Path) -> None:
    async with database(tmp_path, *SAVING):
        stamp = await Stamp.objects.create(label="a")
        await Stamp.objects.all().delete()
        stamp.count = 1
        with pytest.raises(DoesNotExist):
            await stamp.save()
        with pytest.raises(DoesNotExist):
            await stamp.refresh_from_db()


async def test_a_deleted_instance_can_be_saved_again(tmp_path: Path) -> None:
    async with database(tmp_path, *SAVING):
        stamp = await Stamp.objects.create(label="a")
        key = stamp.pk
        await stamp.delete()
        assert await Stamp.objects.count() == 0
        await stamp.save()
        assert stamp.pk == key and await Stamp.objects.count() == 1
        with pytest.raises(ValueError, match="not saved"):
            await Stamp(label="b").delete()


async def test_column_names_may_differ_from_fields(tmp_path: Path) -> None:
    async with database(tmp_path, *SAVING) as path:
        member = await Member.objects.create(club="a", number=1)
        member.number = 2
        await member.save()
        assert stored(path, "SELECT nr FROM saving_member") == [(2,)]
        assert Member(nr=5).number == 5
        assert await Member.objects.filter(nr=2).count() == 1
        await Member.objects.all().update(nr=F("nr") + 1)
        assert (await Member.objects.get()).number == 3


async def test_invalid_values_are_collected_and_nothing_is_stored(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        book = Book(title="x" * 101, copies=2**40, price="1.234", lent="perhaps")
        with pytest.raises(
            ValueError, match="Validation failed for Book: .*title.*; .*copies"
        ) as caught:
            await book.save()
        assert isinstance(caught.value, ModelValidationError)
        assert set(caught.value.errors) == {"title", "author", "copies", "price", "lent"}
        assert await Book.objects.count() == 0


async def test_unique_together_is_looked_up_before_saving(tmp_path: Path) -> None:
    async with database(tmp_path, *SAVING):
        first = await Member.objects.create(club="a", number=1)
        await Member.objects.create(club=None, number=1)
        await Member.objects.create(club=None, number=1)
        await first.save()
        with pytest.raises(ValueError, match="club and number"):
            await Member.objects.create(club="a", number=1)


async def test_constraints_surface_as_integrity_errors(tmp_path: Path) -> None:
    async with database(tmp_path, *SAVING, *MODELS):
        await Stamp.objects.create(label="a")
        with pytest.raises(IntegrityError) as caught:
            await Stamp.objects.create(label="a")
        assert type(caught.value.__cause__).__module__.partition(".")[0] in (
            "sqlite3",
            "psycopg",
            "pymysql",
        )
        with pytest.raises(IntegrityError):
            await Book.objects.create(title="x", author_id=99)


async def test_get_or_create_and_update_or_create(tmp_path: Path) -> None:
    async with database(tmp_path, *SAVING):
        stamp, created = await Stamp.objects.get_or_create({"count": lambda: 3}, label="a")
        assert created and stamp.count == 3
        again, created = await Stamp.objects.get_or_create({"count": 9}, label="a")
        assert not created and again == stamp and again.count == 3
        changed, created = await Stamp.objects.update_or_create({"count": 9}, label="a")
        assert not created and changed.count == 9
        fresh, created = await Stamp.objects.filter(count=1).update_or_create(
            {"count": 1}, label="b"
        )
        assert created and fresh.count == 1


async def test_concurrent_get_or_create_makes_one_row(tmp_path: Path) -> None:
    async with database(tmp_path, *SAVING):
        found = await asyncio.gather(*(Stamp.objects.get_or_create(label="same") for _ in range(8)))
        assert sum(created for _, created in found) == 1
        assert len({stamp.pk for stamp, _ in found}) == 1


async def test_losing_the_race_inside_a_transaction_leaves_it_usable(tmp_path: Path) -> None:
    class Blind(Model):
        _app_name = "saving"
        label = CharField(max_length=10, unique=True)

    async with database(tmp_path, Blind):
        await Blind.objects.create(label="a")
        async with atomic():
            # A filter that does not see the row stands for the writer that comes between reading and creating.
            with pytest.raises(IntegrityError):
                await Blind.objects.filter(pk=99).get_or_create(label="a")
            await Blind.objects.create(label="b")
        assert await Blind.objects.count() == 2


async def test_bulk_create_numbers_and_marks_instances(tmp_path: Path) -> None:
    async with database(tmp_path, *SAVING):
        await Stamp.objects.create(label="first")
        stamps = await Stamp.objects.bulk_create(
            [Stamp(label=f"s{n}") for n in range(2500)], batch_size=700
        )
        by_key = await Stamp.objects.in_bulk()
        assert len(by_key) == 2501
        assert all(by_key[stamp.pk].label == stamp.label for stamp in stamps)
        assert not any(stamp.has_changed for stamp in stamps)
        stamps[0].count = 5
        await stamps[0].save()
        assert await Stamp.objects.filter(count=5).count() == 1
        given = await Stamp.objects.bulk_create(
            [Stamp(label="x"), Stamp(id=99999, label="y"), Stamp(label="z")]
        )
        assert len({one.pk for one in given}) == 3 and given[1].pk == 99999
        assert (await Stamp.objects.get(label="z")).pk == given[2].pk
        assert await Stamp.objects.bulk_create([]) == []


async def test_bulk_create_stores_all_or_nothing(tmp_path: Path) -> None:
    async with database(tmp_path, *SAVING):
        await Stamp.objects.create(label="s7")
        stamps = [Stamp(label=f"s{n}") for n in range(10)]
        with pytest.raises(IntegrityError):
            await Stamp.objects.bulk_create(stamps, batch_size=2)
        assert await Stamp.objects.count() == 1
        assert all(stamp.pk is None for stamp in stamps)
        with pytest.raises(ValueError, match="many"):
            await Stamp.objects.bulk_create([Stamp(label="ok"), Stamp(label="bad", count="many")])
        assert await Stamp.objects.count() == 1
        with pytest.raises(QueryError):
            await Stamp.objects.bulk_create([await Stamp.objects.get()])


async def test_bulk_update_writes_the_named_fields(tmp_path: Path) -> None:
    async with database(tmp_path, *SAVING):
        stamps = await Stamp.objects.bulk_create([Stamp(label=f"s{n}") for n in range(5)])
        for stamp in stamps:
            stamp.count, stamp.label = stamp.pk * 10, "never"
        assert await Stamp.objects.bulk_update(stamps, ["count"], batch_size=2) == 5
        fresh = await Stamp.objects.order_by("pk")
        assert [one.count for one in fresh] == [10, 20, 30, 40, 50]
        assert fresh[0].label == "s0"
        assert set(stamps[0].get_changed_fields()) == {"label"}
        with pytest.raises(QueryError):
            await Stamp.objects.bulk_update(stamps, [])
        with pytest.raises(QueryError):
            await Stamp.objects.bulk_update(stamps, ["pk"])
        with pytest.raises(QueryError):
            await Stamp.objects.bulk_update([Stamp(label="x")], ["count"])
        assert await Stamp.objects.bulk_update([], ["count"]) == 0


async def test_read_only_models_refuse_writes(tmp_path: Path) -> None:
    async with database(tmp_path, *SAVING):
        for pending in (
            Frozen(label="x").save(),
            Frozen.objects.create(label="x"),
            Frozen.objects.bulk_create([Frozen(label="x")]),
            Frozen.objects.all().update(label="y"),
            Frozen.objects.all().delete(),
        ):
            with pytest.raises(DatabaseReadOnlyError):
                await pending
        assert await Frozen.objects.count() == 0


class Refusal(Exception):
    """What the checker of these tests raises."""


class Checker:
    """Notes what it is asked and refuses everything."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def check(self, model: type[Any], action: str) -> None:
        self.asked.append(f"{action} {model.__name__}")
        raise Refusal


async def test_permissions_are_checked_once_before_anything_else(tmp_path: Path) -> None:
    async with database(tmp_path, *SAVING):
        stamp = await Stamp.objects.create(label="a")
        checker = Checker()
        set_access_rule(checker)
        try:
            for pending, action in (
                (Stamp.objects.count(), "read"),
                (Stamp.objects.get(pk=1), "read"),
                (Stamp.objects.get_or_create(label="a"), "read"),
                (Stamp.objects.create(label="b"), "create"),
                (Stamp.objects.bulk_create([Stamp(label="c")]), "create"),
                (stamp.save(), "update"),
                (Stamp.objects.all().update(count=1), "update"),
                (stamp.delete(), "delete"),
                (Stamp.objects.all().delete(), "delete"),
            ):
                with pytest.raises(Refusal):
                    await pending
                assert checker.asked.pop() == f"{action} Stamp" and not checker.asked
            assert await Stamp.objects.all(ignore_permissions=True).count() == 1
            assert await Stamp.objects.get(pk=stamp.pk, ignore_permissions=True) == stamp
            with bypass_permissions(reason="a test"):
                assert await Stamp.objects.count() == 1
            async with bypass_permissions():
                assert await Stamp.objects.exists()
            with ignore_permissions():
                await Stamp.objects.create(label="b")
            await stamp.save(ignore_permissions=True)
            assert not checker.asked
        finally:
            set_access_rule(None)


class Protocol(Checker):
    """Notes what it is asked and allows everything."""

    async def check(self, model: type[Any], action: str) -> None:
        self.asked.append(f"{action} {model.__name__}")


async def test_joined_models_are_checked_too(tmp_path: Path) -> None:
    async with database(tmp_path, *MODELS):
        checker = Protocol()
        set_access_rule(checker)
        try:
            for query, joined in (
                (Book.objects.filter(title="x"), []),
                (
                    Book.objects.filter(author__name="x", author__country__label="y"),
                    ["Author", "Country"],
                ),
                (Book.objects.exclude(author__name="x"), ["Author"]),
                (Book.objects.order_by("author__name"), ["Author"]),
                (Book.objects.select_related("author__country"), ["Author", "Country"]),
                (Book.objects.values("author__name"), ["Author"]),
            ):
                await query
                assert checker.asked == ["read Book", *(f"read {name}" for name in joined)]
                checker.asked.clear()
            await Book.objects.aggregate(last=Max("author__name"), n=Count())
            assert checker.asked == ["read Book", "read Author"]
        finally:
            set_access_rule(None)


async def test_foreign_keys_named_by_text_callable_and_self(tmp_path: Path) -> None:
    class Node(Model):
        _app_name = "saving"
        parent = ForeignKey("self", null=True, related_name="children")
        late = ForeignKey("saving.Leaf", null=True)
        called = ForeignKey(lambda: Leaf, null=True)

    class Leaf(Model):
        _app_name = "saving"
        label = CharField(max_length=5)

    async with database(tmp_path, Leaf, Node):
        leaf = await Leaf.objects.create(label="x")
        root = await Node.objects.create(late=leaf, called=leaf)
        child = await Node.objects.create(parent=root)
        accessor: Any = root
        assert await accessor.children.all() == [child]
        assert await (await Node.objects.get(pk=root.pk)).late == leaf
        assert await Node.objects.filter(parent__late__label="x").get() == child
        assert await Node.objects.filter(parent__parent__parent__parent__parent__id=1).count() == 0


async def test_an_instance_without_its_key_becomes_another_row(tmp_path: Path) -> None:
    async with database(tmp_path, Stamp, Token):
        stamp = await Stamp.objects.create(label="a", count=3)
        first = stamp.pk
        stamp.pk, stamp.label = None, "b"
        await stamp.save()
        assert stamp.pk not in (None, first)
        assert await Stamp.objects.order_by("pk").values_list("label", "count") == [
            ("a", 3),
            ("b", 3),
        ]
        part = (await Stamp.objects.only("label"))[0]
        part.pk = None
        with pytest.raises(ValueError, match="count, made, touched not loaded"):
            await part.save()
        kept = await Stamp.objects.get(pk=first)
        kept.pk, kept.label = None, "c"
        with pytest.raises(ZeroDivisionError):
            async with atomic():
                await kept.save()
                raise ZeroDivisionError
        assert kept.pk is None and kept.get_changed_fields()["label"] == "a"


async def test_losing_the_race_for_a_unique_group_gives_the_row_of_the_winner(
    tmp_path: Path,
) -> None:
    async with database(tmp_path, Member):
        results = await asyncio.gather(
            *(Member.objects.get_or_create(club="x", number=1) for _ in range(8)),
            *(Member.objects.update_or_create({}, club="x", number=1) for _ in range(8)),
        )
        assert len({member.pk for member, _ in results}) == 1
        assert sum(created for _, created in results) == 1 == await Member.objects.count()
        with pytest.raises(ModelValidationError, match="must be unique together"):
            await Member.objects.create(club="x", number=1)
        with pytest.raises(IntegrityError, match="must be unique together"):
            await Member.objects.create(club="x", number=1)


async def test_an_instance_with_another_key_becomes_another_row(tmp_path: Path) -> None:
    async with database(tmp_path, Stamp, Token):
        stamp = await Stamp.objects.create(label="a", count=3)
        first = stamp.pk
        stamp.pk, stamp.label = first + 76, "b"
        await stamp.save()
        assert await Stamp.objects.order_by("pk").values_list("pk", "label", "count") == [
            (first, "a", 3),
            (first + 76, "b", 3),
        ]
        stamp.label = "c"
        await stamp.save()
        assert await Stamp.objects.order_by("pk").values_list("label", flat=True) == ["a", "c"]


async def test_another_key_never_overwrites_a_row(tmp_path: Path) -> None:
    async with database(tmp_path, Stamp, Token):
        one, other = await Stamp.objects.create(label="a"), await Stamp.objects.create(label="b")
        one.pk = other.pk
        with pytest.raises(IntegrityError):
            await one.save()
        assert await Stamp.objects.order_by("pk").values_list("label", flat=True) == ["a", "b"]
        with pytest.raises(ValueError, match="another primary key"):
            await one.save(update_fields=["label"])
        with pytest.raises(ValueError, match="another primary key"):
            await one.delete()
        with pytest.raises(QueryError, match="another primary key"):
            await Stamp.objects.bulk_update([one], ["label"])
        assert await Stamp.objects.order_by("pk").values_list("label", flat=True) == ["a", "b"]


async def test_another_key_needs_all_values(tmp_path: Path) -> None:
    async with database(tmp_path, Stamp, Token):
        await Stamp.objects.create(label="a")
        part = (await Stamp.objects.only("label"))[0]
        part.pk = 99
        with pytest.raises(ValueError, match="count, made, touched not loaded"):
            await part.save()
        assert await Stamp.objects.filter(pk=99).count() == 0


async def test_the_same_key_in_another_form_is_the_same_row(tmp_path: Path) -> None:
    async with database(tmp_path, Stamp, Token):
        stamp = await Stamp.objects.create(label="a")
        token = await Token.objects.create(number=1)
        stamp.pk, stamp.label = str(stamp.pk), "b"
        await stamp.save()
        assert await Stamp.objects.values_list("label", flat=True) == ["b"]
        for number, form in ((2, str(token.pk)), (3, UUID(str(token.pk)).hex)):
            token.pk, token.number = form, number
            await token.save()
            assert await Token.objects.values_list("number", flat=True) == [number]
        stamp.pk = "seven"
        with pytest.raises(ValueError, match="seven"):
            await stamp.save()


async def test_a_row_is_given_another_key_by_update(tmp_path: Path) -> None:
    async with database(tmp_path, Stamp, Token):
        stamp = await Stamp.objects.create(label="a")
        assert await Stamp.objects.filter(pk=stamp.pk).update(id=77) == 1
        assert await Stamp.objects.values_list("pk", "label") == [(77, "a")]


async def test_an_instance_whose_new_row_is_refused_keeps_its_old_one(tmp_path: Path) -> None:
    async with database(tmp_path, Stamp, Token):
        stamp = await Stamp.objects.create(label="a")
        first = stamp.pk
        for another in (None, first + 1):
            stamp.pk = another
            with pytest.raises(IntegrityError):  # Another row with the same label.
                await stamp.save()
            stamp.pk, stamp.count = first, stamp.count + 1
            await stamp.save()
            assert await Stamp.objects.values_list("pk", "count") == [(first, stamp.count)]
