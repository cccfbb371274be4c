"""Errors of AI providers.

::

    AIException
    ├─ ModelNotFoundError · ModelCollisionError       (in `openviper.exceptions`)
    ├─ ProviderNotConfiguredError
    ├─ ProviderNotAvailableError
    │  └─ ProviderTimeoutError (a TimeoutError, too)
    ├─ ProviderAnswerError
    ├─ ModelUnavailableError
    ├─ StructuredAnswerError
    ├─ ToolError · ToolLoopError
    ├─ UsageLimitError
    ├─ RecordingError
    └─ TransportError                                 (in `openviper.ai.http`)

None of them holds a key, a prompt, or an address with a password.
"""

from __future__ import annotations

from collections.abc import Sequence

from openviper.exceptions import AIException


class ProviderNotConfiguredError(AIException):
    """A provider lacks something that it needs, such as a key, or has it in a form that cannot work."""

    def __init__(self, provider: str, reason: str = "") -> None:
        self.provider = provider
        self.reason = reason
        super().__init__(f"provider {provider!r} is not configured{_because(reason)}")


class ProviderNotAvailableError(AIException):
    """A provider cannot be reached, refuses the key, is overloaded or fails.

    Attributes:
        status: The HTTP status of the answer; `None` where there was none.
        retry_after: Seconds after which the provider wants to be asked again; `None` where it does not say.
    """

    def __init__(
        self,
        provider: str,
        reason: str = "",
        *,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.provider = provider
        self.reason = reason
        self.status = status
        self.retry_after = retry_after
        super().__init__(f"provider {provider!r} is not available{_because(reason)}")


class ProviderTimeoutError(ProviderNotAvailableError, TimeoutError):
    """A provider takes longer than it may."""


class ProviderAnswerError(AIException):
    """The answer of a provider is not what its interface promises."""

    def __init__(self, provider: str, reason: str) -> None:
        self.provider = provider
        self.reason = reason
        super().__init__(f"the answer of provider {provider!r} cannot be used: {reason}")


class ModelUnavailableError(AIException):
    """A provider does not have a model at present."""

    def __init__(self, model: str, provider: str, reason: str = "") -> None:
        self.model = model
        self.provider = provider
        self.reason = reason
        super().__init__(
            f"model {model!r} is not available from provider {provider!r}{_because(reason)}"
        )


class StructuredAnswerError(AIException):
    """A model did not give an answer of the form that was asked for.

    Attributes:
        errors: What was wrong with the last answer.
        answer: The last answer, which is not in the message.
    """

    def __init__(self, model: str, wanted: str, errors: Sequence[str], answer: str) -> None:
        self.model = model
        self.wanted = wanted
        self.errors = list(errors)
        self.answer = answer
        super().__init__(
            f"model {model!r} gave no {wanted}: {'; '.join(self.errors) or 'no reason known'}"
        )


class ToolError(AIException):
    """A function cannot be offered to a model as a tool."""


class ToolLoopError(AIException):
    """A model goes on calling tools and does not come to an answer.

    Attributes:
        rounds: How often it was asked.
        calls: The names of the tools it has called, in order.
    """

    def __init__(self, model: str, rounds: int, calls: Sequence[str]) -> None:
        self.model = model
        self.rounds = rounds
        self.calls = list(calls)
        super().__init__(
            f"model {model!r} gave no answer in {rounds} rounds; it called {', '.join(self.calls[:20])}"
        )


class UsageLimitError(AIException):
    """The tokens or the money that a block may use are spent."""


class RecordingError(AIException):
    """A recording does not hold what is asked for, or cannot be read."""


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
