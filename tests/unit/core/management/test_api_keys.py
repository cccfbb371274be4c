"""The command line of `api-keys`, as far as it needs no database."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from openviper.core.management.api_keys import end_of_key
from openviper.core.management.base import UsageError
from openviper.core.management.commands.api_keys import Command


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2999-01-31", datetime(2999, 1, 31, tzinfo=UTC)),
        ("2999-01-31T18:00", datetime(2999, 1, 31, 18, tzinfo=UTC)),
        ("2999-01-31T18:00+01:00", datetime(2999, 1, 31, 17, tzinfo=UTC)),
        ("2999-01-31T18:00Z", datetime(2999, 1, 31, 18, tzinfo=UTC)),
    ],
)
def test_an_end_is_a_moment_in_utc_where_no_zone_is_given(text: str, moment: datetime) -> None:
    assert end_of_key(text) == moment


@pytest.mark.parametrize("text", ["", "soon", "2999-13-01", "31.01.2999", "2999-02-30", "30d"])
def test_what_is_no_date_is_refused_with_what_one_looks_like(text: str) -> None:
    with pytest.raises(UsageError, match="such as 2031-01-31, not ") as caught:
        end_of_key(text)
    assert repr(text) in str(caught.value)


def test_an_end_that_is_over_is_refused() -> None:
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    for text in (past, "2001-01-31"):
        with pytest.raises(UsageError, match="is over already"):
            end_of_key(text)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("create", "create needs the name of a user"),
        ("revoke", "revoke needs the prefix of a key"),
        ("list ann", "list takes no argument, not 'ann'; use --user"),
        ("list --name x", "--name goes with create only"),
        ("list --scope x", "--scope goes with create only"),
        ("revoke abc --expires 2999-01-01", "--expires goes with create only"),
        ("create ann --user ann", "--user goes with list only"),
        ("revoke abc --json", "--json goes with list only"),
        ("create ann --expires x", "--expires must be a date"),
        ("create ann --expires=", "--expires must be a date"),
        ("revoke abc --name=", "--name goes with create only"),
    ],
)
def test_what_does_not_go_together_is_refused(words: str, message: str) -> None:
    command = Command()
    options = vars(command.create_parser("viperctl.py", "api-keys").parse_args(words.split()))
    with pytest.raises(UsageError, match=message):
        command.handle(**options)


def test_the_commands_of_the_how_to_are_understood() -> None:
    page = Path(__file__).resolve().parents[4] / "docs" / "how-to" / "tokens.md"
    lines = re.findall(r"^\$ python viperctl.py api-keys ([^>\n]+)", page.read_text("utf-8"), re.M)
    parser = Command().create_parser("viperctl.py", "api-keys")
    actions = [parser.parse_args(shlex.split(line)).action for line in lines]
    assert actions == ["create", "list", "revoke"]
