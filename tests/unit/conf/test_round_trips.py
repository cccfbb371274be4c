"""What is written into the environment or a `.env` is what is read from there, for every setting there is."""

from __future__ import annotations

import dataclasses
import json
import random
from datetime import timedelta
from typing import Any

import pytest

from openviper.conf import Settings
from openviper.conf.base import is_sensitive
from openviper.conf.dotenv import parse_dotenv
from openviper.conf.environment import apply_env_overrides, cast_tuple, is_overridable
from openviper.conf.validation import validate_settings
from openviper.exceptions import SettingsValidationError

DEFAULTS = Settings(SECRET_KEY="k" * 60)
FIELDS = [
    field
    for field in dataclasses.fields(Settings)
    if is_overridable(field, getattr(DEFAULTS, field.name))
]


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no variable that a setting would be read from."""
    for field in dataclasses.fields(Settings):
        monkeypatch.delenv(field.name, raising=False)
        monkeypatch.delenv(f"OPENVIPER_{field.name}", raising=False)


def written(value: Any) -> str:
    """Return a value as one would write it into the environment."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (tuple, list)):
        return json.dumps(list(value))
    if isinstance(value, timedelta):
        return f"{value.total_seconds()}s"
    return "" if value is None else str(value)


def other(value: Any) -> Any:
    """Return another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value + 0.5
    if isinstance(value, timedelta):
        return value + timedelta(seconds=1.5)
    if isinstance(value, (tuple, list)):
        return type(value)(["a, b", 'c"d', "e"])
    return f"{value or ''}x ä#"


def read(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> Any:
    monkeypatch.setenv(f"OPENVIPER_{name}", text)
    return getattr(apply_env_overrides(DEFAULTS), name)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_the_default_of_a_setting_can_be_given_by_the_environment(
    monkeypatch: pytest.MonkeyPatch, field: dataclasses.Field[Any]
) -> None:
    value = getattr(DEFAULTS, field.name)
    if isinstance(value, (tuple, list)) and not value:
        assert read(monkeypatch, field.name, "") == value
        return
    assert read(monkeypatch, field.name, written(value)) == value


@pytest.mark.parametrize(
    "field",
    [field for field in FIELDS if getattr(DEFAULTS, field.name) is not None],
    ids=lambda field: field.name,
)
def test_another_value_takes_its_place_with_the_type_it_had(
    monkeypatch: pytest.MonkeyPatch, field: dataclasses.Field[Any]
) -> None:
    value = other(getattr(DEFAULTS, field.name))
    given = read(monkeypatch, field.name, written(value))
    assert given == value
    assert type(given) is type(getattr(DEFAULTS, field.name))


@pytest.mark.parametrize(
    "field",
    [
        field
        for field in FIELDS
        if isinstance(getattr(DEFAULTS, field.name), (bool, int, float, timedelta))
    ],
    ids=lambda field: field.name,
)
def test_a_word_in_place_of_a_number_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, field: dataclasses.Field[Any]
) -> None:
    with pytest.raises(SettingsValidationError) as caught:
        read(monkeypatch, field.name, "plenty")
    (problem,) = caught.value.errors
    assert problem.startswith(f"environment variable OPENVIPER_{field.name}: ")
    assert ("plenty" in problem) is not is_sensitive(field.name)


@pytest.mark.parametrize("number", ["nan", "inf", "-inf"])
@pytest.mark.parametrize(
    "field",
    [field for field in FIELDS if isinstance(getattr(DEFAULTS, field.name), (float, timedelta))],
    ids=lambda field: field.name,
)
def test_what_is_no_number_that_counts_is_no_setting(
    monkeypatch: pytest.MonkeyPatch, field: dataclasses.Field[Any], number: str
) -> None:
    monkeypatch.setenv(f"OPENVIPER_{field.name}", number)
    with pytest.raises(SettingsValidationError, match=field.name):
        validate_settings(apply_env_overrides(DEFAULTS), "development")


# Lists


LETTERS = ("a", "B", "ä", "☃", " ", ",", '"', "\\", "[", "]", "'", "\n", "::1")


@pytest.mark.parametrize("seed", range(40))
def test_a_list_in_json_holds_any_texts(seed: int) -> None:
    chance = random.Random(seed)
    parts = tuple(
        "".join(chance.choices(LETTERS, k=chance.randint(0, 5)))
        for _ in range(chance.randint(1, 4))
    )
    assert cast_tuple(json.dumps(parts)) == parts
    assert cast_tuple(f"  {json.dumps(parts, ensure_ascii=False)}\n") == parts


@pytest.mark.parametrize("seed", range(20))
def test_a_list_with_commas_holds_plain_texts(seed: int) -> None:
    chance = random.Random(seed)
    parts = tuple(
        "".join(chance.choices("abc.-_/:*@äé", k=chance.randint(1, 6)))
        for _ in range(chance.randint(0, 4))
    )
    for comma in (",", ", ", " ,\n"):
        assert cast_tuple(comma.join(parts)) == parts


# Files


SIGNS = (
    "a",
    "$",
    "{",
    "}",
    "${A}",
    "\\",
    '"',
    "'",
    "#",
    " #",
    "\n",
    "\t",
    "=",
    " ",
    "ä",
    "☃",
    "\\n",
    "export ",
)


def escaped(value: str) -> str:
    """Return a value as it stands between double quotes."""
    for plain, escape in (("\\", "\\\\"), ('"', '\\"'), ("$", "\\$")):
        value = value.replace(plain, escape)
    return value


def swallows(value: str) -> bool:
    """Return whether the last line of a value could be the beginning of another assignment."""
    _, newline, last = value.rpartition("\n")
    return bool(newline) and last.strip().endswith("=")


@pytest.mark.parametrize("seed", range(80))
def test_any_value_can_be_written_in_double_quotes(seed: int) -> None:
    chance = random.Random(seed)
    values = {}
    for number in range(3):
        value = "".join(chance.choices(SIGNS, k=chance.randint(0, 8)))
        values[f"KEY_{number}"] = value.replace("=", "") if swallows(value) else value
    lines = [f'{name}="{escaped(value)}"' for name, value in values.items()]
    for end in ("\n", "\n\n# a comment = \n", " # behind\n"):
        text = end.join(lines) + end
        assert parse_dotenv(text, {}) == (values, [])
    assert parse_dotenv("\n".join(lines), {"A": "x"}) == (values, [])


@pytest.mark.parametrize("seed", range(40))
def test_any_value_without_a_quote_can_be_written_in_single_quotes(seed: int) -> None:
    chance = random.Random(seed)
    value = "".join(chance.choices(SIGNS, k=chance.randint(0, 8))).replace("'", "")
    value = value.replace("=", "") if swallows(value) else value
    assert parse_dotenv(f"export A='{value}'\nB=2\n", {}) == ({"A": value, "B": "2"}, [])


@pytest.mark.parametrize("seed", range(60))
def test_whatever_stands_in_a_file_the_lines_around_it_are_read(seed: int) -> None:
    chance = random.Random(seed)
    odd = "".join(
        chance.choices([sign for sign in SIGNS if "\n" not in sign], k=chance.randint(0, 10))
    )
    values, malformed = parse_dotenv(f"FIRST=1\n{odd}\nLAST=2\n", {})
    assert values["FIRST"] == "1" and values["LAST"] == "2"
    assert malformed in ([], [2])
