"""Marking texts for translators where no language is known yet."""

from __future__ import annotations


def gettext_noop(text: str) -> str:
    """Return a text as it is, which `makemessages` collects; `gettext` translates it where it is shown."""
    return text
