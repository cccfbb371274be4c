"""A shop with a field of every kind, keys of several kinds, and rows that refer to each other in circles."""

from __future__ import annotations

from openviper.db import Manager, Model
from openviper.db.fields import (
    ArrayField,
    BigIntegerField,
    BinaryField,
    BooleanField,
    CharField,
    DateField,
    DateTimeField,
    DecimalField,
    DurationField,
    EmailField,
    FileField,
    FloatField,
    ForeignKey,
    GenericIPAddressField,
    HTMLField,
    IntegerField,
    IPAddressField,
    JSONField,
    ManyToManyField,
    NullBooleanField,
    OneToOneField,
    PasswordField,
    PositiveIntegerField,
    SensitiveField,
    SlugField,
    SmallIntegerField,
    TextField,
    TimeField,
    URLField,
    UUIDField,
)


class TagManager(Manager["Tag"]):
    """Finds tags by what they are called."""

    async def get_by_natural_key(self, name: str) -> Tag:
        """Return the tag of a name."""
        return await self.get(name=name)


class Tag(Model):
    """Has a natural key."""

    objects = TagManager()

    name = CharField(max_length=50, unique=True)

    def natural_key(self) -> tuple[str]:
        """Return the name."""
        return (self.name,)


class NodeManager(Manager["Node"]):
    """Finds nodes by what they are called."""

    async def get_by_natural_key(self, name: str) -> Node:
        """Return the node of a name."""
        return await self.get(name=name)


class Node(Model):
    """Has a natural key, and refers to itself."""

    objects = NodeManager()

    name = CharField(max_length=50, unique=True)
    up = ForeignKey("self", null=True)
    up_id: int | None
    tag = ForeignKey(Tag, null=True)
    tag_id: int | None

    async def natural_key(self) -> tuple[str]:
        """Return the name."""
        return (self.name,)


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
