"""The rows of the shop: edges of every kind of value, circles of references."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from .models import Code, Node, Part, Shelf, Tag, Thing

ODD = 'Zürich \U0001f40d \u202ename\u202c O\'Neil \\ % \n\t"q" \u0301e \uffff'
"""Four bytes in UTF-8, right to left, quotes, a backslash, a mark without its letter, no character at all."""


async def fill() -> None:
    """Store the rows in the default database."""
    top = await Shelf.objects.create(name="top")
    inner = await Shelf.objects.create(name="inner", parent=top)
    tag = await Tag.objects.create(name="Tag")
    other = await Tag.objects.create(name="tag")
    thing = await Thing.objects.create(
        shelf=inner,
        small=-32768,
        whole=-2147483648,
        big=2**63 - 1,
        positive=0,
        real=0.1 + 0.2,
        amount=Decimal("12345.6700"),
        truth=True,
        maybe=None,
        short=ODD,
        text=ODD * 300,
        email="a@example.com",
        slug="a-b",
        url="https://example.com/?a=1",
        html="<p>x</p>",
        password="correct horse",
        secret="secret",
        file="a/b.txt",
        at=datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        day=date(1000, 1, 1),
        hour=time(23, 59, 59, 999999),
        span=timedelta(days=-1, microseconds=1),
        uuid=UUID(int=1),
        data={"b": [1, 1.5, 1e22, None, True, "\u00e9"], "a": {"\U0001f40d": ""}},
        raw=bytes(range(256)) * 40,
        ip4="192.0.2.1",
        ip="2001:db8::1",
        words=["a", "b,c", '"', ""],
        numbers=[1, -2],
        uuids=[UUID(int=2)],
        moments=[datetime(2024, 2, 29, tzinfo=UTC)],
        amounts=[Decimal("1.10")],
    )
    await thing.tags.add(tag, other)
    await Thing.objects.create(
        real=-0.0, text="", short=" trailing ", data=[], words=[], raw=b"", amount=Decimal(0)
    )
    await Thing.objects.create(data=0, real=1e308, text=" ", amount=Decimal("-0.0001"))
    # Two circles: shelves refer to each other, and a shelf to a thing that stands on one.
    await Shelf.objects.filter(id=top.pk).update(parent_id=inner.pk)
    await Shelf.objects.filter(id=inner.pk).update(best_id=thing.pk)
    part = await Part.objects.create(id=UUID(int=5), thing=thing)
    for name in ("a", "A", "ä", "z", "Z "):
        code = await Code.objects.create(code=name)
        await code.parts.add(part)
    leaf = await Node.objects.create(name="leaf")
    root = await Node.objects.create(name="root", tag=tag)
    await Node.objects.filter(id=leaf.pk).update(up_id=root.pk)


async def give_a_number_away() -> int:
    """Insert a row, delete it, and return the number that it had and that nobody gets again."""
    gone = await Thing.objects.create()
    number = int(gone.pk)
    await gone.delete()
    return number
