"""INSERTs after which the loser of a race for a row can go on with the winner's row, without a deadlock.

An INSERT that meets a row with the same unique value leaves a shared lock on it in MariaDB and MySQL. When several have lost
to one winner, each holds that lock and then asks for the exclusive one to read and change the row: all wait for all. With ON
DUPLICATE KEY UPDATE the lock is exclusive from the first (https://dev.mysql.com/doc/refman/8.0/en/innodb-locks-set.html), so the
losers have it one after the other; the value that it would assign is an error, so nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from openviper.db.dialects.base import Dialect
from openviper.db.fields.model_options import ModelOptions

_OUT_OF_RANGE = 1690
"""ER_DATA_OUT_OF_RANGE, which only the clause below asks for on purpose."""

_claimed: ContextVar[ModelOptions | None] = ContextVar("claimed", default=None)


@contextmanager
def claiming(meta: ModelOptions) -> Iterator[None]:
    """Have an INSERT into a model's table lock the row that is there already, in this block."""
    token = _claimed.set(meta)
    try:
        yield
    finally:
        _claimed.reset(token)


def is_claimed(meta: ModelOptions) -> bool:
    """Return whether an INSERT into the model's table happens in such a block."""
    return _claimed.get() is meta


def claim_clause(meta: ModelOptions, dialect: Dialect) -> str:
    """Return what an INSERT of one row ends with; nothing where the row that is there is locked for one loser at a time."""
    if dialect.name != "mysql":
        return ""
    key = dialect.quote(meta.pk.column_name)
    # Greater than any number, and not worked out before there is a row whose key it depends on.
    return f" ON DUPLICATE KEY UPDATE {key} = EXP(1000 + LENGTH({key}))"


def is_duplicate(error: BaseException) -> bool:
    """Return whether an error is that of the clause, and so means that the row is there already."""
    cause = error.__cause__
    return cause is not None and cause.args[:1] == (_OUT_OF_RANGE,)
