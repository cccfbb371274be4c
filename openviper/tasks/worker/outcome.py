"""What is decided about one attempt: whether to run it, and what follows from its end."""

from __future__ import annotations

import json
import logging
import random
import time
from typing import Any

from openviper.tasks.actors import Actor, Registry
from openviper.tasks.exceptions import Reject
from openviper.tasks.message import Finished, Message, Outcome

logger = logging.getLogger("openviper.tasks.worker.supervisor")

UNKNOWN_RETRIES = 3
UNKNOWN_BACKOFF = 60_000
"""Retries and milliseconds between them for a message whose actor this worker does not know: another one may."""
MAX_RESULT = 1024 * 1024
"""Most bytes of a result that is kept."""


class UnknownActorError(Exception):
    """No actor of this name is known to the worker."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no actor {name!r} is known to this worker")


class TimeLimitError(Exception):
    """An attempt took longer than its actor allows."""

    def __init__(self, milliseconds: int) -> None:
        super().__init__(f"the attempt took longer than {milliseconds} ms")


def find_actor(message: Message) -> Actor[Any, Any]:
    """Return the actor of a message.

    Raises:
        UnknownActorError: If it is not known here.
    """
    found = Registry.find_actor(message.actor_name)
    if found is None:
        raise UnknownActorError(message.actor_name)
    return found


def is_too_old(message: Message, actor: Actor[Any, Any]) -> bool:
    """Tell whether a message has waited longer than its actor allows."""
    return actor.max_age is not None and (time.time() - message.sent_at) * 1000 > actor.max_age


def succeeded(
    message: Message, actor: Actor[Any, Any], value: Any, *, keep_results: bool
) -> Finished:
    """Return what follows from a success; a result that cannot be kept is said to be so in its place."""
    if not (keep_results and actor.store_results):
        return Finished(message, Outcome.DONE)
    try:
        result = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        logger.error("the result of %r cannot be kept: %s", message, error)
        return Finished(
            message, Outcome.DONE, error=f"TypeError: the result cannot be written as JSON: {error}"
        )
    size = len(result.encode(errors="surrogatepass"))
    if size > MAX_RESULT:
        logger.error("the result of %r cannot be kept: %d bytes", message, size)
        text = f"ValueError: the result has {size} bytes of JSON, more than {MAX_RESULT}"
        return Finished(message, Outcome.DONE, error=text)
    return Finished(message, Outcome.DONE, result=result)


def failed(message: Message, actor: Actor[Any, Any] | None, error: BaseException) -> Finished:
    """Return what follows from a failure: another attempt, later each time, or the end."""
    number = message.attempts + 1
    retries = UNKNOWN_RETRIES if actor is None else actor.max_retries
    text = f"{type(error).__name__}: {error}"
    if number > retries or isinstance(error, Reject):
        logger.error("%r failed for good, attempt %d", message, number, exc_info=error)
        return Finished(message, Outcome.DEAD, error=text)
    if actor is None:
        backoff = float(UNKNOWN_BACKOFF)
    else:
        # The exponent is bounded so that a huge number of retries makes no huge number.
        backoff = min(float(actor.max_backoff), actor.min_backoff * 2.0 ** min(number - 1, 40))
    # Between half and all of it, so that what failed together does not come back together.
    delay = backoff * random.uniform(0.5, 1.0) / 1000  # noqa: S311 - no secret
    logger.warning(
        "%r failed, attempt %d of %d; again in %.1f s",
        message,
        number,
        retries + 1,
        delay,
        exc_info=error,
    )
    return Finished(message, Outcome.RETRY, due=time.time() + delay, error=text)
