"""How a setting is declared: its default, what it means, and what it may hold, in one place."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
Check = Callable[[Any], "str | None"]
"""Takes a value of the declared type and returns what is wrong with it, as "must be ..."."""

_KEY = "openviper"


class Declaration(NamedTuple):
    """What `setting` and `mapping` know of a field.

    Attributes:
        meaning: The line of the reference.
        section: The heading that begins with this setting, or `None` for the heading before.
        env: Whether the environment may give it.
        choices: The values it may hold; empty for any.
        dotted: Whether it holds dotted paths, which `check` imports.
        check: A rule for the value, beyond its type and its choices.
    """

    meaning: str = ""
    section: str | None = None
    env: bool = True
    choices: tuple[str, ...] = ()
    dotted: bool = False
    check: Check | None = None


NOTHING_DECLARED = Declaration()
"""What holds for a field that a project declares without `setting`."""


def setting(
    default: T,
    meaning: str,
    *,
    section: str | None = None,
    env: bool = True,
    choices: tuple[str, ...] = (),
    dotted: bool = False,
    check: Check | None = None,
) -> T:
    """Declare a setting of the class body it stands in.

    Args:
        default: The value when neither the project nor the environment gives one.
        meaning: One line for `docs/reference/settings.md`.
        section: The heading that begins here in the reference.
        env: Whether the environment may give it.
        choices: The values it may hold; any when empty.
        dotted: Whether it names things to import, which `check` then tries.
        check: Called with a value of the right type; returns ``"must be ..."`` when it is wrong, else `None`.
    """
    declared = Declaration(meaning, section, env, choices, dotted, check)
    field: Any = dataclasses.field(default=default, metadata={_KEY: declared})
    return field  # type: ignore[no-any-return]  # A field for `dataclass`, its default for the checker.


def mapping(make: Callable[[], T], meaning: str, *, section: str | None = None) -> T:
    """Declare a setting that the environment cannot give; see `setting`.

    Args:
        make: Makes the default, a new one for each instance.
        meaning: One line for `docs/reference/settings.md`.
        section: The heading that begins here in the reference.
    """
    declared = Declaration(meaning, section, env=False)
    field: Any = dataclasses.field(default_factory=make, metadata={_KEY: declared})
    return field  # type: ignore[no-any-return]  # See `setting`.


def declaration(field: dataclasses.Field[Any]) -> Declaration:
    """Return what is known of a field."""
    found: Declaration = field.metadata.get(_KEY, NOTHING_DECLARED)
    return found
