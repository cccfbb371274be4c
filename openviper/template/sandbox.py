"""What templates may not do: change data, reach the server through a request, or fill the memory."""

from __future__ import annotations

import functools
import re
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable, Mapping
from typing import Any

from jinja2 import Template
from jinja2.exceptions import SecurityError
from jinja2.sandbox import SandboxedEnvironment

from openviper.template.blocks import render_one_block

CHANGING = frozenset(
    "add bulk_create bulk_update clear create create_single delete get_or_create get_or_create_single raw raw_sql "
    "refresh_from_db remove save set update update_or_create update_single".split()
)
"""Methods of models, managers and querysets that write, or send any statement."""
INNER = frozenset({"after_response", "release_later", "scope", "store"})
"""Attributes of a request and its session that lead to the server, the application and other sessions, or call what they are given."""
RUNNING = (Coroutine, Generator, AsyncGenerator)
"""What goes on when it is sent something: with `send` a template would call what only an ``await`` is to call."""
MAX_REPEATED = 1_000_000
"""Most items that a template may make by repeating a text or a list."""


_WIDENING = frozenset({"center", "expandtabs", "ljust", "rjust", "to_bytes", "zfill"})
"""Methods of texts and numbers that give something as long as they are told to."""
_FILTERS = ("batch", "center", "indent", "slice", "tojson")
"""Filters that do, or make as many items."""
_WIDE = re.compile(r"[0-9]{7}|%[^a-zA-Z%]*[*]")
"""A width in a text that is filled in, from a million on or given beside it."""

_WIDTH_AS_ARGUMENT = re.compile(r"\{[^{}]*\{")


_NUMBERS = frozenset({int, float, bool})
MAX_VERDICTS = 10_000
"""Most verdicts about attributes that are kept; templates have few."""


class TemplateSandbox(SandboxedEnvironment):
    """The environment that templates run in."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._verdicts: dict[tuple[type, str, type], bool] = {}
        for name in _FILTERS:
            self.filters[name] = _bounded(self.filters[name])
        self.filters["format"] = _bounded_format(self.filters["format"])

    def render_block(self, template: Template, block: str, values: Mapping[str, Any]) -> str:
        """Return one block of a template; see `render_one_block`."""
        return render_one_block(template, block, values)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Return whether a template may use an attribute: a matter of types, which is thought about once for each."""
        question = (type(obj), attr, type(value))
        verdict = self._verdicts.get(question)
        if verdict is None:
            verdict = self._judge(obj, attr, value)
            if isinstance(obj, type):  # All classes are of one type.
                return verdict
            if len(self._verdicts) >= MAX_VERDICTS:
                self._verdicts.clear()
            self._verdicts[question] = verdict
        return verdict

    def _judge(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, RUNNING):
            return False
        # A field may be called `set` or `raw`.
        if attr in CHANGING and callable(value) and _comes_from(obj, "openviper.db."):
            return False
        if attr in INNER and _comes_from(obj, "openviper.http.", "openviper.sessions."):
            return False
        return super().is_safe_attribute(obj, attr, value)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Multiply, raise or fill in, unless the result would become too long."""
        if operator == "*":
            if type(left) not in _NUMBERS or type(right) not in _NUMBERS:
                _check_repetition(left, right)
        elif operator == "**":
            _check_power(left, right)
        elif isinstance(left, str):
            _check_widths(left)
        return super().call_binop(context, operator, left, right)

    def call(self, context: Any, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function, unless it would make a text too long."""
        owner = getattr(function, "__self__", None)
        if isinstance(owner, (str, bytes, int)) and function.__name__ in _WIDENING:
            _check_numbers((*args, *kwargs.values()))
        return super().call(context, function, *args, **kwargs)

    def wrap_str_format(self, value: Any) -> Any:
        """Return what fills a text in safely, where a template asks for its method `format`."""
        fill_in = super().wrap_str_format(value)
        return fill_in if fill_in is None else _bounded_format_of(value.__self__, fill_in)


def _check_repetition(left: Any, right: Any) -> None:
    for repeated, times in ((left, right), (right, left)):
        if isinstance(repeated, (str, bytes, list, tuple)) and isinstance(times, int):
            if len(repeated) * times > MAX_REPEATED:
                raise SecurityError(f"more than {MAX_REPEATED} items by repetition")


def _check_power(left: Any, right: Any) -> None:
    if isinstance(left, int) and isinstance(right, int):
        if left.bit_length() * right > MAX_REPEATED:
            raise SecurityError(f"a number of more than {MAX_REPEATED} bits")


def _check_widths(text: str) -> None:
    if _WIDE.search(text):
        raise SecurityError(f"a width of more than {MAX_REPEATED} in {text[:40]!r}")


def _check_numbers(arguments: Iterable[Any]) -> None:
    for argument in arguments:
        if isinstance(argument, int) and argument > MAX_REPEATED:
            raise SecurityError(f"a text of more than {MAX_REPEATED} characters")


def _bounded(filled: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that takes no large number."""

    @functools.wraps(filled)
    def bounded(value: Any, *args: Any, **kwargs: Any) -> Any:
        _check_numbers((*args, *kwargs.values()))
        return filled(value, *args, **kwargs)

    return bounded


def _bounded_format(filled: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(filled)
    def bounded(value: Any, *args: Any, **kwargs: Any) -> Any:
        _check_widths(str(value))
        return filled(value, *args, **kwargs)

    return bounded


def _bounded_format_of(text: str, fill_in: Callable[..., str]) -> Callable[..., str]:
    def bounded(*args: Any, **kwargs: Any) -> str:
        _check_widths(text)
        if _WIDTH_AS_ARGUMENT.search(text):
            _check_numbers((*args, *kwargs.values()))
        return fill_in(*args, **kwargs)

    return bounded


def _comes_from(obj: Any, *packages: str) -> bool:
    cls = obj if isinstance(obj, type) else type(obj)
    return any(base.__module__.startswith(packages) for base in cls.__mro__)
