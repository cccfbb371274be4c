"""Texts from data, made fit for a terminal."""

from __future__ import annotations


def printable(text: str, encoding: str | None = "utf-8") -> str:
    """Return a text in one line, without control characters, that a stream of this encoding takes.

    What cannot be shown is escaped as in Python: an ESC sequence from an error message cannot move the cursor, set the title
    or rewrite what was printed before, and a half surrogate or a letter that the stream lacks ends no command.

    Args:
        text: The text.
        encoding: The stream's; ASCII when it has none.
    """
    shown = text
    if not text.isprintable():
        shown = "".join(letter if letter.isprintable() else _escaped(letter) for letter in text)
    return shown.encode(encoding or "ascii", "backslashreplace").decode(encoding or "ascii")


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")
