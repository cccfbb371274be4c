"""What people call their browser, from what it calls itself."""

from __future__ import annotations

from collections.abc import Sequence

# The first that fits: browsers name those whose pages they show too.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def device_name(user_agent: str) -> str:
    """Return a name such as ``Firefox, Windows``; for programs and the unknown what they call themselves.

    Args:
        user_agent: The header ``User-Agent``.
    """
    browser = _first(BROWSERS, user_agent.replace("Headless", ""))
    system = _first(SYSTEMS, user_agent)
    return ", ".join(filter(None, (browser, system))) or user_agent


def _first(names: Sequence[tuple[str, str]], text: str) -> str:
    return next((name for mark, name in names if mark in text), "")
