"""Every broker answers as the one in memory does, whatever is done to them in whatever order."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from openviper.tasks.brokers.base import Broker, Filter, NewGroup
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.liveness import new_worker_id
from openviper.tasks.message import Finished, Message, Outcome, to_values
from openviper.tasks.message_ids import new_id

QUEUES = ("a", "b")
KEYS = ("k1", "k2")
STATES = ("ready", "running", "delayed", "dead", None)
STEPS = 60
TAKEN = (QUEUES, ("a",))


class Side:
    """One broker with two workers, of which the second takes from one queue only.

    Args:
        broker: The broker.
        keeps_order: Whether what is tried again comes in the order of sending too.
    """

    def __init__(self, broker: Broker, *, keeps_order: bool) -> None:
        self.broker = broker
        self.keeps_order = keeps_order
        self.workers = [broker.consumer(new_worker_id(), list(queues)) for queues in TAKEN]
        self.held: list[dict[str, Message]] = [{}, {}]
        self.wake, self._wake_end = os.pipe()

    def enqueue(self, messages: list[dict[str, Any]], group: NewGroup | None) -> Any:
        """Send messages, made anew, and return the ids of those that were there already and of all."""
        made = [Message("actor", **values) for values in messages]
        duplicates = self.broker.enqueue(made, group)
        return [one.message_id for one in duplicates], [one.message_id for one in made]

    def exchange(self, place: int, ends: list[tuple[str, dict[str, Any]]], want: int) -> Any:
        """Settle and claim, and return what was claimed with what it says of itself."""
        held = self.held[place]
        finished = [
            Finished(
                held.pop(key),
                **{**values, "follow": tuple(Message(**one) for one in values["follow"])},
            )
            for key, values in ends
        ]
        # Whether a message that is stored with a settlement can be claimed in the same call is left open.
        assert self.workers[place].exchange(finished, 0) == []
        claimed = self.claim(place, want)
        held.update({one.message_id: one for one in claimed})
        told = [(one.message_id, one.attempts, one.priority, one.payload) for one in claimed]
        return told if self.keeps_order else sorted(told)

    def claim(self, place: int, want: int) -> list[Message]:
        """Return what a worker claims, which on Redis is everything that is ready in its queues."""
        worker = self.workers[place]
        if self.keeps_order:
            worker.wait(self.wake, 0)
            return worker.exchange([], want)
        claimed: list[Message] = []
        end = time.monotonic() + 60
        # It is not promised that a new queue is seen before a worker has waited, nor how long.
        while want and self.ready(place) and time.monotonic() < end:
            worker.wait(self.wake, 0.05)
            claimed += worker.exchange([], want)
        return claimed

    def ready(self, place: int) -> int:
        """Return how many messages wait in the queues of a worker."""
        return sum(one.ready for one in self.broker.queues() if one.name in TAKEN[place])

    def shown(self, groups: list[str], ids: list[str]) -> dict[str, Any]:
        """Return everything that somebody can see from outside, but for times that the brokers themselves take."""
        results = [(key, self.broker.result(key)) for key in ids]
        return {
            "queues": [tuple(one)[:5] for one in self.broker.queues()],
            "messages": sorted(
                (
                    one.message_id,
                    one.queue_name,
                    one.state,
                    one.priority,
                    one.attempts,
                    one.error,
                )
                for one in self.broker.messages(limit=10_000)
            ),
            "groups": [self.broker.group(name) for name in groups],
            "results": [(key, one and (one.value, one.error)) for key, one in results],
        }

    def close(self) -> None:
        """Let the workers leave."""
        for worker in self.workers:
            worker.close()
        os.close(self.wake)
        os.close(self._wake_end)


class Walk:
    """Steps of chance, each taken by both sides.

    Args:
        seed: What the chance begins with.
        sides: Both sides.
    """

    def __init__(self, seed: int, *sides: Side) -> None:
        self.chance = random.Random(seed)
        self.sides = sides
        self.ids: list[str] = []
        self.groups: list[str] = []
        self.log: list[str] = []
        self.begun = time.time() - 1000

    def both(self, what: str, act: Callable[[Side], Any]) -> None:
        """Let both sides do something and compare what they say."""
        self.log.append(what)
        first, second = (act(side) for side in self.sides)
        assert first == second, "\n".join(self.log[-12:])

    def values(self, **more: Any) -> dict[str, Any]:
        """Return what a new message is made of."""
        number = len(self.ids)
        self.ids.append(new_id())
        is_late = self.chance.random() < 0.15
        options: dict[str, Any] = dict(more)
        if self.chance.random() < 0.3:
            options["unique"] = [
                self.chance.choice(KEYS),
                self.chance.choice(("queued", "running")),
                0,
            ]
        return {
            "queue_name": self.chance.choice(QUEUES),
            "payload": json.dumps({"args": [number], "kwargs": {}}),
            "priority": self.chance.randint(-2, 2),
            "due": self.begun + 5000 if is_late else 0.0,
            "message_id": self.ids[-1],
            "sent_at": self.begun + number,
            "options": options or None,
        }

    def send(self) -> None:
        """Send some messages."""
        messages = [self.values() for _ in range(self.chance.randint(1, 3))]
        self.both(f"send {messages}", lambda side: side.enqueue(messages, None))

    def send_group(self) -> None:
        """Send a group with what follows it."""
        name = new_id()
        self.groups.append(name)
        count = self.chance.randint(1, 2)
        messages = [self.values(group=name) for _ in range(count)]
        for one in messages:
            one["options"].pop("unique", None)
        then, failing = (
            json.dumps(to_values(Message("actor", **{**self.without_keys(), "due": 0.0})))
            for _ in range(2)
        )
        group = NewGroup(name, count, then, failing)
        self.both(f"group {messages}", lambda side: side.enqueue(messages, group))

    def without_keys(self) -> dict[str, Any]:
        """Return what a message without options is made of."""
        return {**self.values(), "options": None}

    def work(self) -> None:
        """Have a worker settle some of what it has and claim more."""
        place = self.chance.randrange(2)
        held = self.sides[0].held[place]
        ends = [
            (key, self.end(message)) for key, message in held.items() if self.chance.random() < 0.6
        ]
        want = self.chance.randint(0, 3)
        if not self.sides[0].keeps_order and want:
            want = 1000
        self.both(f"work {place} {ends} {want}", lambda side: side.exchange(place, ends, want))

    def end(self, message: Message) -> dict[str, Any]:
        """Return what becomes of a message."""
        outcome = self.chance.choice(list(Outcome))
        is_done = outcome is Outcome.DONE
        # What follows stands in the options of a message, so one without has nothing that follows.
        follows = is_done and message.options is not None and self.chance.random() < 0.5
        return {
            "outcome": outcome,
            "due": self.begun + 5000 if outcome is Outcome.RETRY else 0.0,
            "error": ""
            if is_done or outcome is Outcome.RELEASED
            else f"Error: {self.chance.randint(1, 3)}",
            "result": "1" if is_done and self.chance.random() < 0.5 else None,
            "counts": self.chance.random() < 0.7,
            "follow": [{"actor_name": "actor", **self.without_keys()}] if follows else [],
        }

    def some_ids(self) -> list[str]:
        """Return some ids, of which one was never given."""
        known = self.chance.sample(self.ids, min(len(self.ids), 5))
        return [*known, "00000000-0000-4000-8000-000000000000"]

    def filter(self) -> Filter:
        """Return a filter."""
        states = STATES if self.sides[0].keeps_order else ("dead",)
        return Filter(
            self.chance.choice(states),
            self.chance.choice((*QUEUES, "c", None)),
            self.chance.choice(("actor", "other", None, None)),
            self.chance.choice((None, None, "error", "Error: 1", "%", "_")),
            self.chance.choice((None, self.begun + len(self.ids) // 2)),
        )

    def retry(self) -> None:
        """Try messages again."""
        chosen = self.chance.choice((self.some_ids(), self.filter()))
        self.both(f"retry {chosen}", lambda side: side.broker.retry(chosen))

    def cancel(self) -> None:
        """Cancel messages."""
        chosen = self.some_ids()
        self.both(f"cancel {chosen}", lambda side: side.broker.cancel(chosen))
        # What has ended may be named still; nobody looks at it.
        running = {key for held in self.sides[0].held for key in held}
        self.both("cancelled", lambda side: side.workers[0].cancelled() & running)

    def purge(self) -> None:
        """Remove messages."""
        chosen = self.filter()
        self.both(f"purge {chosen}", lambda side: side.broker.purge(chosen))

    def look(self) -> None:
        """Look for messages."""
        chosen = self.filter()
        self.both(
            f"look {chosen}",
            lambda side: sorted(one.message_id for one in side.broker.messages(chosen, 10_000)),
        )

    def step(self) -> None:
        """Take one step, and look at everything."""
        actions = (
            self.send,
            self.work,
            self.send_group,
            self.retry,
            self.cancel,
            self.purge,
            self.look,
        )
        action = self.chance.choices(actions, (6, 10, 2, 2, 1, 1, 2))[0]
        action()
        self.both("shown", lambda side: side.shown(self.groups, self.ids))


@pytest.mark.parametrize("seed", range(3))
def test_a_walk_of_chance_leads_every_broker_to_the_same_place(broker: Broker, seed: int) -> None:
    keeps_order = (
        broker.name != "redis"
    )  # There a message that is tried again is a new one to its stream.
    sides = [Side(one, keeps_order=keeps_order) for one in (broker, MemoryBroker())]
    walk = Walk(seed, *sides)
    for _ in range(STEPS):
        walk.step()
    for side in sides:
        side.close()
    # What the workers had goes back as they leave.
    walk.both("left", lambda side: side.shown(walk.groups, walk.ids))
