"""Arguments of commands that are refused before anything is done, and what short commands say."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import Any

import pytest

from openviper.core.management import setting_up, worker_health
from openviper.core.management.base import BaseCommand, CommandError, UsageError
from openviper.core.management.builtin_commands import SETTINGS_OPTIONAL
from openviper.core.management.commands import (
    create_user,
    flush,
    roles,
    schema_status,
    send_test_email,
    sql_of,
    start_worker,
    version,
)
from openviper.core.management.dispatch import dispatch
from openviper.core.management.schema_state import AppliedPatch, AppliedTable, SchemaState
from openviper.core.management.setting_up import load_settings, set_up
from openviper.tasks.brokers.memory import MemoryBroker
from openviper.tasks.health import look
from openviper.testing import override_openviper_settings
from openviper.vendoring.exceptions import VendorError
from openviper.version import VERSION
from tests.projects import KEY, write
from tests.unit.core.management.speaking import arun, run


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "editor"], "list takes no argument, not 'editor'"),
        (["create"], "create needs the name of a role"),
        (["create", ""], "create needs the name of a role"),
        (["create", "editor", "ann"], "create takes one name and no users"),
        (["grant"], "grant needs the name of a role"),
        (["grant", "editor"], "grant needs the names of users"),
        (["revoke", "editor"], "revoke needs the names of users"),
        (["create", "editor", "--json"], "--json goes with list only"),
    ],
)
def test_roles_are_changed_by_whole_sentences_only(arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        run(roles.Command, *arguments)


def test_a_password_and_none_exclude_each_other() -> None:
    with pytest.raises(UsageError, match="--password and --no-password exclude each other"):
        run(create_user.Command, "--password", "long-enough", "--no-password")


@pytest.mark.parametrize("command", [flush.Command, sql_of.Command])
def test_an_unknown_database_is_refused_first(command: type[BaseCommand]) -> None:
    labels = ["x"] if command is sql_of.Command else []
    with (
        override_openviper_settings(SECRET_KEY=KEY, DATABASES={"default": {}}),
        pytest.raises(CommandError, match="unknown database alias 'defualt'; did you mean"),
    ):
        run(command, *labels, "--database", "defualt")


@pytest.mark.parametrize(("text", "value"), [("1", 1), ("016", 16)])
def test_a_worker_counts_from_1_on(text: str, value: int) -> None:
    assert start_worker.positive(text) == value


@pytest.mark.parametrize("text", ["0", "-1", "", "1.5", "x", "²", "٣"])
def test_anything_else_is_no_count_of_a_worker(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is not a whole number of at least 1"):
        start_worker.positive(text)


@pytest.mark.parametrize(("text", "value"), [("0", 0.0), ("0.5", 0.5), ("86400", 86400.0)])
def test_a_worker_waits_for_seconds(text: str, value: float) -> None:
    assert start_worker.seconds(text) == value


@pytest.mark.parametrize("text", ["-0.1", "86401", "nan", "inf", "", "x"])
def test_a_worker_does_not_wait_for_ever(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="is not a number of seconds from 0 to 86400"):
        start_worker.seconds(text)


def test_the_version_is_one_line() -> None:
    assert run(version.Command).lines == [f"OpenViper {VERSION}"]


async def test_a_message_that_no_server_takes_is_an_error_of_one_line() -> None:
    with (
        override_openviper_settings(SECRET_KEY=KEY),
        pytest.raises(CommandError, match=r"^the message was not sent: \w+: ") as caught,
    ):
        await arun(send_test_email.Command, "no address")
    assert "\n" not in str(caught.value)


NOTHING = SchemaState([], [], [], [], [])
APPLIED = SchemaState(
    [
        AppliedTable("shop_tag", "shop.Tag", "2024-05-01 10:00:00", "ada@build-1"),
        AppliedTable("shop_node", "shop.Node", "2024-05-01 10:00:01", None),
    ],
    [AppliedPatch("shop.0001_fill", "2024-05-01 10:00:02", "ada@build-1")],
    ["create table shop_part"],
    ["shop.0002_more"],
    ["table old is kept"],
)


@pytest.mark.parametrize(
    ("state", "lines", "warned"),
    [
        (NOTHING, ["Everything is applied."], False),
        (
            APPLIED,
            [
                "[x] shop.Tag  2024-05-01 10:00:00 by ada@build-1  table shop_tag",
                "[x] shop.Node  2024-05-01 10:00:01  table shop_node",
                "[x] shop.0001_fill  2024-05-01 10:00:02 by ada@build-1  patch",
                "[ ] create table shop_part",
                "[ ] patch shop.0002_more",
                "Pending; run: python viperctl.py migrate",
            ],
            True,
        ),
    ],
)
async def test_what_is_applied_stands_before_what_is_pending(
    monkeypatch: pytest.MonkeyPatch, state: SchemaState, lines: list[str], warned: bool
) -> None:
    async def read(apps: Any, alias: str) -> SchemaState:
        return state

    monkeypatch.setattr(schema_status, "read_schema_state", read)
    monkeypatch.setattr(schema_status, "find_installed_apps", lambda **options: {})
    with override_openviper_settings(SECRET_KEY=KEY, DATABASES={"default": {}}):
        said = await arun(schema_status.Command)
    assert said.lines == lines
    assert ("Warning: table old is kept" in said.err) is warned


# Settings


def test_without_a_module_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)
    load_settings(optional=False)


@pytest.mark.parametrize("optional", [True, False])
def test_settings_that_cannot_be_used_stop_all_but_those_who_can_do_without(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, optional: bool
) -> None:
    write(tmp_path, {"arg_bad_settings.py": "1 / 0\n"})
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", "arg_bad_settings")
    with override_openviper_settings():
        if optional:
            load_settings(optional=True)
            return
        with pytest.raises(CommandError, match="arg_bad_settings"):
            load_settings(optional=False)


@pytest.mark.parametrize("name", sorted(SETTINGS_OPTIONAL))
def test_in_a_tree_that_is_refused_only_those_commands_run_that_say_so_or_put_it_right(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def refuse(module: str) -> None:
        raise VendorError("refused")

    monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", "any")
    monkeypatch.setattr(setting_up, "set_up", refuse)
    monkeypatch.setattr(BaseCommand, "run_from_argv", lambda command, argv: 0)
    if name in ("check", "vendor", "verify", "version"):
        assert dispatch("viperctl.py", [name]) == 0
        return
    with pytest.raises(VendorError, match="refused"):
        dispatch("viperctl.py", [name])


def test_the_module_is_named_where_its_settings_are_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENVIPER_SETTINGS_MODULE", "arg_no_such_settings")
    with (
        override_openviper_settings(),
        pytest.raises(CommandError, match="arg_no_such_settings"),
    ):
        set_up("arg_no_such_settings")


@pytest.mark.parametrize("text", ["", "a\x1b[2J", "a\nb", "x" * 201, "half \ud800"])
def test_a_worker_takes_from_queues_that_messages_can_be_in(text: str) -> None:
    assert start_worker.queue("Größe & Co ") == "Größe & Co "
    with pytest.raises(ArgumentTypeError, match="is not the name of a queue"):
        start_worker.queue(text)


def test_the_host_of_a_worker_does_not_reach_the_terminal_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broker = MemoryBroker()
    broker.consumer("evil\x1b[2J/x:1:1:x", None)
    health = look(broker, 60.0)
    monkeypatch.setattr(worker_health, "worker_health", lambda: health)
    (line,) = run(start_worker.Command, "--health").lines
    assert line.startswith("worker 1 on evil\\x1b[2J: seen")
