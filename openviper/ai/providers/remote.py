"""A provider that asks a server over HTTP: what all of them have in common."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from typing import ClassVar, Unpack

from openviper.ai.base import AIProvider
from openviper.ai.devkit import map_http_error
from openviper.ai.exceptions import (
    ProviderAnswerError,
    ProviderNotAvailableError,
    ProviderNotConfiguredError,
    ProviderTimeoutError,
)
from openviper.ai.http.answer import Answer
from openviper.ai.http.client import HttpClient
from openviper.ai.http.errors import ProtocolError, TransportError, TransportTimeoutError
from openviper.ai.http.patience import Patience
from openviper.ai.options import CHAT_OPTIONS, PROMPT_OPTIONS, ChatOptions
from openviper.ai.provider_utils import MAX_LINE_BYTES, clamp_temperature, filter_kwargs
from openviper.ai.providers.configuration import KEYS, ConfigReader, RemoteConfig
from openviper.ai.providers.dialect import (
    Answered,
    ChatRequest,
    Dialect,
    Piece,
    ServerSaidError,
    check_content,
)
from openviper.ai.providers.json_data import read_json
from openviper.ai.retries import (
    RETRIED_STATUSES,
    Failure,
    RetryPolicy,
    failure_of,
    read_retry_after,
)
from openviper.ai.secrecy import secrets_in, without
from openviper.ai.types import (
    ChatEvent,
    DoneEvent,
    Image,
    Message,
    Reply,
    Schema,
    TextEvent,
    ToolSpec,
    Usage,
)
from openviper.ai.usage import check_limits, count, estimated, open_reports

MAX_ERROR = 64 * 1024
"""Bytes of the content of an error that are looked at."""
MAX_DETAIL = 300
"""Characters of it that are shown."""
EMBED_BATCH = 64
"""Most texts of one request for vectors."""
DRAIN_SECONDS = 0.25
"""How long the end of a stream is waited for when all of it was said."""


class RemoteProvider(AIProvider):
    """Asks a server; subclasses say where it is and how to speak to it.

    Args:
        config: See the reference of AI providers.

    Raises:
        ProviderNotConfiguredError: If the configuration cannot work.
    """

    DEFAULT_URL: ClassVar[str]
    KEY_VARIABLE: ClassVar[str] = ""
    KEYS: ClassVar[frozenset[str]] = KEYS
    STREAM_TYPE: ClassVar[str]
    dialect: Dialect

    def __init__(self, config: Mapping[str, object]) -> None:
        super().__init__(config)
        self._name = self._alias()
        reader = ConfigReader(self._name, config, self.KEYS)
        self._remote = reader.read(base_url=self.DEFAULT_URL, key_variable=self.KEY_VARIABLE)
        reader.check_models()
        if not self.supported_models():
            raise reader.wrong("it names no model")
        self._check(self._remote, reader)
        self._secrets = secrets_in(config) | {self._remote.api_key} - {""}
        self._retries = RetryPolicy(self._remote.max_retries, self._remote.retry_delay)
        self._client = self._make_client()

    def provider_name(self) -> str:
        """Return the name of the entry in `AI_PROVIDERS`, else that of the type."""
        return self._name

    async def generate(self, prompt: str, **kwargs: object) -> str:
        """Return the answer to a prompt.

        Args:
            prompt: What to answer.
            kwargs: See `ChatOptions`; ``system`` is a message before the prompt, ``images`` a list of `Image`.

        Raises:
            AIException: If there is no answer; see `openviper.ai.exceptions`.
        """
        prompt, kwargs = await self.before_inference(prompt, kwargs)
        reply = await self._reply(self._request(prompt, kwargs))
        return await self.after_inference(prompt, reply.text)

    async def stream(self, prompt: str, **kwargs: object) -> AsyncIterator[str]:
        """Yield the answer as it comes; see `generate`. `after_inference` is not asked.

        Raises:
            AIException: If there is no answer, or it breaks off.
        """
        prompt, kwargs = await self.before_inference(prompt, kwargs)
        request = self._request(prompt, kwargs, is_stream=True)
        async with contextlib.aclosing(self._events(request)) as events:
            async for event in events:
                if isinstance(event, TextEvent):
                    yield event.text

    async def chat(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        schema: Schema | None = None,
        **options: Unpack[ChatOptions],
    ) -> Reply:
        """Return the reply to a conversation; see `AIProvider.chat`."""
        model, settled = self._chosen(options)
        return await self._reply(ChatRequest(model, messages, tools, schema, settled))

    async def stream_chat(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        schema: Schema | None = None,
        **options: Unpack[ChatOptions],
    ) -> AsyncGenerator[ChatEvent, None]:
        """Yield the reply to a conversation as it comes; see `AIProvider.stream_chat`."""
        model, settled = self._chosen(options)
        request = ChatRequest(model, messages, tools, schema, settled, is_stream=True)
        async with contextlib.aclosing(self._events(request)) as events:
            async for event in events:
                yield event

    async def embed(self, text: str, **kwargs: object) -> list[float]:
        """Return the vector of a text.

        Args:
            text: The text.
            kwargs: ``model`` names the model, else it is `embed_model` of the configuration, else `default_model`.

        Raises:
            AIException: If there is none.
        """
        return (await self.embed_many([text], **kwargs))[0]

    async def embed_many(self, texts: Sequence[str], **kwargs: object) -> list[list[float]]:
        """Return the vectors of several texts, in their order, with a request for each 64 of them; see `embed`."""
        vectors: list[list[float]] = []
        for start in range(0, len(texts), EMBED_BATCH):
            vectors += await self._embed_batch(texts[start : start + EMBED_BATCH], kwargs)
            self._check_lengths(vectors)
        return vectors

    def _check_lengths(self, vectors: Sequence[Sequence[float]]) -> None:
        lengths = sorted(set(map(len, vectors)))
        if len(lengths) > 1:
            reason = f"its vectors have {lengths[0]} numbers and {lengths[-1]}"
            raise ProviderAnswerError(self._name, reason)

    async def _embed_batch(
        self, texts: Sequence[str], kwargs: Mapping[str, object]
    ) -> list[list[float]]:
        options = filter_kwargs(kwargs, {"model"}, provider=self._name)
        model = self._model(options.get("model") or self._remote.embed_model)
        check_limits()
        body = self.dialect.embed_body(model, texts)
        value = await self._ask(self.dialect.embed_path, body, model)
        with self._understanding():
            # In a thread, as there may be millions of numbers.
            found, tokens = await asyncio.to_thread(self._vectors, value, len(texts))
        usage = estimated("".join(texts), "") if tokens is None else Usage(input_tokens=tokens)
        count(model, self._priced(model, usage))
        return found

    async def close(self) -> None:
        """Close the connections that are kept."""
        await self._client.close()

    # For subclasses

    def _check(self, remote: RemoteConfig, reader: ConfigReader) -> None:
        """Refuse a configuration that lacks something."""

    def _auth_headers(self, remote: RemoteConfig) -> dict[str, str]:
        """Return the header fields that carry the key."""
        return {"Authorization": f"Bearer {remote.api_key}"} if remote.api_key else {}

    # Asking

    async def _reply(self, request: ChatRequest) -> Reply:
        check_limits()
        value = await self._ask(
            self.dialect.chat_path, self.dialect.chat_body(request), request.model
        )
        with self._understanding():
            piece = self.dialect.read_reply(value)
            check_content(piece)
        usage = self._usage(request, piece)
        count(request.model, usage)
        return _reply_of(piece, request.model, usage)

    async def _events(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Yield what an answer says as it comes, and count what it costs, however early it is left."""
        check_limits()
        reports = open_reports()
        answered = Answered()
        try:
            async with contextlib.aclosing(self._pieces(request)) as pieces:
                async for piece in pieces:
                    with self._understanding():
                        answered.add(piece)
                    if piece.text:
                        yield TextEvent(piece.text)
            with self._understanding():
                whole = answered.whole()
        finally:
            usage = self._usage(request, answered.so_far())
            for report in reports:
                report.add(request.model, usage)
        yield DoneEvent(_reply_of(whole, request.model, usage))

    async def _ask(self, path: str, body: Mapping[str, object], model: str) -> object:
        """Send a request and return the JSON value of its answer."""
        patience = Patience(self._remote.timeouts)
        async with self._answered(path, body, model, patience) as answer:
            data = await answer.read()
        with self._understanding():
            if answer.content_type not in ("application/json", ""):
                raise ValueError(f"it is {answer.content_type[:80]!r}, not JSON")
            return await read_json(data)

    async def _pieces(self, request: ChatRequest) -> AsyncGenerator[Piece, None]:
        patience = Patience(self._remote.timeouts)
        body = self.dialect.chat_body(request)
        async with self._answered(self.dialect.chat_path, body, request.model, patience) as answer:
            with self._understanding():
                self._check_stream(answer)
                async with contextlib.aclosing(self._read_pieces(answer)) as pieces:
                    async for piece in pieces:
                        if piece.says_something:
                            patience.got_token()
                        yield piece

    def _check_stream(self, answer: Answer) -> None:
        if answer.content_type != self.STREAM_TYPE:
            raise ValueError(f"it is {answer.content_type[:80]!r}, not a stream")

    async def _read_pieces(self, answer: Answer) -> AsyncGenerator[Piece, None]:
        """Yield what a stream says; it must have said why it ends."""
        is_finished = False
        async with contextlib.aclosing(answer.lines(MAX_LINE_BYTES)) as lines:
            async for line in lines:
                piece = self.dialect.read_line(line)
                if piece is None:
                    continue
                is_finished |= bool(piece.finish_reason)
                yield piece
                if piece.is_last:
                    await _drain(lines)
                    return
        if not is_finished:
            raise ValueError("it ends in the middle")

    @contextlib.asynccontextmanager
    async def _answered(
        self, path: str, body: Mapping[str, object], model: str, patience: Patience
    ) -> AsyncIterator[Answer]:
        """Send a request, again where that is safe, and yield its answer of status 200."""
        data = json.dumps(body, ensure_ascii=True).encode("ascii")
        self._retries.budget.earn()
        attempt = 0
        async with contextlib.AsyncExitStack() as stack:
            while True:
                attempt += 1
                result = await self._attempt(stack, path, data, model, patience)
                if isinstance(result, Answer):
                    break
                await stack.aclose()
                wait = self._retries.wait_before(attempt, result, patience.left())
                if wait is None:
                    raise result.error
                await asyncio.sleep(wait)
            with self._translated():
                yield result

    async def _attempt(
        self,
        stack: contextlib.AsyncExitStack,
        path: str,
        data: bytes,
        model: str,
        patience: Patience,
    ) -> Answer | Failure:
        try:
            request = self._client.request("POST", path, patience=patience, body=data)
            answer = await stack.enter_async_context(request)
            if answer.status == 200:
                return answer
            return await self._refusal(answer, model)
        except TransportError as error:
            mapped = self._mapped(error)
            mapped.__cause__ = error
            return failure_of(error, mapped)

    async def _refusal(self, answer: Answer, model: str) -> Failure:
        retry_after = read_retry_after(answer.headers.get("retry-after"))
        try:
            detail = self.dialect.read_error(await read_json(await answer.read(MAX_ERROR)))
        except ValueError:
            detail = ""
        if answer.status < 400:
            said = ProviderAnswerError(self._name, f"status {answer.status}, which is not followed")
            return Failure(said, is_safe=False)
        error = map_http_error(
            answer.status,
            self._shown(detail),
            provider=self._name,
            model=model,
            retry_after=retry_after,
        )
        return Failure(error, answer.status in RETRIED_STATUSES, retry_after)

    def _vectors(self, value: object, wanted: int) -> tuple[list[list[float]], int | None]:
        vectors, tokens = self.dialect.read_vectors(value)
        if len(vectors) != wanted:
            raise ValueError(f"it holds {len(vectors)} vectors for {wanted} texts")
        return [_vector(vector) for vector in vectors], tokens

    # Errors

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except TransportError as error:
            raise self._mapped(error) from error

    def _mapped(self, error: TransportError) -> Exception:
        if isinstance(error, TransportTimeoutError):
            return ProviderTimeoutError(self._name, str(error))
        if isinstance(error, ProtocolError):
            return ProviderAnswerError(self._name, str(error))
        return ProviderNotAvailableError(self._name, str(error))

    @contextlib.contextmanager
    def _understanding(self) -> Iterator[None]:
        """Translate what is wrong with an answer."""
        try:
            yield
        except ValueError as error:
            raise self._misunderstood(error) from None

    def _misunderstood(self, error: ValueError) -> Exception:
        if isinstance(error, ServerSaidError):
            reason = f"the server failed: {self._shown(str(error))}"
            return ProviderNotAvailableError(self._name, reason)
        if isinstance(error, json.JSONDecodeError):
            return ProviderAnswerError(self._name, f"it is not JSON: {error.msg}")
        if isinstance(error, UnicodeDecodeError):
            return ProviderAnswerError(self._name, "it is not UTF-8")
        return ProviderAnswerError(self._name, self._shown(str(error)))

    def _shown(self, text: str) -> str:
        """Return a text of the server's for an error: short, on one line, without our keys."""
        line = " ".join(without(text, self._secrets).split())
        printable = "".join(char if char.isprintable() else "?" for char in line[: MAX_DETAIL + 1])
        return printable if len(printable) <= MAX_DETAIL else f"{printable[:MAX_DETAIL]}..."

    # Options and usage

    def _alias(self) -> str:
        alias = self.config.get("alias")
        return alias if isinstance(alias, str) and alias else self.name

    def _make_client(self) -> HttpClient:
        remote = self._remote
        headers = {**remote.headers, **self._auth_headers(remote)}
        try:
            return HttpClient(remote.route, headers=headers, max_bytes=remote.max_answer_bytes)
        except ValueError as error:
            raise ProviderNotConfiguredError(self._name, str(error)) from None

    def _request(
        self, prompt: str, kwargs: Mapping[str, object], *, is_stream: bool = False
    ) -> ChatRequest:
        options = filter_kwargs(kwargs, PROMPT_OPTIONS, provider=self._name)
        system = options.pop("system", None)
        images = options.pop("images", None) or ()
        messages = [Message("system", str(system))] if system else []
        messages.append(Message("user", prompt, images=_images(images)))
        model, settled = self._settled(options)
        return ChatRequest(model, messages, options=settled, is_stream=is_stream)

    def _chosen(self, options: Mapping[str, object]) -> tuple[str, dict[str, object]]:
        return self._settled(filter_kwargs(options, CHAT_OPTIONS, provider=self._name))

    def _settled(self, options: Mapping[str, object]) -> tuple[str, dict[str, object]]:
        """Return the model, and the options with those of the configuration where none are given."""
        given = {name: value for name, value in options.items() if value is not None}
        settled = {**self._remote.defaults, **given}
        model = self._model(settled.pop("model", None))
        if "temperature" in settled:
            settled["temperature"] = clamp_temperature(settled["temperature"])
            if settled["temperature"] is None:
                del settled["temperature"]
        return model, settled

    def _model(self, model: object) -> str:
        found = model or self.default_model or next(iter(self.supported_models()), None)
        if not isinstance(found, str) or not found:
            raise ProviderNotConfiguredError(self._name, f"the model is {model!r}, not a text")
        return found

    def _usage(self, request: ChatRequest, piece: Piece) -> Usage:
        """Return what a call has used; what the server does not say is estimated."""
        guess = estimated(_prompt_text(request), _answer_text(piece))
        found = piece.input_tokens, piece.output_tokens
        usage = Usage(
            guess.input_tokens if found[0] is None else found[0],
            guess.output_tokens if found[1] is None else found[1],
            is_estimated=None in found,
        )
        return self._priced(request.model, usage)

    def _priced(self, model: str, usage: Usage) -> Usage:
        price = self._remote.prices.get(model)
        cost = None if price is None else price.of(usage)
        return Usage(usage.input_tokens, usage.output_tokens, cost, usage.is_estimated)


async def _drain(lines: AsyncIterator[bytes]) -> None:
    """Read the end of a stream that has said its last word, so that the connection can be used again."""
    # A server that leaves the stream open does not keep anybody waiting.
    with contextlib.suppress(TransportError, TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            async for line in lines:
                if line:
                    return


def _reply_of(piece: Piece, model: str, usage: Usage) -> Reply:
    return Reply(piece.text, model, usage, piece.tool_calls, piece.finish_reason)


def _prompt_text(request: ChatRequest) -> str:
    """Return the texts that the tokens of a prompt are estimated by."""
    said = [message.content for message in request.messages]
    told = [
        f"{tool.name} {tool.description} {json.dumps(tool.parameters)}" for tool in request.tools
    ]
    return "".join([*said, *told])


def _answer_text(piece: Piece) -> str:
    """Return the texts that the tokens of an answer are estimated by."""
    return "".join([piece.text, *(f"{call.name}{call.arguments}" for call in piece.tool_calls)])


def _images(value: object) -> tuple[Image, ...]:
    found: list[Image] = []
    for image in value if isinstance(value, list | tuple) else [value]:
        if not isinstance(image, Image):
            raise TypeError(f"{image!r} is not an Image; fetch_image() makes one from an address")
        found.append(image)
    return tuple(found)


def _vector(value: object) -> list[float]:
    if not isinstance(value, list) or not value:
        raise ValueError("it holds something in the place of a vector")
    return [_coordinate(number) for number in value]


def _coordinate(number: object) -> float:
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError("it holds a vector with something that is not a number")
    if not math.isfinite(number):
        raise ValueError("it holds a vector with a number that is not finite")
    return float(number)
