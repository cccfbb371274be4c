"""Paths into JSON: how each database writes them, how long they may be, and what is found at their end."""

from __future__ import annotations

import re
from typing import Any

import pytest

from openviper.db.models import F
from openviper.db.sql.json_paths import MAX_PARTS, mysql_path, paths_of_no_lists
from openviper.exceptions import FieldError, OpenViperException, QueryError
from tests.unit.db.sql.kinds import Thing, keys_of, values_of, where


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (("a",), '$."a"'),
        (("a", "0"), '$."a"[0]'),
        (("007",), "$[7]"),
        (("a-1",), '$."a-1"'),
        (("1" * 10,), f'$."{"1" * 10}"'),
        (("\u0661",), '$."\u0661"'),
        (('a"b',), r'$."a\"b"'),
        (("a\\",), '$."a\\\\"'),
        (("a.b", "$"), '$."a.b"."$"'),
    ],
)
def test_paths_of_mariadb_quote_every_key(path: tuple[str, ...], text: str) -> None:
    assert mysql_path(path) == text


@pytest.mark.parametrize("key", ["-1", "-", "-a b"])
def test_what_mariadb_never_finds_is_refused(key: str) -> None:
    with pytest.raises(QueryError, match=f"begins with '-', such as '{key}'"):
        mysql_path(("a", key))


@pytest.mark.parametrize(
    ("value", "paths"),
    [
        (1, []),
        ([{"a": 1}], []),
        ({}, [()]),
        ({"a": 1, "b": [1], "c": {"d": "x"}}, [(), ("a",), ("c",), ("c", "d")]),
        ({"-": 1, "e": None}, [(), ("e",)]),
    ],
)
def test_what_is_no_list_in_an_object(value: Any, paths: list[tuple[str, ...]]) -> None:
    assert list(paths_of_no_lists(value)) == paths


def test_a_circle_has_an_end() -> None:
    circle: dict[str, Any] = {}
    circle["a"] = circle
    assert len(list(paths_of_no_lists(circle))) == MAX_PARTS


@pytest.mark.parametrize(
    ("vendor", "bound"),
    [
        ("sqlite", ['["a", "0"]', "1"]),
        ("postgresql", [["a", "0"], ["a"], ["a", "0"], "1"]),
        ("mysql", ['$."a"[0]', '$."a"', '$."a"[0]', "1"]),
    ],
)
def test_a_place_asks_servers_whether_there_is_a_list(vendor: str, bound: list[Any]) -> None:
    assert where(Thing.objects.filter(data__a__0=1), vendor)[1] == bound


@pytest.mark.parametrize(
    ("vendor", "text"),
    [
        ("sqlite", "(openviper_json_has(data, ?) OR openviper_json_has(data, ?))"),
        (
            "postgresql",
            "(jsonb_typeof(data) = 'object' AND (jsonb_exists(data, %s) OR jsonb_exists(data, %s)))",
        ),
        (
            "mysql",
            "(JSON_CONTAINS_PATH(data, 'one', %s) OR JSON_CONTAINS_PATH(data, 'one', %s))",
        ),
    ],
)
def test_one_of_several_keys(vendor: str, text: str) -> None:
    made, bound = where(Thing.objects.filter(data__has_any_keys=["a", 'b"']), vendor)
    assert made == text
    assert bound == (['$."a"', r'$."b\""'] if vendor == "mysql" else ["a", 'b"'])


DOCUMENTS: list[Any] = [
    {"a": 1, "b": None, "c": {"d": [10, {"e": "x"}]}},
    {"a": "1", "b": [], "c": "text"},
    {"a": True, "list": [1, 2, [3]]},
    [1, 2],
    "a",
    None,
    {"a": 1.0, "0": "zero", "": "empty"},
]


@pytest.mark.parametrize(
    ("lookups", "found"),
    [
        ({"data__a": 1}, [1, 7]),
        ({"data__a": "1"}, [2]),
        ({"data__a": True}, [3]),
        ({"data__a__gt": 0}, [1, 7]),
        ({"data__a__gte": "1"}, [2]),
        ({"data__a__range": (1, 1)}, [1, 7]),
        ({"data__a__in": [1, True]}, [1, 3, 7]),
        ({"data__c__d__1__e": "x"}, [1]),
        ({"data__c__d__0": 10}, [1]),
        ({"data__list__2__0": 3}, [3]),
        ({"data__0": 1}, [4]),
        ({"data__1__gt": 1}, [4]),
        ({"data__5": 1}, []),
        ({"data__b__isnull": False}, [2]),
        ({"data__c__startswith": "te"}, [2]),
        ({"data__c__icontains": "EX"}, [2]),
        ({"data__c__regex": "^t"}, [2]),
        ({"data__has_key": "a"}, [1, 2, 3, 7]),
        ({"data__has_key": ""}, [7]),
        ({"data__has_keys": ["a", "c"]}, [1, 2]),
        ({"data__has_any_keys": ["list", "c"]}, [1, 2, 3]),
        ({"data__contains": {"a": 1}}, [1, 7]),
        ({"data__contains": {"c": {"d": [10]}}}, [1]),
        ({"data__contains": 2}, [4]),
        ({"data__list__contains": [[3]]}, [3]),
        ({"data": [1, 2.0]}, [4]),
        ({"data": "a"}, [5]),
        ({"data__isnull": True}, [6]),
    ],
)
def test_what_stands_in_json_is_found(lookups: dict[str, Any], found: list[int]) -> None:
    rows = [{"data": document} for document in DOCUMENTS]
    assert keys_of(Thing.objects.filter(**lookups), rows) == found


def test_an_order_has_numbers_behind_texts_and_all_else_before() -> None:
    rows = [{"data": {"k": each}} for each in (2, "b", None, 1, "a", [1], 1.5)]
    order = keys_of(Thing.objects.order_by("data__k", "pk"), rows)
    assert order == [3, 6, 5, 2, 4, 7, 1]


def test_values_at_paths_come_as_python_has_them() -> None:
    rows = [{"data": {"k": each}} for each in (1, "x", [1], {"a": 2}, None, True)]
    assert values_of(F("data__k"), rows) == [1, "x", [1], {"a": 2}, None, True]


@pytest.mark.parametrize(
    ("lookups", "error", "message"),
    [
        ({"data__has_key": 5}, QueryError, "'data__has_key' takes keys, which are texts, not 5"),
        ({"data__has_keys": []}, QueryError, "takes keys, which are texts, not []"),
        ({"data__has_keys": "ab"}, QueryError, "'data__has_keys' takes keys, not 'ab'"),
        ({"data__has_any_keys": ["a", 1]}, QueryError, "takes keys, which are texts"),
        ({"data__a__gt": None}, FieldError, "JSON has an order of numbers and texts, not of None"),
        ({"data__a__lt": True}, FieldError, "not of True"),
        ({"data__a__range": ([1], [2])}, FieldError, "not of [1]"),
        ({"name__has_key": "a"}, FieldError, "of which 'has_key' cannot be asked"),
        (
            {"data__" + "__".join("a" * (MAX_PARTS + 1)): 1},
            FieldError,
            f"a path of {MAX_PARTS + 1} keys into JSON is longer than {MAX_PARTS}",
        ),
    ],
)
def test_what_cannot_be_asked_of_json_is_refused(
    lookups: dict[str, Any], error: type[OpenViperException], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        where(Thing.objects.filter(**lookups))


def test_the_longest_path_is_let_through() -> None:
    lookups: dict[str, Any] = {"data__" + "__".join("a" * MAX_PARTS): 1}
    assert where(Thing.objects.filter(**lookups), "mysql")[1][0] == "$" + '."a"' * MAX_PARTS
