"""What may come next on a command line, read off its parser."""

from __future__ import annotations

from argparse import ArgumentParser

import pytest

from openviper.core.management.completion.candidates import (
    Candidate,
    Position,
    from_parser,
    matching,
)

ALIASES = ("default", "archive")


def parser() -> ArgumentParser:
    """Return a parser with an argument of every kind."""
    made = ArgumentParser(prog="x")
    made.add_argument("action", choices=("show", "list"), help="what to do")
    made.add_argument("names", nargs="*")
    made.add_argument("--verbose", "-v", action="store_true", help="say more (default: no)")
    made.add_argument("--database", help="the database\nto use (default: %(default)s)")
    made.add_argument("--format", choices=("json", "text"))
    made.add_argument("--also", action="append", choices=("a", "b"))
    made.add_argument("--only", nargs="+", choices=("x", "y"))
    made.add_argument("-q", action="count")
    return made


def words(typed: str) -> list[str]:
    """Return what is offered after some words, the last one unfinished."""
    *before, current = typed.split(" ")
    found = from_parser(
        parser(), before, current, {"database": lambda: ALIASES, "names": lambda: ("n1", "n2")}
    )
    return [candidate.word for candidate in found]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("", ["show", "list"]),
        ("s", ["show"]),
        ("x", []),
        ("show ", ["n1", "n2"]),
        ("show n1 n", ["n1", "n2"]),
        ("show --database ", ["default", "archive"]),
        ("show --database a", ["archive"]),
        ("--database default ", ["show", "list"]),
        ("--database=", ["--database=default", "--database=archive"]),
        ("--database=d", ["--database=default"]),
        ("--data ", ["default", "archive"]),
        ("--database = a", ["archive"]),
        ("--format ", ["json", "text"]),
        ("--format=j", ["--format=json"]),
        ("--fo j", ["json"]),
        ("--nothing=j", []),
        ("--verbose ", ["show", "list"]),
        ("-v s", ["show"]),
        ("--only ", ["x", "y"]),
        ("--only x ", ["x", "y"]),
        ("--only x --verbose ", ["show", "list"]),
        ("-- s", []),
        ("show -- n", []),
    ],
)
def test_values_come_from_choices_and_from_sources(typed: str, offered: list[str]) -> None:
    assert words(typed) == offered


@pytest.mark.parametrize(
    ("typed", "more", "fewer"),
    [
        ("--", {"--verbose", "--database", "--also", "--help"}, set[str]()),
        ("--verbose --", {"--database", "--also"}, {"--verbose"}),
        ("-v --", {"--database"}, {"--verbose"}),
        ("--also a --", {"--also"}, set[str]()),
        ("--database=default --", {"--format"}, {"--database"}),
        ("--v", {"--verbose"}, {"--database"}),
        ("-q -", {"-q", "-v", "-h"}, set[str]()),
    ],
)
def test_options_are_offered_unless_they_were_given(
    typed: str, more: set[str], fewer: set[str]
) -> None:
    offered = set(words(typed))
    assert more <= offered
    assert fewer.isdisjoint(offered)


def test_a_short_form_that_fits_two_options_is_neither() -> None:
    made = ArgumentParser(prog="x")
    made.add_argument("--name", choices=("a",))
    made.add_argument("--number", choices=("1",))
    position = Position(made)
    assert position.read("--n") is False
    before = position.awaited("")
    position.read("--na")
    after = position.awaited("")
    assert [each and each.dest for each in (before, after)] == [None, "name"]


def test_reading_tells_which_words_are_positional() -> None:
    position = Position(parser())
    told = [(word, position.read(word)) for word in ("-v", "show", "--database", "default", "n1")]
    assert [word for word, is_positional in told if is_positional] == ["show", "n1"]


def test_where_no_argument_is_left_options_are_offered() -> None:
    made = ArgumentParser(prog="x", add_help=False)
    made.add_argument("one", choices=("a",))
    made.add_argument("--flag", action="store_true")
    assert from_parser(made, ["a"], "", {}) == [Candidate("--flag", "")]
    assert from_parser(ArgumentParser(add_help=False), ["a", "b"], "", {}) == []


def test_where_a_file_name_may_come_nothing_is_offered() -> None:
    made = ArgumentParser(prog="x")
    made.add_argument("path")
    made.add_argument("--output")
    assert from_parser(made, [], "", {}) == []
    assert from_parser(made, ["--output"], "", {}) == []


def test_help_is_one_line_without_the_default() -> None:
    (candidate,) = from_parser(parser(), [], "--da", {})
    assert candidate == Candidate("--database", "the database to use")
    (candidate,) = from_parser(parser(), [], "--verb", {})
    assert candidate.help == "say more"


def test_sub_commands_are_offered_with_their_help() -> None:
    made = ArgumentParser(prog="x")
    commands = made.add_subparsers(dest="command")
    commands.add_parser("run", help="Serve it.")
    commands.add_parser("stop")
    assert from_parser(made, [], "", {}) == [Candidate("run", "Serve it."), Candidate("stop")]


def test_what_was_typed_is_the_beginning_of_what_is_offered() -> None:
    candidates = [Candidate("alpha"), Candidate("beta"), Candidate("alps")]
    assert matching(candidates, "al") == [Candidate("alpha"), Candidate("alps")]
    assert matching(candidates, "") == candidates
    assert matching([], "a") == []
