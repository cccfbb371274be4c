"""Calling a script of Redis with as little as possible around it, and what happens when that does not go smoothly."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from openviper.tasks.brokers.redis_call import QuickScript
from openviper.tasks.brokers.redis_messages import glob


class RedisError(Exception):
    """The root of the package's errors."""


class ConnectionError(RedisError):  # noqa: A001 - the package's name for it
    """The connection is lost."""


class ResponseError(RedisError):
    """Redis refuses."""


class NoScriptError(ResponseError):
    """Redis does not know the script."""


DRIVER = SimpleNamespace(
    RedisError=RedisError,
    ConnectionError=ConnectionError,
    exceptions=SimpleNamespace(NoScriptError=NoScriptError),
)


class Client:
    """A client whose connections answer as they are told."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.sent: list[Any] = []
        self.made = self.ended = 0
        self.connection_pool = self

    def make_connection(self) -> Client:
        """Make a connection."""
        self.made += 1
        return self

    def register_script(self, text: str) -> Any:
        """Return the script as redis-py calls it."""

        def script(keys: list[str], args: list[Any]) -> str:
            self.sent.append(("client", *keys, *args))
            return "by the client"

        script.sha = f"sha of {text}"  # type: ignore[attr-defined]  # As redis-py's scripts have it.
        return script

    def send_command(self, *words: Any) -> None:
        """Send a command."""
        self.sent.append(words)

    def read_response(self) -> Any:
        """Return the next answer, or raise it."""
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def disconnect(self) -> None:
        """End a connection, which is lost anyway."""
        self.ended += 1
        raise ConnectionError


def test_a_script_is_called_by_its_name_over_one_connection() -> None:
    client = Client(1, 2)
    script = QuickScript(DRIVER, client, "x", lambda _: False)  # type: ignore[arg-type]  # All that is asked of a client.
    assert (script(["a"]), script(["b"])) == (1, 2)
    assert client.sent == [("EVALSHA", "sha of x", 0, "a"), ("EVALSHA", "sha of x", 0, "b")]
    script.close()
    assert (client.made, client.ended) == (1, 1)


@pytest.mark.parametrize("error", [NoScriptError(), ConnectionError()])
def test_what_does_not_go_smoothly_is_left_to_the_client(error: Exception) -> None:
    client = Client(error, 7)
    script = QuickScript(DRIVER, client, "x", lambda _: False)  # type: ignore[arg-type]
    assert script(["a"]) == "by the client"
    assert script(["b"]) == 7
    assert (client.made, client.ended) == (2, 1)


def test_what_was_run_is_not_run_again_because_its_answer_was_lost() -> None:
    client = Client(ConnectionError(), 7)
    script = QuickScript(DRIVER, client, "x", lambda arguments: arguments == ["a"])  # type: ignore[arg-type]
    assert script(["a"]) is None
    assert script(["b"]) == 7
    assert [words[-1] for words in client.sent] == ["a", "b"]


@pytest.mark.parametrize("error", [ResponseError("OOM"), KeyboardInterrupt()])
def test_an_answer_that_nobody_has_read_is_nobody_elses(error: BaseException) -> None:
    client = Client(error, 7)
    script = QuickScript(DRIVER, client, "x", lambda _: False)  # type: ignore[arg-type]
    with pytest.raises(type(error)):
        script(["a"])
    assert (script(["b"]), client.made, client.ended) == (7, 2, 1)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [("openviper:", "openviper:"), ("a*b?[c-d]", "a\\*b\\?\\[c\\-d\\]"), ("\\^", "\\\\\\^")],
)
def test_a_prefix_is_no_pattern(text: str, pattern: str) -> None:
    assert glob(text) == pattern
