"""Instances without a database."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from openviper.db.fields import (
    BinaryField,
    CharField,
    DateTimeField,
    DecimalField,
    DurationField,
    ForeignKey,
    IntegerField,
    JSONField,
    PasswordField,
    SensitiveField,
    UUIDField,
)
from openviper.db.models import Model
from openviper.exceptions import FieldError


class Kind(Model):
    _app_name = "instances"

    label = CharField(max_length=5)


class Thing(Model):
    _app_name = "instances"

    label = CharField(max_length=5, default="none")
    tags = JSONField(default=[])
    size = IntegerField(default=lambda: 4)
    key = UUIDField(auto=True)
    price = DecimalField(null=True)
    seen = DateTimeField()
    kind = ForeignKey(Kind, null=True)


def test_defaults_are_taken_for_missing_and_none_values() -> None:
    first, second = Thing(label=None), Thing()
    assert first.label == "none" and first.size == 4 and first.price is None
    assert first.key != second.key
    first.tags.append("x")
    assert second.tags == []


def test_unknown_keywords_are_type_errors() -> None:
    for name in ("nope", "_row", "save"):
        with pytest.raises(TypeError, match=name):
            Thing(**{name: 1})


def test_equality_hash_and_order_go_by_key() -> None:
    one, same, other, new = Thing(id=1), Thing(id=1), Thing(id=2), Thing()
    assert one == same and hash(one) == hash(same) and one != other
    assert new != Thing() and new == new and hash(new) == hash(new)
    assert one != Kind(id=1)
    assert one < other and other > one and one <= same and one >= same
    with pytest.raises(TypeError):
        _ = one < Kind(id=2)  # type: ignore[operator]  # what is under test
    assert {one, same, other} == {one, other}


def test_text_forms() -> None:
    assert str(Thing(id=1)) == "Thing object (pk=1)"
    assert repr(Thing(id=1)) == "<Thing pk=1>"
    assert repr(Thing._meta.field("label")) == "<CharField Thing.label>"
    assert repr(Thing.label) == "<TextColumn Thing.label>"


def test_pk_is_the_key() -> None:
    thing = Thing(pk=5)
    assert thing.id == 5
    thing.pk = 6
    assert thing.id == 6


def test_dicts_and_json() -> None:
    kind = Kind(id=3, label="k")
    thing = Thing(
        id=1,
        tags=["ü"],
        key=UUID(int=1),
        price=Decimal("1.50"),
        seen=datetime(2026, 1, 2, tzinfo=UTC),
        kind=kind,
    )
    expected: dict[str, Any] = {
        "id": 1,
        "label": "none",
        "tags": ["ü"],
        "size": 4,
        "key": UUID(int=1),
        "price": Decimal("1.50"),
        "seen": datetime(2026, 1, 2, tzinfo=UTC),
        "kind_id": 3,
    }
    assert thing.to_dict() == expected
    assert thing.as_dict()["kind"] == 3
    assert thing.as_dict(include_relations=True)["kind"] == {"id": 3, "label": "k"}
    assert json.loads(thing.as_json()) == {
        "id": 1,
        "label": "none",
        "tags": ["ü"],
        "size": 4,
        "key": str(UUID(int=1)),
        "price": "1.50",
        "seen": "2026-01-02T00:00:00+00:00",
        "kind": 3,
    }
    assert "\n  " in thing.as_json(indent=2)


async def test_awaiting_an_instance_gives_the_instance() -> None:
    thing = Thing()
    assert await thing is thing


def test_an_instance_never_stored_has_no_changes() -> None:
    thing = Thing(label="x")
    assert (
        not thing.has_changed
        and thing.get_changed_fields() == {}
        and thing.get_deferred_fields() == set()
    )


class Parcel(Model):
    _app_name = "instances"

    content = BinaryField()
    travel = DurationField()


def test_bytes_and_durations_have_a_form_in_json() -> None:
    parcel = Parcel(content=b"\x00\xff", travel=timedelta(days=1, seconds=3))
    assert json.loads(parcel.as_json()) == {
        "id": None,
        "content": "AP8=",
        "travel": 86403.0,
    }
    assert Parcel._meta.field("travel").to_python("1 day, 0:00:03") == parcel.travel


class Account(Model):
    _app_name = "instances"

    name = CharField(max_length=20)
    password = PasswordField()
    token = SensitiveField()
    kind = ForeignKey(Kind, null=True)


class Wallet(Model):
    _app_name = "instances"

    account = ForeignKey(Account)


def test_passwords_and_encrypted_texts_are_left_out_unless_named() -> None:
    account = Account(name="ada", password="scrypt$x", token="secret")
    assert account.to_dict() == {"id": None, "name": "ada", "kind_id": None}
    assert account.as_dict() == {"id": None, "name": "ada", "kind": None}
    assert json.loads(account.as_json()) == account.as_dict()
    assert account.to_dict("name", "password") == {"name": "ada", "password": "scrypt$x"}
    assert account.as_dict(fields=["token", "kind_id"]) == {"token": "secret", "kind": None}
    assert json.loads(account.as_json(fields=["password"])) == {"password": "scrypt$x"}
    with pytest.raises(FieldError, match="no field 'nope'"):
        account.to_dict("nope")


def test_they_are_left_out_of_related_instances_too() -> None:
    account = Account(id=3, name="ada", password="scrypt$x", token="secret")
    shown = Wallet(account=account).as_json(include_relations=True)
    assert "ada" in shown and "scrypt" not in shown and "secret" not in shown
