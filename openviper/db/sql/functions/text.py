"""Functions of texts. Positions count characters, from 1 on."""

from __future__ import annotations

from openviper.db.dialects.base import Dialect
from openviper.db.dialects.folding import MYSQL_COLLATION
from openviper.db.sql.expressions import Argument, Func
from openviper.db.sql.types import INTEGER, TEXT, Family

_TEXT = (Family.TEXT,)


class Lower(Func):
    """The text in lower case, character by character as Unicode maps them."""

    accepts = _TEXT
    gives = TEXT

    def sql(self, dialect: Dialect, *arguments: str) -> str:
        """Return the call; SQLite's own knows ASCII only."""
        name = "openviper_lower" if dialect.name == "sqlite" else "LOWER"
        return f"{name}({arguments[0]})"


class Upper(Func):
    """The text in upper case, character by character as Unicode maps them."""

    accepts = _TEXT
    gives = TEXT

    def sql(self, dialect: Dialect, *arguments: str) -> str:
        """Return the call; SQLite's own knows ASCII only."""
        name = "openviper_upper" if dialect.name == "sqlite" else "UPPER"
        return f"{name}({arguments[0]})"


class Length(Func):
    """The number of characters."""

    accepts = _TEXT
    gives = INTEGER

    def sql(self, dialect: Dialect, *arguments: str) -> str:
        """Return the call."""
        name = "LENGTH" if dialect.name == "sqlite" else "CHAR_LENGTH"
        return f"{name}({arguments[0]})"


class Trim(Func):
    """The text without spaces at both ends."""

    accepts = _TEXT
    gives = TEXT
    template = "TRIM({0})"


class Concat(Func):
    """Texts one after the other; NULL counts as an empty one.

    Args:
        *arguments: Names of fields and expressions; a fixed text is a `Value`.
    """

    accepts = (Family.TEXT, Family.TEXT)
    is_variadic = True
    gives = TEXT

    def sql(self, dialect: Dialect, *arguments: str) -> str:
        """Return the call."""
        texts = [f"COALESCE({argument}, '')" for argument in arguments]
        return (
            f"CONCAT({', '.join(texts)})" if dialect.name == "mysql" else f"({' || '.join(texts)})"
        )


class Substr(Func):
    """A part of a text.

    Args:
        text: The text.
        start: The place of the first character, from 1 on; a computed one that is less counts as 1.
        length: The number of characters; all that follow when not given. A computed one that is negative counts as 0.

    Raises:
        ValueError: If `start` is less than 1 or `length` is negative.
    """

    accepts = (Family.TEXT, Family.INTEGER)
    is_variadic = True
    gives = TEXT

    def __init__(self, text: Argument, start: Argument, length: Argument | None = None) -> None:
        if isinstance(start, int) and start < 1:
            raise ValueError(f"Substr(): start={start!r} is less than 1")
        if isinstance(length, int) and length < 0:
            raise ValueError(f"Substr(): length={length!r} is negative")
        super().__init__(text, start, *(() if length is None else (length,)))
        # An option, as it decides about the text: a `Value` has been looked at no more than a column.
        self.are_checked = (isinstance(start, int), isinstance(length, int))

    def sql(self, dialect: Dialect, *arguments: str) -> str:
        """Return the call; the databases differ in what comes before the first place."""
        text, *places = arguments
        least = zip(places, self.are_checked, (1, 0), strict=False)
        places = [
            place if is_checked else f"CASE WHEN {place} < {low} THEN {low} ELSE {place} END"
            for place, is_checked, low in least
        ]
        if dialect.name == "postgresql":
            places = [f"CAST({place} AS INTEGER)" for place in places]
        return f"SUBSTR({', '.join([text, *places])})"


class Replace(Func):
    """The text with every occurrence of another one replaced.

    Args:
        text: The text.
        old: What is replaced.
        new: What comes in its place.
    """

    accepts = (Family.TEXT, Family.TEXT, Family.TEXT)
    gives = TEXT

    def __init__(self, text: Argument, old: Argument, new: Argument) -> None:
        super().__init__(text, old, new)

    def sql(self, dialect: Dialect, *arguments: str) -> str:
        """Return the call; what is replaced is never empty on any database."""
        text, old, new = arguments
        if dialect.name == "mysql":
            # By the bytes, as LIKE and comparisons do here, and not by a collation.
            text = f"CAST({text} AS CHAR) COLLATE {MYSQL_COLLATION}"
            # It looks at the new text only where there is something to replace.
            return f"CASE WHEN {new} IS NOT NULL THEN REPLACE({text}, {old}, {new}) END"
        return f"REPLACE({text}, {old}, {new})"


class StrIndex(Func):
    """The place of the first occurrence of a text in another, 0 if there is none.

    Args:
        text: Where to look.
        part: What to look for.
    """

    accepts = (Family.TEXT, Family.TEXT)
    gives = INTEGER

    def __init__(self, text: Argument, part: Argument) -> None:
        super().__init__(text, part)

    def sql(self, dialect: Dialect, *arguments: str) -> str:
        """Return the call."""
        text, part = arguments
        if dialect.name == "mysql":
            return f"LOCATE({part}, CAST({text} AS CHAR) COLLATE {MYSQL_COLLATION})"
        return f"{'INSTR' if dialect.name == 'sqlite' else 'STRPOS'}({text}, {part})"
