"""Answers of servers that are JSON, and not what was documented: nothing is taken for an empty answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from openviper.ai import AIProvider
from openviper.ai.exceptions import ProviderAnswerError
from openviper.ai.moderation import read_verdict
from openviper.ai.providers.dialect import Answered, Piece, ServerSaidError, check_content
from openviper.ai.providers.ollama import OllamaDialect
from openviper.ai.providers.openai import OpenAIDialect

OPENAI = OpenAIDialect()
OLLAMA = OllamaDialect()


@pytest.mark.parametrize(
    "message",
    [{"content": 5}, {"content": [{"type": "text"}]}, {"refusal": {}}, {"tool_calls": {"a": 1}}],
)
def test_what_is_not_of_the_documented_type_is_an_error(message: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is not a (text|list)"):
        OPENAI.read_reply({"choices": [{"message": message}]})
    line = b"data: " + json.dumps({"choices": [{"delta": message}]}).encode()
    with pytest.raises(ValueError, match="is not a (text|list)"):
        OPENAI.read_line(line)
    if "refusal" not in message:
        with pytest.raises(ValueError, match="is not a (text|list)"):
            OLLAMA.read_reply({"message": message, "done": True})


@pytest.mark.parametrize("choices", [["x"], [{"delta": "x"}], [None], {}])
def test_a_piece_of_another_form_is_an_error(choices: Any) -> None:
    with pytest.raises(ValueError, match="a piece of it has"):
        OPENAI.read_line(b"data: " + json.dumps({"choices": choices}).encode())


def test_a_piece_that_tells_the_usage_alone_adds_nothing() -> None:
    piece = OPENAI.read_line(b'data: {"choices": [], "usage": {"prompt_tokens": 3}}')
    assert piece == Piece(input_tokens=3)


def test_an_answer_without_text_and_calls_is_an_error_that_tells_why_it_ended() -> None:
    silent = Piece(finish_reason="content_filter")
    with pytest.raises(ValueError, match="neither text nor calls; it ended with 'content_filter'"):
        check_content(silent)
    answered = Answered()
    answered.add(Piece(is_last=True))
    with pytest.raises(ValueError, match="neither text nor calls$"):
        answered.whole()


def test_an_answer_of_ollama_must_be_done() -> None:
    with pytest.raises(ValueError, match="ends in the middle"):
        OLLAMA.read_reply({"message": {"content": "half"}, "done": False})


@pytest.mark.parametrize(
    ("error", "said"), [("boom", "boom"), ({"message": "boom"}, "boom"), (7, "does not say how")]
)
def test_an_error_of_ollama_is_one_whatever_its_form(error: Any, said: str) -> None:
    with pytest.raises(ServerSaidError, match=said):
        OLLAMA.read_reply({"error": error, "message": {"content": "x"}, "done": True})


def test_a_verdict_that_names_a_key_twice_is_none() -> None:
    reply = '{"classification": "hate", "classification": "safe", "confidence": 0.9}'
    assert read_verdict(reply, truncated=False)["classification"] == "unknown"


class Silent(AIProvider):
    """Never gives an answer that can be used."""

    async def generate(self, prompt: str, **kwargs: object) -> str:
        """Fail."""
        raise ProviderAnswerError("silent", "it has neither text nor calls")


async def test_moderation_that_gets_no_usable_answer_means_no() -> None:
    verdict = await Silent({}).moderate("text")
    assert (verdict["classification"], verdict["is_safe"]) == ("unknown", False)
