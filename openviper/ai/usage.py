"""Counting tokens and money: of everything that is asked inside a block."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

from openviper.ai.exceptions import UsageLimitError
from openviper.ai.provider_utils import estimate_tokens
from openviper.ai.types import Usage

MILLION = Decimal(1_000_000)
_open: ContextVar[tuple[UsageReport, ...]] = ContextVar("openviper_ai_usage", default=())


@dataclass(slots=True)
class ModelUsage:
    """What one model was used for.

    Attributes:
        calls: How often it was asked.
        input_tokens: Tokens of all prompts.
        output_tokens: Tokens of all answers.
        cost: The price of the calls whose price is known.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: Decimal = Decimal(0)


@dataclass(slots=True)
class UsageReport:
    """What was used inside a block of `track_usage`.

    Attributes:
        by_model: The same for each model.
        unpriced_calls: Calls whose price nobody knows, so that `cost` is too low.
        estimated_calls: Calls whose tokens were estimated.
        max_tokens: What may be used in all; `None` for any number.
        max_cost: What may be spent; `None` for any amount.
    """

    max_tokens: int | None = None
    max_cost: Decimal | None = None
    by_model: dict[str, ModelUsage] = field(default_factory=dict)
    unpriced_calls: int = 0
    estimated_calls: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def calls(self) -> int:
        """How often a model was asked."""
        return sum(usage.calls for usage in self.by_model.values())

    @property
    def input_tokens(self) -> int:
        """Tokens of all prompts."""
        return sum(usage.input_tokens for usage in self.by_model.values())

    @property
    def output_tokens(self) -> int:
        """Tokens of all answers."""
        return sum(usage.output_tokens for usage in self.by_model.values())

    @property
    def cost(self) -> Decimal:
        """The price of the calls whose price is known."""
        return sum((usage.cost for usage in self.by_model.values()), Decimal(0))

    def add(self, model: str, usage: Usage) -> None:
        """Count a call."""
        with self._lock:
            entry = self.by_model.setdefault(model, ModelUsage())
            entry.calls += 1
            entry.input_tokens += usage.input_tokens
            entry.output_tokens += usage.output_tokens
            entry.cost += usage.cost or 0
            self.unpriced_calls += usage.cost is None
            self.estimated_calls += usage.is_estimated

    def check(self) -> None:
        """Refuse another call when what may be used is used.

        Raises:
            UsageLimitError: If it is.
        """
        used = self.input_tokens + self.output_tokens
        if self.max_tokens is not None and used >= self.max_tokens:
            raise UsageLimitError(f"{used} of {self.max_tokens} tokens are used")
        if self.max_cost is not None and self.cost >= self.max_cost:
            raise UsageLimitError(f"{self.cost} of {self.max_cost} are spent")


@contextlib.contextmanager
def track_usage(
    *, max_tokens: int | None = None, max_cost: Decimal | None = None
) -> Iterator[UsageReport]:
    """Count what is used inside the block, by this task and those it starts there.

    Args:
        max_tokens: Refuse further calls once so many tokens are used; the call that passes the limit is not interrupted.
        max_cost: The same for money, in the currency of the provider's `prices`.

    Yields:
        The report, which grows meanwhile.
    """
    report = UsageReport(max_tokens=max_tokens, max_cost=max_cost)
    token = _open.set((*_open.get(), report))
    try:
        yield report
    finally:
        _open.reset(token)


def check_limits() -> None:
    """Refuse a call where an open block of `track_usage` allows no more.

    Raises:
        UsageLimitError: If one does.
    """
    for report in _open.get():
        report.check()


def count(model: str, usage: Usage) -> None:
    """Add a call to every open block of `track_usage`."""
    for report in _open.get():
        report.add(model, usage)


def open_reports() -> tuple[UsageReport, ...]:
    """Return what is counted in at present, for generators, which run in the context of whoever asks them."""
    return _open.get()


@dataclass(frozen=True, slots=True)
class Price:
    """The price of a model.

    Attributes:
        per_million_input: For a million tokens of prompts.
        per_million_output: For a million tokens of answers.
    """

    per_million_input: Decimal
    per_million_output: Decimal

    def of(self, usage: Usage) -> Decimal:
        """Return what a call costs."""
        price_in = self.per_million_input * usage.input_tokens
        return (price_in + self.per_million_output * usage.output_tokens) / MILLION


def read_prices(value: object) -> dict[str, Price]:
    """Understand ``{"model": {"input": 0.15, "output": 0.6}}``, prices per million tokens.

    Raises:
        ValueError: If it has another form.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"prices is {value!r}, not a map of models")
    return {str(model): _read_price(str(model), price) for model, price in value.items()}


def _read_price(model: str, price: object) -> Price:
    if not isinstance(price, Mapping) or not set(price) <= {"input", "output"}:
        raise ValueError(
            f"the price of {model!r} is {price!r}, not {{'input': ..., 'output': ...}}"
        )
    return Price(_amount(model, price.get("input", 0)), _amount(model, price.get("output", 0)))


def _amount(model: str, value: object) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(value, bool) or not amount.is_finite() or amount < 0:
        raise ValueError(f"the price of {model!r} holds {value!r}, not an amount")
    return amount


def estimated(prompt: str, answer: str) -> Usage:
    """Return the usage of a call by the length of its texts."""
    return Usage(estimate_tokens(prompt), estimate_tokens(answer), is_estimated=True)


def counted(value: object) -> int | None:
    """Return a number of tokens that a server gives, or `None` if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return max(0, min(int(value), 10**12))
