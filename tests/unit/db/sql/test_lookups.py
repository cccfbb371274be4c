"""What lookups become on each database, which operands they take, and what they say about the others."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest

from openviper.db.models import F, Q
from openviper.db.sql.lookups import LONG_LIST
from openviper.exceptions import FieldError, OpenViperException, QueryError
from tests.unit.db.sql.kinds import VENDORS, Maker, Thing, keys_of, where

CODE = UUID("12345678-1234-5678-1234-567812345678")


class Colour(Enum):
    RED = "red"


@pytest.mark.parametrize(
    ("lookups", "texts"),
    [
        ({"n": 1}, ("n = ?", "n = %s", "n = %s")),
        ({"n__ne": 1}, ("n <> ?", "n <> %s", "n <> %s")),
        ({"n__isnull": True}, ("n IS NULL",) * 3),
        ({"n__isnull": 0}, ("n IS NOT NULL",) * 3),
        ({"n": None}, ("n IS NULL",) * 3),
        ({"n__ne": None}, ("n IS NOT NULL",) * 3),
        ({"n__in": []}, ("(1 = 0)",) * 3),
        ({"n__not_in": []}, ("(1 = 1)",) * 3),
        ({"n__range": (1, 2)}, ("(n >= ? AND n <= ?)", *["(n >= %s AND n <= %s)"] * 2)),
        (
            {"name__contains": "a"},
            (
                "name GLOB ?",
                "CAST(name AS text) LIKE %s",
                "CAST(name AS CHAR) COLLATE {bin} LIKE %s",
            ),
        ),
        (
            {"made__year": 2020},
            (
                "CAST(strftime('%Y', CASE WHEN length(made) = 26 THEN substr(made, 1, 19) ELSE made END) AS INTEGER) = ?",
                "CAST(floor(extract(year FROM made)) AS integer) = %s",
                "YEAR(made) = %s",
            ),
        ),
        (
            {"made__date": "2020-01-01"},
            (
                "date(CASE WHEN length(made) = 26 THEN substr(made, 1, 19) ELSE made END) = ?",
                "CAST(made AS date) = %s",
                "DATE(made) = %s",
            ),
        ),
        (
            {"made__time": "10:00"},
            (
                "time(CASE WHEN length(made) = 26 THEN substr(made, 1, 19) ELSE made END) = ?",
                "CAST(date_trunc('second', CAST(made AS time)) AS time) = %s",
                "CAST(LEFT(TIME(made), 8) AS TIME) = %s",
            ),
        ),
        (
            {"data": {"a": 1}},
            (
                "openviper_json(data) = openviper_json(?)",
                "data = CAST(%s AS jsonb)",
                "JSON_EQUALS(data, %s) = 1",
            ),
        ),
        (
            {"data__ne": {"a": 1}},
            (
                "openviper_json(data) <> openviper_json(?)",
                "data <> CAST(%s AS jsonb)",
                "JSON_EQUALS(data, %s) = 0",
            ),
        ),
        ({"tags": ["a"]}, ("tags = ?", "tags = CAST(%s AS CHARACTER VARYING[])", "tags = %s")),
        (
            {"tags__contains": "x"},
            (
                "CASE WHEN tags IS NOT NULL THEN EXISTS (SELECT 1 FROM json_each(tags) AS element "
                "WHERE element.value = ?) END",
                "tags @> CAST(ARRAY[CAST(%s AS CHARACTER VARYING)] AS CHARACTER VARYING[])",
                "JSON_CONTAINS(tags, %s)",
            ),
        ),
        (
            {"name__regex": "^a"},
            ("name REGEXP ?", "CAST(name AS text) ~ %s", "name REGEXP %s"),
        ),
        (
            {"name__iregex": "^a"},
            ("name REGEXP ?", "CAST(name AS text) ~* %s", "name REGEXP %s"),
        ),
    ],
)
def test_each_lookup_in_the_words_of_each_database(
    lookups: dict[str, Any], texts: tuple[str, str, str]
) -> None:
    query = Thing.objects.filter(**lookups)
    collation = "/*M!100200 utf8mb4_nopad_bin */ /*!80017 utf8mb4_0900_bin */"
    made = tuple(where(query, vendor)[0].replace(collation, "{bin}") for vendor in VENDORS)
    assert made == texts


@pytest.mark.parametrize(
    ("lookups", "bound"),
    [
        ({"ok": True}, ([1], [True], [1])),
        ({"data": [1, "é"]}, (['[1,"é"]'],) * 3),
        ({"tags": ["a"]}, (['["a"]'], [["a"]], ['["a"]'])),
        ({"tags__contains": "x"}, (["x"], ["x"], ['"x"'])),
        ({"name__contains": "5*[?"}, (["*5[*][[][?]*"], ["%5*[?%"], ["%5*[?%"])),
        ({"name__startswith": "50%"}, (["50%*"], ["50\\%%"], ["50\\%%"])),
        ({"name__endswith": "_\\"}, (["*_\\"], ["%\\_\\\\"], ["%\\_\\\\"])),
        ({"name__icontains": "É_"}, (["%é\\_%"],) * 3),
        ({"name__istartswith": "A"}, (["a%", "a%"], ["a%"], ["a%"])),
        ({"name__iendswith": "A"}, (["%a", "%a"], ["%a"], ["%a"])),
        ({"name__regex": "^a"}, (["^a"], ["^a"], ["(?-i)^a"])),
        ({"name__regex": "(?i)a"}, (["(?i)a"], ["a"], ["(?i)a"])),
        ({"name__iregex": "^a"}, (["(?i)^a"], ["^a"], ["(?i)^a"])),
        ({"name": Colour.RED}, (["red"],) * 3),
        ({"name__contains": Colour.RED}, (["*red*"], ["%red%"], ["%red%"])),
        ({"name__contains": 5}, (["*5*"], ["%5%"], ["%5%"])),
        ({"name__contains": CODE}, ([f"*{CODE}*"], [f"%{CODE}%"], [f"%{CODE}%"])),
        ({"n": "7"}, ([7],) * 3),
        ({"took": timedelta(seconds=1)}, ([1_000_000],) * 3),
        ({"code": str(CODE)}, ([str(CODE)], [CODE], [str(CODE)])),
        ({"maker": Maker(id=4)}, ([4],) * 3),
        ({"pk": Thing(id=5)}, ([5],) * 3),
    ],
)
def test_values_are_bound_as_each_driver_takes_them(
    lookups: dict[str, Any], bound: tuple[list[Any], ...]
) -> None:
    query = Thing.objects.filter(**lookups)
    assert tuple(where(query, vendor)[1] for vendor in VENDORS) == bound


@pytest.mark.parametrize(
    ("lookups", "error", "message"),
    [
        ({"n__isnull": "yes"}, QueryError, "'n__isnull' takes True or False, not 'yes'"),
        ({"n__isnull": 2}, QueryError, "takes True or False, not 2"),
        ({"n__isnull": None}, QueryError, "takes True or False, not None"),
        ({"n__in": 5}, QueryError, "'n__in' takes a list of values, not 5"),
        ({"name__in": "abc"}, QueryError, "'name__in' takes a list of values, not 'abc'"),
        ({"n__range": (1,)}, QueryError, "'n__range' takes two values, not (1,)"),
        ({"n__range": (1, 2, 3)}, QueryError, "'n__range' takes two values"),
        ({"n__range": 5}, QueryError, "'n__range' takes two values, not 5"),
        ({"n": int}, QueryError, "the class int is not a value"),
        ({"maker": Thing(id=1)}, QueryError, "'maker'"),
        ({"maker": Maker()}, QueryError, "'maker'"),
        ({"pk": Thing()}, QueryError, "is not saved yet"),
        ({"pk": Maker(id=1)}, QueryError, "is not a value of 'id'"),
        ({"data__gt": 1}, FieldError, "'data' is JSON, of which 'gt' cannot be asked"),
        ({"tags__lt": ["a"]}, FieldError, "'tags' is array of text, of which 'lt' cannot be asked"),
        (
            {"blob__contains": "x"},
            FieldError,
            "'blob' is bytes, of which 'contains' cannot be asked",
        ),
        ({"data__icontains": "x"}, FieldError, "of which 'icontains' cannot be asked"),
        ({"tags__contains": ["x"]}, QueryError, "takes one element, not ['x']"),
        ({"tags__contains": F("name")}, FieldError, "takes an element, not F('name')"),
        ({"name__regex": F("name")}, FieldError, "takes a pattern, not an expression"),
        ({"name__contains": F("n")}, FieldError, "takes a text, not a whole number"),
        ({"name__contains": [1]}, FieldError, "'name__contains' takes a text, not [1]"),
        ({"data__contains": F("name")}, FieldError, "takes a JSON value, not an expression"),
        ({"n": F("name")}, FieldError, "'n': a whole number cannot be compared with a text"),
        ({"day__gt": F("made")}, FieldError, "a date cannot be compared with a date and time"),
        ({"data": F("data")}, FieldError, "a JSON cannot be compared with a JSON"),
        ({"n": Thing.objects.all()}, QueryError, "takes one value, not a queryset"),
        ({"name__year": 1}, FieldError, "name"),
        ({"at__year": 1}, FieldError, "at"),
        ({"day__hour": 1}, FieldError, "day"),
        ({"nothing": 1}, FieldError, "nothing"),
        ({"n__between": 1}, FieldError, "between"),
    ],
)
def test_what_has_no_meaning_is_refused_and_named(
    lookups: dict[str, Any], error: type[OpenViperException], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        where(Thing.objects.filter(**lookups))


@pytest.mark.parametrize(
    "lookups",
    [
        {"n": "x"},
        {"code": "x"},
        {"day": "not a day"},
        {"made": "never"},
        {"name__contains": "\ud800"},
        {"name__contains": None},
        {"name__regex": None},
        {"tags__contains": None},
        {"n__gt": None},
        {"made__date": "x"},
        {"made__time": 5},
    ],
)
@pytest.mark.parametrize("vendor", VENDORS)
def test_a_value_that_no_row_can_have_makes_the_condition_unknown(
    vendor: str, lookups: dict[str, Any]
) -> None:
    query = Thing.objects.filter(**lookups)
    text, bound = where(query, vendor)
    assert text == "(1 = NULL)" or bound == [None]
    inverse, _ = where(Thing.objects.exclude(**lookups), vendor)
    assert inverse == f"NOT ({text})", "the opposite of unknown is unknown, and gives nothing"


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_nul_character_is_in_no_text(vendor: str) -> None:
    query = Thing.objects.filter(name__contains="a\0")
    assert where(query, vendor) == ("(1 = NULL)", [])


@pytest.mark.parametrize(
    ("vendor", "text", "is_one"),
    [
        ("sqlite", "n IN (SELECT value FROM json_each(?))", True),
        ("postgresql", "n IN (SELECT unnest(CAST(%s AS BIGINT[])))", True),
        ("mysql", "n IN (" + ", ".join(["%s"] * LONG_LIST) + ")", False),
    ],
)
def test_long_lists_are_one_value_where_that_can_be(vendor: str, text: str, is_one: bool) -> None:
    made, bound = where(Thing.objects.filter(n__in=range(LONG_LIST)), vendor)
    assert made == text and len(bound) == (1 if is_one else LONG_LIST)
    short, bound = where(Thing.objects.filter(n__in=range(LONG_LIST - 1)), vendor)
    assert short.count(",") == LONG_LIST - 2 and bound == list(range(LONG_LIST - 1))


def test_long_lists_that_json_cannot_hold_stay_lists() -> None:
    blobs = [bytes([number % 256]) for number in range(LONG_LIST)]
    _, bound = where(Thing.objects.filter(blob__in=blobs))
    assert len(bound) == LONG_LIST
    _, bound = where(Thing.objects.filter(n__in=["x"] * LONG_LIST), "postgresql")
    assert bound == [None] * LONG_LIST, "an array of nothing has no type"


@pytest.mark.parametrize(
    ("lookups", "found"),
    [
        ({"name__contains": "*"}, [3]),
        ({"name__icontains": "éT"}, [1]),
        ({"name__iexact": "ÉTÉ"}, [1]),
        ({"name__startswith": "a%"}, [2]),
        ({"name__istartswith": "A%"}, [2]),
        ({"name__endswith": "]"}, [3]),
        ({"name__contains": ""}, [1, 2, 3]),
        ({"name__in": ["a%b", None]}, [2]),
        ({"name__not_in": ["a%b", None]}, []),
        ({"name": "été"}, [1]),
        ({"name__regex": "^a.b$"}, [2]),
        ({"name__iregex": "^É"}, [1]),
        ({"name__gt": F("name")}, []),
        ({"name__contains": F("name")}, [1, 2, 3]),
        ({"name__iendswith": F("name")}, [1, 2, 3]),
    ],
)
def test_texts_are_found_by_their_letters(lookups: dict[str, Any], found: list[int]) -> None:
    rows: list[dict[str, Any]] = [
        {"name": "été"},
        {"name": "a%b"},
        {"name": "[x*]"},
        {"name": None},
    ]
    assert keys_of(Thing.objects.filter(**lookups), rows) == found


@pytest.mark.parametrize(
    ("lookups", "found"),
    [
        ({"made__year": 2020}, [1]),
        ({"made__year__gte": 2020}, [1, 2]),
        ({"made__month__in": [2, 3]}, [1]),
        ({"made__date": date(2020, 2, 29)}, [1]),
        ({"made__time": time(23, 59, 58)}, [1]),
        ({"made__hour__range": (0, 12)}, [2]),
        ({"made__second": 58}, [1]),
        ({"made__lt": "2020-03-01T00:00:00+01:00"}, []),
        ({"made__gt": datetime(2020, 2, 29, 23, 59, 58, 5)}, [2]),
        ({"day": "2020-02-29"}, [1]),
        ({"day__day": 29}, [1]),
        ({"at__minute": 30}, [2]),
        ({"took__gte": timedelta(hours=1)}, [2]),
        ({"price": Decimal("0.30")}, [1]),
        ({"price__lt": "0.305", "ok": True}, [1]),
        ({"tags__contains": "x"}, [1]),
        ({"tags": []}, [2]),
        ({"ok": True}, [1]),
        ({"ok__ne": True}, [2]),
        ({"code": CODE.hex}, [1]),
        ({"blob": b"\0"}, [1]),
    ],
)
def test_values_of_each_kind_are_found(lookups: dict[str, Any], found: list[int]) -> None:
    rows: list[dict[str, Any]] = [
        {
            "made": datetime.fromisoformat("2020-02-29T23:59:58.000005+00:00"),
            "day": date(2020, 2, 29),
            "at": time(10, 15),
            "took": timedelta(minutes=59),
            "price": Decimal("0.30"),
            "tags": ["x", "y"],
            "ok": True,
            "code": CODE,
            "blob": b"\0",
        },
        {
            "made": datetime.fromisoformat("2021-01-01T00:00:00+00:00"),
            "day": date(2021, 1, 1),
            "at": time(11, 30),
            "took": timedelta(hours=1),
            "price": Decimal("0.31"),
            "tags": [],
            "ok": False,
            "blob": b"\1",
        },
        {},
    ]
    assert keys_of(Thing.objects.filter(**lookups), rows) == found


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (Q(n=1) & Q(n=2), "n = ? AND n = ?"),
        (Q(n=1) | Q(n=2) | Q(n=3), "(n = ? OR n = ? OR n = ?)"),
        ((Q(n=1) | Q(n=2)) & Q(n=3), "(n = ? OR n = ?) AND n = ?"),
        (~Q(n=1), "NOT (n = ?)"),
        (~~Q(n=1), "n = ?"),
        (~(Q(n=1) | Q(n=2)), "NOT (n = ? OR n = ?)"),
        (Q() & Q(n=1), "n = ?"),
        (Q() | Q(n=1), "n = ?"),
        (Q(), ""),
        (~Q(), ""),
        (Q(n=1) ^ Q(n=2), "((n = ?) <> (n = ?))"),
    ],
)
def test_conditions_are_joined_with_as_many_parentheses_as_needed(condition: Q, text: str) -> None:
    assert where(Thing.objects.filter(condition))[0] == text


def test_a_thousand_alternatives_are_no_deep_tree() -> None:
    condition = Q()
    for number in range(1000):
        condition |= Q(n=number)
    assert keys_of(Thing.objects.filter(condition), [{"n": 999}, {"n": 1000}]) == [1]


def test_conditions_nest_only_so_deep() -> None:
    condition = Q(n=1)
    for _ in range(200):
        condition = ~(condition & Q(n=2)) | Q(n=3)
    with pytest.raises(QueryError, match="nested more than"):
        Thing.objects.filter(condition)
