"""The colours of the manual: text can be told from what it stands on (WCAG 2.2, 1.4.3), in light and in dark."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

STYLE = files("openviper.documentation").joinpath("theme", "style.css").read_text(encoding="utf-8")
PAIRS = [
    *((ink, ground) for ink in ("ink", "quiet", "accent") for ground in ("paper", "shade")),
    *((ink, "shade") for ink in ("string", "keyword", "number", "comment")),
    *((ink, "accent-shade") for ink in ("ink", "quiet", "accent")),
]


def colours(selector: str) -> dict[str, str]:
    """Return the variables that the first rule of a selector sets."""
    rule = STYLE[STYLE.index(f"{selector} {{") :].partition("}")[0]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", rule))


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour as WCAG defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("selector", [":root", ':root[data-colours="dark"]', ":root:root:root"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_text_can_be_told_from_its_ground(selector: str, ink: str, ground: str) -> None:
    found = colours(selector)
    darker, lighter = sorted((luminance(found[ink]), luminance(found[ground])))
    assert (lighter + 0.05) / (darker + 0.05) >= 4.5


def test_dark_is_the_same_whether_the_system_or_the_button_asks_for_it() -> None:
    assert colours(':root:not([data-colours="light"])') == colours(':root[data-colours="dark"]')
    assert colours(":root").keys() == colours(':root[data-colours="dark"]').keys()


def test_printed_pages_are_light_whatever_is_asked_for() -> None:
    before, printed = STYLE.split("@media print", 1)
    assert printed.lstrip(" {").startswith("\n  .top")
    assert colours(":root:root:root").keys() == colours(':root[data-colours="dark"]').keys()
    assert colours(":root:root:root")["accent-shade"] == "#ffffff"
    # What is as specific would have to come later; two of these parts are what dark has.
    assert ":root:root:root" not in before
