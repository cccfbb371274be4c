"""Writing what happens to messages into `TaskResult`."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from openviper.db.connection import close_db
from openviper.db.sql.permissions import bypass_permissions
from openviper.tasks.actors import Registry
from openviper.tasks.broker import tasks_config
from openviper.tasks.brokers.keeping import PRUNE_SECONDS, Ticker
from openviper.tasks.exceptions import BadMessageError
from openviper.tasks.message import Finished, Message
from openviper.utils.signatures import signature_of

logger = logging.getLogger("openviper.tasks")

SECRET_NAME = re.compile(
    r"pass|pwd|secret|token|api_?key|auth|credential|private|signature|session|cookie"
    r"|(?:^|_)(?:pin|[th]?otp|mfa|[2t]fa|tan|puk|cvv|cvc|iban|ssn|keys?|jwt|bearer|dsn|nonce|salt)(?:_|$)|card"
    r"|(?:account|routing|insurance|social)_?(?:number|no)|sort_?code|tax_?id"
    r"|(?:verification|security|recovery|backup|activation|confirmation|reset|login|invite|magic|factor|sms|access)_?(?:code|link|url)",
    re.IGNORECASE,
)
"""Names of arguments, and keys of dicts, whose values are never stored; names are compared with ``_`` for ``-`` and between the
words of camelCase."""
_PASSWORD_IN_URL = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|-")
MASK = "********"
MAX_NAME = 200
"""Characters of a name that are looked at."""
MAX_WAITING = 10_000
"""Transitions that wait to be written; more are dropped with a warning, as a task never waits for its record."""


def is_secret(name: object) -> bool:
    """Return whether a name is that of something secret."""
    return SECRET_NAME.search(_WORD.sub("_", str(name)[:MAX_NAME])) is not None


def masked(value: Any) -> Any:
    """Return a value with the secrets in it hidden, as far as their keys tell; passwords in URLs too."""
    if isinstance(value, dict):
        return {key: MASK if is_secret(key) else masked(item) for key, item in value.items()}
    if isinstance(value, str) and "://" in value:
        return _PASSWORD_IN_URL.sub(rf"\1{MASK}@", value)
    return [masked(item) for item in value] if isinstance(value, list) else value


def masked_positions(fn: Callable[..., Any] | None, args: list[Any]) -> list[Any]:
    """Return positional arguments with the secrets hidden, as far as the names of the parameters tell."""
    names, rest = _positional_names(fn)
    return [
        MASK if is_secret(names[place] if place < len(names) else rest) else masked(value)
        for place, value in enumerate(args)
    ]


def _positional_names(fn: Callable[..., Any] | None) -> tuple[list[str], str]:
    """Return the names of the parameters that are given by place, and that of the one which takes all the rest."""
    if fn is None:
        return [], ""
    try:
        parameters = signature_of(fn).parameters.values()
    except (TypeError, ValueError):
        return [], ""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    rest = [each.name for each in parameters if each.kind is inspect.Parameter.VAR_POSITIONAL]
    return [each.name for each in parameters if each.kind in kinds], "".join(rest)


_STATUS = {"cancelled": "dead"}
"""Statuses that the table knows by another name."""


class Recorder:
    """Takes transitions from any thread and writes them one after the other, in a thread with an event loop of its own."""

    def __init__(self) -> None:
        self._waiting: list[dict[str, Any]] = []
        self._condition = threading.Condition()
        self._thread = threading.Thread(
            target=self._run, name="openviper-tasks-recorder", daemon=True
        )
        self._stopping = False
        self._thread.start()

    def observe(
        self, message: Message, status: str, finished: Finished | None, seconds: float
    ) -> None:
        """Take note of a transition."""
        try:
            message_id = UUID(message.message_id)
        except ValueError:
            logger.warning("%r has no UUID, so there is no record of it", message)
            return
        values: dict[str, Any] = {
            "message_id": message_id,
            "actor_name": message.actor_name,
            "queue": message.queue_name,
            "status": _STATUS.get(status, status),
            "retries": message.attempts,
        }
        if status == "running":
            values["arguments"] = self._arguments(message)
        else:
            values["duration_ms"] = round(seconds * 1000)
        if finished is not None:
            values["error_traceback"] = finished.error or None
            result = finished.result
            values["return_value"] = None if result is None else json.loads(result)
        self._put(message, values)

    def _put(self, message: Message, values: dict[str, Any]) -> None:
        with self._condition:
            if len(self._waiting) >= MAX_WAITING:
                logger.warning(
                    "the record of %r is dropped: the database does not keep up", message
                )
                return
            self._waiting.append(values)
            self._condition.notify()

    @staticmethod
    def _arguments(message: Message) -> Any:
        actor = Registry.find_actor(message.actor_name)
        if actor is not None and not actor.log_arguments:
            return None
        try:
            args, kwargs = message.arguments()
        except BadMessageError:
            return None
        fn = None if actor is None else actor.fn
        return {"args": masked_positions(fn, args), "kwargs": masked(kwargs)}

    def _run(self) -> None:
        asyncio.run(self._write_all())

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        prune_time = Ticker(PRUNE_SECONDS)
        while (batch := await loop.run_in_executor(None, self._take)) is not None:
            for values in batch:
                await write_record(values)
            if prune_time.is_due():
                await self._prune()
        await close_db()

    @staticmethod
    async def _prune() -> None:
        keep = tasks_config().keep_records
        if keep is None:
            return
        try:
            await prune_records(time.time() - keep)
        except Exception:
            logger.warning("records that are too old could not be removed", exc_info=True)

    def _take(self) -> list[dict[str, Any]] | None:
        """Wait for records, for a while; return `None` when there are no more to come."""
        with self._condition:
            self._condition.wait_for(lambda: self._waiting or self._stopping, PRUNE_SECONDS)
            if self._stopping and not self._waiting:
                return None
            batch, self._waiting = self._waiting, []
            return batch

    def stop(self) -> None:
        """Write what waits, for 10 s at most."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        self._thread.join(10)


async def prune_records(before: float) -> int:
    """Remove the records that have not changed since before a moment, and return how many they were.

    Args:
        before: In seconds since the epoch.

    Raises:
        DatabaseError: If the database does not do it.
    """
    # Late: models are made once the project's database is configured.
    from openviper.tasks.models import TaskResult

    moment = datetime.fromtimestamp(max(0.0, before), UTC)
    with bypass_permissions(reason="record of a task"):
        return await TaskResult.objects.filter(updated_at__lt=moment).delete()


async def write_record(values: dict[str, Any]) -> None:
    """Write one transition; a failure is logged and goes no further."""
    # Late: models are made once the project's database is configured.
    from openviper.tasks.models import TaskResult

    known = dict(values)
    message_id = known.pop("message_id")
    try:
        with bypass_permissions(reason="record of a task"):
            await TaskResult.objects.update_or_create(known, message_id=message_id)
    except Exception:
        logger.warning("the record of message %s could not be written", message_id, exc_info=True)
