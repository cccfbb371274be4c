"""A small shop with a field of every kind, for the tests that move rows between databases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.projects import KEY, write

VIPERCTL = (
    "import sys\nfrom openviper.core.management import execute_from_command_line\n\n"
    'if __name__ == "__main__":\n    execute_from_command_line(sys.argv)\n'
)
MODELS = '''\
from typing import Any

from openviper.db import Model
from openviper.db.fields import (
    ArrayField, BigIntegerField, BinaryField, BooleanField, CharField, DateField, DateTimeField, DecimalField,
    DurationField, EmailField, FileField, FloatField, ForeignKey, GenericIPAddressField, HTMLField, IntegerField,
    IPAddressField, JSONField, ManyToManyField, NullBooleanField, OneToOneField, PasswordField, PositiveIntegerField,
    SensitiveField, SlugField, SmallIntegerField, TextField, TimeField, URLField, UUIDField,
)


class Tag(Model):
    name = CharField(max_length=50, unique=True)


class Shelf(Model):
    """Refers to itself, and to what refers to it."""

    name = CharField(max_length=50)
    parent = ForeignKey("self", null=True, on_delete="SET NULL")
    parent_id: int | None
    best = ForeignKey("Thing", null=True, on_delete="SET NULL", related_name="best_of")
    best_id: int | None


class Thing(Model):
    """A field of every kind."""

    shelf = ForeignKey(Shelf, null=True)
    shelf_id: int | None
    tags = ManyToManyField(Tag)
    small = SmallIntegerField(null=True)
    whole = IntegerField(null=True)
    big = BigIntegerField(null=True)
    positive = PositiveIntegerField(null=True)
    real = FloatField(null=True)
    amount = DecimalField(max_digits=14, decimal_places=4, null=True)
    truth = BooleanField(default=False)
    maybe = NullBooleanField()
    short = CharField(max_length=100, null=True)
    text = TextField(null=True)
    email = EmailField(null=True)
    slug = SlugField(null=True)
    url = URLField(null=True)
    html = HTMLField(null=True)
    password = PasswordField(null=True)
    secret = SensitiveField()
    file = FileField(null=True)
    at = DateTimeField(null=True)
    day = DateField(null=True)
    hour = TimeField(null=True)
    span = DurationField(null=True)
    uuid = UUIDField(null=True)
    data = JSONField(null=True)
    raw = BinaryField(null=True)
    ip4 = IPAddressField(null=True)
    ip = GenericIPAddressField(null=True)
    words = ArrayField(CharField(max_length=50), null=True)
    numbers = ArrayField(IntegerField, null=True)
    moments = ArrayField(DateTimeField, null=True)
    amounts = ArrayField(DecimalField(max_digits=8, decimal_places=2), null=True)
    uuids = ArrayField(UUIDField, null=True)
    made = DateTimeField(auto_now_add=True)
    changed = DateTimeField(auto_now=True)


class Part(Model):
    """Has a key of its own kind."""

    id = UUIDField(primary_key=True)
    thing = OneToOneField(Thing)
    thing_id: int


class Code(Model):
    """Has a text for a key."""

    code = CharField(max_length=20, primary_key=True)
    parts = ManyToManyField(Part)
'''
FILL = '''\
import datetime, decimal, uuid
utc = datetime.UTC
shelf = await Shelf.objects.create(name="top")
inner = await Shelf.objects.create(name="inner", parent=shelf)
await Shelf.objects.filter(id=shelf.pk).update(parent=inner)
odd = "Zürich \\U0001f40d \\u202ename\\u202c O'Neil \\\\ % \\n\\t\\"q\\" \\u0301e \\uffff" + "x" * 40
tag = await Tag.objects.create(name="Tag")
other = await Tag.objects.create(name="tag")
thing = await Thing.objects.create(
    shelf=inner, small=-32768, whole=-2147483648, big=2**63 - 1, positive=0, real=0.1 + 0.2,
    amount=decimal.Decimal("12345.6700"), truth=True, maybe=None, short=odd[:90], text=odd * 300, email="a@example.com",
    slug="a-b", url="https://example.com/?a=1", html="<p>x</p>", password="correct horse", secret="secret",
    file="a/b.txt", at=datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=utc),
    day=datetime.date(1000, 1, 1), hour=datetime.time(23, 59, 59, 999999), span=datetime.timedelta(days=-1, microseconds=1),
    uuid=uuid.UUID(int=1), data={"b": [1, 1.5, 1e22, None, True, "\\u00e9"], "a": {"\\U0001f40d": ""}}, raw=bytes(range(256)) * 40,
    ip4="192.0.2.1", ip="2001:db8::1", words=["a", "b,c", '"', ""], numbers=[1, -2], uuids=[uuid.UUID(int=2)],
    moments=[datetime.datetime(2024, 2, 29, tzinfo=utc)], amounts=[decimal.Decimal("1.10")],
)
await thing.tags.add(tag, other)
empty = await Thing.objects.create(real=-0.0, text="", short=" trailing ", data=[], words=[], raw=b"", amount=0)
await Thing.objects.create(data=0, real=1e308, text=" ")
gone = await Thing.objects.create()
await gone.delete()
await Shelf.objects.filter(id=inner.pk).update(best=thing)
part = await Part.objects.create(id=uuid.UUID(int=5), thing=thing)
for code in ("a", "A", "ä", "z", "Z "):
    await (await Code.objects.create(code=code)).parts.add(part)
'''


def shop(root: Path, databases: Mapping[str, str]) -> Path:
    """Write the project, with databases by alias."""
    aliases = {alias: {"URL": url} for alias, url in databases.items()}
    settings = (
        "import dataclasses\nfrom typing import Any\n\nfrom openviper.conf import Settings\n\n\n"
        "@dataclasses.dataclass(frozen=True)\nclass ProjectSettings(Settings):\n"
        f"    SECRET_KEY: str = {KEY!r}\n"
        '    INSTALLED_APPS: tuple[str, ...] = ("shop", "openviper.auth")\n'
        f"    DATABASES: dict[str, Any] = dataclasses.field(default_factory=lambda: {aliases!r})\n"
    )
    return write(
        root,
        {
            "viperctl.py": VIPERCTL,
            "shop/__init__.py": "",
            "shop/settings.py": settings,
            "shop/models.py": MODELS,
        },
    )
