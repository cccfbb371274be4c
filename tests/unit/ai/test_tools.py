"""Functions are described from their annotations, called with what was checked, and mistakes go back to the model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest

from openviper.ai import Message, Reply, Tool, ToolCall, ToolError, ToolLoopError, run_tools
from openviper.ai.tools import MAX_CALLS, MAX_RESULT
from openviper.validation import Between, Description
from tests.unit.ai.fakes import Scripted


class Unit(Enum):
    """How warm it is."""

    CELSIUS = "c"
    KELVIN = "k"


@dataclass
class Place:
    """Somewhere."""

    city: str
    country: str = "AT"


def weather(
    place: Place,
    days: Annotated[int, Between(1, 7), Description("How far ahead.")] = 1,
    unit: Unit = Unit.CELSIUS,
    kind: Literal["short", "long"] | None = None,
    tags: list[str] = ["x"],  # noqa: B006 - what is tried
) -> dict[str, object]:
    """Return the weather of a place."""
    tags.append("y")
    return {"city": place.city, "days": days, "unit": unit.value, "kind": kind, "tags": tags}


async def today() -> date:
    """Return the date."""
    return date(2026, 11, 29)


def test_a_function_is_described() -> None:
    spec = Tool(weather).spec
    assert (spec.name, spec.description) == ("weather", "Return the weather of a place.")
    assert spec.parameters == {
        "type": "object",
        "properties": {
            "place": {
                "description": "Somewhere.",
                "type": "object",
                "properties": {
                    "city": {"type": "string"},
                    "country": {"type": "string", "default": "AT"},
                },
                "required": ["city"],
                "additionalProperties": False,
            },
            "days": {
                "type": "integer",
                "description": "How far ahead.",
                "minimum": 1,
                "maximum": 7,
            },
            "unit": {"enum": ["c", "k"]},
            "kind": {"anyOf": [{"enum": ["short", "long"]}, {"type": "null"}]},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["place"],
        "additionalProperties": False,
    }


async def test_arguments_are_values_of_their_types() -> None:
    tool = Tool(weather)
    for _ in range(2):
        # A default is not shared between calls.
        result = json.loads(await tool.call('{"place": {"city": "Wien"}, "unit": "k"}'))
        assert result == {"city": "Wien", "days": 1, "unit": "k", "kind": None, "tags": ["x", "y"]}
    assert await Tool(today).call("{}") == '"2026-11-29"'
    assert await Tool(today).call("") == '"2026-11-29"'


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("{}", "/place"),
        ('{"place": {"city": 7}}', "/place/city"),
        ('{"place": {"city": "Wien"}, "days": 8}', "/days"),
        ('{"place": {"city": "Wien"}, "days": "1"}', "/days"),
        ('{"place": {"city": "Wien"}, "more": 1}', "/more"),
        ('{"place": {"city": "Wien"}, "unit": "f"}', "/unit"),
        ("[]", "arguments"),
        ("null", "arguments"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"days": NaN}', "not JSON"),
        ("9" * 5000, "not JSON"),
    ],
)
async def test_wrong_arguments_are_told_to_the_model(arguments: str, told: str) -> None:
    assert told in json.loads(await Tool(weather).call(arguments))["error"]


async def test_an_error_of_the_function_is_logged_and_its_text_kept(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken() -> str:
        raise RuntimeError("password is hunter2")

    result = await Tool(broken).call("{}")
    assert json.loads(result) == {"error": "the tool failed with RuntimeError"}
    assert "tool 'broken' failed" in caplog.text


async def test_a_long_result_is_cut() -> None:
    def long() -> str:
        return "x" * (MAX_RESULT + 1)

    result = await Tool(long).call("{}")
    assert result.endswith(f"[cut off: {MAX_RESULT + 1} characters in all]")


def bare(x) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - what is tried
    """Say nothing of its parameter."""


def many(*numbers: int) -> None:
    """Take any number."""


def odd(x: Scripted) -> None:
    """Take what no JSON is."""


def nowhere(x: Missing) -> None:  # type: ignore[name-defined]  # noqa: F821 - what is tried
    """Name what is not there."""


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (bare, "parameter 'x' has no annotation"),
        (many, "parameter 'numbers' has no name of its own"),
        (odd, "'odd'"),
        (nowhere, "'Missing'"),
        (lambda: None, "'<lambda>'"),
    ],
)
def test_a_function_that_cannot_be_described_is_refused(function: Any, told: str) -> None:
    with pytest.raises(ToolError, match=told):
        Tool(function)


def calls(*called: tuple[str, str]) -> Reply:
    """Return a reply that calls tools."""
    return Reply(
        "",
        "m",
        tool_calls=tuple(ToolCall(name, text, f"id{n}") for n, (name, text) in enumerate(called)),
    )


async def test_tools_are_called_until_there_is_an_answer() -> None:
    provider = Scripted(
        calls(("today", "{}"), ("weather", '{"place": 7}')),
        calls(("weather", '{"place": {"city": "Wien"}}')),
        "It rains.",
    )
    reply = await run_tools(provider, "Weather?", [weather, today])
    assert reply.text == "It rains."
    assert [tool.name for tool in provider.tools] == ["weather", "today"]
    said = provider.conversations[-1]
    assert [message.role for message in said] == [
        "user",
        "assistant",
        "tool",
        "tool",
        "assistant",
        "tool",
    ]
    assert (said[2].content, said[2].call_id, said[2].tool_name) == ('"2026-11-29"', "id0", "today")
    assert "/place" in said[3].content
    assert json.loads(said[5].content)["city"] == "Wien"


async def test_a_tool_that_is_not_there_is_told_to_the_model() -> None:
    provider = Scripted(calls(("rm_rf", "{}")), "Sorry.")
    await run_tools(provider, "x", [today])
    assert "there is no tool 'rm_rf'; there are today" in provider.conversations[-1][-1].content


async def test_the_loop_ends() -> None:
    provider = Scripted(*[calls(("today", "{}"))] * 5)
    with pytest.raises(ToolLoopError, match="no answer in 3 rounds") as caught:
        await run_tools(provider, "x", [today], max_rounds=3)
    assert caught.value.calls == ["today"] * 3 and len(provider.conversations) == 3


async def test_the_calls_of_a_round_are_bounded() -> None:
    count = 0

    def counted() -> None:
        nonlocal count
        count += 1

    provider = Scripted(calls(*[("counted", "{}")] * (MAX_CALLS + 5)), "Done.")
    await run_tools(provider, "x", [counted])
    assert count == MAX_CALLS
    assert len(provider.conversations[-1]) == 2 + MAX_CALLS + 5


async def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(ToolError, match="two tools are called 'today'"):
        await run_tools(Scripted(), "x", [today, Tool(today)])


async def test_a_conversation_may_go_on() -> None:
    provider = Scripted("Hello.")
    await run_tools(provider, [Message("system", "Be brief."), Message("user", "Hi")], [])
    assert [message.role for message in provider.conversations[0]] == ["system", "user"]
