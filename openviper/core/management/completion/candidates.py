"""What may come next on a command line, read off the parsers."""

from __future__ import annotations

from argparse import Action, ArgumentParser
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple


class Candidate(NamedTuple):
    """A word that may come next.

    Attributes:
        word: What would be typed.
        help: What it means, on one line.
    """

    word: str
    help: str = ""


Source = Callable[[], Iterable[str]]
"""Finds the values of an argument, such as the aliases of the databases."""


def from_parser(
    parser: ArgumentParser, before: Sequence[str], current: str, sources: Mapping[str, Source]
) -> list[Candidate]:
    """Return what may come next after some arguments of a parser; nothing where a file name may.

    Args:
        parser: Knows the arguments.
        before: The words in front of the one being typed.
        current: What of it has been typed.
        sources: Values by the destination of an argument, for those that have no choices.
    """
    position = Position(parser)
    for word in before:
        position.read(word)
    if position.passed_on:
        return []
    option, equals, value = current.partition("=")
    if equals and option in position.options:  # `--option=value`, of which bash makes three words.
        found = matching(_values(position.options[option], sources), value)
        return [Candidate(f"{option}={choice.word}", choice.help) for choice in found]
    return _next(position, current, sources)


def _next(position: Position, current: str, sources: Mapping[str, Source]) -> list[Candidate]:
    awaited = position.awaited(current)
    if awaited is None:
        return matching(position.further_options(), current)
    return matching(_values(awaited, sources), current)


def matching(candidates: Iterable[Candidate], current: str) -> list[Candidate]:
    """Return the candidates that begin with what has been typed."""
    return [candidate for candidate in candidates if candidate.word.startswith(current)]


class Position:
    """Where on a command line one is: which option waits for its value, which positional argument is next."""

    def __init__(self, parser: ArgumentParser) -> None:
        # argparse has no public list of its arguments; this attribute has been there since its first release.
        actions: list[Action] = parser._actions
        self.options = {name: action for action in actions for name in action.option_strings}
        self.positionals = [action for action in actions if not action.option_strings]
        self.used: set[str] = set()
        self.pending: Action | None = None
        self.passed_on = False
        self._count = 0

    def read(self, word: str) -> bool:
        """Take in a word that has been typed, and return whether it is a positional argument."""
        if word in ("=", "--"):
            self.passed_on = self.passed_on or word == "--"
            return False
        name, equals, _ = word.partition("=")
        action = self._option(name)
        if action is None:
            return self._read_value(word)
        self.used.add(action.dest)
        takes_next = action.nargs != 0 and not equals
        self.pending = action if takes_next else None
        return False

    def _read_value(self, word: str) -> bool:
        if self.pending is not None:
            # An option with any number of values takes words up to the next option.
            self.pending = self.pending if self.pending.nargs in ("*", "+") else None
            return False
        is_positional = not word.startswith("-")
        self._count += is_positional
        return is_positional

    def _option(self, name: str) -> Action | None:
        """Return the option of a name, or of the one name that begins so, as argparse takes it."""
        if name in self.options or not name.startswith("--"):
            return self.options.get(name)
        meant = [option for option in self.options if option.startswith(name)]
        return self.options[meant[0]] if len(meant) == 1 else None

    def awaited(self, current: str) -> Action | None:
        """Return the argument whose value the word being typed is; `None` where it is an option."""
        if self.pending is not None or current.startswith("-"):
            return self.pending
        return self.positional()

    def positional(self) -> Action | None:
        """Return the positional argument that comes next, if there is one."""
        if self._count < len(self.positionals):
            return self.positionals[self._count]
        last = self.positionals[-1] if self.positionals else None
        return last if last is not None and last.nargs in ("*", "+") else None

    def further_options(self) -> list[Candidate]:
        """Return the options that have not been given yet, or may be given again."""
        return [
            Candidate(name, _one_line(action.help))
            for name, action in self.options.items()
            if action.dest not in self.used or _is_repeatable(action)
        ]


def _is_repeatable(action: Action) -> bool:
    name = type(action).__name__
    return "Append" in name or "Count" in name


def _values(action: Action, sources: Mapping[str, Source]) -> list[Candidate]:
    if action.choices is not None:
        meanings = getattr(
            action, "_choices_actions", ()
        )  # Only sub-commands have help of their own.
        helps = {choice.dest: _one_line(choice.help) for choice in meanings}
        return [Candidate(str(choice), helps.get(choice, "")) for choice in action.choices]
    source = sources.get(action.dest)
    return [Candidate(word) for word in source()] if source is not None else []


def _one_line(text: str | None) -> str:
    return " ".join((text or "").partition(" (default")[0].split())
