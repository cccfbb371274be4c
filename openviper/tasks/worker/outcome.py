"""What is decided about one attempt: whether to run it, and what follows from its end. Retry or give up: here."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

from openviper.tasks.actors import Actor, Registry
from openviper.tasks.exceptions import BadMessageError, Reject, Retry
from openviper.tasks.message import (
    EXPIRED_ERROR,
    MAX_ERROR,
    Finished,
    Message,
    Outcome,
    describe_error,
    from_values,
    to_json_unchanged,
)
from openviper.tasks.sending import build_message
from openviper.tasks.signing import sign
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    import random
else:
    random = lazy_module("random")  # It is there from the first retry on.

logger = logging.getLogger("openviper.tasks.worker.supervisor")

UNKNOWN_RETRIES = 3
UNKNOWN_BACKOFF_MS = 60_000.0
"""Retries and the time between them for a message whose actor this worker does not know: another one may."""
MAX_RESULT = 1024 * 1024
"""Most bytes of a result that is kept."""
NOT_STORED_ERROR = "BrokerError: what became of the task could not be stored"
"""The error of a message whose end the store would not take."""


class UnknownActorError(Exception):
    """No actor of this name is known to the worker."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no actor {name!r} is known to this worker")


def find_actor(message: Message) -> Actor[Any, Any]:
    """Return the actor of a message.

    Raises:
        UnknownActorError: If it is not known here.
    """
    actor = Registry.find_actor(message.actor_name)
    if actor is None:
        raise UnknownActorError(message.actor_name)
    return actor


def is_too_old(message: Message, actor: Actor[Any, Any]) -> bool:
    """Return whether a message has waited longer, since it was due, than its actor or its sender allows."""
    now = time.time()
    expires, lifetime = message.option("expires"), message.option("lifetime")
    if expires is not None and now > expires:
        return True
    if lifetime is not None and now > message.sent_at + lifetime:
        return True
    return actor.max_age_ms is not None and (now - message.waits_since) * 1000 > actor.max_age_ms


# After a success


def succeeded(
    message: Message, actor: Actor[Any, Any], value: Any, *, keep_results: bool
) -> Finished:
    """Return what follows from a success; a result that cannot be kept is said to be so in its place."""
    follow = _follow(message, actor, value)
    if not (keep_results and actor.store_results):
        return Finished(message, Outcome.DONE, follow=follow)
    result, error = _encoded_result(message, actor, value)
    return Finished(message, Outcome.DONE, result=result, error=error, follow=follow)


def _encoded_result(message: Message, actor: Actor[Any, Any], value: Any) -> tuple[str | None, str]:
    """Return a result as JSON, or why it cannot be kept."""
    try:
        result = to_json_unchanged(actor.written_result(value))
    except Exception as error:  # Whatever the value's own methods raise.
        logger.error("the result of %r cannot be kept: %s", message, describe_error(error))
        return None, f"TypeError: the result cannot be written as JSON: {describe_error(error)}"
    if len(result) > MAX_RESULT:
        logger.error("the result of %r cannot be kept: %d bytes", message, len(result))
        return (
            None,
            f"ValueError: the result has {len(result)} bytes of JSON, more than {MAX_RESULT}",
        )
    return result, ""


def _follow(message: Message, actor: Actor[Any, Any], value: Any) -> tuple[Message, ...]:
    """Return what is sent after a message of a chain.

    Raises:
        Reject: If it cannot be sent; another attempt would not help.
    """
    steps = message.option("then")
    if not steps:
        return ()
    try:
        return (_next_step(message, steps, _passed(message, actor, value)),)
    except Exception as error:  # Whatever the value's own methods raise.
        raise Reject(
            f"the next step of the chain cannot be sent: {describe_error(error)}"
        ) from error


def _passed(message: Message, actor: Actor[Any, Any], value: Any) -> list[Any]:
    return [actor.written_result(value)] if message.option("pass") else []


def _next_step(message: Message, steps: list[Any], passed: list[Any]) -> Message:
    """Return the next message of a chain, with what is passed to it in front of its arguments."""
    following = from_values(steps[0])
    following.start_waiting(time.time())
    if len(steps) > 1:
        following.set_option("then", steps[1:])
    for name in ("group", "pass"):
        following.set_option(name, message.option(name))
    args, kwargs = following.arguments()
    # Made anew, so that it is signed, and refused here if it cannot be written.
    made = build_message(following.actor_name, None, (*passed, *args), kwargs)
    following.payload = made.payload
    if made.option("signature") is not None:
        sign(following)
    return following


# After a failure


def failed(message: Message, actor: Actor[Any, Any] | None, error: BaseException) -> Finished:
    """Return what follows from a failure: another attempt, later each time, or the end. Never raises."""
    text = describe_error(error)
    try:
        if isinstance(error, Retry):
            return _asked_again(message, actor, error, text)
        if _is_final(message, actor, error):
            logger.error(
                "%r failed for good, attempt %d: %s",
                message,
                message.attempts + 1,
                text,
                exc_info=_shown(error, text),
            )
            return Finished(message, Outcome.DEAD, error=text)
        return _again(message, actor, error, text)
    except BaseException as failure:
        # Without the traceback: it holds the first error, and to show that one may be what has failed.
        logger.error(
            "cannot decide what follows from the failure of %r: %s",
            message,
            describe_error(failure),
        )
        return Finished(message, Outcome.DEAD, error=f"{text} ({describe_error(failure)})")


def _is_final(message: Message, actor: Actor[Any, Any] | None, error: BaseException) -> bool:
    if isinstance(error, (Reject, BadMessageError)):
        return True
    if actor is not None and isinstance(error, actor.never_retry):
        return True
    return message.attempts + 1 > retries_of(message, actor)


def retries_of(message: Message, actor: Actor[Any, Any] | None) -> int:
    """Return how often a message is tried again."""
    own = message.option("max_retries")
    if isinstance(own, int):
        return own
    return UNKNOWN_RETRIES if actor is None else actor.max_retries


def _backoff_ms(number: int, actor: Actor[Any, Any] | None) -> float:
    if actor is None:
        backoff = UNKNOWN_BACKOFF_MS
    else:
        # The exponent is bounded so that a huge number of retries makes no huge number.
        backoff = min(actor.max_backoff_ms, actor.min_backoff_ms * 2.0 ** min(number - 1, 40))
    # Between half and all of it, so that what failed together does not come back together.
    return backoff * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def _again(
    message: Message, actor: Actor[Any, Any] | None, error: BaseException, text: str
) -> Finished:
    number = message.attempts + 1
    delay = _backoff_ms(number, actor) / 1000
    logger.warning(
        "%r failed, attempt %d of %d; again in %.1f s: %s",
        message,
        number,
        retries_of(message, actor) + 1,
        delay,
        text,
        exc_info=_shown(error, text),
    )
    _has_begun(message)
    return Finished(message, Outcome.RETRY, due=time.time() + delay, error=text)


def _asked_again(
    message: Message, actor: Actor[Any, Any] | None, asked: Retry, text: str
) -> Finished:
    number = message.attempts + 1
    if asked.counts and number > retries_of(message, actor):
        logger.error("%r asked for attempt %d, which is one too many", message, number + 1)
        return Finished(message, Outcome.DEAD, error=text)
    if asked.state is not None:
        # What JSON cannot hold is an error of this message, not of the store; and the task may go on changing its own.
        message.set_option("state", json.loads(to_json_unchanged(asked.state)))
    _has_begun(message)
    delay_ms = asked.delay_ms
    if delay_ms is None:
        delay_ms = _backoff_ms(number, actor) if asked.counts else 0.0
    logger.info("%r asked to be run again in %.1f s: %s", message, delay_ms / 1000, text)
    due = time.time() + delay_ms / 1000
    return Finished(message, Outcome.RETRY, due=due, error=text, counts=asked.counts)


def _has_begun(message: Message) -> None:
    """Let no message that will run again be dropped as one that has not begun; its options have changed, so it is signed anew."""
    for name in ("expires", "lifetime"):
        message.set_option(name, None)
    if message.option("signature") is not None:
        sign(message)


def _shown(error: BaseException, text: str) -> BaseException | None:
    """Return an error for the log, unless its text is so long that it would fill it, or says all there is to say."""
    return None if len(text) >= MAX_ERROR or isinstance(error, UnknownActorError) else error


def expired(message: Message) -> Finished:
    """Return the end of a message that has waited too long."""
    return Finished(message, Outcome.DONE, error=EXPIRED_ERROR)


def not_stored(message: Message) -> Finished:
    """Return an end that every store takes, for a message whose own end it refused."""
    message.set_option("state", None)
    return Finished(message, Outcome.DEAD, error=NOT_STORED_ERROR)
