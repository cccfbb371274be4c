"""The statement that exchanges the content of a MariaDB database, and the names of what lies beside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from openviper.backup.engines import mariadb_swap
from openviper.backup.engines.mariadb_client import Client, quoted, text_literal
from openviper.backup.engines.mariadb_swap import Beside, Content, Program, swap_statement
from openviper.backup.engines.server import Server

LONG_NAME = "n" * 64


def beside(tmp_path: Path, database: str = "shop") -> Beside:
    return Beside(Client(Server.parse(f"mysql://u@127.0.0.1/{database}"), tmp_path))


def program(kind: str, name: str) -> Program:
    return Program(kind, name, f"CREATE OR REPLACE {kind} `{name}` x", (("sql_mode", "ANSI"),))


def test_names_and_texts_are_quoted() -> None:
    assert quoted("a`b") == "`a``b`"
    assert text_literal("it's \\ x") == "'it\\'s \\\\ x'"


@pytest.mark.parametrize("database", ["shop", LONG_NAME])
def test_the_names_beside_are_short_enough_and_found_again(tmp_path: Path, database: str) -> None:
    made = beside(tmp_path, database)
    for name, kind in ((made.new, "new"), (made.old, "old")):
        assert len(name) <= 64
        match = mariadb_swap._BESIDE_NAME.fullmatch(name.removeprefix(database[:28]))
        assert match is not None and match[1] == kind
        assert match["machine"] == mariadb_swap.machine() and int(match["process"]) == os.getpid()


def test_this_machine_has_one_mark_and_a_dead_process_is_known() -> None:
    assert mariadb_swap.machine() == mariadb_swap.machine()
    assert mariadb_swap._is_alive(os.getpid()) and mariadb_swap._is_alive(1)
    assert not mariadb_swap._is_alive(2**22 + 1)


def test_all_tables_move_in_one_rename(tmp_path: Path) -> None:
    made = beside(tmp_path)
    new, old = Content(["a", "b"]), Content(["b", "c"])
    text = swap_statement("shop", made, new, old)
    (forth,) = [
        line
        for line in text.splitlines()
        if line.startswith("    EXECUTE IMMEDIATE 'RENAME TABLE `shop`.`b`")
    ]
    assert forth.index(f"`shop`.`c` TO `{made.old}`.`c`") < forth.index(
        f"`{made.new}`.`a` TO `shop`.`a`"
    )
    (back,) = [line for line in text.splitlines() if f"`shop`.`a` TO `{made.new}`.`a`" in line]
    assert back.index(f"TO `{made.new}`.`b`") < back.index(f"`{made.old}`.`b` TO `shop`.`b`")
    assert text.startswith("DELIMITER ;;\nBEGIN NOT ATOMIC\n") and text.endswith("END;;\n")


def test_what_cannot_move_is_dropped_before_and_made_after(tmp_path: Path) -> None:
    made = beside(tmp_path)
    new = Content(["a"], programs=[program("TRIGGER", "t_new"), program("FUNCTION", "f")])
    old = Content(["a"], programs=[program("TRIGGER", "t_old")])
    text = swap_statement("shop", made, new, old)
    body = text[text.index("SET FOREIGN_KEY_CHECKS") :]
    steps = [
        "DROP TRIGGER IF EXISTS `t_old`",
        f"DROP TRIGGER `{made.new}`.`t_new`",
        "RENAME TABLE",
        "SET moved = 1",
        "SET sql_mode = 'ANSI'",
        "CREATE OR REPLACE TRIGGER `t_new`",
        "CREATE OR REPLACE FUNCTION `f`",
        f"DROP DATABASE `{made.old}`",
    ]
    places = [body.index(step) for step in steps]
    assert places == sorted(places)
    handler = text[: text.index("SET FOREIGN_KEY_CHECKS")]
    assert "DROP TRIGGER IF EXISTS `t_new`" in handler and "RESIGNAL" in handler
    assert "CREATE OR REPLACE TRIGGER `t_old`" in handler


def test_views_that_show_one_another_stand_there_with_their_columns_first(tmp_path: Path) -> None:
    views = {"one": ["a", "b`c"], "two": ["d"]}
    new = Content([], views=views, programs=[program("VIEW", "one"), program("VIEW", "two")])
    text = swap_statement("shop", beside(tmp_path), new, Content([]))
    stand_ins = text.index("CREATE OR REPLACE VIEW `one` AS SELECT 1 AS `a`, 1 AS `b``c`")
    assert stand_ins < text.index("CREATE OR REPLACE VIEW `two` AS SELECT 1 AS `d`")
    assert text.index("AS `d`") < text.index("CREATE OR REPLACE VIEW `one` x")


def test_an_exchange_with_an_empty_database_renames_nothing(tmp_path: Path) -> None:
    text = swap_statement("shop", beside(tmp_path), Content([]), Content([]))
    assert "RENAME TABLE" not in text


@pytest.mark.parametrize(
    ("kind", "row", "settings"),
    [
        ("VIEW", ["v", "CREATE VIEW `v` AS x", "utf8mb4", "utf8mb4_bin"], {"sql_mode": ""}),
        (
            "EVENT",
            ["e", "ANSI", "SYSTEM", "CREATE EVENT `e` x", "latin1", "latin1_bin", "c"],
            {"sql_mode": "ANSI", "time_zone": "SYSTEM"},
        ),
        (
            "TRIGGER",
            ["t", "", "CREATE DEFINER=`a`@`b` TRIGGER x", "utf8mb3", "utf8mb3_bin", "c", "d"],
            {"sql_mode": ""},
        ),
    ],
)
def test_what_makes_a_program_is_read_with_what_has_to_be_set(
    kind: str, row: list[str], settings: dict[str, str]
) -> None:
    made = mariadb_swap._program(kind, row[0], row)
    assert made.statement.startswith("CREATE OR REPLACE ")
    assert settings.items() <= dict(made.settings).items()
    assert dict(made.settings)["character_set_client"] in row
    assert dict(made.settings)["collation_connection"] in row


def test_a_program_that_the_user_may_not_see_is_named() -> None:
    from openviper.backup.exceptions import BackupError

    with pytest.raises(BackupError, match="may not see how procedure 'p' is made"):
        mariadb_swap._program("PROCEDURE", "p", ["p", "", "NULL", "x", "y"])
