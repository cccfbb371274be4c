"""Which database an operation goes to, when there are several: routers, and what they remember of the task at hand.

In order: `using()` on the query, the transaction that is open, ``Meta.backend`` of the model, the routers, ``default``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from contextvars import ContextVar, Token
from itertools import count
from typing import Any

from openviper.db.connections.databases import connections
from openviper.db.exceptions import (
    DatabaseAliasNotFoundError,
    DatabaseConfigurationError,
    DatabaseRoutingError,
)
from openviper.utils.importing import import_string

logger = logging.getLogger("openviper.db")

current_db_alias: ContextVar[str | None] = ContextVar("current_db_alias", default=None)
"""The alias that everything in this context goes to, if one was set."""
read_from_primary: ContextVar[bool] = ContextVar("read_from_primary", default=False)
"""Whether reads of this context go to the primary even without a write before them."""
write_used: ContextVar[bool] = ContextVar("write_used", default=False)
"""Whether a write of this context has succeeded."""

DOWN_SECONDS = 30.0
"""How long a replica that refused a connection is left alone; one warning is logged for that time."""
SELECTIONS = ("first", "round_robin")


def mark_write_used() -> None:
    """Take note that a write has succeeded: reads of this context see it from now on."""
    write_used.set(True)


def set_current_alias(alias: str | None) -> Token[str | None]:
    """Send everything in this context to one database, and return the token to undo that."""
    return current_db_alias.set(alias)


def reset_current_alias(token: Token[str | None]) -> None:
    """Undo `set_current_alias`."""
    current_db_alias.reset(token)


def reset_routing_context() -> None:
    """Forget what is remembered of this context, as at the end of a request."""
    current_db_alias.set(None)
    read_from_primary.set(False)
    write_used.set(False)


class DatabaseRouter:
    """A router; override what it decides. `None` leaves the decision to the next one."""

    async def db_for_read(self, model: type[Any], **hints: Any) -> str | None:
        """Return the alias for reading a model."""
        return None

    async def db_for_write(self, model: type[Any], **hints: Any) -> str | None:
        """Return the alias for writing a model."""
        return None

    async def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool | None:
        """Return whether two instances may refer to each other."""
        return None

    async def allow_migrate(
        self, db_alias: str, model_class: type[Any] | None = None, **hints: Any
    ) -> bool | None:
        """Return whether a model's table belongs into a database.

        ``migrate`` goes by the schema files and has no class to give; the hints ``table``, ``app_label`` and
        ``model_name`` say which model it is.
        """
        return None


_down: dict[str, float] = {}


def mark_down(alias: str) -> None:
    """Leave a database alone for a while, because it refused a connection."""
    now = time.monotonic()
    if _down.get(alias, 0.0) <= now:
        logger.warning(
            "database %r refuses connections; it is left alone for %g s", alias, DOWN_SECONDS
        )
    _down[alias] = now + DOWN_SECONDS


def is_down(alias: str) -> bool:
    """Return whether a database is being left alone."""
    return _down.get(alias, 0.0) > time.monotonic()


class PrimaryReplicaRouter(DatabaseRouter):
    """Reads from replicas, writes to the primary.

    Args:
        primary_alias: The database that takes writes.
        replica_aliases: Those that follow it.
        read_your_writes: Read from the primary once something was written in the same context.
        replica_selection: ``first``, or ``round_robin`` to take turns.
        migrate_on_primary_only: Whether tables are made on the primary only.

    Raises:
        DatabaseConfigurationError: If `replica_selection` is none of these.
    """

    def __init__(
        self,
        primary_alias: str = "default",
        replica_aliases: Sequence[str] | None = None,
        read_your_writes: bool = True,
        replica_selection: str = "first",
        migrate_on_primary_only: bool = True,
    ) -> None:
        if replica_selection not in SELECTIONS:
            raise DatabaseConfigurationError(
                f"replica_selection={replica_selection!r} is not one of {', '.join(SELECTIONS)}"
            )
        self.primary_alias = primary_alias
        self.replica_aliases = list(replica_aliases or ())
        self.read_your_writes = read_your_writes
        self.replica_selection = replica_selection
        self.migrate_on_primary_only = migrate_on_primary_only
        self._turn = count()

    async def db_for_read(self, model: type[Any], **hints: Any) -> str:
        """Return a replica that answers, or the primary."""
        if read_from_primary.get() or (self.read_your_writes and write_used.get()):
            return self.primary_alias
        replicas = [alias for alias in self.replica_aliases if not is_down(alias)]
        if not replicas:
            return self.primary_alias
        turn = next(self._turn) if self.replica_selection == "round_robin" else 0
        return replicas[turn % len(replicas)]

    async def db_for_write(self, model: type[Any], **hints: Any) -> str:
        """Return the primary."""
        return self.primary_alias

    async def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        """Allow all: the data are the same everywhere."""
        return True

    async def allow_migrate(
        self, db_alias: str, model_class: type[Any] | None = None, **hints: Any
    ) -> bool | None:
        """Allow the primary, and refuse the replicas."""
        if self.migrate_on_primary_only and db_alias in self.replica_aliases:
            return False
        return True if db_alias == self.primary_alias else None


class AdminRouter(DatabaseRouter):
    """Sends what has the hint ``admin=True`` to ``default``."""

    async def db_for_read(self, model: type[Any], **hints: Any) -> str | None:
        """Return ``default`` for the admin."""
        return "default" if hints.get("admin") else None

    async def db_for_write(self, model: type[Any], **hints: Any) -> str | None:
        """Return ``default`` for the admin."""
        return "default" if hints.get("admin") else None


class RouterResolver:
    """Asks routers in turn; the first answer counts.

    Args:
        routers: Objects, classes or dotted paths of classes; those of ``DATABASES["ROUTERS"]`` when not given.

    Raises:
        DatabaseConfigurationError: If one cannot be imported or made.
    """

    def __init__(self, routers: Sequence[Any] | None = None) -> None:
        specs, options = connections.router_config()
        self.routers = [
            _make_router(spec, options) for spec in (specs if routers is None else routers)
        ]

    async def resolve_read(self, model: type[Any], **hints: Any) -> str:
        """Return the alias for reading a model."""
        return current_db_alias.get() or await self._ask("db_for_read", model, hints)

    async def resolve_write(self, model: type[Any], **hints: Any) -> str:
        """Return the alias for writing a model."""
        return current_db_alias.get() or await self._ask("db_for_write", model, hints)

    def is_replica(self, alias: str) -> bool:
        """Return whether a database follows another one: by its own options, or because a router reads from it."""
        options = connections.get(alias).options
        routed = any(alias in getattr(router, "replica_aliases", ()) for router in self.routers)
        return options.role == "replica" or options.read_only or routed

    async def _ask(self, method: str, model: type[Any], hints: dict[str, Any]) -> str:
        for router in self.routers:
            alias = await getattr(router, method)(model, **hints)
            if alias is not None:
                return _known(alias, f"{type(router).__name__}.{method}()")
        # Nobody minds: where the instance came from, or the default.
        return str(hints.get("alias") or "default")

    async def resolve_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        """Return whether two instances may refer to each other; yes if nobody minds."""
        for router in self.routers:
            answer = await router.allow_relation(one, other, **hints)
            if answer is not None:
                return bool(answer)
        return True

    async def resolve_migrate(
        self, db_alias: str, model_class: type[Any] | None = None, **hints: Any
    ) -> bool:
        """Return whether a model's table belongs into a database; only into ``default`` if nobody minds."""
        for router in self.routers:
            answer = await router.allow_migrate(db_alias, model_class, **hints)
            if answer is not None:
                return bool(answer)
        return db_alias == "default"


def _known(alias: Any, where: str) -> str:
    """Return an alias that a router gave, if there is such a database."""
    if not isinstance(alias, str):
        raise DatabaseRoutingError(f"{where} returned {alias!r}, which is not an alias")
    if alias not in connections.aliases:
        raise DatabaseAliasNotFoundError(alias, connections.aliases)
    return alias


def _make_router(spec: Any, options: dict[str, Any]) -> Any:
    router = _imported(spec) if isinstance(spec, str) else spec
    if not isinstance(router, type):
        return router
    try:
        return router(**options) if _takes_options(router) else router()
    except TypeError as error:
        raise DatabaseConfigurationError(
            f"DATABASES['ROUTING'] does not fit {router.__name__}: {error}"
        ) from error


def _imported(path: str) -> Any:
    try:
        return import_string(path)
    except ImportError as error:
        raise DatabaseConfigurationError(
            f"DATABASES['ROUTERS']: cannot import {path!r}: {error}"
        ) from error


def _takes_options(router: type[Any]) -> bool:
    """Return whether a router is given `ROUTING`: a class of somebody's own need not take what the shipped one takes."""
    has_own = router.__init__ is not DatabaseRouter.__init__
    return router is not AdminRouter and (issubclass(router, PrimaryReplicaRouter) or has_own)


_resolver: tuple[int, RouterResolver] | None = None


def DefaultRouterResolver() -> RouterResolver:  # noqa: N802 - the public name
    """Return the resolver of the configured routers, made once per configuration.

    Raises:
        DatabaseConfigurationError: If a router cannot be imported or made.
    """
    global _resolver
    if _resolver is None or _resolver[0] != connections.generation:
        _resolver = (connections.generation, RouterResolver())
    return _resolver[1]
