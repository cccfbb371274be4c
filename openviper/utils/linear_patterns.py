"""Regular expressions that are decided in time that grows with the length of the text and no faster."""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import _constants as op  # type: ignore[attr-defined]  # the parser's own names, which typeshed leaves out
from re import _parser  # type: ignore[attr-defined]  # as above
from typing import Any, NamedTuple

FEW = 10
"""A repeat that may match so many times more or less counts like one without end."""
_SAMPLE = [chr(code) for code in range(256)] + ["\u0416", "\u4e2d", "\U0001f600"]
"""Characters that stand for all others when it is asked whether two classes overlap."""
_REPEATS = {op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT}
_REFUSED = {
    op.GROUPREF: "refers to a group",
    op.GROUPREF_EXISTS: "refers to a group",
    op.ASSERT: "looks ahead or behind",
    op.ASSERT_NOT: "looks ahead or behind",
}


def slowness(pattern: str) -> str | None:
    """Return why a search for a regular expression may take more than linear time, or `None`.

    An expression without a complaint repeats nothing that repeats or has alternatives itself, of two repeats in a row the second
    cannot take what the first has taken, and no repeat takes again what it has taken from another beginning.

    Raises:
        ValueError: If the text is not a regular expression; the message is Python's.
    """
    try:
        re.compile(pattern)
        tokens = _parser.parse(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from None
    complaint = _complaint(list(_pieces(tokens)))
    if complaint is None and _is_tried_again(tokens):
        return (
            "has a repeat that is tried again from many places; begin with ^, or with what the repeat cannot take, "
            "or ask for the parts with contains"
        )
    return complaint


class Piece(NamedTuple):
    """A part of a pattern that matches some text.

    Attributes:
        characters: Those of the sample that it may match.
        is_long: Whether it may match any number of characters.
        is_optional: Whether it may match nothing.
        complaint: Why it may take long by itself, or nothing.
    """

    characters: frozenset[str]
    is_long: bool
    is_optional: bool
    complaint: str = ""


def _pieces(tokens: Any) -> Iterator[Piece]:
    """Yield the parts of a pattern in a row."""
    for kind, value in tokens:
        if kind is op.SUBPATTERN:
            yield from _pieces(value[-1])
        elif kind is not op.AT:
            yield _piece(kind, value)


_NOWHERE = Piece(frozenset(), False, False)
"""A place in the text, such as ``$``: it takes nothing, and may not be there."""


class Place(NamedTuple):
    """Where a part of a pattern stands.

    Attributes:
        before: The characters of each part that has to stand before it.
        is_first: Whether nothing that takes text stands before it, so that ``^`` holds a match to the beginning.
        may_fail: Whether a match may fail behind it.
    """

    before: tuple[frozenset[str], ...]
    is_first: bool
    may_fail: bool


_WHOLE = Place((), True, False)


def _is_tried_again(tokens: Any, place: Place = _WHOLE) -> bool:
    """Return whether what one repeat takes is taken again from other beginnings of a match, which then all fail.

    That is so where everything that has to stand before a repeat may stand in what it takes, as in ``abc.*def``: each ``abc``
    in a text begins a match that goes through all the rest. In ``id=[0-9]+;`` each of these matches ends before the next begins.
    """
    flat = list(_flat(tokens))
    if place.is_first and _is_anchored(flat):
        return False
    pieces = [_piece_at(token) for token in flat]
    places = _places(pieces, place)
    return any(map(_again_in, flat, pieces, places))


def _places(pieces: list[Piece], place: Place) -> Iterator[Place]:
    """Yield where each of some parts stands, which stand in a row at a place."""
    before = place.before
    for number, piece in enumerate(pieces):
        is_first = place.is_first and all(each is _NOWHERE for each in pieces[:number])
        may_fail = place.may_fail or not all(each.is_optional for each in pieces[number + 1 :])
        yield Place(before, is_first, may_fail)
        if not piece.is_optional and piece is not _NOWHERE:
            before = (*before, piece.characters)


def _piece_at(token: tuple[Any, Any]) -> Piece:
    return _NOWHERE if token[0] is op.AT else _piece(*token)


def _again_in(token: tuple[Any, Any], piece: Piece, place: Place) -> bool:
    """Return whether the same is true of one part, or of what it is made of."""
    if not piece.is_long:
        return False
    kind, value = token
    if kind is op.BRANCH:
        return any(_is_tried_again(tokens, place) for tokens in value[1])
    if kind in _REPEATS and value[1] == 1:
        return _is_tried_again(value[2], place)
    return place.may_fail and all(piece.characters & demanded for demanded in place.before)


def _is_anchored(flat: list[tuple[Any, Any]]) -> bool:
    """Return whether the first of some parts holds a match to the beginning of the text."""
    return bool(flat) and flat[0][0] is op.AT and flat[0][1] in _BEGINNINGS


_BEGINNINGS = {op.AT_BEGINNING, op.AT_BEGINNING_STRING}


def _flat(tokens: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the elements of a pattern, those of its groups among them."""
    for kind, value in tokens:
        if kind is op.SUBPATTERN:
            yield from _flat(value[-1])
        else:
            yield kind, value


def _piece(kind: Any, value: Any) -> Piece:
    if kind in _REFUSED:
        return Piece(frozenset(), False, True, _REFUSED[kind])
    if kind is op.BRANCH:
        return _branch([list(_pieces(tokens)) for tokens in value[1]])
    if kind in _REPEATS:
        return _repeat(*value)
    return Piece(_characters(kind, value), False, False)


def _branch(branches: list[list[Piece]]) -> Piece:
    pieces = [piece for branch in branches for piece in branch]
    complaints = [text for branch in branches if (text := _complaint(branch)) is not None]
    is_optional = any(all(piece.is_optional for piece in branch) for branch in branches)
    is_long = any(piece.is_long for piece in pieces)
    return Piece(_all_characters(pieces), is_long, is_optional, *complaints[:1])


def _repeat(least: int, most: int, tokens: Any) -> Piece:
    pieces = list(_pieces(tokens))
    complaint = _complaint(pieces) or ""
    if most > 1 and _varies(tokens):
        complaint = "repeats a group that repeats or has alternatives itself"
    is_long = most - least >= FEW or any(piece.is_long for piece in pieces)
    return Piece(_all_characters(pieces), is_long, least == 0, complaint)


def _varies(tokens: Any) -> bool:
    """Return whether a part of a pattern can match in more than one way."""
    for kind, value in tokens:
        if kind is op.BRANCH or (kind in _REPEATS and value[0] != value[1]):
            return True
        inner = value[-1] if kind is op.SUBPATTERN or kind in _REPEATS else ()
        if _varies(inner):
            return True
    return False


def _all_characters(pieces: list[Piece]) -> frozenset[str]:
    return frozenset().union(*(piece.characters for piece in pieces))


def _characters(kind: Any, value: Any) -> frozenset[str]:
    """Return the characters of the sample that one element matches; case is ignored, as the lookup may do."""
    if kind is op.LITERAL:
        letter = chr(value)
        return frozenset({letter.lower(), letter.upper(), letter})
    if kind is op.ANY:
        return frozenset(_SAMPLE)
    one = _parser.SubPattern(_parser.State(), [(kind, value)])
    matcher = re._compiler.compile(one)  # type: ignore[attr-defined]  # typeshed leaves it out
    found = [letter for letter in _SAMPLE if matcher.fullmatch(letter)]
    return frozenset(letter for one in found for letter in (one, one.lower(), one.upper()))


def _complaint(pieces: list[Piece]) -> str | None:
    """Return why parts in a row may take long, or `None`."""
    own = next((piece.complaint for piece in pieces if piece.complaint), None)
    if own is not None:
        return own
    taken: frozenset[str] = frozenset()
    for piece in pieces:
        if piece.is_long and piece.characters & taken:
            return "has two repeats in a row that can match the same characters"
        taken = _taken_behind(piece, taken)
    return None


def _taken_behind(piece: Piece, taken: frozenset[str]) -> frozenset[str]:
    """Return what repeats before this place may have taken, and could give back to one behind it."""
    if piece.is_long:
        return taken | piece.characters
    # What stands between and is in neither makes each repeat end at one place.
    is_wall = not piece.is_optional and not piece.characters & taken
    return frozenset() if is_wall else taken
