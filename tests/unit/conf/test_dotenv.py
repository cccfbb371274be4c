"""`.env` files."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from openviper.conf.dotenv import find_dotenv, load_dotenv, parse_dotenv


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
        ('A="a\\tb\\n\\"q\\" \\\\n"', 'a\tb\n"q" \\n'),
        ('A="${OTHER}/x" # why', "known/x"),
        ("A=${OTHER}${MISSING}", "known"),
    ],
)
def test_a_value_is_read_by_its_quotes(line: str, value: str) -> None:
    assert parse_dotenv(line, {"OTHER": "known"}) == ({"A": value}, [])


def test_malformed_lines_are_counted_and_the_others_kept() -> None:
    values, malformed = parse_dotenv("\ufeff# c\n\nA=1\nnonsense\n2X=3\nB='open\nC=${A}", {})
    assert values == {"A": "1", "C": "1"}
    assert malformed == [4, 5, 6]


def test_the_search_stops_at_the_project(tmp_path: Path) -> None:
    inner = tmp_path / "project" / "deep"
    inner.mkdir(parents=True)
    (tmp_path / ".env").write_text("A=1")
    assert find_dotenv(inner) == tmp_path / ".env"
    (tmp_path / "project" / "viperctl.py").touch()
    assert find_dotenv(inner) is None


def test_existing_variables_win_and_bad_lines_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("OPENVIPER_DOTENV", raising=False)
    monkeypatch.setenv("OV_TEST_A", "old")
    monkeypatch.setenv("OV_TEST_B", "")
    monkeypatch.delenv("OV_TEST_B")
    (tmp_path / ".env").write_text("OV_TEST_A=new\nOV_TEST_B=b\nbroken\n")
    with caplog.at_level(logging.WARNING, "openviper"):
        assert load_dotenv(tmp_path) == tmp_path / ".env"
    assert (os.environ["OV_TEST_A"], os.environ.pop("OV_TEST_B")) == ("old", "b")
    assert "line 3" in caplog.text


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
