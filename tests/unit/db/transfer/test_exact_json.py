"""JSON with its numbers as they are written."""

from __future__ import annotations

from decimal import Decimal

import pytest

from openviper.db.transfer import exact_json

SAME = [
    ('{"a":1,"b":[2]}', ' { "b" : [ 2.0 ] , "a" : 1e0 } '),
    ("1e2", "100"),
    ("-0.0", "0"),
    ("1.10", "1.1"),
    ('"\\u00e9"', '"é"'),
    ('{"a":1,"a":2}', '{"a":2}'),
    ("1e400", "10e399"),
]
DIFFERENT = [
    ("1", '"1"'),
    ("1", "true"),
    ("null", "false"),
    ("[1,2]", "[2,1]"),
    ("12345678901234567890.1", "12345678901234567890.2"),
    ("1e200000", "2e200000"),
    ('"a"', '"A"'),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_texts_of_one_value_have_one_form(one: str, other: str) -> None:
    assert exact_json.same_form(exact_json.loads(one)) == exact_json.same_form(
        exact_json.loads(other)
    )


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_texts_of_two_values_have_two_forms(one: str, other: str) -> None:
    assert exact_json.same_form(exact_json.loads(one)) != exact_json.same_form(
        exact_json.loads(other)
    )


@pytest.mark.parametrize(
    "text",
    [
        '{"b":1,"a":1.10}',
        "[1e22,-0,0.1]",
        '"\\n\\"é🐍"',
        "12345678901234567890123.45",
        '{"":null}',
        "[]",
    ],
)
def test_a_text_comes_back_as_it_was(text: str) -> None:
    assert exact_json.dumps(exact_json.loads(text)) == text


def test_half_of_a_surrogate_pair_stays_an_escape() -> None:
    text = exact_json.dumps(exact_json.loads('"é\\ud800"'))
    assert text == '"\\u00e9\\ud800"'
    text.encode()


@pytest.mark.parametrize("text", ["NaN", "-Infinity", "{", "", "'a'", "01", '"a\nb"'])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        exact_json.loads(text)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        exact_json.loads("[" * 200_000)


@pytest.mark.parametrize(
    ("text", "has_one"),
    [
        ('"\\u0000"', True),
        ('["a", {"b": "\\ud800"}]', True),
        ('{"\\u0000": 1}', True),
        ('"\\ud83d\\udc0d"', False),
        ("[1, null, {}]", False),
    ],
)
def test_what_postgresql_refuses_in_json_is_seen(text: str, has_one: bool) -> None:
    assert exact_json.has_surrogate_or_nul(exact_json.loads(text)) is has_one


@pytest.mark.parametrize(
    ("one", "other"),
    [("1.10", "1.1"), ("100", "1E+2"), ("-0.00", "0"), ("1" * 40, "1" * 40 + ".0")],
)
def test_decimals_of_one_value_have_one_text(one: str, other: str) -> None:
    assert exact_json.plain_decimal(Decimal(one)) == exact_json.plain_decimal(Decimal(other))
