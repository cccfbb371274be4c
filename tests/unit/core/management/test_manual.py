"""`openviper docs`."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from openviper.core.management import manual
from openviper.core.management.base import CommandError
from openviper.core.management.subcommands import run_subcommand
from openviper.utils.terminal import Terminal


def docs(*words: str) -> int:
    return run_subcommand(["docs", *words], Terminal())


def test_a_search_names_pages(capsys: pytest.CaptureFixture[str]) -> None:
    assert docs("--search", "nightly backup") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  docs/how-to/backup.md#" in "\n".join(lines)
    assert len(lines) <= 2 * manual.FOUND


def test_a_search_that_finds_nothing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert docs("--search", "qqqq") == 1
    assert capsys.readouterr().err == "Warning: nothing found for 'qqqq'\n"


def test_the_site_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert docs("--output", str(tmp_path)) == 0
    assert (tmp_path / "index.html").is_file()
    assert "files in" in capsys.readouterr().out


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CommandError, match="Not a directory: .*file"):
        docs("--output", str(tmp_path / "file"))


def test_a_port_that_is_taken_or_none_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = f"the manual: port {port} of 127.0.0.1: {os.strerror(errno.EADDRINUSE)}"
        with pytest.raises(CommandError, match=told):
            docs("--port", str(port))
    with pytest.raises(CommandError, match="0-65535"):
        docs("--port", "70000")
