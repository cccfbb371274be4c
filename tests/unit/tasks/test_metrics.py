"""Numbers in the text format of Prometheus."""

from __future__ import annotations

import re

from openviper.tasks.brokers.base import CallCount
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.liveness import new_worker_id
from openviper.tasks.message import Message
from openviper.tasks.metrics import render_metrics

LINE = re.compile(
    r'(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z]+="([^"\\\n]|\\.)*",?)*\})? [0-9.e+-]+)\Z'
)


def test_every_line_is_in_the_format_whatever_names_there_are(memory: MemoryBroker) -> None:
    memory.enqueue([Message('odd "actor"', 'que\\ue "x"', "{}")])
    memory.add_counts([CallCount(60, 'a "b"\nc\\', "success", 3, 1.5)])
    consumer = memory.consumer(new_worker_id(), None)
    text = render_metrics(memory)
    assert all(LINE.match(line) for line in text.splitlines()), text
    assert text.endswith("\n")
    assert 'openviper_tasks_messages{queue="que\\\\ue \\"x\\"",state="ready"} 1' in text
    assert 'openviper_tasks_calls_total{actor="a \\"b\\"\\nc\\\\",outcome="success"} 3' in text
    assert 'outcome="success"} 1.5' in text and "openviper_tasks_workers 1" in text
    consumer.close()


def test_only_the_numbers_of_all_time_are_counters(memory: MemoryBroker) -> None:
    for _ in range(2):
        memory.add_counts([CallCount(60, "a", "dead", 1, 0.5)])
    lines = [line for line in render_metrics(memory).splitlines() if "calls_total{" in line]
    assert lines == ['openviper_tasks_calls_total{actor="a",outcome="dead"} 2']


def test_no_label_reaches_a_terminal_as_it_is(memory: MemoryBroker) -> None:
    memory.add_counts([CallCount(0, "evil\x1b[2J\ud800\r", "dead", 1, 0.5)])
    text = render_metrics(memory)
    assert 'actor="evil\\\\x1b[2J\\\\ud800\\\\r"' in text
    assert text.replace("\n", "").isprintable() and text.encode()
