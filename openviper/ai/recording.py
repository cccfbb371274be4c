"""Answers kept in a file, so that tests need no server: `RecordingProvider`."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, Unpack

from openviper.ai.base import AIProvider
from openviper.ai.exceptions import RecordingError
from openviper.ai.options import ChatOptions
from openviper.ai.secrecy import masked, secrets_in, without
from openviper.ai.types import Message, Reply, Schema, ToolSpec
from openviper.utils.atomic_files import atomic_write
from openviper.validation import ParseError, parse

FORMAT = 1
"""Version of the file's form."""
Mode: TypeAlias = Literal["replay", "record"]
Entry: TypeAlias = dict[str, object]


class RecordingProvider(AIProvider):
    """Stands before a provider and keeps its answers in a file, or gives them again from there.

    The file is JSON, made to be read and committed: each call with its answer, without keys. A call is found again by
    what was asked and with which options; one that was recorded several times is answered in that order.

    Args:
        path: The file.
        provider: Who is asked while recording; not needed to replay.
        mode: ``"replay"`` asks nobody; ``"record"`` asks and adds to the file.
        models: The models it has; those of the provider, else those in the file, when not given.

    Raises:
        RecordingError: If the file cannot be read, or there is none to replay.
        ValueError: If there is nobody to record.
    """

    name = "recording"

    def __init__(
        self,
        path: str | Path,
        provider: AIProvider | None = None,
        *,
        mode: Mode = "replay",
        models: Sequence[str] | None = None,
    ) -> None:
        _check_mode(mode, provider)
        self._tape = _Tape(Path(path), may_be_missing=mode == "record")
        known = list(models or (provider.supported_models() if provider else self._tape.models()))
        super().__init__({"models": known})
        if provider is not None and models is None:
            self.default_model = provider.default_model
        self._provider = provider
        self._mode = mode
        self._secrets = secrets_in(provider.config) if provider else set()

    async def generate(self, prompt: str, **kwargs: object) -> str:
        """Return the answer to a prompt."""
        asked = self._asked("generate", kwargs, prompt=prompt)
        return str(await self._answer(asked, lambda real: real.generate(prompt, **kwargs)))

    async def stream(self, prompt: str, **kwargs: object) -> AsyncIterator[str]:
        """Yield the pieces of the answer to a prompt."""
        asked = self._asked("stream", kwargs, prompt=prompt)
        if self._mode == "replay":
            for piece in _pieces(self._tape.take(asked)):
                yield piece
            return
        pieces: list[str] = []
        async for piece in self._real.stream(prompt, **kwargs):
            pieces.append(piece)
            yield piece
        self._keep(asked, pieces)

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        schema: Schema | None = None,
        **options: Unpack[ChatOptions],
    ) -> Reply:
        """Return the reply to a conversation."""
        asked = self._asked(
            "chat",
            options,
            messages=[_written_message(message) for message in messages],
            tools=[tool.name for tool in tools],
        )

        async def ask(real: AIProvider) -> object:
            reply = await real.chat(messages, tools=tools, schema=schema, **options)
            return json.loads(json.dumps(dataclasses.asdict(reply), default=str))

        answer = await self._answer(asked, ask)
        try:
            return parse(Reply, answer)
        except ParseError as error:
            raise RecordingError(
                f"recording {str(self._tape.path)!r} holds no reply: {error}"
            ) from None

    async def embed(self, text: str, **kwargs: object) -> list[float]:
        """Return the vector of a text."""
        asked = self._asked("embed", kwargs, text=text)
        answer = await self._answer(asked, lambda real: real.embed(text, **kwargs))
        if not isinstance(answer, list):
            raise RecordingError(f"recording {str(self._tape.path)!r} holds no vector")
        return [float(number) for number in answer]

    async def close(self) -> None:
        """Close the provider."""
        if self._provider is not None:
            await self._provider.close()

    @property
    def _real(self) -> AIProvider:
        assert self._provider is not None
        return self._provider

    def _asked(self, method: str, options: Mapping[str, object], **what: object) -> Entry:
        given = {name: _plain(value) for name, value in options.items() if value is not None}
        given.setdefault("model", self.default_model or "")
        entry = {"method": method, "options": masked(given), **what}
        return self._clean(entry)

    async def _answer(self, asked: Entry, ask: Callable[[AIProvider], Awaitable[object]]) -> object:
        if self._mode == "replay":
            return self._tape.take(asked)
        answer = await ask(self._real)
        self._keep(asked, answer)
        return answer

    def _keep(self, asked: Entry, answer: object) -> None:
        self._tape.add(asked, self._clean({"answer": answer})["answer"])

    def _clean(self, entry: Entry) -> Entry:
        cleaned: Entry = _without_secrets(entry, self._secrets)
        return cleaned


def _check_mode(mode: str, provider: AIProvider | None) -> None:
    if mode not in ("replay", "record"):
        raise ValueError(f"mode {mode!r} is neither 'replay' nor 'record'")
    if mode == "record" and provider is None:
        raise ValueError("mode 'record' needs the provider that is asked")


def _without_secrets(value: Any, secrets: set[str]) -> Any:
    if isinstance(value, str):
        return without(value, secrets)
    if isinstance(value, Mapping):
        return {key: _without_secrets(inner, secrets) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_secrets(inner, secrets) for inner in value]
    return value


def _plain(value: object) -> object:
    """Return an option as JSON has it; pictures and the like by their digest."""
    try:
        plain: object = json.loads(json.dumps(value))
    except (TypeError, ValueError):
        return f"sha256:{hashlib.sha256(repr(value).encode()).hexdigest()}"
    return plain


def _written_message(message: Message) -> Entry:
    written = dataclasses.asdict(message)
    written["images"] = [hashlib.sha256(image.data).hexdigest() for image in message.images]
    return {key: value for key, value in written.items() if value not in ("", (), [])}


def _pieces(answer: object) -> list[str]:
    return [str(piece) for piece in answer] if isinstance(answer, list) else [str(answer)]


class _Tape:
    """The file, and what of it was given already."""

    def __init__(self, path: Path, *, may_be_missing: bool) -> None:
        self.path = path
        self._given: dict[str, int] = {}
        self._lock = threading.Lock()
        self._entries = _read(path) if path.exists() or not may_be_missing else []

    def models(self) -> list[str]:
        """Return the models that were asked."""
        found: set[str] = set()
        for entry in self._entries:
            options = _asked_of(entry).get("options")
            model = options.get("model") if isinstance(options, Mapping) else None
            found |= {model} if isinstance(model, str) and model else set()
        return sorted(found)

    def take(self, asked: Entry) -> object:
        """Return the next answer to what is asked.

        Raises:
            RecordingError: If there is none.
        """
        key = _key(asked)
        answers = [entry["answer"] for entry in self._entries if _key(_asked_of(entry)) == key]
        with self._lock:
            number = self._given.get(key, 0)
            if number >= len(answers):
                raise RecordingError(self._missing(asked, len(answers)))
            self._given[key] = number + 1
        return answers[number]

    def add(self, asked: Entry, answer: object) -> None:
        """Add an answer to the file; what another process has added meanwhile stays."""
        with self._lock, _locked(self.path):
            entries = _read(self.path) if self.path.exists() else []
            entries.append({"asked": asked, "answer": answer})
            text = json.dumps({"format": FORMAT, "calls": entries}, indent=1, ensure_ascii=False)
            with atomic_write(self.path) as file:
                file.write(f"{text}\n".encode("utf-8", "backslashreplace"))
            self._entries = entries

    def _missing(self, asked: Entry, recorded: int) -> str:
        method = asked["method"]
        said = _said(asked)
        if recorded:
            return (
                f"recording {str(self.path)!r} holds {method} of {said!r} {recorded} times, "
                "and it is asked for once more"
            )
        return (
            f"recording {str(self.path)!r} does not hold {method} of {said!r} with "
            f"{asked['options']!r}; record it with mode='record'"
        )


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other processes from writing a file; they lock its directory, as the file itself is replaced."""
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read(path: Path) -> list[Entry]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise RecordingError(
            f"there is no recording {str(path)!r}; make one with mode='record'"
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise RecordingError(f"recording {str(path)!r} cannot be read: {error}") from None
    return _calls_in(value, path)


def _calls_in(value: object, path: Path) -> list[Entry]:
    content = value if isinstance(value, dict) else {}
    calls = content.get("calls")
    if not isinstance(calls, list) or content.get("format") != FORMAT:
        raise RecordingError(f"{str(path)!r} is not a recording of format {FORMAT}")
    for entry in calls:
        if not isinstance(entry, dict) or "answer" not in entry or not _asked_of(entry):
            raise RecordingError(f"recording {str(path)!r} holds a call of another form")
    return calls


def _said(asked: Entry) -> str:
    """Return the beginning of what was said to the model."""
    said = asked.get("prompt") or asked.get("text") or asked.get("messages")
    return str(said)[:80]


def _asked_of(entry: Entry) -> Entry:
    asked = entry.get("asked")
    return asked if isinstance(asked, dict) else {}


def _key(asked: Entry) -> str:
    return json.dumps(asked, sort_keys=True)
