"""Events of models: functions elsewhere that are told what happens to instances.

They fire right after the hook of the same name, see `openviper.db.models.hooks`. A handler cannot stop anything: its
exception is logged. One that is ``async def`` runs as a task of its own; what it is told of a transaction, it is told after
the commit, and not at all after a rollback.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from openviper.db.connection import on_commit
from openviper.db.connections.databases import current_block
from openviper.utils.importing import import_string, lazy_module

if TYPE_CHECKING:
    import asyncio
    import inspect
else:
    asyncio = lazy_module("asyncio")
    inspect = lazy_module("inspect")  # 7 ms; only handlers that were called need it.

Handler = Callable[..., Any]
H = TypeVar("H", bound=Handler)
logger = logging.getLogger("openviper.db")

SUPPORTED_EVENTS = (
    "before_validate",
    "validate",
    "before_insert",
    "before_save",
    "after_insert",
    "on_update",
    "on_change",
    "on_delete",
    "after_delete",
    "pre_bulk_create",
    "post_bulk_create",
    "pre_bulk_update",
    "post_bulk_update",
)
MAX_PENDING = 1024
"""Most async handlers at work; further ones are dropped with an error in the log."""


def model_path(model: type[Any]) -> str:
    """Return the path under which handlers are registered for a model: ``blog.models.Post``."""
    return f"{model.__module__}.{model.__qualname__}"


class ModelEventDispatcher:
    """The handlers by model and event."""

    def __init__(self) -> None:
        self._handlers: dict[str, dict[str, list[Handler]]] = {}
        self._pending: set[asyncio.Task[Any]] = set()

    def __bool__(self) -> bool:
        """Whether there is any handler at all."""
        return bool(self._handlers)

    def register(self, path: str, event: str, handler: Handler) -> None:
        """Add a handler; the same one twice counts once.

        Args:
            path: ``<module>.<Class>`` of the model.
            event: One of `SUPPORTED_EVENTS`.
            handler: Called as ``handler(instance, event=name, ...)``.

        Raises:
            ValueError: If the event is unknown or the path has no dot.
        """
        if "." not in path:
            raise ValueError(f"{path!r} is not the path of a model, such as 'blog.models.Post'")
        if event not in SUPPORTED_EVENTS:
            raise ValueError(f"{event!r} is not an event; known: {', '.join(SUPPORTED_EVENTS)}")
        handlers = self._handlers.setdefault(path, {}).setdefault(event, [])
        if handler not in handlers:
            handlers.append(handler)

    def unregister(self, path: str, event: str, handler: Handler) -> None:
        """Remove a handler; harmless if it is not there."""
        events = self._handlers.get(path, {})
        handlers = events.get(event, [])
        if handler in handlers:
            handlers.remove(handler)
        if not handlers:
            events.pop(event, None)
        if not events:
            self._handlers.pop(path, None)

    def watches(self, model: type[Any]) -> bool:
        """Tell whether anything of a model has a handler."""
        return model_path(model) in self._handlers

    def handlers(self, model: type[Any], event: str) -> list[Handler]:
        """Return the handlers of an event of a model."""
        return self._handlers.get(model_path(model), {}).get(event, [])

    def dispatch(
        self, model: type[Any], event: str, subject: Any, alias: str, **context: Any
    ) -> None:
        """Call the handlers of an event.

        Args:
            model: The model.
            event: The event.
            subject: The instance, or the list of them for a bulk event.
            alias: The database; a transaction on it holds async handlers back.
            **context: Further arguments.
        """
        for handler in self.handlers(model, event):
            if inspect.iscoroutinefunction(handler):
                self._start_later(handler, event, subject, alias, context)
            else:
                _call(handler, model, event, subject, context)

    def _start_later(
        self, handler: Handler, event: str, subject: Any, alias: str, context: Mapping[str, Any]
    ) -> None:
        def start() -> None:
            if len(self._pending) >= MAX_PENDING:
                logger.error(
                    "handler %s of %s is dropped: %d are at work",
                    _name(handler),
                    event,
                    len(self._pending),
                )
                return
            task = asyncio.get_running_loop().create_task(handler(subject, event=event, **context))
            self._pending.add(task)
            task.add_done_callback(self._settled)

        block = current_block(alias)
        if block is not None and block.transactional:
            on_commit(start, using=alias)
        else:
            start()

    def _settled(self, task: asyncio.Task[Any]) -> None:
        self._pending.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("an async handler of a model event failed", exc_info=error)

    async def wait(self) -> None:
        """Wait until all async handlers at work on this event loop are done."""
        loop = asyncio.get_running_loop()
        while mine := [task for task in self._pending if task.get_loop() is loop]:
            await asyncio.wait(mine)

    def load(
        self, settings: Mapping[str, Mapping[str, Iterable[str]]], installed_apps: Iterable[str]
    ) -> None:
        """Register the handlers that ``MODEL_EVENTS`` names; those outside of the project are logged and left out.

        Args:
            settings: Dotted paths of handlers by event by model.
            installed_apps: The apps; handlers may be in `openviper` and in their root packages.
        """
        roots = {"openviper", *(app.partition(".")[0] for app in installed_apps)}
        for path, event, name in _named_handlers(settings):
            if name.partition(".")[0] in roots:
                self._load_handler(path, event, name)
            else:
                logger.warning("MODEL_EVENTS: %r is in no installed app and is left out", name)

    def _load_handler(self, path: str, event: str, name: str) -> None:
        try:
            self.register(path, event, import_string(name))
        except (ImportError, ValueError) as error:
            logger.warning("MODEL_EVENTS: %r of %s.%s is left out: %s", name, path, event, error)


def _call(
    handler: Handler, model: type[Any], event: str, subject: Any, context: dict[str, Any]
) -> None:
    try:
        handler(subject, event=event, **context)
    except Exception:
        logger.exception("handler %s of %s.%s failed", _name(handler), model_path(model), event)


def _named_handlers(
    settings: Mapping[str, Mapping[str, Iterable[str]]],
) -> Iterator[tuple[str, str, str]]:
    """Yield model, event and dotted path of each handler of ``MODEL_EVENTS``."""
    for path, events in settings.items():
        for event, names in events.items():
            for name in [names] if isinstance(names, str) else names:
                yield path, event, name


def _name(handler: Handler) -> str:
    return f"{handler.__module__}.{getattr(handler, '__qualname__', handler)}"


_dispatcher = ModelEventDispatcher()


def get_dispatcher() -> ModelEventDispatcher:
    """Return the dispatcher of this process."""
    return _dispatcher


def reset_dispatcher() -> None:
    """Forget every handler; for tests."""
    _dispatcher._handlers.clear()


def is_watched(model: type[Any]) -> bool:
    """Tell whether anything of a model has a handler; without any handler at all this is one test."""
    return bool(_dispatcher._handlers) and _dispatcher.watches(model)


def dispatch_decorator_handlers(
    subject: Any, event: str, alias: str = "default", **context: Any
) -> None:
    """Call the handlers of an event of an instance."""
    _dispatcher.dispatch(type(subject), event, subject, alias, **context)


class _ModelEvent:
    """The decorators: ``@model_event.trigger("blog.models.Post.after_insert")``, ``@model_event.after_insert("blog.models.Post")``."""

    def trigger(self, path: str) -> Callable[[H], H]:
        """Register a function for one event of one model.

        Args:
            path: ``<module>.<Class>.<event>``.

        Raises:
            ValueError: If the path has no dot or its event is unknown.
        """
        model, dot, event = path.rpartition(".")
        if not dot:
            raise ValueError(
                f"{path!r} is not the path of an event, such as 'blog.models.Post.after_insert'"
            )
        return self._registering(model, event)

    @staticmethod
    def _registering(path: str, event: str) -> Callable[[H], H]:
        def decorate(handler: H) -> H:
            _dispatcher.register(path, event, handler)
            return handler

        if event not in SUPPORTED_EVENTS:
            raise ValueError(f"{event!r} is not an event; known: {', '.join(SUPPORTED_EVENTS)}")
        return decorate

    def __getattr__(self, event: str) -> Callable[[str], Callable[[H], H]]:
        if event not in SUPPORTED_EVENTS:
            raise AttributeError(f"{event!r} is not an event; known: {', '.join(SUPPORTED_EVENTS)}")
        return lambda path: self._registering(path, event)


model_event = _ModelEvent()
"""Decorators that register handlers."""
