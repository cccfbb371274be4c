"""What becomes of a swap that somebody has cut off on the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import pytest

from openviper.backup.engines.mariadb_settle import PAUSES, Half, is_cut_off, settle
from openviper.backup.exceptions import ToolFailedError

NEW = Half(["fresh"], "shop_new", ["CREATE THE NEW VIEWS;"])
OLD = Half(["gone"], "shop_old", ["CREATE THE OLD VIEWS;"])
LOST = ToolFailedError("mysql", 1, "ERROR 2013 (HY000) at line 2: Lost connection")


class Server:
    """A client whose server has these tables beside the target, and does not answer for the first few times."""

    def __init__(
        self, directory: Path, tables: dict[str, list[str]], *, silent_for: int = 0
    ) -> None:
        self.work_dir = directory
        self.tables = tables
        self.silent_for = silent_for
        self.told: list[str] = []

    def _answer(self) -> None:
        if self.silent_for > 0:
            self.silent_for -= 1
            raise ToolFailedError("mysql", 1, "ERROR 2002 (HY000): Can't connect")

    def ask(self, query: str, stop: Any, *, database: str | None = None) -> list[list[str]]:
        """Tell whether a table is there, or take a statement."""
        self._answer()
        if not query.startswith("SELECT"):
            self.told.append(query)
            return []
        found = [
            name
            for name, tables in self.tables.items()
            for table in tables
            if f"'{name}'" in query and f"'{table}'" in query
        ]
        return [[str(len(found))]]

    def run(self, script: BinaryIO, stop: Any) -> bytes:
        """Take a script."""
        self._answer()
        self.told.append(script.read().decode())
        return b""


def settled(server: Server, new: Half = NEW, old: Half = OLD) -> list[float]:
    """Settle, and return how long was waited each time."""
    waited: list[float] = []
    client: Any = server
    settle(client, new, old, LOST, waited.append)
    return waited


def test_where_the_tables_have_moved_the_swap_is_completed(tmp_path: Path) -> None:
    server = Server(tmp_path, {"shop_old": ["gone"]})
    assert settled(server) == [PAUSES[0]]
    script, drop = server.told
    assert "CREATE THE NEW VIEWS;" in script and "OLD" not in script
    assert "DROP DATABASE IF EXISTS `shop_old`" in drop


def test_where_they_have_not_the_old_views_come_back_and_the_cause_is_told(tmp_path: Path) -> None:
    server = Server(tmp_path, {"shop_new": ["fresh"]})
    with pytest.raises(ToolFailedError) as caught:
        settled(server)
    assert caught.value is LOST
    (script,) = server.told
    assert "CREATE THE OLD VIEWS;" in script and "NEW" not in script


@pytest.mark.parametrize(
    ("beside", "new", "old", "is_completed"),
    [
        ({}, NEW, Half([], "shop_old", OLD.statements), True),
        ({"shop_new": ["fresh"]}, NEW, Half([], "shop_old", OLD.statements), False),
        ({"shop_old": ["gone"]}, Half([], "shop_new", NEW.statements), OLD, True),
        ({}, Half([], "shop_new", NEW.statements), Half([], "shop_old", OLD.statements), False),
    ],
    ids=["into an empty target", "not yet", "an empty backup", "views only"],
)
def test_a_content_without_tables_is_told_by_the_other_one(
    tmp_path: Path, beside: dict[str, list[str]], new: Half, old: Half, is_completed: bool
) -> None:
    server = Server(tmp_path, beside)
    if is_completed:
        settled(server, new, old)
    else:
        with pytest.raises(ToolFailedError):
            settled(server, new, old)
    assert ("NEW" in server.told[0]) is is_completed


def test_a_server_that_is_starting_is_waited_for(tmp_path: Path) -> None:
    server = Server(tmp_path, {"shop_old": ["gone"]}, silent_for=3)
    assert settled(server) == list(PAUSES[:4])


def test_a_server_that_stays_away_is_told_of_with_the_place_of_the_tables(tmp_path: Path) -> None:
    with pytest.raises(ToolFailedError, match="look for the old tables in 'shop_old'") as caught:
        settled(Server(tmp_path, {}, silent_for=99))
    assert caught.value.__cause__ is LOST


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("ERROR 2013 (HY000) at line 2: Lost connection to server during query", True),
        ("ERROR 1927 (70100): Connection was killed", True),
        ("ERROR 1062 (23000) at line 4: Duplicate entry", False),
        ("", False),
    ],
)
def test_what_may_have_stopped_in_the_middle_is_told_from_what_undid_itself(
    said: str, expected: bool
) -> None:
    assert is_cut_off(ToolFailedError("mysql", 1, said)) is expected
