"""Logging: files of each process, valid JSON, and the id of the message in every record."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from openviper.tasks.conf import resolve_tasks_config
from openviper.tasks.logging import configure_task_logging, get_task_logger
from openviper.tasks.message import Message
from openviper.tasks.running import Run, get_trace_id, running


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Bring the logger back as it was."""
    logger = logging.getLogger("openviper.tasks")
    before = (logger.level, logger.propagate, list(logger.handlers))
    yield
    logger.setLevel(before[0])
    logger.propagate = before[1]
    for handler in set(logger.handlers) - set(before[2]):
        logger.removeHandler(handler)
        handler.close()


def configured(tmp_path: Path, **file: Any) -> Path:
    """Set up a worker's logging and return its file."""
    keys = {"level": "debug", "file": {"log_dir": str(tmp_path / "logs"), **file}}
    configure_task_logging(worker=True, config=resolve_tasks_config({"logging": keys}).logging)
    return tmp_path / "logs" / f"tasks.{os.getpid()}.log"


def test_lines_are_json_with_the_id_of_the_message(tmp_path: Path) -> None:
    path = configured(tmp_path)
    message = Message("work", "default", "{}")
    assert get_trace_id() == ""
    with running(Run(message)):
        assert get_trace_id() == message.message_id[:8]
        get_task_logger("shop").warning('with "quotes",\na line break and %s', "ä")
    get_task_logger("shop").info("outside")
    first, second = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert first["message"] == 'with "quotes",\na line break and ä'
    assert (first["logger"], first["trace_id"]) == ("openviper.tasks.shop", message.message_id[:8])
    assert second["trace_id"] == ""


def test_text_lines_have_it_too(tmp_path: Path) -> None:
    path = configured(tmp_path, log_format="text", file_name="tasks.log")
    message = Message("work", "default", "{}")
    with running(Run(message)):
        get_task_logger("openviper.tasks.shop").error("no")
    assert path.read_text().rstrip().endswith(f"[{message.message_id[:8]}]")


def test_files_are_rotated_and_five_are_kept(tmp_path: Path) -> None:
    path = configured(tmp_path, max_size=0.001)
    for number in range(100):
        get_task_logger("shop").info("%d %s", number, "x" * 500)
    assert sorted(one.name for one in path.parent.iterdir()) == sorted(
        [path.name, *(f"{path.name}.{number}" for number in range(1, 6))]
    )


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")  # The child ends at once.
def test_a_forked_child_writes_to_a_file_of_its_own(tmp_path: Path) -> None:
    path = configured(tmp_path)
    get_task_logger("shop").info("parent")
    pid = os.fork()
    if pid == 0:
        get_task_logger("shop").info("child")
        os._exit(0)
    os.waitpid(pid, 0)
    get_task_logger("shop").info("parent again")
    assert [json.loads(line)["message"] for line in path.read_text().splitlines()] == [
        "parent",
        "parent again",
    ]
    assert json.loads(path.with_name(f"tasks.{pid}.log").read_text())["message"] == "child"


def test_records_reach_the_root_only_in_a_worker(tmp_path: Path) -> None:
    config = resolve_tasks_config({}).logging
    configure_task_logging(worker=False, config=config)
    assert not logging.getLogger("openviper.tasks").propagate
    configure_task_logging(worker=True, config=config)
    assert logging.getLogger("openviper.tasks").propagate
    assert list(tmp_path.iterdir()) == []
