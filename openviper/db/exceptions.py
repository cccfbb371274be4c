"""Errors of connections, routing and database configuration.

::

    DatabaseError (OpenViperException)
    ├─ DatabaseConfigurationError · DatabaseBackendNotFoundError · DatabaseAliasNotFoundError
    ├─ DatabaseReadOnlyError · DatabaseOperationNotSupportedError
    ├─ DatabaseRoutingError
    │  └─ DatabaseTransactionRoutingError
    ├─ OperationalError
    ├─ PoolTimeoutError (TimeoutError)
    ├─ SingleModelError
    │  ├─ SingleModelDoesNotExist (DoesNotExist) · SingleModelAlreadyExistsError
    │  └─ SingleModelDeleteForbiddenError · SingleModelDuplicateForbiddenError
    └─ VirtualModelError
       ├─ VirtualBackendNotFoundError · VirtualBackendOperationError
       └─ ReadOnlyVirtualModelError · UnsupportedVirtualQueryError
"""

from __future__ import annotations

from collections.abc import Iterable

from openviper.exceptions import DoesNotExist, OpenViperException

OUT_OF_RANGE = "a computed value is out of range"
"""What every database says, before its own words, of a result that its type does not hold."""


class DatabaseError(OpenViperException):
    """The root of the errors of connections and databases."""


class DatabaseConfigurationError(DatabaseError, ValueError):
    """`DATABASES` or a database URL has a value that cannot work."""


class DatabaseBackendNotFoundError(DatabaseError):
    """No backend serves the scheme or name asked for."""


class DatabaseAliasNotFoundError(DatabaseError):
    """No database is configured under this alias.

    Attributes:
        alias: The alias asked for.
        known: The configured aliases.
    """

    def __init__(self, alias: str, known: Iterable[str] = ()) -> None:
        self.alias = alias
        self.known = sorted(known)
        super().__init__(
            f"unknown database alias {alias!r}; configured: {', '.join(self.known) or 'none'}"
        )


class DatabaseReadOnlyError(DatabaseError):
    """A write was asked of a read-only database, model or transaction."""


class DatabaseOperationNotSupportedError(DatabaseError):
    """The database cannot do this."""


class DatabaseRoutingError(DatabaseError):
    """A router gave an answer that is not an alias."""


class DatabaseTransactionRoutingError(DatabaseRoutingError):
    """A query inside a transaction asked for another database, or needs a transaction and has none."""


class OperationalError(DatabaseError):
    """The database could not do the work now: busy, disconnected, out of space.

    Attributes:
        retryable: Whether the same work may succeed when tried again as a whole.
        unreachable: Whether there was no connection at all, so that nothing was sent.
        undone: Whether the database ended this transaction in favour of another, so that nothing of it is stored.
    """

    def __init__(
        self,
        message: str,
        *,
        retryable: bool = False,
        unreachable: bool = False,
        undone: bool = False,
    ) -> None:
        self.retryable = retryable
        self.unreachable = unreachable
        self.undone = undone
        super().__init__(message)


class PoolTimeoutError(DatabaseError, TimeoutError):
    """No connection became free in time."""

    def __init__(self, alias: str, timeout: float) -> None:
        self.alias = alias
        self.timeout = timeout
        super().__init__(f"no connection to database {alias!r} became free within {timeout:g} s")


class SingleModelError(DatabaseError):
    """The root of the errors of models that have one row."""


class SingleModelDoesNotExist(SingleModelError, DoesNotExist):  # noqa: N818 - the public name
    """The one row does not exist yet."""


class SingleModelAlreadyExistsError(SingleModelError):
    """The one row exists, so it cannot be created."""


class SingleModelDeleteForbiddenError(SingleModelError):
    """The one row of a model is not deleted."""


class SingleModelDuplicateForbiddenError(SingleModelError):
    """Several rows were given for a model that has one."""


class VirtualModelError(DatabaseError):
    """The root of the errors of models whose data are not in a database."""


class VirtualBackendNotFoundError(VirtualModelError):
    """No backend of the name that ``Meta.backend`` gives is registered."""


class ReadOnlyVirtualModelError(VirtualModelError, DatabaseReadOnlyError):
    """A write was asked of a virtual model that is only read."""


class UnsupportedVirtualQueryError(VirtualModelError):
    """The backend of a virtual model cannot do this."""


class VirtualBackendOperationError(VirtualModelError):
    """A backend could not do what it was asked."""
