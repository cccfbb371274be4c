"""Answers are kept in a file and given again from there, without keys."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from openviper.ai import (
    Image,
    Message,
    RecordingError,
    RecordingProvider,
    Reply,
    ToolCall,
    Usage,
)
from tests.acceptance.running import environment
from tests.unit.ai.fakes import Fake, Scripted


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the file is."""
    return tmp_path / "answers.json"


async def test_what_was_recorded_is_replayed(path: Path) -> None:
    real = Fake({"models": {"default": "a", "other": "b"}})
    recorder = RecordingProvider(path, real, mode="record")
    assert recorder.default_model == "a"
    answers = [
        await recorder.generate("x"),
        await recorder.generate("x", model="b", temperature=0.5),
        [piece async for piece in recorder.stream("x")],
        await recorder.embed("abc"),
    ]
    replay = RecordingProvider(path, real)
    assert answers == [
        await replay.generate("x"),
        await replay.generate("x", model="b", temperature=0.5),
        [piece async for piece in replay.stream("x")],
        await replay.embed("abc"),
    ]
    assert len(real.asked) == 4


async def test_nobody_is_needed_to_replay(path: Path) -> None:
    await RecordingProvider(path, Fake({"model": "a"}), mode="record").generate("x")
    replay = RecordingProvider(path)
    assert replay.supported_models() == ["a"] and replay.default_model == "a"
    assert await replay.generate("x") == "fake/a: x"


async def test_a_conversation_is_replayed_whole(path: Path) -> None:
    reply = Reply(
        "",
        "m",
        Usage(1, 2, Decimal("0.5"), is_estimated=True),
        (ToolCall("f", '{"x": 1}', "id"),),
        "stop",
    )
    said = [Message("user", "look", images=(Image(b"\x89PNG"),))]
    recorder = RecordingProvider(path, Scripted(reply), mode="record")
    assert await recorder.chat(said) == reply
    assert await RecordingProvider(path, models=["m"]).chat(said) == reply
    other = [Message("user", "look", images=(Image(b"other"),))]
    with pytest.raises(RecordingError):
        await RecordingProvider(path, models=["m"]).chat(other)


async def test_one_question_may_have_several_answers(path: Path) -> None:
    recorder = RecordingProvider(path, Scripted("one", "two"), mode="record")
    await recorder.generate("x")
    await recorder.generate("x")
    replay = RecordingProvider(path)
    assert [await replay.generate("x"), await replay.generate("x")] == ["one", "two"]
    with pytest.raises(RecordingError, match="'x' 2 times, and it is asked for once more"):
        await replay.generate("x")


@pytest.mark.parametrize(
    ("prompt", "options"), [("y", {}), ("x", {"model": "b"}), ("x", {"temperature": 1.0})]
)
async def test_what_was_not_recorded_is_a_clear_error(
    path: Path, prompt: str, options: dict[str, object]
) -> None:
    await RecordingProvider(path, Fake({"model": "a"}), mode="record").generate("x")
    with pytest.raises(RecordingError) as caught:
        await RecordingProvider(path).generate(prompt, **options)
    told = str(caught.value)
    assert str(path) in told and f"generate of {prompt!r}" in told and "mode='record'" in told


def test_a_missing_file_is_a_clear_error(path: Path) -> None:
    with pytest.raises(RecordingError, match="there is no recording .*mode='record'"):
        RecordingProvider(path)
    assert not path.exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"format": 2, "calls": []}',
        '{"format": 1}',
        '{"format": 1, "calls": [7]}',
        '{"format": 1, "calls": [{"asked": {}}]}',
        "[" * 100_000,
        "\ud800",
    ],
)
def test_a_damaged_file_is_a_clear_error(path: Path, text: str) -> None:
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(RecordingError, match="answers.json"):
        RecordingProvider(path)


def test_recording_needs_somebody_to_ask(path: Path) -> None:
    with pytest.raises(ValueError, match="needs the provider"):
        RecordingProvider(path, mode="record")
    with pytest.raises(ValueError, match="'replya'"):
        RecordingProvider(path, Fake({"model": "a"}), mode="replya")  # type: ignore[arg-type]  # what is tried


async def test_no_key_is_kept(path: Path) -> None:
    class Telling(Fake):
        async def generate(self, prompt: str, **kwargs: object) -> str:
            return f"your key is {self.config['api_key']}"

    real = Telling({"model": "a", "api_key": "sk-hunter2", "headers": {"X-Token": "tok-hunter2"}})
    recorder = RecordingProvider(path, real, mode="record")
    await recorder.generate("sk-hunter2 and tok-hunter2", api_key="other-hunter2")
    assert "hunter2" not in path.read_text()
    assert (
        await RecordingProvider(path, real).generate(
            "sk-hunter2 and tok-hunter2", api_key="other-hunter2"
        )
        == "your key is ***"
    )


async def test_the_file_can_be_read_by_people(path: Path) -> None:
    await RecordingProvider(path, Fake({"model": "a"}), mode="record").generate("Grüß dich")
    value = json.loads(path.read_text("utf-8"))
    assert value["calls"][0]["asked"]["prompt"] == "Grüß dich"
    assert "Grüß dich" in path.read_text("utf-8")


async def test_a_failure_is_not_recorded(path: Path) -> None:
    recorder = RecordingProvider(path, Scripted(), mode="record")
    with pytest.raises(IndexError):
        await recorder.generate("x")
    assert not path.exists()


@pytest.mark.one_version
async def test_two_processes_record_into_one_file(path: Path) -> None:
    script = (
        "import asyncio, sys\n"
        "from openviper.ai import RecordingProvider\n"
        "from tests.unit.ai.fakes import Fake\n"
        "async def main():\n"
        "    provider = RecordingProvider(sys.argv[1], Fake({'model': 'a'}), mode='record')\n"
        "    for number in range(20):\n"
        "        await provider.generate(f'{sys.argv[2]}{number}')\n"
        "asyncio.run(main())\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script, str(path), name], env=environment())
        for name in ("a", "b")
    ]
    assert [process.wait(120) for process in running] == [0, 0]
    assert len(json.loads(path.read_text())["calls"]) == 40
