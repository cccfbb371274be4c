"""Calls that belong together: many at once, one after the other, and groups with a callback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from openviper.tasks.actors import Registry
from openviper.tasks.broker import get_broker, tasks_config
from openviper.tasks.brokers.base import GroupInfo, NewGroup
from openviper.tasks.exceptions import OpenViperTasksError, ResultTimeout
from openviper.tasks.message import Message, to_json, to_values
from openviper.tasks.message_ids import new_id
from openviper.tasks.proxy import TaskMessageProxy
from openviper.tasks.sending import (
    NO_OPTIONS,
    Call,
    SendOptions,
    build_message,
    is_disabled,
    is_duplicate,
    send_messages,
)
from openviper.tasks.signing import sign
from openviper.tasks.units import Duration, to_flag, to_ms

PAUSE = 0.1
"""Seconds between two looks at a group."""
MAX_STEPS = 100
"""Most steps of a chain: each message bears those that follow."""


def _message(call: Call, *, comes_later: bool = False) -> Message:
    known = Registry.find_actor(call["actor_name"])
    options = call.get("options", NO_OPTIONS)
    if known is None or call["queue_name"] != known.queue_name:
        options = replace(options, queue=call["queue_name"])
    args = tuple(call["args"])
    return build_message(
        call["actor_name"], known, args, call["kwargs"], options, comes_later=comes_later
    )


def _later_message(call: Call) -> Message:
    return _message(call, comes_later=True)


def _check_call(call: object) -> None:
    """Check that something is what `Actor.message` returns.

    Raises:
        TypeError: If it is an actor, a result, or something else.
    """
    if not isinstance(call, dict) or call.keys() - {"options"} != Call.__required_keys__:
        raise _no_call(call)
    if not isinstance(call.get("options", NO_OPTIONS), SendOptions):
        raise _no_call(call)


def _no_call(given: object) -> TypeError:
    return TypeError(f"a call is what Actor.message() returns, not {given!r}")


def _check_member(call: Call) -> None:
    """Check a call that others wait for.

    Raises:
        TypeError: If it is none.
        ValueError: If it is unique: a duplicate is not sent, so that what waits for its end would wait for ever.
    """
    _check_call(call)
    unique = call.get("options", NO_OPTIONS).unique
    if unique is not None and unique is not False:
        raise ValueError(
            f"unique={unique!r} of {call['actor_name']!r}: what follows in a chain or a group would wait for a duplicate for ever; "
            "give it to send_with_options() or send_many()"
        )


def _refuse_if_disabled(what: str) -> None:
    if is_disabled():
        raise OpenViperTasksError(f"{what} needs a worker, and tasks are disabled")


def _finish(message: Message) -> Message:
    """Sign a message whose options have changed since it was made."""
    if tasks_config().sign:
        sign(message)
    return message


def _proxy(
    message: Message, call: Call, duplicates: Sequence[Message] | None = ()
) -> TaskMessageProxy:
    known = Registry.find_actor(message.actor_name)
    return TaskMessageProxy(
        message.message_id,
        message.actor_name,
        message.queue_name,
        tuple(call["args"]),
        call["kwargs"],
        is_duplicate=is_duplicate(message, duplicates),
        keeps_result=known is None or known.store_results,
        actor=known,
    )


def send_many(calls: Sequence[Call]) -> list[TaskMessageProxy]:
    """Send calls, of any actors, together: all of them, or none.

    Args:
        calls: What `Actor.message` or `Actor.message_with_options` returns.

    Raises:
        TypeError: If an actor cannot be called so, or arguments cannot be written as JSON.
        ValueError: If arguments are too long.
        OpenViperTasksError: If tasks are disabled.
        BrokerError: If the store of messages does not answer.
    """
    _refuse_if_disabled("send_many()")
    for call in calls:
        _check_call(call)
    messages = [_message(call) for call in calls]
    duplicates = send_messages(messages) if messages else []
    return [
        _proxy(message, call, duplicates) for message, call in zip(messages, calls, strict=True)
    ]


def chain(*calls: Call, pass_results: bool = False) -> TaskMessageProxy:
    """Have calls run one after the other, each once the one before has succeeded.

    The next message is stored in the same step in which the end of the one before is: none is lost in between. A step
    that is dead ends the chain.

    Args:
        *calls: What `Actor.message` or `Actor.message_with_options` returns.
        pass_results: Whether each call gets the result of the one before in front of its own arguments.

    Returns:
        The last message: its result is that of the chain.

    Raises:
        TypeError: As for `send_many`.
        ValueError: If there are no calls, more than 100, or arguments are too long.
        OpenViperTasksError: If tasks are disabled.
        BrokerError: If the store of messages does not answer.
    """
    _refuse_if_disabled("chain()")
    messages = _chained(calls, pass_results=pass_results)
    send_messages(messages[:1])
    return _proxy(messages[-1], calls[-1])


def _chained(calls: Sequence[Call], *, pass_results: bool) -> list[Message]:
    to_flag("pass_results", pass_results)
    if not 0 < len(calls) <= MAX_STEPS:
        raise ValueError(f"a chain has 1 to {MAX_STEPS} calls, not {len(calls)}")
    for call in calls:
        _check_member(call)
    make = _message_behind_result if pass_results else _later_message
    first, *others = [_message(calls[0]), *map(make, calls[1:])]
    if others:
        first.set_option("then", [to_values(message) for message in others])
        first.set_option("pass", pass_results or None)
    return [_finish(first), *others]


def _message_behind_result(call: Call) -> Message:
    """Return the message of a call whose first argument is the result of the step before.

    Raises:
        TypeError: If the actor cannot be called so, whatever that is; as far as it is known in this process.
    """
    known = Registry.find_actor(call["actor_name"])
    args, kwargs = tuple(call["args"]), call["kwargs"]
    options = replace(call.get("options", NO_OPTIONS), queue=call["queue_name"])
    if known is not None:
        args, sent = known.sent_behind_result(args, kwargs)
        kwargs = dict(sent)
        if options.priority is None:
            options = replace(options, priority=known.priority)
    return build_message(call["actor_name"], None, args, kwargs, options, comes_later=True)


class Group:
    """Messages that were sent as a group.

    Attributes:
        group_id: A UUID4 as text.
        messages: The members.
    """

    def __init__(self, group_id: str, messages: Sequence[TaskMessageProxy]) -> None:
        self.group_id = group_id
        self.messages = list(messages)

    def __repr__(self) -> str:
        return f"<Group {self.group_id} of {len(self.messages)}>"

    def progress(self) -> GroupInfo:
        """Return how many members have succeeded and how many are dead.

        Raises:
            OpenViperTasksError: If nothing is known of the group, a week after it has ended.
            BrokerError: If the store of messages does not answer.
        """
        return find_group(self.group_id)

    async def wait(self, *, timeout: Duration | None = None) -> GroupInfo:
        """Wait until all members have ended; the event loop goes on meanwhile.

        Args:
            timeout: Longest wait, in milliseconds or as a `timedelta`; for ever when not given.

        Raises:
            ResultTimeout: If they do not end in time.
            OpenViperTasksError: As for `progress`.
        """
        timeout_ms = None if timeout is None else to_ms("timeout", timeout)
        began_at = time.monotonic()
        while True:
            info = await asyncio.to_thread(self.progress)
            if info.done + info.failed >= info.total:
                return info
            if timeout_ms is not None and (time.monotonic() - began_at) * 1000 >= timeout_ms:
                raise ResultTimeout(self.group_id, timeout_ms)
            await asyncio.sleep(PAUSE)


def find_group(group_id: str) -> GroupInfo:
    """Return how a group stands.

    Raises:
        OpenViperTasksError: If nothing is known of it.
        BrokerError: If the store of messages does not answer.
    """
    info = get_broker().group(group_id)
    if info is None:
        raise OpenViperTasksError(f"no group {group_id!r} is known")
    return info


def group(
    *calls: Call | Sequence[Call], then: Call | None = None, on_failure: Call | None = None
) -> Group:
    """Send calls that belong together: all of them, or none.

    Args:
        *calls: What `Actor.message` or `Actor.message_with_options` returns; a sequence of them is a chain, and one member.
        then: Sent when all members have succeeded.
        on_failure: Sent when all members have ended and at least one of them is dead.

    Raises:
        TypeError: As for `send_many`.
        ValueError: If there are no calls, or arguments are too long.
        OpenViperTasksError: If tasks are disabled.
        BrokerError: If the store of messages does not answer.
    """
    _refuse_if_disabled("group()")
    if not calls:
        raise ValueError("a group has at least one call")
    group_id = new_id()
    members = []
    proxies = []
    for call in calls:
        steps = _steps(call)
        messages = _chained(steps, pass_results=False)
        messages[0].set_option("group", group_id)
        members.append(_finish(messages[0]))
        proxies.append(_proxy(messages[-1], steps[-1]))
    new = NewGroup(group_id, len(members), _callback(then), _callback(on_failure))
    send_messages(members, new)
    return Group(group_id, proxies)


def _steps(call: Call | Sequence[Call]) -> list[Call]:
    """Return the steps of a member of a group.

    Raises:
        TypeError: If it is neither a call nor several.
    """
    if isinstance(call, dict):
        return [call]
    if isinstance(call, (list, tuple)):
        return list(call)
    raise _no_call(call)


def _callback(call: Call | None) -> str | None:
    if call is None:
        return None
    _check_member(call)
    return to_json(to_values(_later_message(call)))
