"""Every kind of field on every database: what is written comes back equal, and what cannot be kept is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest

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
    FallbackJsonBackend,
    FileField,
    FloatField,
    GenericIPAddressField,
    HTMLField,
    ImageField,
    IntegerField,
    IPAddressField,
    JSONField,
    NullBooleanField,
    PasswordField,
    PositiveIntegerField,
    PostgresArrayBackend,
    SensitiveField,
    SlugField,
    SmallIntegerField,
    TextField,
    TimeField,
    URLField,
    UUIDField,
    get_array_backend,
)
from openviper.db.models import Model, ModelValidationError, QuerySet, TextChoice
from tests.integration.db.support import database

EVERY_DATABASE = True
HIGHEST = timedelta(microseconds=2**63 - 1)


class Colour(TextChoice):
    RED = "red", "Like a rose"
    BLUE = "blue", "Like the sky"


class Everything(Model):
    _app_name = "fields"

    integer = IntegerField(null=True)
    big = BigIntegerField(null=True)
    small = SmallIntegerField(null=True)
    positive = PositiveIntegerField(null=True)
    real = FloatField(null=True)
    decimal = DecimalField(max_digits=15, decimal_places=4, null=True)
    whole = DecimalField(max_digits=18, decimal_places=0, null=True)
    char = CharField(max_length=40, null=True)
    text = TextField(null=True)
    boolean = BooleanField(null=True)
    perhaps = NullBooleanField()
    moment = DateTimeField()
    day = DateField(null=True)
    hour = TimeField(null=True)
    code = UUIDField(null=True)
    data = JSONField(null=True)
    binary = BinaryField(null=True)
    email = EmailField(null=True)
    slug = SlugField(null=True)
    link = URLField(null=True)
    address = IPAddressField(null=True)
    generic = GenericIPAddressField(null=True)
    duration = DurationField(null=True)
    file = FileField()
    image = ImageField()
    password = PasswordField()
    html = HTMLField(null=True)
    colour = CharField(max_length=10, choices=Colour, null=True)
    integers = ArrayField(IntegerField(null=True), null=True)
    texts = ArrayField(CharField(max_length=20), size=50, null=True)
    decimals = ArrayField(DecimalField(max_digits=30, decimal_places=3), null=True)
    moments = ArrayField(DateTimeField(null=False), null=True)
    days = ArrayField(DateField(), null=True)
    hours = ArrayField(TimeField(), null=True)
    codes = ArrayField(UUIDField(), null=True)
    flags = ArrayField(BooleanField(), null=True)
    reals = ArrayField(FloatField(), null=True)
    blobs = ArrayField(BinaryField(), null=True)
    durations = ArrayField(DurationField(), null=True)


def text(random: Random, length: int = 20) -> str:
    """Return text in which every database, driver and quoting rule finds something to get wrong."""
    alphabet = "abcXYZ 019'\"\\%_*?[]{}$:;,.-#\t\n\r\x01\x7fßäΩ中\u2028\ufeff😀"
    return "".join(random.choices(alphabet, k=random.randrange(length)))


def moment(random: Random) -> datetime:
    """Return a moment of any year that all databases know."""
    return datetime(1000, 1, 2, tzinfo=UTC) + timedelta(
        microseconds=random.randrange(8999 * 31_000_000 * 10**6)
    )


def duration(random: Random) -> timedelta:
    """Return a duration that fits into 64 bits of microseconds."""
    return timedelta(microseconds=random.randrange(-(2**63), 2**63) >> random.randrange(63))


def slug(random: Random) -> str:
    """Return a slug."""
    return "a" + "".join(random.choices("aZ09-_", k=random.randrange(48))) + "9"


def several(make: Callable[[Random], Any]) -> Callable[[Random], list[Any]]:
    """Return a maker of lists."""
    return lambda random: [make(random) for _ in range(random.randrange(6))]


def decimal(random: Random, digits: int, places: int) -> Decimal:
    """Return a number of at most so many digits."""
    return Decimal(random.randrange(-(10**digits) + 1, 10**digits)).scaleb(-places)


CASES: dict[str, tuple[list[Any], Callable[[Random], Any]]] = {
    "integer": ([0, -(2**31), 2**31 - 1], lambda r: r.randrange(-(2**31), 2**31)),
    "big": ([0, -(2**63), 2**63 - 1, 2**53 + 1], lambda r: r.randrange(-(2**63), 2**63)),
    "small": ([0, -(2**15), 2**15 - 1], lambda r: r.randrange(-(2**15), 2**15)),
    "positive": ([0, 2**31 - 1], lambda r: r.randrange(2**31)),
    "real": (
        [0.0, 0.1, -1e-300, 1.7e308, 5e-324, 2.0**53 + 2],
        lambda r: math.ldexp(r.random() - 0.5, r.randrange(-900, 900)),
    ),
    "decimal": (
        [Decimal("0"), Decimal("99999999999.9999"), Decimal("-0.0001")],
        lambda r: decimal(r, 15, 4),
    ),
    "whole": (
        [Decimal(10**18 - 1), Decimal(2**53 + 1), Decimal(1 - 10**18)],
        lambda r: decimal(r, 18, 0),
    ),
    "char": (["", " ", "x" * 40, "😀" * 40, "NULL", "' OR 1=1 --"], lambda r: text(r, 40)),
    "text": (["", "x" * 100_000, " trailing "], lambda r: text(r, 500)),
    "boolean": ([True, False], lambda r: r.random() < 0.5),
    "perhaps": ([True, False], lambda r: r.random() < 0.5),
    "moment": (
        [datetime(2026, 3, 29, 1, 30, tzinfo=UTC), datetime(1969, 12, 31, 23, 59, 59, 999999, UTC)],
        moment,
    ),
    "day": ([date(1000, 1, 1), date(9999, 12, 31), date(2024, 2, 29)], lambda r: moment(r).date()),
    "hour": ([time(0), time(23, 59, 59, 999999), time(1, 2, 3)], lambda r: moment(r).time()),
    "code": ([UUID(int=0), UUID(int=2**128 - 1)], lambda r: UUID(int=r.getrandbits(128))),
    "data": (
        [{}, [], 0, "", False, {"a": [1, None, {"b": "ü😀'\\"}]}, 2**53, 0.1, "null"],
        lambda r: {
            text(r).replace("\x00", ""): [
                r.random(),
                r.randrange(10**9),
                text(r),
                None,
                r.random() < 0.5,
            ]
        },
    ),
    "binary": (
        [b"", b"\x00", bytes(range(256)), b"'\\\xff" * 1000],
        lambda r: r.randbytes(r.randrange(300)),
    ),
    "email": (["a@b", "a.b+c@example.co.uk"], lambda r: f"u{r.randrange(10**9)}@example.com"),
    "slug": (["a", "a-b_c9"], slug),
    "link": (
        ["http://a", "https://example.com:8443/x?y=%20#z"],
        lambda r: f"https://example.com/{r.randrange(10**9)}",
    ),
    "address": (
        ["192.0.2.1", "::1", "2001:0DB8::0001"],
        lambda r: ".".join(str(r.randrange(256)) for _ in "1234"),
    ),
    "generic": (
        ["192.0.2.1", "::1", "::ffff:192.0.2.1"],
        lambda r: ".".join(str(r.randrange(256)) for _ in "1234"),
    ),
    "duration": (
        [timedelta(0), HIGHEST, timedelta(microseconds=-(2**63)), timedelta(microseconds=-1)],
        duration,
    ),
    "file": (["uploads/0a1b2c3d_x.txt"], lambda r: f"uploads/{r.getrandbits(32):08x}_x.pdf"),
    "image": (["images/0a1b2c3d_x.PNG"], lambda r: f"images/{r.getrandbits(32):08x}_x.jpg"),
    "password": (["scrypt$" + "x" * 200], lambda r: f"scrypt${r.getrandbits(256):x}"),
    "html": (["", "<p>a &lt; b</p>", "<b>ü</b>"], lambda r: f"<p>{r.getrandbits(64)}</p>"),
    "colour": (["red", "blue"], lambda r: r.choice(["red", "blue"])),
    "integers": (
        [[], [None], [1, None, -(2**31)]],
        several(lambda r: r.randrange(-(2**31), 2**31)),
    ),
    "texts": ([[], [""], ["NULL", "{}", 'a"b,c\\d', " "], ["x"] * 50], several(text)),
    "decimals": (
        [[], [Decimal("12345678901234567890123.456")]],
        several(lambda r: decimal(r, 30, 3)),
    ),
    "moments": ([[]], several(moment)),
    "days": ([[], [date(2024, 2, 29)]], several(lambda r: moment(r).date())),
    "hours": ([[]], several(lambda r: moment(r).time())),
    "codes": ([[]], several(lambda r: UUID(int=r.getrandbits(128)))),
    "flags": ([[], [True, False]], several(lambda r: r.random() < 0.5)),
    "reals": (
        [[], [0.1, -1e-300, 5e-324]],
        several(lambda r: math.ldexp(r.random() - 0.5, r.randrange(-900, 900))),
    ),
    "blobs": ([[], [b"", b"\x00\xff\\"]], several(lambda r: r.randbytes(r.randrange(30)))),
    "durations": ([[], [HIGHEST]], several(duration)),
}
UNSEARCHABLE = {"data", "real"} | {
    name for name in CASES if isinstance(Everything._fields[name], ArrayField)
}


def typed(value: Any) -> Any:
    """Return a value with the types of all that is in it, as ``1 == True == 1.0``."""
    if isinstance(value, list):
        return [typed(one) for one in value]
    if isinstance(value, dict):
        return {key: typed(one) for key, one in value.items()}
    return type(value), value


def test_no_field_is_left_out() -> None:
    assert set(CASES) == set(Everything._fields) - {"id"}


@pytest.mark.parametrize("name", CASES)
async def test_what_is_written_comes_back_equal(name: str, tmp_path: Path) -> None:
    edges, make = CASES[name]
    random = Random(name)
    values = [None, *edges, *(make(random) for _ in range(30))]
    async with database(tmp_path, Everything):
        saved = [await Everything.objects.create(**{name: value}) for value in values[:20]]
        saved += await Everything.objects.bulk_create(
            [Everything(**{name: value}) for value in values[20:]]
        )
        for value, instance in zip(values, saved, strict=True):
            loaded = await Everything.objects.get(pk=instance.pk)
            assert typed(getattr(loaded, name)) == typed(value)
            assert not loaded.has_changed and not instance.has_changed
            if value is not None and name not in UNSEARCHABLE:
                assert await Everything.objects.filter(**{name: value, "pk": instance.pk}).exists()


@pytest.mark.parametrize("name", CASES)
async def test_values_are_replaced_by_save_and_by_update(name: str, tmp_path: Path) -> None:
    edges, make = CASES[name]
    random = Random(name)
    async with database(tmp_path, Everything):
        instance = await Everything.objects.create(**{name: edges[0]})
        for value in (make(random), None, edges[-1]):
            setattr(instance, name, value)
            await instance.save()
            assert typed(getattr(await Everything.objects.get(pk=instance.pk), name)) == typed(
                value
            )
        other = make(random)
        assert await Everything.objects.filter(pk=instance.pk).update(**{name: other}) == 1
        await instance.refresh_from_db()
        assert typed(getattr(instance, name)) == typed(other)


class Tagged(Model):
    _app_name = "fields"

    tags = ArrayField(CharField(max_length=10), default=list)
    spans = ArrayField(DurationField, default=list)


async def test_the_backend_of_arrays_is_that_of_the_default_database(
    tmp_path: Path, vendor: str
) -> None:
    async with database(tmp_path):
        expected = PostgresArrayBackend if vendor == "postgresql" else FallbackJsonBackend
        assert type(get_array_backend()) is expected


async def test_a_list_changed_in_place_is_noticed(tmp_path: Path) -> None:
    async with database(tmp_path, Tagged):
        new = await Tagged.objects.create(tags=["a"])
        new.tags.append("b")
        assert new.get_changed_fields() == {"tags": ["a"]}
        await new.save()
        loaded = await Tagged.objects.get()
        assert loaded.tags == ["a", "b"]
        loaded.spans.append(timedelta(1))
        assert loaded.get_changed_fields() == {"spans": []}
        await loaded.save()
        assert (await Tagged.objects.get()).spans == [timedelta(1)]


async def test_json_changed_in_place_is_noticed(tmp_path: Path) -> None:
    async with database(tmp_path, Everything):
        new = await Everything.objects.create(data={"a": [1]})
        new.data["a"].append(2)
        assert new.get_changed_fields() == {"data": {"a": [1]}}
        await new.save()
        loaded = await Everything.objects.get()
        loaded.data["a"].append(3)
        assert loaded.get_changed_fields() == {"data": {"a": [1, 2]}}


async def test_new_instances_do_not_share_a_list(tmp_path: Path) -> None:
    one, other = Tagged(), Tagged()
    one.tags.append("x")
    assert other.tags == []


REFUSED: list[tuple[str, Any]] = [
    ("integer", 2**31),
    ("big", 2**63),
    ("small", 2**15),
    ("positive", -1),
    ("real", math.inf),
    ("real", math.nan),
    ("decimal", Decimal("1.00001")),
    ("decimal", Decimal("1000000000000")),
    ("decimal", Decimal("0.00000000000000000000000000000001")),
    ("decimal", Decimal("1.0000000000000000000000000000000001")),
    ("whole", Decimal("0.5")),
    ("char", "x" * 41),
    ("text", "\ud800"),
    ("boolean", "perhaps"),
    ("perhaps", 3),
    ("moment", "yesterday"),
    ("day", "2026-02-30"),
    ("hour", time(1, tzinfo=UTC)),
    ("code", "x"),
    ("binary", 5),
    ("binary", "\ud800"),
    ("email", "x"),
    ("slug", "-"),
    ("link", "ftp://x"),
    ("address", "300.0.0.1"),
    ("generic", "::1%eth0"),
    ("duration", "soon"),
    ("duration", timedelta.max),
    ("file", "../x"),
    ("image", "images/x.svg"),
    ("password", "abc"),
    ("html", b"<b>"),
    ("colour", "green"),
    ("integers", 5),
    ("integers", "12"),
    ("integers", [2**31]),
    ("texts", ["x" * 21]),
    ("texts", [None]),
    ("texts", ["x"] * 51),
    ("decimals", [Decimal("NaN")]),
    ("durations", [timedelta.max]),
]


@pytest.mark.parametrize(("name", "value"), REFUSED)
async def test_what_is_not_allowed_is_refused_by_the_name_of_its_field(
    name: str, value: Any, vendor: str
) -> None:
    with pytest.raises(ModelValidationError, match=name) as caught:
        await Everything(**{name: value}).save()
    assert set(caught.value.errors) == {name}
    assert all(message.startswith(name) for message in caught.value.errors[name])


class Unlimited(Model):
    _app_name = "fields"

    value = FloatField(allow_inf=True, allow_nan=True, null=True)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
async def test_a_number_that_the_database_does_not_know_is_refused_and_never_turned_into_null(
    value: float, tmp_path: Path, vendor: str
) -> None:
    kept = vendor == "postgresql" or (vendor == "sqlite" and math.isinf(value))
    async with database(tmp_path, Unlimited):
        if not kept:
            with pytest.raises(ValueError, match="value: .* cannot store"):
                await Unlimited.objects.create(value=value)
            assert await Unlimited.objects.count() == 0
            return
        await Unlimited.objects.create(value=value)
        found = (await Unlimited.objects.get()).value
        assert found == value or (found is not None and math.isnan(found) and math.isnan(value))


class Secret(Model):
    _app_name = "fields"

    token = SensitiveField()
    number = IntegerField(default=0)


KEY = "k" * 60


async def test_a_sensitive_text_is_stored_encrypted_and_read_on_demand(
    tmp_path: Path, override_settings: Callable[..., Any]
) -> None:
    override_settings(SECRET_KEY=KEY)
    async with database(tmp_path, Secret):
        secret = await Secret.objects.create(token="tüte")
        assert secret.get_sensitive("token") == "tüte"
        loaded = await Secret.objects.get()
        assert (
            loaded.token is not None
            and loaded.token.startswith("enc2$")
            and "tüte" not in loaded.token
        )
        assert loaded.get_sensitive("token") == "tüte" and not loaded.has_changed
        loaded.number = 5
        await loaded.save()
        await Secret.objects.bulk_update([loaded], ["token", "number"])
        again = await Secret.objects.get()
        assert again.token == loaded.token and again.get_sensitive("token") == "tüte"
        assert await QuerySet(Secret).filter(pk=again.pk).update(token=None) == 1
        assert (await Secret.objects.get()).get_sensitive("token") is None


async def test_plain_text_that_looks_encrypted_is_encrypted_too(
    tmp_path: Path, override_settings: Callable[..., Any]
) -> None:
    override_settings(SECRET_KEY=KEY)
    async with database(tmp_path, Secret):
        first = await Secret.objects.create(token="enc$plain")
        token = (await Secret.objects.get()).token
        assert token is not None and "plain" not in token
        second = await Secret.objects.create(token="".join(token))
        loaded = await Secret.objects.get(pk=second.pk)
        assert loaded.token != token and loaded.get_sensitive("token") == token
        assert (await Secret.objects.get(pk=first.pk)).get_sensitive("token") == "enc$plain"
