"""`.env` files: what they may hold, and what happens to a file that cannot be used."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from openviper.conf.dotenv import load_dotenv, parse_dotenv
from openviper.exceptions import ImproperlyConfigured

KNOWN = {"OTHER": "known", "EMPTY": ""}


@pytest.fixture(autouse=True)
def no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the choice of the file to the search."""
    monkeypatch.delenv("OPENVIPER_DOTENV", raising=False)
    monkeypatch.delenv("OPENVIPER_SETTINGS_MODULE", raising=False)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=plain", "plain"),
        ("export A = spaced out ", "spaced out"),
        ("A=", ""),
        ("A=x # comment", "x"),
        ("A=x#y", "x#y"),
        ("A= # nothing", ""),
        ("A='${HOME} \\n #'", "${HOME} \\n #"),
        ("A='' # empty", ""),
        ('A="a\\tb\\n\\"q\\" \\\\n"', 'a\tb\n"q" \\n'),
        ('A="${OTHER}/x" # why', "known/x"),
        ("A=${OTHER}${MISSING}", "known"),
        ("A=${MISSING:-fallback}", "fallback"),
        ('A="${EMPTY:-fall back} ${OTHER:-unused}"', "fall back known"),
        ("A=${MISSING:-}", ""),
        ("A=$OTHER", "$OTHER"),
        ('A="\\${OTHER}"', "${OTHER}"),
        ('A="first\nsecond\n\nfourth" # end', "first\nsecond\n\nfourth"),
        ("A='first\n# no comment\nB=inside'", "first\n# no comment\nB=inside"),
        ("A=form\x0cfeed", "form\x0cfeed"),
        ("A=line\u2028separator\x85", "line\u2028separator"),
        ("A=windows\r\n", "windows"),
        ('A="over\r\nlines"\r\n', "over\nlines"),
    ],
)
def test_a_value_is_read_by_its_quotes(line: str, value: str) -> None:
    assert parse_dotenv(line, KNOWN) == ({"A": value}, [])


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "2X=3",
        "A B=c",
        "=x",
        "A='it's'",
        'A="open',
        "A='open",
        'A="x" y',
        "A=${OTHER",
        "A=${OTHER:?must be set}",
        'A="${2}"',
        "A=${}",
    ],
)
def test_a_malformed_line_is_counted_and_the_others_are_kept(line: str) -> None:
    values, malformed = parse_dotenv(f"\ufeff# c\n\nX=1\n{line}\nY=${{X}}", KNOWN)
    assert values == {"X": "1", "Y": "1"}
    assert malformed == [4]


def test_lines_are_counted_over_values_of_several_lines() -> None:
    assert parse_dotenv('A="1\n2\n3"\nbroken\n', {})[1] == [4]


def test_a_quote_that_is_never_closed_takes_no_other_line_along() -> None:
    values, malformed = parse_dotenv("A='open\nB='b'\nC=\"c\"\n", {})
    assert values == {"B": "b", "C": "c"}
    assert malformed == [1]


def test_a_file_of_many_open_quotes_is_read_in_linear_time() -> None:
    text = 'A=\'x\nB="y\\"\n' * 20_000
    assert len(parse_dotenv(text, {})[1]) >= 20_000


def test_values_of_the_environment_win_over_those_above() -> None:
    assert parse_dotenv("OTHER=file\nA=${OTHER}", KNOWN)[0]["A"] == "known"


def test_existing_variables_win_and_bad_lines_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OV_TEST_A", "old")
    monkeypatch.setenv("OV_TEST_B", "")
    monkeypatch.delenv("OV_TEST_B")
    (tmp_path / ".env").write_text("OV_TEST_A=new\nOV_TEST_B=b\nbroken\n")
    with caplog.at_level(logging.WARNING, "openviper"):
        assert load_dotenv(tmp_path) == tmp_path / ".env"
    assert (os.environ["OV_TEST_A"], os.environ.pop("OV_TEST_B")) == ("old", "b")
    assert "line 3" in caplog.text


@pytest.mark.parametrize("name", ["PATH", "LD_PRELOAD", "DYLD_INSERT_LIBRARIES", "PYTHONSTARTUP"])
def test_variables_that_decide_which_programs_run_are_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    monkeypatch.delenv(name, raising=False)
    (tmp_path / ".env").write_text(f"{name}=/tmp/evil\n")
    with caplog.at_level(logging.WARNING, "openviper"):
        load_dotenv(tmp_path)
    assert name not in os.environ
    assert name in caplog.text and "evil" not in caplog.text


def test_the_environment_chooses_the_file_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("OV_TEST_C=1")
    monkeypatch.setenv("OPENVIPER_DOTENV", "0")
    assert load_dotenv(tmp_path) is None
    other = tmp_path / "other.env"
    other.write_text("")
    monkeypatch.setenv("OPENVIPER_DOTENV", str(other))
    assert load_dotenv(tmp_path) == other


def test_a_named_file_that_is_missing_or_a_folder_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENVIPER_DOTENV", str(tmp_path / "nope.env"))
    with pytest.raises(ImproperlyConfigured, match="nope.env': No such file"):
        load_dotenv()
    monkeypatch.setenv("OPENVIPER_DOTENV", str(tmp_path))
    with pytest.raises(ImproperlyConfigured, match="Is a directory"):
        load_dotenv()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("A=1\nB=ü\n".encode("latin-1"), "line 2 is not UTF-8"),
        ("A=1\n".encode("utf-16"), "line 1 is not UTF-8"),
        (b"A=1\nB=x\0y\n", "line 2 holds a NUL character"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_of_one_line(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(ImproperlyConfigured, match=message) as caught:
        load_dotenv(tmp_path)
    assert "\n" not in str(caught.value)
