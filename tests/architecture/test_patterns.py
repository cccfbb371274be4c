"""Every compiled pattern of the package is pumped: none takes more than linear time on text that nobody has chosen well."""

from __future__ import annotations

import ast
import functools
import importlib
import multiprocessing
import pkgutil
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from fnmatch import translate
from pathlib import Path
from types import BuiltinMethodType, FunctionType
from typing import Any, TypeAlias

import pytest

import openviper
from openviper.utils.importing import _LazyPattern, lazy_pattern
from openviper.vendoring import turns

AnyPattern: TypeAlias = "re.Pattern[str] | re.Pattern[bytes]"

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


def patterns() -> Iterator[tuple[str, AnyPattern]]:
    """Yield every compiled pattern that a module of the package leads to: in containers, classes, instances and closures too."""
    seen: set[int] = set()
    for module in pkgutil.walk_packages(openviper.__path__, "openviper."):
        if module.name.endswith("__main__"):
            continue
        for name, value in list(vars(importlib.import_module(module.name)).items()):
            for own, pattern in _inside(value, name, seen):
                yield f"{module.name}.{own}", pattern


MADE: Mapping[str, str] = {
    "backup/tool_errors.py": r"(?:\S*/)?pg_dump(?:\.bin)?:",
    "core/email/html_tokens.py": r"</script(?=[\s/>])",
    "core/email/markdown_mail.py": r"[\[\]]",
    "http/hosts.py": r"https://[a-z0-9.-]{1,253}\.example\.org",
    "staticfiles/collection_output.py": r"\.static\.[0-9a-f]{8}\.partial",
    "staticfiles/ignored_names.py": "|".join(map(translate, ("*~", "*.swp", "a*b*c"))),
    "utils/qr_code.py": "1+",
    "vendoring/turns.py": re.escape(".vendor") + turns._ENDINGS,
    # These compile what they are given, which is looked at before: see the tests of `linear_patterns` and of the constraints.
    "db/connections/drivers/sqlite_open.py": "",
    "utils/importing.py": "",
    "utils/linear_patterns.py": "",
    "validation/constraints.py": "",
}
"""Patterns that functions put together, by their file: one as it is made there."""


def written_in_functions() -> Iterator[tuple[str, str | bytes, int, bool]]:
    """Yield every pattern that is used where `re` is called inside a function: place, text, flags, whether it searches."""
    root = Path(openviper.__path__[0])
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        for call in _calls_in_functions(ast.parse(path.read_text("utf-8"))):
            if ast.unparse(call.func) not in FUNCTIONS_OF_RE or not call.args:
                continue
            searches = ast.unparse(call.func) not in ("re.match", "re.fullmatch")
            text = _text_of(call.args[0], name)
            assert text is not None, f"MADE lacks the pattern of {name}, line {call.lineno}"
            yield f"{name}:{call.lineno}", text, _flags_of(call), searches


FUNCTIONS_OF_RE = {
    f"re.{name}"
    for name in (
        "compile",
        "search",
        "match",
        "fullmatch",
        "split",
        "findall",
        "finditer",
        "sub",
        "subn",
    )
}


def _text_of(pattern: ast.expr, name: str) -> str | bytes | None:
    """Return a pattern that is written where it is used, in a constant of its module, or in `MADE`."""
    if isinstance(pattern, ast.Constant) and isinstance(pattern.value, (str, bytes)):
        return pattern.value
    if isinstance(pattern, ast.Name):
        module = importlib.import_module(f"openviper.{name.removesuffix('.py').replace('/', '.')}")
        constant = getattr(module, pattern.id, None)
        if isinstance(constant, (str, bytes)):
            return constant
    return MADE.get(name)


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


def _inside(value: Any, name: str, seen: set[int]) -> Iterator[tuple[str, AnyPattern]]:
    """Yield the patterns that a value leads to, each with the last name on the way."""
    if id(value) in seen:
        return
    seen.add(id(value))
    _kept.append(value)  # Or another object may have its id.
    if isinstance(value, re.Pattern):
        yield name, value
    elif isinstance(value, _LazyPattern):
        yield name, re.compile(value._pattern, value._flags)
    else:
        for own, inner in _members(value, name):
            yield from _inside(inner, own, seen)


_kept: list[Any] = []


def _members(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield from ((name, item) for item in list(value.values()))
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield from ((name, item) for item in value)
    elif isinstance(value, BuiltinMethodType):  # Such as `re.compile(...).search`.
        yield name, value.__self__
    elif isinstance(value, functools.partial):
        yield from ((name, item) for item in (value.func, *value.args, *value.keywords.values()))
    elif isinstance(value, FunctionType) and _is_ours(value):
        yield from ((name, item) for item in _held(value))
    elif isinstance(value, type) and _is_ours(value):
        yield from list(vars(value).items())
    elif _is_ours(type(value)):
        yield from _attributes(value)


def _is_ours(value: Any) -> bool:
    return str(getattr(value, "__module__", "")).startswith("openviper.")


def _held(function: FunctionType) -> Iterator[Any]:
    """Yield what a function has for its parameters, and from the functions that it was made in."""
    yield from (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # It is empty.
            yield cell.cell_contents
    yield vars(function).get("__wrapped__")


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of an instance without asking it, which might answer with anything."""
    with suppress(AttributeError):
        yield from list(object.__getattribute__(value, "__dict__").items())
    for slot in getattr(type(value), "__slots__", ()):
        with suppress(AttributeError):
            yield slot, object.__getattribute__(value, slot)


def methods(name: str) -> tuple[str, ...]:
    """Return how its module uses a pattern: looked for anywhere, which tries it at each place, or at the beginning only."""
    module, _, own = name.rpartition(".")
    source = Path(str(importlib.import_module(module).__file__)).read_text("utf-8")
    searching = rf"\b{re.escape(own)}\b\S*\.(?:search|sub|subn|finditer|findall|split)\b"
    return ("search", "fullmatch") if re.search(searching, source) else ("match", "fullmatch")


def pump(pattern: AnyPattern, used: tuple[str, ...]) -> str:
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


class Holder:
    """Has patterns where they are easily missed."""

    of_the_class = re.compile("class")
    method = staticmethod(lambda text, default=re.compile("default"): default.match(text))

    def __init__(self) -> None:
        self.own = {"deep": [(re.compile("instance"),)]}


Holder.__module__ = "openviper.holder"


def closed_over() -> Callable[[str], object]:
    """Return a function that has a pattern from here."""
    pattern = re.compile("closure")

    def use(text: str) -> object:
        return pattern.match(text)

    use.__module__ = "openviper.holder"
    return use


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (re.compile("a"), {"a"}),
        (lazy_pattern("lazy", re.ASCII), {"lazy"}),
        (re.compile("bound").search, {"bound"}),
        ({"x": [{"y": (re.compile("deep"),)}]}, {"deep"}),
        (functools.partial(re.compile("partial").match, "x"), {"partial"}),
        (Holder, {"class"}),
        (Holder(), {"instance"}),
        (closed_over(), {"closure"}),
        (functools.wraps(closed_over())(closed_over()), {"closure"}),
    ],
)
def test_patterns_are_found_wherever_they_are_kept(value: object, found: set[str]) -> None:
    assert {pattern.pattern for _, pattern in _inside(value, "x", set())} == found


def test_functions_of_re_are_called_by_its_name() -> None:
    for path in sorted(Path(openviper.__path__[0]).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module == "re":
                taken = {f"re.{alias.name}" for alias in node.names}
                assert not taken & FUNCTIONS_OF_RE, (
                    f"{path}: patterns made by it would not be pumped"
                )
            if isinstance(node, ast.Import):
                assert all(alias.name != "re" or not alias.asname for alias in node.names), path


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
    assert count > 300
