"""Every compiled pattern of the package is pumped: none takes more than linear time on text that nobody has chosen well."""

from __future__ import annotations

import ast
import importlib
import multiprocessing
import pkgutil
import re
import time
from collections.abc import Iterator
from pathlib import Path

import openviper

LENGTH = 3_000
BUDGET = 0.5
"""Seconds for one pattern and one text; what grows with the square of the length takes longer."""
FILLERS = (
    "a", "A", "0", " ", "\t", "\n", "-", ".", "/", "\\", "'", '"', "=", "%41", "a-", "a.", "a ", "<!--", "-->",
    "<a ", "<?xml", "=\"", "secret", "secret=", "token'", "://a:", "{", "{}", "{a}", "{a:", "1.", "1,", "0-", ":",
    "::", "[", "]", "(", ")", "a@", "@a", "a:b", ";", "; q=0.", "W/\"", "\"a\"", "\\\"", "ä", "\u2028", "$",
    "#", "&a=", "_", "a_b", "*", "!", "a=1;", "--", "/*", "*/", "select ", "''", "\r\n", "Unknown column", "column ",
)  # fmt: skip
ENDS = ("", "!")


def patterns() -> Iterator[tuple[str, re.Pattern[str] | re.Pattern[bytes]]]:
    """Yield every compiled pattern that a module of the package holds, in containers too."""
    seen: set[int] = set()
    for module in pkgutil.walk_packages(openviper.__path__, "openviper."):
        if module.name.endswith("__main__"):
            continue
        for name, value in list(vars(importlib.import_module(module.name)).items()):
            for pattern in _inside(value):
                if id(pattern) not in seen:
                    seen.add(id(pattern))
                    yield f"{module.name}.{name}", pattern


def written_in_functions() -> Iterator[tuple[str, str | bytes, int, bool]]:
    """Yield every pattern that is written where `re` is called inside a function: place, text, flags, whether it searches."""
    for path in sorted(Path(openviper.__path__[0]).rglob("*.py")):
        for call in _calls_in_functions(ast.parse(path.read_text("utf-8"))):
            function, first = call.func, call.args[0] if call.args else None
            is_of_re = isinstance(function, ast.Attribute) and ast.unparse(function.value) == "re"
            if (
                is_of_re
                and isinstance(first, ast.Constant)
                and isinstance(first.value, (str, bytes))
            ):
                searches = ast.unparse(function) not in ("re.match", "re.fullmatch")
                yield f"{path.name}:{call.lineno}", first.value, _flags_of(call), searches


def _calls_in_functions(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls in functions; those outside make what `patterns` finds."""
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from (node for node in ast.walk(function) if isinstance(node, ast.Call))


def _flags_of(call: ast.Call) -> int:
    """Return the flags that are given to a call of `re`."""
    flags = 0
    for node in ast.walk(ast.Module([ast.Expr(each) for each in _options(call)], [])):
        if isinstance(node, ast.Attribute) and isinstance(
            getattr(re, node.attr, None), re.RegexFlag
        ):
            flags |= getattr(re, node.attr)
    return flags


def _options(call: ast.Call) -> list[ast.expr]:
    return [*call.args[1:], *(keyword.value for keyword in call.keywords)]


def _inside(value: object, depth: int = 3) -> Iterator[re.Pattern[str] | re.Pattern[bytes]]:
    if isinstance(value, re.Pattern):
        yield value
    elif depth and isinstance(value, dict):
        for item in value.values():
            yield from _inside(item, depth - 1)
    elif depth and isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _inside(item, depth - 1)
    elif hasattr(value, "__self__"):  # A bound method, such as `re.compile(...).search`.
        yield from _inside(value.__self__, depth - 1)


def methods(name: str) -> tuple[str, ...]:
    """Return how its module uses a pattern: looked for anywhere, which tries it at each place, or at the beginning only."""
    module, _, own = name.rpartition(".")
    source = Path(str(importlib.import_module(module).__file__)).read_text("utf-8")
    searching = rf"\b{own}\b\S*\.(?:search|sub|subn|finditer|findall|split)\b"
    return ("search", "fullmatch") if re.search(searching, source) else ("match", "fullmatch")


def pump(pattern: re.Pattern[str] | re.Pattern[bytes], used: tuple[str, ...]) -> str:
    """Return the text on which a pattern took too long; empty if there was none."""
    for filler in FILLERS:
        for end in ENDS:
            text = (filler * LENGTH)[:LENGTH] + end
            subject = text.encode("utf-8") if isinstance(pattern.pattern, bytes) else text
            for method in used:
                started = time.process_time()
                getattr(pattern, method)(subject)
                if time.process_time() - started > BUDGET:
                    return f"{method} of {filler!r} * {LENGTH // len(filler)} + {end!r}"
    return ""


def _pump_all(results: multiprocessing.Queue[tuple[str, str]]) -> None:
    for name, pattern in patterns():
        results.put((name, "began"))
        results.put((name, pump(pattern, methods(name)) or "fine"))
    for name, text, flags, searches in written_in_functions():
        results.put((name, "began"))
        used = ("search", "fullmatch") if searches else ("match", "fullmatch")
        results.put((name, pump(re.compile(text, flags), used) or "fine"))
    results.put(("", "done"))


def test_patterns_in_functions_are_found_too() -> None:
    found = {text for _, text, _, _ in written_in_functions()}
    assert r"/{2,}" in found
    assert len(found) > 10


def test_no_pattern_takes_more_than_linear_time() -> None:
    context = multiprocessing.get_context("fork")
    results: multiprocessing.Queue[tuple[str, str]] = context.Queue()
    # In a process of its own, as an exponential pattern would not come back.
    process = context.Process(target=_pump_all, args=(results,), daemon=True)
    process.start()
    slow: list[str] = []
    count = 0
    name = "the first pattern"
    try:
        while True:
            name, told = results.get(timeout=60)
            if told == "done":
                break
            if told not in ("began", "fine"):
                slow.append(f"{name}: {told}")
            count += told == "began"
    except Exception as error:
        slow.append(f"{name} does not come back ({type(error).__name__})")
    finally:
        process.kill()
        process.join()
    assert not slow, "\n".join(slow)
    assert count > 50
