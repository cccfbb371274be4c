"""Which removed and added columns are one renamed column: decided by rule or by a person, never guessed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from openviper.db.schemas.types import base_type
from openviper.exceptions import MigrationError

if TYPE_CHECKING:
    from openviper.db.dialects.shapes import Column

Pair = tuple[str, str]
"""The old and the new name of a column."""
Ask = Callable[[str], bool]
"""Asks a person a yes-or-no question."""


class RenameOptions(NamedTuple):
    """What the caller says about renames.

    Attributes:
        explicit: Pairs of old and new column name by table.
        never: Take no other pair than the explicit ones.
        ask: Asks a person; `None` where nobody can answer.
    """

    explicit: Mapping[str, Sequence[Pair]] = {}
    never: bool = False
    ask: Ask | None = None


NO_OPTIONS = RenameOptions()


def parse_renames(texts: Iterable[str]) -> dict[str, list[Pair]]:
    """Return the pairs by table from texts of the form ``table.old=new``.

    Raises:
        MigrationError: If a text has another form.
    """
    pairs: dict[str, list[Pair]] = {}
    for text in texts:
        left, equals, new = text.partition("=")
        table, dot, old = left.rpartition(".")
        if not (equals and dot and table and old and new):
            raise MigrationError(f"--rename expects TABLE.OLD=NEW, not {text!r}")
        pairs.setdefault(table, []).append((old, new))
    return pairs


def candidates(removed: Collection[Column], added: Collection[Column]) -> list[Pair]:
    """Return every pair of columns that could be a rename: same base type, same foreign key target."""
    return [
        (old["name"], new["name"])
        for old in removed
        for new in added
        if base_type(old["type"]) == base_type(new["type"])
        and old.get("target_table") == new.get("target_table")
    ]


def match_renames(
    table: str,
    removed: Sequence[Column],
    added: Sequence[Column],
    options: RenameOptions = NO_OPTIONS,
) -> list[Pair]:
    """Return the renames of a table.

    A single possible pair is taken. With more, a person is asked; where nobody can be asked, nothing is guessed.

    Args:
        table: The table's name, for messages.
        removed: Columns of the file that the model does not have.
        added: Columns of the model that the file does not have.
        options: What the caller says.

    Raises:
        MigrationError: If more than one pair is possible and nobody decides, or an explicit pair does not exist
            or shares a column with another one.
    """
    chosen = list(options.explicit.get(table, ()))
    _check_explicit(table, removed, added, chosen)
    possible = [] if options.never else candidates(removed, added)
    pairs = _without(possible, chosen)
    return chosen + pairs if len(pairs) <= 1 else _decided(table, pairs, chosen, options.ask)


def _decided(table: str, pairs: Sequence[Pair], chosen: list[Pair], ask: Ask | None) -> list[Pair]:
    if ask is None:
        raise _undecided(table, pairs)
    return _asked(table, pairs, chosen, ask)


def _check_explicit(
    table: str, removed: Sequence[Column], added: Sequence[Column], chosen: Sequence[Pair]
) -> None:
    old_names = {column["name"] for column in removed}
    new_names = {column["name"] for column in added}
    for old, new in chosen:
        if old not in old_names or new not in new_names:
            raise MigrationError(f"--rename {table}.{old}={new}: no such removed and added column")
    for names in zip(*chosen, strict=True):
        if repeated := [name for name in names if names.count(name) > 1]:
            raise MigrationError(f"--rename names the column {table}.{repeated[0]} more than once")


def _undecided(table: str, pairs: Sequence[Pair]) -> MigrationError:
    listed = "\n".join(f"  {table}.{old} -> {table}.{new}" for old, new in pairs)
    return MigrationError(
        f"table {table!r}: these columns may have been renamed:\n{listed}\n"
        f"Say which with --rename {table}.OLD=NEW, or --no-rename if none was"
    )


def _asked(table: str, pairs: Sequence[Pair], chosen: list[Pair], ask: Ask) -> list[Pair]:
    """Ask about one pair after the other; what was chosen rules out the others of both columns."""
    while pairs:
        old, new = pairs[0]
        if ask(f"Was {table}.{old} renamed to {table}.{new}?"):
            chosen.append((old, new))
            pairs = _without(pairs, chosen)
        else:
            pairs = pairs[1:]
    return chosen


def _without(pairs: Sequence[Pair], chosen: Sequence[Pair]) -> list[Pair]:
    old_names, new_names = {old for old, _ in chosen}, {new for _, new in chosen}
    return [(old, new) for old, new in pairs if old not in old_names and new not in new_names]
