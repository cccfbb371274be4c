"""Arguments of commands by their types."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date, timedelta
from enum import Enum
from typing import Annotated, Any

import pytest

from openviper.validation import Between, Secret, UnsupportedTypeError, argument


class Colour(Enum):
    RED = "red"


def read(of: Any, text: str) -> Any:
    parser = ArgumentParser(prog="x", exit_on_error=False)
    parser.add_argument("--value", type=argument(of))
    return parser.parse_args([f"--value={text}"]).value


@pytest.mark.parametrize(
    ("of", "text", "value"),
    [
        (date, "2026-11-30", date(2026, 11, 30)),
        (Annotated[int, Between(1, 9)], "9", 9),
        (Colour, "red", Colour.RED),
        (timedelta, "P1D", timedelta(days=1)),
        (bool, "on", True),
    ],
)
def test_an_argument_is_of_its_type(of: Any, text: str, value: object) -> None:
    assert read(of, text) == value


@pytest.mark.parametrize(
    ("of", "text", "said"),
    [
        (date, "soon", "must be a date such as 2026-11-29, not 'soon'"),
        (Annotated[int, Between(1, 9)], "10", "must be between 1 and 9, not '10'"),
        (Colour, "50%", "must be one of 'red', not '50%'"),
        (Annotated[int, Secret()], "hunter2", "must be an integer, not ********"),
    ],
)
def test_what_does_not_fit_is_one_sentence_and_no_traceback(
    of: Any, text: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    parser = ArgumentParser(prog="x")
    parser.add_argument("--value", type=argument(of))
    with pytest.raises(SystemExit):
        parser.parse_args([f"--value={text}"])
    assert capsys.readouterr().err.rstrip().endswith(f"argument --value: {said}")


def test_a_type_that_no_text_can_be_is_a_mistake() -> None:
    with pytest.raises(UnsupportedTypeError):
        argument(complex)
