"""The message of a periodic job."""

from __future__ import annotations

import time

from openviper.tasks.actors import Registry
from openviper.tasks.broker import tasks_config
from openviper.tasks.limits import within_key
from openviper.tasks.message import Message, encode_arguments
from openviper.tasks.registry import ScheduleEntry
from openviper.tasks.signing import sign


def job_message(entry: ScheduleEntry, share: float, *, guards_overlap: bool = True) -> Message:
    """Return the message of one firing.

    Args:
        entry: The job.
        share: From 0 to 1: how much of the jitter it is put off by.
        guards_overlap: Whether it heeds what the job says about overlapping runs.
    """
    actor = Registry.find_actor(entry.actor_name)
    args, kwargs = tuple(entry.args), entry.kwargs
    if actor is not None:
        args, kwargs = actor.sent(args, kwargs)
    now = time.time()
    message = Message(
        entry.actor_name,
        entry.queue_name or "default",
        encode_arguments(entry.actor_name, args, kwargs),
        due=now + entry.jitter_ms * share / 1000 if entry.jitter_ms else 0.0,
        sent_at=now,
    )
    if actor is not None:
        message.actor_name = actor.actor_name
        message.queue_name = entry.queue_name or actor.queue_name
        message.priority = actor.priority
    if actor is None or actor.max_retries != entry.retries:
        # Without retries of its own, a job has those of its actor: `None` sets nothing.
        message.set_option("max_retries", entry.retries)
    if guards_overlap:
        _guard_overlap(message, entry)
    if tasks_config().sign:
        sign(message)
    return message


def _guard_overlap(message: Message, entry: ScheduleEntry) -> None:
    key = within_key(f"periodic:{entry.name}")
    if entry.overlap == "skip":
        message.set_option("unique", [key, "running", 0])
    elif entry.overlap == "queue":
        message.set_option("limit", [key, 1])
