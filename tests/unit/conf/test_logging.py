"""Logging as the settings ask for it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from openviper.conf import Settings
from openviper.conf.logging import (
    JsonFormatter,
    OVDefaultHandler,
    TextFormatter,
    configure_logging,
    server_log_config,
)
from openviper.core.context import current_request_id
from openviper.exceptions import ImproperlyConfigured


@pytest.fixture(autouse=True)
def restore_logger() -> Iterator[None]:
    """Put the `openviper` logger back as it was."""
    logger = logging.getLogger("openviper")
    handlers, level = list(logger.handlers), logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)


def own_handlers() -> list[OVDefaultHandler]:
    """Return our handlers on the `openviper` logger."""
    return [
        one for one in logging.getLogger("openviper").handlers if isinstance(one, OVDefaultHandler)
    ]


def test_configuring_twice_leaves_one_handler_and_foreign_ones_alone() -> None:
    foreign = logging.NullHandler()
    logging.getLogger("openviper").addHandler(foreign)
    configure_logging(Settings())
    configure_logging(Settings(LOG_LEVEL="debug"))
    assert len(own_handlers()) == 1
    assert foreign in logging.getLogger("openviper").handlers
    assert logging.getLogger("openviper").level == logging.DEBUG


def test_text_lines_have_time_level_logger_and_message() -> None:
    configure_logging(Settings())
    stream = io.StringIO()
    own_handlers()[0].setStream(stream)
    logging.getLogger("openviper.x").warning("hello")
    assert stream.getvalue()[19:] == " WARNING openviper.x hello\n"


def test_json_lines_keep_extras_exceptions_and_letters() -> None:
    formatter = JsonFormatter()
    record = logging.makeLogRecord(
        {"name": "openviper", "levelname": "INFO", "msg": "grüße %s", "args": ("du",)}
    )
    record.user = 5
    record.handle_ = object()
    try:
        raise ValueError("boom")
    except ValueError:
        import sys

        record.exc_info = sys.exc_info()
    line = formatter.format(record)
    entry = json.loads(line)
    assert "grüße du" in line
    assert (entry["message"], entry["user"]) == ("grüße du", 5)
    assert "handle_" not in entry
    assert "ValueError: boom" in entry["exc_info"]


def test_a_logging_map_is_used_as_it_is() -> None:
    configure_logging(Settings())
    before = own_handlers()
    configure_logging(
        Settings(
            LOGGING={
                "version": 1,
                "disable_existing_loggers": False,
                "loggers": {"ov_x": {"level": "ERROR"}},
            }
        )
    )
    assert logging.getLogger("ov_x").level == logging.ERROR
    assert own_handlers() == before


def test_chatty_loggers_are_quietened_unless_they_have_a_level() -> None:
    logging.getLogger("watchfiles").setLevel(logging.INFO)
    logging.getLogger("urllib3").setLevel(logging.NOTSET)
    configure_logging(Settings())
    assert logging.getLogger("watchfiles").level == logging.INFO
    assert logging.getLogger("urllib3").level == logging.WARNING
    logging.getLogger("watchfiles").setLevel(logging.NOTSET)


def test_every_line_of_a_request_bears_its_identifier() -> None:
    record = logging.makeLogRecord({"name": "openviper", "levelname": "INFO", "msg": "done"})
    token = current_request_id.set("r-1")
    try:
        assert TextFormatter().format(record).endswith(" INFO openviper done [r-1]")
        assert json.loads(JsonFormatter().format(record))["request_id"] == "r-1"
    finally:
        current_request_id.reset(token)
    assert TextFormatter().format(record).endswith(" INFO openviper done")
    assert "request_id" not in json.loads(JsonFormatter().format(record))


def test_what_clients_send_cannot_look_like_a_record_of_its_own() -> None:
    forged = "a\n2026-01-01 00:00:00 ERROR openviper.auth all is lost\r\x1b[2J\u2028\x9b\tb\\t"
    values = {"name": "openviper", "levelname": "INFO", "msg": "path %s", "args": (forged,)}
    lines = TextFormatter().format(logging.makeLogRecord(values)).split("\n")
    assert lines[0].endswith("INFO openviper path a")
    assert lines[1:] == [
        "  2026-01-01 00:00:00 ERROR openviper.auth all is lost\\r\\x1b[2J\\u2028\\x9b\tb\\t"
    ]


def test_neither_can_the_message_of_an_error() -> None:
    try:
        raise ValueError("first\n2026-01-01 00:00:00 ERROR second\x1b[2J")
    except ValueError as error:
        raised = (type(error), error, error.__traceback__)
    record = logging.makeLogRecord({"levelname": "ERROR", "msg": "failed", "exc_info": raised})
    first, traceback, *others = TextFormatter().format(record).split("\n")
    assert first.endswith("failed") and traceback == "Traceback (most recent call last):"
    assert all(line.startswith("  ") for line in others)
    assert others[-1] == "  2026-01-01 00:00:00 ERROR second\\x1b[2J"


def test_an_access_line_is_told_apart_into_its_facts() -> None:
    arguments = ("10.0.0.7:99", "GET", "/a?b=1", "1.1", 404)
    text = '%s - "%s %s HTTP/%s" %d'
    values = {"name": "uvicorn.access", "levelname": "INFO", "msg": text, "args": arguments}
    entry = json.loads(JsonFormatter().format(logging.makeLogRecord(values)))
    facts = {name: entry[name] for name in ("client", "method", "path", "status")}
    assert facts == {"client": "10.0.0.7:99", "method": "GET", "path": "/a?b=1", "status": 404}


@pytest.mark.parametrize(("form", "name"), [("text", "TextFormatter"), ("json", "JsonFormatter")])
def test_the_server_logs_in_the_form_of_the_application(form: str, name: str) -> None:
    config = server_log_config(Settings(LOG_FORMAT=form))
    assert config is not None
    assert config["formatters"]["default"] == {"()": f"openviper.conf.logging.{name}"}
    assert config["handlers"]["access"]["stream"] == "ext://sys.stdout"
    assert config["handlers"]["default"]["stream"] == "ext://sys.stderr"


@pytest.mark.parametrize("own", [{"root": {}}, {"loggers": {"uvicorn": {}}}])
def test_a_logging_setting_that_speaks_of_the_server_decides(own: dict[str, object]) -> None:
    assert server_log_config(Settings(LOGGING={"version": 1, **own})) is None
    assert server_log_config(Settings(LOGGING={"version": 1})) is not None


def as_json(**facts: object) -> dict[str, object]:
    """Return a record as JSON says it, as strict readers read it."""
    line = JsonFormatter().format(
        logging.makeLogRecord({"name": "x", "levelname": "INFO", **facts})
    )
    line.encode()

    def refuse(word: str) -> object:
        raise AssertionError(word)

    found: dict[str, object] = json.loads(line, parse_constant=refuse)
    assert "\n" not in line
    return found


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), [1, float("-inf")], object(), {1, 2}, {("a",): 1}, b"x"],
    ids=["nan", "infinity", "in a list", "object", "set", "key", "bytes"],
)
def test_an_extra_that_json_cannot_say_leaves_the_rest_of_the_line(value: object) -> None:
    found = as_json(msg="m", wrong=value, right=[1, None, "é"])
    assert "wrong" not in found and found["right"] == [1, None, "é"] and found["message"] == "m"


def test_an_extra_that_contains_itself_or_is_very_deep_leaves_the_rest_of_the_line() -> None:
    endless: list[object] = []
    endless.append(endless)
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert as_json(msg="m", endless=endless, deep=deep)["message"] == "m"


@pytest.mark.parametrize(
    "text", ["\ud800", "a\udfffb", "\0\x1b[31m", "a\nb\r\n", "\u2028\u202e", "\U0001f40d", '"\\']
)
def test_a_line_of_json_can_be_written_and_read_whatever_the_text(text: str) -> None:
    assert as_json(msg=text, extra=text) | {"time": ""} == {
        "time": "",
        "level": "INFO",
        "logger": "x",
        "message": text,
        "extra": text,
    }


@pytest.mark.parametrize("name", ["time", "level", "logger", "message"])
def test_an_extra_does_not_take_the_place_of_a_fact(name: str) -> None:
    record = logging.makeLogRecord({"name": "x", "levelname": "INFO", "msg": "real"})
    vars(record)[name] = "forged"
    found = json.loads(JsonFormatter().format(record))
    assert found[name] != "forged" or name == "message" and found["message"] == "real"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"version": 2}, "LOGGING cannot be used: Unsupported version: 2"),
        ({}, ""),
        (
            {"version": 1, "handlers": {"a": {"class": "nope.X"}}},
            "Unable to configure handler 'a': Cannot",
        ),
        ({"version": 1, "handlers": {"a": {}}}, "Unable to configure handler 'a'"),
        (
            {"version": 1, "root": {"level": "LOUD"}},
            "Unable to configure root logger: Unknown level",
        ),
        (
            {"version": 1, "loggers": {"x": {"handlers": ["none"]}}},
            "Unable to configure logger 'x'",
        ),
        (
            {
                "version": 1,
                "handlers": {"a": {"class": "logging.FileHandler", "filename": "/nope/x"}},
            },
            "No such file or directory: '/nope/x'",
        ),
    ],
    ids=str,
)
def test_what_logging_cannot_use_is_one_error(given: dict[str, object], message: str) -> None:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        if not message:
            configure_logging(Settings(LOGGING=given))
            return
        with pytest.raises(ImproperlyConfigured) as caught:
            configure_logging(Settings(LOGGING={"disable_existing_loggers": False, **given}))
        assert str(caught.value).startswith("LOGGING cannot be used: ")
        assert message in str(caught.value) and "\n" not in str(caught.value)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
