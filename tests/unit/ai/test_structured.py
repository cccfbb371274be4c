"""Answers are values of a type, or the model is told what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypedDict

import pytest

from openviper.ai import StructuredAnswerError, ask_for
from openviper.validation import (
    Max,
    MaxLength,
    Min,
    MinLength,
    MultipleOf,
    OneOf,
    Pattern,
    UnsupportedTypeError,
    describe,
)
from openviper.validation.json_schema import schema_of
from tests.unit.ai.fakes import Scripted


@dataclass
class Recipe:
    """Something to cook."""

    title: Annotated[str, MinLength(1)]
    minutes: Annotated[int, Min(1)]
    steps: list[str] = field(default_factory=list)


GOOD = '{"title": "Soup", "minutes": 20, "steps": ["Boil."]}'


@pytest.mark.parametrize(
    "text",
    [GOOD, f"```json\n{GOOD}\n```", f"```\n{GOOD}\n```", f"\n {GOOD} ", GOOD[:-1] + ', "more": 1}'],
)
async def test_an_answer_is_a_value(text: str) -> None:
    provider = Scripted(text)
    recipe = await ask_for(provider, "Soup?", Recipe)
    assert recipe == Recipe("Soup", 20, ["Boil."])
    system, user = provider.conversations[0]
    assert user.content == "Soup?" and '"minutes"' in system.content
    assert provider.schema is not None and provider.schema["required"] == ["title", "minutes"]


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ('{"title": "", "minutes": 0}', "/minutes"),
        ('{"minutes": 1}', "/title"),
        ("Here is soup.", "not JSON"),
        ("[]", "it: "),
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
    ],
)
async def test_what_is_wrong_goes_back_to_the_model(bad: str, told: str) -> None:
    provider = Scripted(bad, GOOD)
    assert (await ask_for(provider, "Soup?", Recipe)).title == "Soup"
    answered, again = provider.conversations[1][-2:]
    assert answered.content == bad and told in again.content


async def test_after_some_attempts_it_is_an_error() -> None:
    provider = Scripted(
        '{"title": "hunter2", "minutes": "x"}', '{"title": "hunter2", "minutes": "y"}'
    )
    with pytest.raises(StructuredAnswerError, match="model 'm' gave no Recipe: /minutes") as caught:
        await ask_for(provider, "Soup?", Recipe)
    assert "hunter2" not in str(caught.value) and "hunter2" in caught.value.answer
    with pytest.raises(ValueError, match="attempts"):
        await ask_for(provider, "x", Recipe, attempts=0)


@pytest.mark.parametrize(
    ("returns", "text", "value"),
    [
        (int, '{"answer": 7}', 7),
        (list[str], '{"answer": ["a"]}', ["a"]),
        (Literal["yes", "no"], '{"answer": "yes"}', "yes"),
        (dict[str, int], '{"answer": {"a": 1}}', {"a": 1}),
    ],
)
async def test_other_types_are_put_into_an_object(returns: Any, text: str, value: object) -> None:
    provider = Scripted(text)
    assert await ask_for(provider, "x", returns) == value
    assert provider.schema is not None and provider.schema["type"] == "object"


async def test_a_type_that_no_data_gives_is_refused_before_anybody_is_asked() -> None:
    provider = Scripted()
    with pytest.raises(UnsupportedTypeError):
        await ask_for(provider, "x", Scripted)
    assert provider.conversations == []


# Schemas


@dataclass
class Tree:
    """A node of a tree."""

    name: str
    children: list[Tree] = field(default_factory=list)
    parent: Tree | None = None


class Options(TypedDict, total=False):
    """What may be given."""

    tree: Tree
    other: Tree


def test_a_type_that_holds_itself_is_defined_once() -> None:
    schema = schema_of(describe(Tree))
    reference = {"$ref": "#/$defs/Tree"}
    assert schema["$ref"] == reference["$ref"]
    definitions: Any = schema["$defs"]
    assert definitions["Tree"]["properties"]["children"] == {"type": "array", "items": reference}
    whole: Any = schema_of(describe(Options))
    assert whole["properties"] == {"tree": reference, "other": reference}
    assert whole["required"] == [] and list(whole["$defs"]) == ["Tree"]


@pytest.mark.parametrize(
    ("annotation", "schema"),
    [
        (Annotated[str, MaxLength(3), Pattern("a+")], {"type": "string", "maxLength": 3, "pattern": "a+"}),
        (Annotated[list[int], MinLength(1)], {"type": "array", "items": {"type": "integer"}, "minItems": 1}),
        (
            Annotated[float, Min(0, exclusive=True), Max(1, exclusive=True)],
            {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        ),
        (Annotated[int, MultipleOf(5)], {"type": "integer", "multipleOf": 5}),
        (Annotated[str, OneOf("a", "b")], {"type": "string", "enum": ["a", "b"]}),
        (tuple[int, str], {
            "type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "minItems": 2, "maxItems": 2,
        }),
        (set[int], {"type": "array", "items": {"type": "integer"}, "uniqueItems": True}),
        (dict[str, bool], {"type": "object", "additionalProperties": {"type": "boolean"}}),
        (int | str, {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
        (Any, {}),
    ],
)  # fmt: skip
def test_schemas(annotation: Any, schema: dict[str, object]) -> None:
    assert schema_of(describe(annotation)) == schema
