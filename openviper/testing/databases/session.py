"""The test databases of this process: made when a test first needs them, kept until the last one has run."""

from __future__ import annotations

import asyncio
import hashlib
import importlib
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any
from weakref import ref

from openviper.conf import settings
from openviper.db.connection import close_db, connections
from openviper.db.connections.options import NOT_ALIASES
from openviper.db.dialects.shapes import State
from openviper.db.models import Model, model_registry
from openviper.db.schemas.create import create_tables
from openviper.db.schemas.fingerprint import digest, stamp
from openviper.db.schemas.schema_files import installed_app_directories
from openviper.db.schemas.state import has_table, models_state
from openviper.db.schemas.sync import SchemaSync
from openviper.testing.config import (
    CREATE_VARIABLE,
    REUSE_VARIABLE,
    OpenViperTestConfig,
    OpenViperTestingConfigError,
)
from openviper.testing.databases.keeper import LoopThread
from openviper.testing.databases.member import Member, shared_server
from openviper.testing.databases.naming import Target, check_target, targets
from openviper.utils.importing import is_missing


def should_create_db() -> bool:
    """Return whether test databases are made anew even where there is one that fits: `viperctl test --create-db`."""
    return os.environ.get(CREATE_VARIABLE) == "1"


def should_reuse_db() -> bool:
    """Return whether test databases are used again and stay: `viperctl test --reuse-db`, or `--keepdb`."""
    return os.environ.get(REUSE_VARIABLE) == "1"


class SessionDatabases:
    """The test databases that stand in for those of the settings.

    Args:
        config: How the project is tested.
        in_memory: Have all of them in memory, whatever the settings say.
    """

    def __init__(self, config: OpenViperTestConfig, *, in_memory: bool = False) -> None:
        self.config = config
        self.in_memory = in_memory
        self.members: dict[str, Member] = {}
        self.without_schema_file: list[str] = []
        """Tables that were made from models, as no schema file describes them."""
        self._mirrors: dict[str, str] = {}
        self._keeper: LoopThread | None = None
        self._made_of = ""
        self._described: tuple[str, list[ref[type[Model]]], State] = ("", [], {})
        self._taken: tuple[Any, str] = (None, "")
        """What the last fingerprint was taken of, as far as that can be told without reading it, and the fingerprint."""

    @property
    def keeper(self) -> LoopThread:
        """The event loop of connections that outlive a test."""
        if self._keeper is None:
            self._keeper = LoopThread()
        return self._keeper

    # Making them

    def prepare(self) -> None:
        """Make the databases, unless they are there and what they were made from has not changed.

        Raises:
            OpenViperTestingConfigError: If one may not be used for tests, or cannot be made.
            MigrationError: If the schema files cannot be applied.
        """
        import_models(settings.INSTALLED_APPS)
        made_of = self._fingerprint()
        if made_of == self._made_of:
            return
        if self._made_of:
            self.finish()
        try:
            self._find()
            self.keeper.run(self._make(made_of))
        except BaseException:
            self.finish()
            raise
        self._made_of = made_of

    def _fingerprint(self) -> str:
        """Return the fingerprint of all that the tables are made from: files, models, where the databases lie."""
        models = [model for model in model_registry.all() if has_table(model)]
        state = self._state_of(models) if self.config.migrate else {}
        apps, configured = installed_app_directories(), repr(self._configured())
        files = stamp(apps)
        known, taken = self._taken
        if files is not None and known is not None:
            if known[0] is state and known[1:] == (files, configured):
                return taken
        text = f"{digest(apps, [])} {state!r} {configured}"
        taken = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
        self._taken = (None if files is None else (state, files, configured)), taken
        return taken

    def _state_of(self, models: list[type[Model]]) -> State:
        """Return the tables of models, described anew if there are others than before: each test asks."""
        user_model, known, state = self._described
        is_known = len(known) == len(models) and user_model == settings.USER_MODEL
        if is_known and all(one() is model for one, model in zip(known, models, strict=True)):
            return state
        state = models_state(models)
        # A model that a test has made may go with it.
        self._described = (settings.USER_MODEL, list(map(ref, models)), state)
        return state

    @staticmethod
    def _configured() -> dict[str, Any]:
        return {alias: config for alias, config in settings.DATABASES.items() if config is not None}

    def _find(self) -> None:
        url = self.config.database_url
        found = targets(settings.DATABASES, database_url=url, in_memory=self.in_memory)
        for target in found:
            check_target(target, self.config.database_hosts)
        self._mirrors = {} if self.in_memory else mirrors(settings.DATABASES)
        self.members = {
            target.alias: Member(target) for target in found if target.alias not in self._mirrors
        }
        self._check_different()

    def _check_different(self) -> None:
        seen: dict[str, str] = {}
        for alias, member in self.members.items():
            other = seen.setdefault(member.target.url, alias)
            if other != alias and not member.target.parsed.is_memory:
                raise _shared_error(other, alias, member.target)

    async def _make(self, made_of: str) -> None:
        for member in self.members.values():
            await member.lock()
        connections.configure(self.configuration())
        try:
            for alias, member in self.members.items():
                member.install(connections.get(alias), isolated=False)
                await self._make_or_use(member, await member.fingerprint(made_of))
        finally:
            await close_db()
            connections.reset()

    async def _make_or_use(self, member: Member, fingerprint: str) -> None:
        may_use = should_reuse_db() and not should_create_db()
        if may_use and await member.fits(fingerprint):
            await member.look()
        else:
            await self._make_one(member, fingerprint)

    async def _make_one(self, member: Member, fingerprint: str) -> None:
        shared = shared_server(member.target)
        if shared is None:
            await member.create(fingerprint, self._fill)
            return
        # The first of several processes makes what the server then copies for each of them.
        while not await shared.lock():
            await asyncio.sleep(0.05)
        try:
            original = Member(shared.target, shared)
            if not await original.fits(fingerprint):
                connections.setup_alias(shared.target.alias, _config_for(shared.target))
                await original.create(fingerprint, self._fill)
                await close_db()
                connections.setup_alias(member.target.alias, _config_for(member.target))
                member.install(connections.get(member.target.alias), isolated=False)
            await member.copy(shared)
        finally:
            await shared.unlock()

    async def _leave(self, member: Member) -> None:
        keep = should_reuse_db()
        await member.leave(keep=keep)
        shared = shared_server(member.target)
        if shared is not None and not keep:
            if await shared.lock():
                await shared.drop_unless_used()
            await shared.unlock()

    async def _fill(self, alias: str) -> None:
        """Make the tables of a database: those of the schema files, and of models that have none."""
        if not self.config.migrate:
            return
        apps = installed_app_directories()
        if any(os.path.isdir(os.path.join(path, "schemas")) for path in apps.values()):
            await SchemaSync(apps).migrate(database=alias)
            await _add_content_types(apps, alias)
        made = set(await create_tables(using=alias)) & tables_of(settings.INSTALLED_APPS)
        self.without_schema_file = sorted({*self.without_schema_file, *made})

    def configuration(self) -> dict[str, Any]:
        """Return `DATABASES` with the test databases in place of the configured ones."""
        given: Mapping[str, Any] = settings.DATABASES
        databases: dict[str, Any] = {name: given[name] for name in NOT_ALIASES if name in given}
        for alias in ("default", *given):
            if alias not in NOT_ALIASES:
                member = self.members[self._mirrors.get(alias, alias)]
                databases[alias] = _config_for(member.target, given.get(alias))
        return databases

    # Each test

    async def begin(self, isolation: str) -> None:
        """Put the databases in place of the configured ones, on the running event loop.

        Args:
            isolation: ``transaction``, ``truncate`` or ``recreate``: what undoes the test at `end`.
        """
        await close_db()
        connections.configure(self.configuration())
        if isolation == "recreate":
            self._keep_pristine()
        await self._begin_members(is_isolated=isolation == "transaction")

    async def _begin_members(self, *, is_isolated: bool) -> None:
        for member in self.members.values():
            await member.begin(is_isolated=is_isolated)
        self._install(is_isolated)
        if not is_isolated and should_reuse_db():
            await self._set_clean(is_clean=False)

    def _keep_pristine(self) -> None:
        for member in self.members.values():
            # What is copied or replaced has no connections.
            member.discard()
            self.keeper.run(member.keep_pristine())

    def _install(self, is_isolated: bool) -> None:
        for alias in connections.aliases:
            name = self._mirrors.get(alias, alias)
            self.members[name].install(connections.get(alias), isolated=is_isolated)

    async def end(self, isolation: str) -> None:
        """Undo what the test has written, and take the databases out of the place of the configured ones.

        Raises:
            IsolationLostError: If a statement has ended the transaction around the test; the database is as before all
                the same.
        """
        try:
            await self._undo(isolation)
        finally:
            await close_db()
            connections.reset()
            _forget_results()

    async def _undo(self, isolation: str) -> None:
        lost = [member for member in self.members.values() if not await member.end()]
        if isolation == "truncate":
            await self._truncate()
            return
        if isolation == "recreate":
            await close_db()
            lost = list(self.members.values())
        for member in lost:
            await self._recreate(member)

    async def _truncate(self) -> None:
        for member in self.members.values():
            await member.truncate()
        if should_reuse_db():
            await self._set_clean(is_clean=True)

    async def _recreate(self, member: Member) -> None:
        if await member.restore_here():
            return
        member.discard()
        if not self.keeper.run(member.restore()):
            self.keeper.run(self._make_again(member))

    async def _make_again(self, member: Member) -> None:
        connections.configure(self.configuration())
        try:
            await member.create(await member.fingerprint(self._made_of), self._fill)
        finally:
            await close_db()

    async def _set_clean(self, *, is_clean: bool) -> None:
        for member in self.members.values():
            await member.set_clean(is_clean=is_clean)

    # The end

    def finish(self) -> None:
        """Drop the databases, unless they are to be used again, and let others have them."""
        for member in self.members.values():
            member.discard()
            self.keeper.run(self._leave(member))
        self.members, self._made_of = {}, ""
        if self._keeper is not None:
            self._keeper.stop()
            self._keeper = None


def _shared_error(first: str, second: str, target: Target) -> OpenViperTestingConfigError:
    return OpenViperTestingConfigError(
        f"the databases {first!r} and {second!r} would be tested on one database, {target.parsed.redacted()!r}; give one of "
        "them the ROLE 'replica', or another database"
    )


def _config_for(target: Any, config: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return an entry of `DATABASES` with the same options and the address of the test database."""
    options = {**(config or {}), **((config or {}).get("OPTIONS") or {})}
    options.pop("OPTIONS", None)
    return {"OPTIONS": {**options, "URL": target.url}}


def mirrors(databases: Mapping[str, Any]) -> dict[str, str]:
    """Return the replicas by alias, each with the alias whose test database stands in for it too.

    That is the one of the same name, else ``default``: in tests a replica sees at once what was written.
    """
    entries = _entries(databases)
    replicas = [alias for alias, entry in entries.items() if entry.get("ROLE") == "replica"]
    primaries = {
        _name_in(entry): alias
        for alias, entry in reversed(entries.items())
        if alias not in replicas
    }
    names = {alias: _name_in(entries[alias]) for alias in replicas if alias != "default"}
    return {alias: primaries.get(name, "default") for alias, name in names.items()}


def _entries(databases: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what `DATABASES` says of each alias, in one mapping."""
    return {
        alias: {**config, **(config.get("OPTIONS") or {})}
        for alias, config in databases.items()
        if alias not in NOT_ALIASES
    }


def _name_in(entry: Mapping[str, Any]) -> str:
    """Return the name of the database that an entry of `DATABASES` leads to."""
    return str(entry.get("URL", "")).rpartition("/")[2]


async def _add_content_types(apps: Mapping[str, str], alias: str) -> None:
    if alias == "default" and "openviper.auth" in apps:
        # Late: a project without accounts has no content types.
        from openviper.auth.content_types import sync_described_content_types

        await sync_described_content_types(apps.values())


def _forget_results() -> None:
    """Drop what this process remembers of rows that are gone."""
    # What was never imported remembers nothing.
    cache = sys.modules.get("openviper.db.sql.result_cache")
    if cache is not None:
        cache.invalidate_query_cache()
    permissions = sys.modules.get("openviper.auth.permission_cache")
    if permissions is not None:
        permissions.forget_permissions()
    stores = sys.modules.get("openviper.sessions.stores.configured")
    if stores is not None:
        stores.forget_stores()


def tables_of(apps: Iterable[str]) -> set[str]:
    """Return the tables of the models of apps."""
    prefixes = tuple(f"{app}." for app in apps)
    return {
        model._meta.table_name
        for model in model_registry.all()
        if model.__module__.startswith(prefixes)
    }


def import_models(apps: tuple[str, ...]) -> None:
    """Import the `models` modules of apps; one that does not exist is no error, one that cannot be imported is."""
    for app in apps:
        name = f"{app}.models"
        if name in sys.modules:
            continue
        try:
            importlib.import_module(name)
        except ImportError as error:
            if not is_missing(error, name):
                raise
