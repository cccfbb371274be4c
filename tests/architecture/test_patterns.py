"""Every compiled pattern of the package is pumped: none takes more than linear time on text that nobody has chosen well."""

from __future__ import annotations

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


def pump(name: str, pattern: re.Pattern[str] | re.Pattern[bytes]) -> str:
    """Return the text on which a pattern took too long; empty if there was none."""
    used = methods(name)
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
        results.put((name, pump(name, pattern) or "fine"))
    results.put(("", "done"))


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
