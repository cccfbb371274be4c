"""Random conditions find what three-valued logic, worked out in Python, says they find; on every database."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from openviper.db.fields import (
    BooleanField,
    CharField,
    DateTimeField,
    DecimalField,
    ForeignKey,
    IntegerField,
)
from openviper.db.models import F, Model, Q
from tests.integration.db.support import database

EVERY_DATABASE = True
ROUNDS = 250
START = datetime(2025, 12, 30, 22, 58, 59, 7, UTC)
WORDS = [
    "",
    "a",
    "A",
    "ab",
    "aB",
    "%",
    "a%",
    "_",
    "a_",
    "\\",
    "a\\b",
    "*",
    "[a]",
    "?",
    "é",
    "É",
    "ß",
    "it's",
    'say "a"',
    "  a",
]


class Town(Model):
    _app_name = "random_queries"

    label = CharField(max_length=20)


class Person(Model):
    _app_name = "random_queries"

    name = CharField(max_length=20, null=True)
    age = IntegerField(null=True)
    money = DecimalField(max_digits=8, decimal_places=2, null=True)
    happy = BooleanField(null=True)
    seen = DateTimeField(null=True)
    town = ForeignKey(Town, null=True, related_name="people")
    town_id: int | None


Truth = bool | None
Test = Callable[[dict[str, Any]], Truth]


def compared(name: str, holds: Callable[[Any], bool]) -> Test:
    """Return a test of a column, unknown where the column is NULL."""
    return lambda row: None if row[name] is None else holds(row[name])


def negated(test: Test) -> Test:
    """Return the opposite; of unknown it is unknown."""

    def run(row: dict[str, Any]) -> Truth:
        found = test(row)
        return None if found is None else not found

    return run


def joined(tests: list[Test], connector: str) -> Test:
    """Return AND or OR of tests."""
    decisive = connector == "OR"

    def run(row: dict[str, Any]) -> Truth:
        found = [test(row) for test in tests]
        if decisive in found:
            return decisive
        return None if None in found else not decisive

    return run


def folded(text: str) -> str:
    """Return a text as comparisons that ignore case see it; only of ASCII, which all three databases agree on."""
    return re.sub("[A-Z]", lambda found: found.group().lower(), text)


def text_leaf(chance: random.Random) -> tuple[Q, Test]:
    """Return a condition on a text, of the row or of its town, and its test."""
    column, path = chance.choice([("name", "name"), ("town", "town__label")])
    word = chance.choice(WORDS)
    kinds: dict[str, Callable[[str], bool]] = {
        "exact": lambda text: text == word,
        "ne": lambda text: text != word,
        "contains": lambda text: word in text,
        "startswith": lambda text: text.startswith(word),
        "endswith": lambda text: text.endswith(word),
        "in": lambda text: text in (word, "ab"),
        "not_in": lambda text: text not in (word, "ab"),
    }
    if word.isascii():
        # What letters beyond ASCII are without case differs between the databases.
        kinds["iexact"] = lambda text: folded(text) == folded(word)
        kinds["icontains"] = lambda text: folded(word) in folded(text)
        kinds["istartswith"] = lambda text: folded(text).startswith(folded(word))
        kinds["iendswith"] = lambda text: folded(text).endswith(folded(word))
    kind = chance.choice(list(kinds))
    value: Any = [word, "ab"] if kind in ("in", "not_in") else word
    return Q(**{f"{path}__{kind}": value}), compared(column, kinds[kind])


def number_leaf(chance: random.Random) -> tuple[Q, Test]:
    """Return a condition on a number and its test."""
    name = chance.choice(["age", "money"])
    value: Any = chance.randrange(-3, 4)
    if name == "money":
        value = Decimal(value) / 4
    kinds: dict[str, Callable[[Any], bool]] = {
        "gt": lambda number: number > value,
        "gte": lambda number: number >= value,
        "lt": lambda number: number < value,
        "lte": lambda number: number <= value,
        "exact": lambda number: number == value,
        "ne": lambda number: number != value,
    }
    kind = chance.choice([*kinds, "range", "isnull", "none", "empty", "F"])
    if kind == "range":
        return Q(**{f"{name}__range": (value, value + 2)}), compared(
            name, lambda number: value <= number <= value + 2
        )
    if kind == "isnull":
        wanted = chance.random() < 0.5
        return Q(**{f"{name}__isnull": wanted}), lambda row: (row[name] is None) is wanted
    if kind == "none":
        return Q(**{name: None}), lambda row: row[name] is None
    if kind == "empty":
        return (
            (Q(**{f"{name}__in": []}), lambda row: False)
            if chance.random() < 0.5
            else (Q(**{f"{name}__not_in": []}), lambda row: True)
        )
    if kind == "F":
        return (
            Q(age__gt=F("town_id") - 1),
            lambda row: (
                None
                if row["age"] is None or row["town_id"] is None
                else row["age"] > row["town_id"] - 1
            ),
        )
    return Q(**{f"{name}__{kind}": value}), compared(name, kinds[kind])


def other_leaf(chance: random.Random) -> tuple[Q, Test]:
    """Return a condition on a truth value or a moment and its test."""
    if chance.random() < 0.3:
        wanted = chance.random() < 0.5
        return Q(happy=wanted), compared("happy", lambda value: value is wanted)
    moment = START + timedelta(hours=chance.randrange(0, 60))
    part = chance.choice(["year", "month", "day", "hour", "minute", "date", "gt", "lte"])
    if part == "gt":
        return Q(seen__gt=moment), compared("seen", lambda value: value > moment)
    if part == "lte":
        return Q(seen__lte=moment), compared("seen", lambda value: value <= moment)
    if part == "date":
        return Q(seen__date=moment.date()), compared(
            "seen", lambda value: value.date() == moment.date()
        )
    wanted_part = getattr(moment, part)
    return Q(**{f"seen__{part}__gte": wanted_part}), compared(
        "seen", lambda value: getattr(value, part) >= wanted_part
    )


def tree(chance: random.Random, depth: int = 0) -> tuple[Q, Test]:
    """Return a random condition and its test."""
    if depth == 3 or chance.random() < 0.3:
        return chance.choice([text_leaf, number_leaf, other_leaf])(chance)
    parts = [tree(chance, depth + 1) for _ in range(chance.randrange(1, 4))]
    connector = chance.choice(["AND", "OR"])
    query = parts[0][0]
    for part, _ in parts[1:]:
        query = query & part if connector == "AND" else query | part
    test = joined([one for _, one in parts], connector)
    if chance.random() < 0.3:
        return ~query, negated(test)
    return query, test


async def filled(chance: random.Random) -> list[dict[str, Any]]:
    """Store random rows and return them as the tests see them."""
    towns = [await Town.objects.create(label=word) for word in WORDS if word]

    def maybe(value: Any) -> Any:
        return None if chance.random() < 0.25 else value

    people = [
        Person(
            name=maybe(chance.choice(WORDS)),
            age=maybe(chance.randrange(-3, 4)),
            money=maybe(Decimal(chance.randrange(-4, 5)) / 4),
            happy=maybe(chance.random() < 0.5),
            seen=maybe(START + timedelta(minutes=chance.randrange(0, 3600))),
            town_id=maybe(chance.choice(towns).pk),
        )
        for _ in range(80)
    ]
    await Person.objects.bulk_create(people)
    labels = {town.pk: town.label for town in towns}
    return [{**one.to_dict(), "town": labels.get(one.town_id)} for one in people]


async def test_random_conditions_find_what_logic_says(tmp_path: Path) -> None:
    chance = random.Random(20261124)
    async with database(tmp_path, Town, Person):
        rows = await filled(chance)
        telling = 0
        for number in range(ROUNDS):
            condition, test = tree(chance)
            wanted = [row["id"] for row in rows if test(row)]
            telling += 0 < len(wanted) < len(rows)
            people = Person.objects.filter(condition)
            found = await people.order_by("pk").values_list("pk", flat=True)
            assert found == wanted, f"round {number}: {condition!r}"
            left = (
                await Person.objects.exclude(condition).order_by("pk").values_list("pk", flat=True)
            )
            assert left == [row["id"] for row in rows if test(row) is False], (
                f"round {number}: exclude {condition!r}"
            )
            assert await people.count() == len(wanted)
            assert await people.exists() == bool(wanted)
            if number % 10 == 0:  # A write with the same condition touches the same rows.
                assert await people.update(age=F("age")) == len(wanted), (
                    f"round {number}: update {condition!r}"
                )
        assert telling > ROUNDS * 0.6
