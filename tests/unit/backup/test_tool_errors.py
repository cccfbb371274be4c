"""What is left of a tool's words in a message."""

from __future__ import annotations

import pytest

from openviper.backup.tool_errors import MESSAGE_LIMIT, error_lines, masked


@pytest.mark.parametrize(
    ("line", "left"),
    [
        (
            "ERROR 1062 (23000) at line 3: Duplicate entry 'bob' x' for key 'PRIMARY'",
            "ERROR 1062 (23000) at line 3: Duplicate entry *** for key 'PRIMARY'",
        ),
        (
            "ERROR 1366 (22007) at line 1: Incorrect integer value: 'a' for column 'b' for column `d`.`t`.`c` at row 1",
            "ERROR 1366 (22007) at line 1: Incorrect integer value: *** for column `d`.`t`.`c` at row 1",
        ),
        (
            "ERROR 1292 (22007) at line 1: Truncated incorrect DOUBLE value: 'secret'",
            "ERROR 1292 (22007) at line 1: Truncated incorrect DOUBLE value: ***",
        ),
        (
            "ERROR 1064 (42000) at line 3: syntax to use near 'secret 'x' at line 1",
            "ERROR 1064 (42000) at line 3: syntax to use near *** at line 1",
        ),
    ],
)
def test_the_values_that_mariadb_quotes_are_left_out(line: str, left: str) -> None:
    assert error_lines(line, "mysql") == left


@pytest.mark.parametrize(
    ("line", "left"),
    [
        (
            'psql:<stdin>:3: ERROR:  invalid input syntax for type integer: "se"cret"',
            "psql:<stdin>:3: ERROR: invalid input syntax for type integer: ***",
        ),
        (
            'psql:x:3: ERROR:  date/time field value out of range: "9999"',
            "psql:x:3: ERROR: date/time field value out of range: ***",
        ),
        (
            'psql:x:1: ERROR:  syntax error at or near "secret"',
            "psql:x:1: ERROR: syntax error at or near ***",
        ),
        (
            'psql:x:1: ERROR:  relation "rates" does not exist',
            'psql:x:1: ERROR: relation "rates" does not exist',
        ),
        ("psql:x:1: DETAIL:  Key (a)=(secret) already exists.", ""),
        ('psql:x:1: CONTEXT:  COPY users, line 3: "1\tbob"', ""),
    ],
)
def test_the_values_that_postgresql_quotes_are_left_out(line: str, left: str) -> None:
    assert error_lines(line, "psql") == left


@pytest.mark.parametrize("tool", ["mysql", "mariadb", "psql"])
def test_a_statement_that_a_client_repeats_is_left_out(tool: str) -> None:
    said = (
        "--------------\nINSERT INTO `userz` VALUES\n(1,'SECRET-HASH')\n--------------\n\n"
        "ERROR 1100 (HY000) at line 2: Table 'userz' was not locked\n"
    )
    assert error_lines(said, tool) == "ERROR 1100 (HY000) at line 2: Table 'userz' was not locked"
    assert error_lines("(1,'SECRET-HASH')\nfailed", tool) == ""


def test_a_tool_that_repeats_nothing_may_say_what_it_likes() -> None:
    assert error_lines("no\n  way \n", "expdp") == "no; way"
    assert error_lines("Warning: unknown variable 'x'\nGone", "mysqldump") == "Gone"
    assert error_lines("Warning: the disk is full", "mysqldump") == "Warning: the disk is full"
    assert error_lines("pg_dump: error: a\npg_dump: detail: Query was: SELECT x", "pg_dump") == (
        "pg_dump: error: a"
    )


def test_of_a_long_text_the_end_is_kept() -> None:
    said = "\n".join(f"pg_dump: error: number {number}" for number in range(500))
    message = error_lines(said, "pg_dump")
    assert message.startswith("... ") and message.endswith("number 499")
    assert len(message) == MESSAGE_LIMIT + 4


def test_secrets_are_masked_also_when_they_are_encoded() -> None:
    assert masked("a p@ss b p%40ss", ["p@ss"]) == "a *** b ***"
    assert masked("abc", ["", "b"]) == "a***c"
