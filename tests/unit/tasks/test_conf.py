"""The setting `TASKS`."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from openviper.conf.task_defaults import DEFAULT_TASKS
from openviper.tasks.conf import (
    LogFile,
    TaskRecords,
    TaskSettings,
    resolve_tasks_config,
    validate_tasks_config,
)
from openviper.tasks.exceptions import OpenViperTasksConfigurationError


def values(section: Any) -> Any:
    """Return what is in a section, and in those inside it."""
    names = getattr(section, "__match_args__", None)
    return section if names is None else [values(getattr(section, name)) for name in names]


def test_defaults_are_filled_in_and_never_changed() -> None:
    before = copy.deepcopy(DEFAULT_TASKS)
    resolved = resolve_tasks_config({"enabled": True, "logging": {"file": 1, "database": 1}})
    assert (resolved.enabled, resolved.broker) == (True, "database")
    assert resolved.logging.level == "INFO"
    assert values(resolved.logging.file) == values(LogFile("logs", "tasks.log", "json", 10))
    assert values(resolved.logging.database) == values(TaskRecords(True, True))
    assert before == DEFAULT_TASKS
    assert values(resolve_tasks_config(None)) == values(TaskSettings())
    partly = resolve_tasks_config({"logging": {"database": {"task": 1}, "file": {"max_size": 1}}})
    assert values(partly.logging.database) == values(TaskRecords(True, False))
    assert values(partly.logging.file) == values(LogFile(max_size=1))


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        (
            {"broker": "rabbitmq"},
            "TASKS['broker'] = 'rabbitmq' is not supported; choose one of database, redis, stub",
        ),
        ({"broker": "sqs"}, "'sqs' is not supported"),
        ({"broker": "kafka"}, "must be one of database, redis, stub, not 'kafka'"),
        (
            {"broker": "redis"},
            "TASKS['broker_url'] must be a URL such as 'redis://localhost:6379/0'",
        ),
        ({"broker_url": "redis://x"}, "must be a database URL"),
        ({"broker_url": 7}, "TASKS['broker_url'] must be a string, not int"),
        ({"enabled": 2}, "TASKS['enabled'] must be 0 or 1, not 2"),
        ({"enabled": "yes"}, "TASKS['enabled'] must be 0 or 1, not 'yes'"),
        ({"lease": 0}, "TASKS['lease'] must be a positive number, not 0"),
        (
            {"async_concurrency": "x"},
            "TASKS['async_concurrency'] must be a whole number of at least 1, not 'x'",
        ),
        ({"async_concurrency": 1.5}, "must be a whole number of at least 1, not 1.5"),
        ({"lease": float("nan")}, "TASKS['lease'] must be a positive number, not nan"),
        ({"grace": -1}, "TASKS['grace'] must be a number of at least 0, not -1"),
        ({"keep_results": 5}, "TASKS['keep_results'] must be from 60 seconds to a hundred years"),
        ({"keep_dead": "1d"}, "TASKS['keep_dead'] must be from 60 seconds"),
        ({"keep_records": float("inf")}, "or None for ever, not inf"),
        ({"keep_records": 10**400}, "or None for ever, not a number of more than 30 digits"),
        ({"keep_dead": 1e12}, "or None for ever, not 1000000000000.0"),
        ({"grace": 10**400}, "at least 0, not a number of more than 30 digits"),
        ({"lease": 10**5000}, "positive number, not a number of more than 30 digits"),
        ({"max_message_bytes": 10**20}, "at least 1024, not 100000000000000000000"),
        ({"max_message_bytes": 1023}, "a whole number of at least 1024, not 1023"),
        ({"max_tasks_per_child": -1}, "a whole number of at least 0, not -1"),
        ({"async_concurrency": True}, "a whole number of at least 1, not True"),
        ({"lease": True}, "must be a positive number, not True"),
        ({"lease": None}, "must be a positive number, not None"),
        ({"enabled": None}, "TASKS['enabled'] must be 0 or 1, not None"),
        ({"broker": None}, "must be one of database, redis, stub, not None"),
        ({"broker": ["redis"]}, "must be one of database, redis, stub, not ['redis']"),
        ({"broker": "redis", "broker_url": "http://x"}, "must be a URL such as 'redis://"),
        ({"broker_url": "tasks.db"}, "must be a database URL such as"),
        ({"redis_prefix": b"x"}, "TASKS['redis_prefix'] must be a string, not bytes"),
        ({"logging": {"file": {"max_size": 10**400}}}, "of MB, not a number of more than 30"),
        ({"logging": {"file": {"max_size": 0}}}, "must be a positive number of MB, not 0"),
        ({"logging": {"file": {"log_dir": 1}}}, "['log_dir'] must be a string, not int"),
        (
            {"logging": {"file": {"file_name": None}}},
            "['file_name'] must be a string, not NoneType",
        ),
        ({"logging": {"file": "x.log"}}, "must be None, 0, 1 or a dict, not 'x.log'"),
        ({"logging": {"level": None}}, "must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL, not"),
        ({"sign": "yes"}, "TASKS['sign'] must be 0 or 1, not 'yes'"),
        ({"backend_url": 1}, "TASKS['backend_url'] must be a string, not int"),
        ({"leese": 5}, "TASKS has no key 'leese'; did you mean 'lease'?"),
        ({"sqs_namespace": "x"}, "TASKS has no key 'sqs_namespace'"),
        (
            {"logging": {"levle": "INFO"}},
            "TASKS['logging'] has no key 'levle'; did you mean 'level'?",
        ),
        ({"logging": {"file": {"dir": "x"}}}, "TASKS['logging']['file'] has no key 'dir'"),
        ({"logging": {"database": {"tasks": 1}}}, "did you mean 'task'?"),
        ({"logging": 1}, "TASKS['logging'] must be a dict, not int"),
        ({"logging": {"level": "LOUD"}}, "TASKS['logging']['level'] must be one of DEBUG, INFO"),
        ({"logging": {"file": 2}}, "TASKS['logging']['file'] must be None, 0, 1 or a dict, not 2"),
        ({"logging": {"file": {"log_format": "xml"}}}, "must be json or text, not 'xml'"),
        ({"logging": {"file": {"max_size": -1}}}, "must be a positive number of MB, not -1"),
        (
            {"logging": {"database": "x"}},
            "TASKS['logging']['database'] must be None, 0, 1 or a dict, not 'x'",
        ),
        (
            {"logging": {"database": {"task": 3}}},
            "TASKS['logging']['database']['task'] must be 0 or 1, not 3",
        ),
        ({"backup": 1}, "TASKS['backup'] must be a dict, not int"),
        ({"backup": {"keep": 3}}, "TASKS['backup']['path'] must be a directory, not None"),
        ({"backup": {"path": "b", "when": "x"}}, "TASKS['backup'] has no key 'when'"),
        (
            {"backup": {"path": "b", "cron": "61 * * * *"}},
            "TASKS['backup']['cron']: cron expression '61 * * * *'",
        ),
        ("text", "TASKS must be a dict, not str"),
    ],
)
def test_a_value_that_cannot_work_is_named(config: Any, problem: str) -> None:
    with pytest.raises(OpenViperTasksConfigurationError) as caught:
        resolve_tasks_config(config)
    assert len(caught.value.errors) == 1
    assert problem in caught.value.errors[0]
    assert str(caught.value) == f"- {caught.value.errors[0]}"


def test_every_problem_is_named_at_once() -> None:
    with pytest.raises(OpenViperTasksConfigurationError) as caught:
        resolve_tasks_config(
            {"broker": "x", "enabled": 5, "lease": -1, "logging": {"level": "x", "file": "y"}}
        )
    assert len(caught.value.errors) == 5
    with pytest.raises(OpenViperTasksConfigurationError, match="must be a dict, not list"):
        validate_tasks_config([])


@pytest.mark.parametrize(
    "config",
    [
        {"broker": "stub"},
        {"broker": "redis", "broker_url": "rediss://localhost:1/0"},
        {"broker_url": "sqlite:///tasks.db"},
        {"broker_url": "postgresql+psycopg://localhost/x"},
        {"backup": {"path": "backup", "keep": 7, "cron": "0 3 * * *", "databases": ["default"]}},
        {"lease": 2**53, "grace": 0.5, "max_message_bytes": 1024},
        {"broker_url": "MariaDB://localhost/x"},
        {"broker": "redis", "broker_url": "unix:///run/redis.sock"},
        {"broker": "stub", "broker_url": "anything"},
        {"logging": {"level": "debug", "file": None, "database": 0}},
        {"sign": 1, "grace": 0, "max_tasks_per_child": 100, "max_message_bytes": 2048},
    ],
)
def test_what_can_work_is_taken(config: dict[str, Any]) -> None:
    assert resolve_tasks_config(config).enabled


def test_sections_that_are_switched_off_are_none_and_levels_are_upper_case() -> None:
    off = resolve_tasks_config({"logging": {"level": "warning", "file": 0, "database": None}})
    assert (off.logging.level, off.logging.file) == ("WARNING", None)
    assert values(off.logging.database) == values(TaskRecords(False, False))
    assert resolve_tasks_config({"logging": {"file": {}}}).logging.file is None
    defaults = resolve_tasks_config({}).logging
    assert values(resolve_tasks_config({"logging": {}}).logging) == values(defaults)


def test_switches_and_numbers_have_one_type_however_they_were_written() -> None:
    resolved = resolve_tasks_config({"enabled": 0, "sign": 1, "lease": 5, "grace": 0})
    assert (resolved.enabled, resolved.sign) == (False, True)
    assert [type(value) for value in (resolved.lease, resolved.grace)] == [float, float]


def test_a_backup_that_is_empty_is_none() -> None:
    nothings: list[Any] = [None, {}, 0]
    for nothing in nothings:
        assert resolve_tasks_config({"backup": nothing}).backup is None
    schedule = resolve_tasks_config({"backup": {"path": "b", "cron": "0 3 * * *"}}).backup
    assert schedule is not None and schedule.cron == "0 3 * * *"
