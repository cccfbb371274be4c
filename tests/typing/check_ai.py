"""What the type checker knows of AI."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, assert_type

from openviper.ai import AIProvider, Reply, UsageReport, ask_for, model_router, track_usage


@dataclass
class Recipe:
    """Something to cook."""

    title: str


async def answers_have_the_type_that_was_asked_for(provider: AIProvider) -> None:
    assert_type(await model_router.ask("x", Recipe), Recipe)
    assert_type(await model_router.ask("x", list[str], model="m"), list[str])
    assert_type(await ask_for(provider, "x", Recipe, temperature=0.1), Recipe)
    yes: Literal["yes", "no"] = await model_router.ask("x", Literal["yes", "no"])
    assert yes


async def texts_are_texts() -> None:
    assert_type(await model_router.generate("x"), str)
    assert_type(await model_router.run("x", [answers_have_the_type_that_was_asked_for]), Reply)
    assert_type(await model_router.embed("x"), list[float])
    assert_type(model_router.stream("x"), AsyncIterator[str])


async def misspelt_options_are_errors() -> None:
    await model_router.ask("x", Recipe, temprature=1)  # type: ignore[call-overload]  # what is tried
    await model_router.run("x", [], max_token=1)  # type: ignore[call-arg]  # what is tried


def usage_is_typed() -> None:
    with track_usage(max_tokens=1) as usage:
        assert_type(usage, UsageReport)
        assert_type(usage.cost, Decimal)
