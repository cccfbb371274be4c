"""A rename is taken when there is one possibility, asked for or refused otherwise, never guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from openviper.db.schemas import match_renames
from openviper.db.schemas.renames import RenameOptions, parse_renames
from openviper.exceptions import MigrationError
from tests.unit.db.schemas.builders import column

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column


def columns(*entries: dict[str, Any]) -> list[Column]:
    return cast("list[Column]", list(entries))


def test_the_only_pair_of_one_type_is_a_rename() -> None:
    removed, added = columns(column("a", "VARCHAR(10)")), columns(column("b", "VARCHAR(20)"))
    assert match_renames("t", removed, added) == [("a", "b")]


def test_columns_of_different_types_are_no_rename() -> None:
    assert match_renames("t", columns(column("a")), columns(column("b", "TEXT"))) == []


def test_foreign_keys_to_different_tables_are_no_rename() -> None:
    removed, added = (
        columns(column("a_id", target_table="x")),
        columns(column("b_id", target_table="y")),
    )
    assert match_renames("t", removed, added) == []


def test_more_than_one_possibility_is_refused_with_the_pairs_and_the_options() -> None:
    removed, added = columns(column("a"), column("b")), columns(column("c"), column("d"))
    with pytest.raises(MigrationError) as caught:
        match_renames("t", removed, added)
    for text in ("t.a -> t.c", "t.b -> t.d", "--rename t.OLD=NEW", "--no-rename"):
        assert text in str(caught.value)


def test_explicit_pairs_decide() -> None:
    removed, added = columns(column("a"), column("b")), columns(column("c"), column("d"))
    options = RenameOptions(parse_renames(["t.a=d", "t.b=c"]))
    assert match_renames("t", removed, added, options) == [("a", "d"), ("b", "c")]


def test_no_rename_takes_none() -> None:
    assert (
        match_renames("t", columns(column("a")), columns(column("b")), RenameOptions(never=True))
        == []
    )


def test_a_person_is_asked_until_nothing_is_left() -> None:
    asked: list[str] = []

    def ask(question: str) -> bool:
        asked.append(question)
        return "t.a renamed to t.d" in question

    removed, added = columns(column("a"), column("b")), columns(column("c"), column("d"))
    assert match_renames("t", removed, added, RenameOptions(ask=ask)) == [("a", "d")]
    assert len(asked) == 3


def test_an_explicit_pair_that_does_not_exist_is_refused() -> None:
    with pytest.raises(MigrationError, match="no such removed and added column"):
        match_renames(
            "t", columns(column("a")), columns(column("b")), RenameOptions({"t": [("x", "b")]})
        )


@pytest.mark.parametrize(
    ("texts", "named"),
    [(["t.a=c", "t.b=c"], r"t\.c"), (["t.a=c", "t.a=d"], r"t\.a"), (["t.a=c", "t.a=c"], r"t\.a")],
)
def test_a_column_is_renamed_only_once(texts: list[str], named: str) -> None:
    removed, added = columns(column("a"), column("b")), columns(column("c"), column("d"))
    with pytest.raises(MigrationError, match=f"the column {named} more than once"):
        match_renames("t", removed, added, RenameOptions(parse_renames(texts)))


def test_an_explicit_pair_may_cross_types_and_leaves_the_only_other_pair_to_the_rule() -> None:
    removed, added = columns(column("a"), column("b")), columns(column("c", "TEXT"), column("d"))
    options = RenameOptions({"t": [("a", "c")]})
    assert match_renames("t", removed, added, options) == [("a", "c"), ("b", "d")]
    never = options._replace(never=True)
    assert match_renames("t", removed, added, never) == [("a", "c")]


def test_the_pairs_of_another_table_are_not_this_tables() -> None:
    removed, added = columns(column("a")), columns(column("b", "TEXT"))
    assert match_renames("t", removed, added, RenameOptions({"u": [("a", "b")]})) == []


def test_a_person_who_says_no_to_everything_renames_nothing() -> None:
    removed, added = columns(column("a"), column("b")), columns(column("c"), column("d"))
    asked: list[str] = []

    def ask(question: str) -> bool:
        asked.append(question)
        return False

    options = RenameOptions(ask=ask)
    assert match_renames("t", removed, added, options) == []
    assert len(asked) == 4


def test_a_person_is_not_asked_about_the_only_pair() -> None:
    def ask(question: str) -> bool:
        raise AssertionError(question)

    assert match_renames(
        "t", columns(column("a")), columns(column("b")), RenameOptions(ask=ask)
    ) == [("a", "b")]


def test_the_table_of_a_rename_may_have_a_dot_and_pairs_keep_their_order() -> None:
    assert parse_renames(["s.t.a=b", "u.c=d", "s.t.e=f=g"]) == {
        "s.t": [("a", "b"), ("e", "f=g")],
        "u": [("c", "d")],
    }
    assert parse_renames([]) == {}


@pytest.mark.parametrize("text", ["a=b", "t.a", "t.=b", ".a=b", "t.a="])
def test_a_malformed_option_is_refused(text: str) -> None:
    with pytest.raises(MigrationError, match="TABLE.OLD=NEW"):
        parse_renames([text])
