"""Requirements as packages write them in their metadata: names, versions and markers (PEP 508, PEP 440).

Only what is needed to follow the requirements of installed packages: versions are compared by their release numbers.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Callable, Mapping
from typing import NamedTuple

from openviper.vendoring.exceptions import VendorError

MAX_REQUIREMENT = 2000
"""Longest requirement that is read, in characters; the longest seen in the wild is about 300."""
_REQUIREMENT = re.compile(
    r"\s*(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*"
    r"(?:\[(?P<extras>[^\]]*)\])?\s*"
    r"(?P<rest>[^;]*)(?:;(?P<marker>.*))?\Z",
    re.DOTALL,
)
_TOKEN = re.compile(
    r"\s*(?:(?P<bracket>[()])|(?P<operator>===|[<>~=!]=|[<>]|\bnot\s+in\b|\bin\b)"
    r"|'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<word>[A-Za-z_][A-Za-z0-9_.]*))"
)
_CLAUSE = re.compile(r"\s*(===|~=|[<>=!]=|[<>])\s*([\w.*+!-]+)\s*\Z")
_RELEASE = re.compile(r"\s*v?(?:\d+!)?(\d+(?:\.\d+)*)")

SUPPORTED_MINORS = range(11, 16)
"""The Python 3 versions for which markers are evaluated, so that one tree serves them all."""

Environment = Mapping[str, str]
"""The variables of markers."""
Marker = Callable[[Environment], bool]


class Requirement(NamedTuple):
    """One requirement of a package.

    Attributes:
        name: The normalised name of what is required.
        extras: The extras of it that are wanted too.
        specifiers: Pairs of an operator and a version.
        marker: Says in which environments it is required.
        text: The requirement as it was written.
    """

    name: str
    extras: tuple[str, ...]
    specifiers: tuple[tuple[str, str], ...]
    marker: Marker
    text: str

    def is_fulfilled_by(self, version: str) -> bool:
        """Return whether a version is one of those asked for."""
        return all(
            _compare_versions(version, operator, wanted) for operator, wanted in self.specifiers
        )


def normalise_name(name: str) -> str:
    """Return a package's name as names are compared: in small letters, with ``-`` between its parts (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def parse_requirement(text: str) -> Requirement:
    """Read a requirement.

    Raises:
        VendorError: If it cannot be understood.
    """
    match = _REQUIREMENT.match(text) if len(text) <= MAX_REQUIREMENT else None
    if match is None:
        raise VendorError(f"cannot read the requirement {text[:MAX_REQUIREMENT]!r}")
    rest = match["rest"].strip()
    is_address = rest.startswith("@")
    clauses = "" if is_address else rest.removeprefix("(").removesuffix(")")
    return Requirement(
        normalise_name(match["name"]),
        tuple(
            normalise_name(extra.strip())
            for extra in (match["extras"] or "").split(",")
            if extra.strip()
        ),
        tuple(_clause(clause, text) for clause in clauses.split(",") if clause.strip()),
        _MarkerParser(match["marker"], text).parse() if match["marker"] else _always,
        text.strip(),
    )


def _always(_environment: Environment) -> bool:
    return True


def _clause(clause: str, text: str) -> tuple[str, str]:
    match = _CLAUSE.match(clause)
    if match is None:
        raise VendorError(f"cannot read the version {clause.strip()!r} of the requirement {text!r}")
    return match[1], match[2]


def environments() -> list[dict[str, str]]:
    """Return the variables of markers for this machine, on this Python first and then on every other supported one.

    Each version stands there with its first and its last patch release, between which a marker may distinguish.
    """
    here = {
        "implementation_name": sys.implementation.name,
        "implementation_version": platform.python_version(),
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "python_full_version": platform.python_version(),
        "python_version": "{}.{}".format(*sys.version_info[:2]),
        "sys_platform": sys.platform,
        "extra": "",
    }
    others = [
        {**here, "python_version": f"3.{minor}", "python_full_version": f"3.{minor}.{patch}"}
        for minor in SUPPORTED_MINORS
        for patch in (0, 99)
    ]
    return [here, *others]


class _MarkerParser:
    """Reads a marker by recursive descent; brackets may be nested `MAX_DEPTH` deep."""

    MAX_DEPTH = 50

    def __init__(self, marker: str, text: str) -> None:
        self._text = text
        self._tokens = self._split(marker)
        self._place = 0
        self._depth = 0

    def parse(self) -> Marker:
        """Return the marker as a function of the environment."""
        marker = self._either()
        if self._place != len(self._tokens):
            raise self._error()
        return marker

    def _split(self, marker: str) -> list[tuple[str, str]]:
        tokens = []
        place, end = 0, len(marker.rstrip())
        while place < end:
            match = _TOKEN.match(marker, place)
            if match is None or match.lastgroup is None:
                raise self._error()
            tokens.append((match.lastgroup, match[match.lastgroup]))
            place = match.end()
        return tokens

    def _error(self) -> VendorError:
        return VendorError(f"cannot read the marker of the requirement {self._text!r}")

    def _next(self) -> tuple[str, str]:
        if self._place >= len(self._tokens):
            raise self._error()
        self._place += 1
        return self._tokens[self._place - 1]

    def _skip(self, kind: str, value: str) -> bool:
        is_there = self._tokens[self._place : self._place + 1] == [(kind, value)]
        self._place += is_there
        return is_there

    def _either(self) -> Marker:
        options = [self._all()]
        while self._skip("word", "or"):
            options.append(self._all())
        return lambda environment: any(option(environment) for option in options)

    def _all(self) -> Marker:
        parts = [self._comparison()]
        while self._skip("word", "and"):
            parts.append(self._comparison())
        return lambda environment: all(part(environment) for part in parts)

    def _comparison(self) -> Marker:
        if self._skip("bracket", "("):
            return self._bracket()
        left = self._operand()
        kind, operator = self._next()
        if kind != "operator":
            raise self._error()
        right = self._operand()
        name = " ".join(operator.split())
        return lambda environment: _compare(left(environment), name, right(environment))

    def _bracket(self) -> Marker:
        self._depth += 1
        if self._depth > self.MAX_DEPTH:
            raise self._error()
        inner = self._either()
        if not self._skip("bracket", ")"):
            raise self._error()
        self._depth -= 1
        return inner

    def _operand(self) -> Callable[[Environment], str]:
        kind, value = self._next()
        if kind in ("single", "double"):
            return lambda _environment: value
        if kind != "word" or value in ("and", "or"):
            raise self._error()
        return lambda environment: environment.get(value, "")


def _compare(left: str, operator: str, right: str) -> bool:
    """Compare as versions where both sides are some, else as text."""
    if operator in ("in", "not in"):
        return (left in right) is (operator == "in")
    if _RELEASE.match(left) and _RELEASE.match(right):
        return _compare_versions(left, operator, right)
    texts: dict[str, bool] = {"==": left == right, "===": left == right, "!=": left != right}
    return texts.get(operator, False)


def _compare_versions(version: str, operator: str, wanted: str) -> bool:
    if operator == "===":
        return version == wanted
    if wanted.endswith(".*"):
        return _starts_with(version, wanted[:-2]) is (operator == "==")
    if operator == "~=":
        base = wanted.rpartition(".")[0]
        return _order(version, wanted) >= 0 and _starts_with(version, base)
    order = _order(version, wanted)
    outcomes = {
        "==": order == 0,
        "!=": order != 0,
        "<": order < 0,
        "<=": order <= 0,
        ">": order > 0,
        ">=": order >= 0,
    }
    return outcomes[operator]


def _release(version: str) -> tuple[int, ...]:
    match = _RELEASE.match(version)
    # Bounded: Python refuses to read numbers of thousands of digits.
    return tuple(int(part[:9]) for part in match[1].split(".")) if match else ()


def _order(left: str, right: str) -> int:
    first, second = _release(left), _release(right)
    length = max(len(first), len(second))
    padded_first = first + (0,) * (length - len(first))
    padded_second = second + (0,) * (length - len(second))
    return (padded_first > padded_second) - (padded_first < padded_second)


def _starts_with(version: str, prefix: str) -> bool:
    parts, wanted = _release(version), _release(prefix)
    padded = parts + (0,) * (len(wanted) - len(parts))
    return padded[: len(wanted)] == wanted
