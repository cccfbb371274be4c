"""What is made ready on the event loop, and what is not."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from openviper.core.email import AttachmentData, EmailMessageData, FileBackend, backends
from openviper.core.email.outgoing import portions


def is_quick(**fields: Any) -> bool:
    """Return whether a message with these fields is made ready at once."""
    (portion,) = portions([EmailMessageData(["b@x.io"], "Hi", **fields)])
    return portion.is_quick


def test_what_takes_long_is_made_ready_in_a_thread() -> None:
    assert is_quick(text="Hello", html="<p>Hello</p>")
    assert not is_quick(text="x" * 100_000)
    assert not is_quick(html="<br>" * 10_000)
    assert not is_quick(attachments=[AttachmentData("a.bin", bytes(100_000))])


async def test_a_file_is_made_and_written_in_a_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []
    prepared = backends.prepared

    def noted(*arguments: Any) -> Any:
        threads.append(threading.current_thread())
        return prepared(*arguments)

    monkeypatch.setattr(backends, "prepared", noted)
    await FileBackend(tmp_path).send(EmailMessageData(["b@x.io"], "Hi", "x"))
    assert len(list(tmp_path.iterdir())) == 1
    assert threads != [threading.current_thread()] and len(threads) == 1
