"""What a project does when people log in and out and change their password.

>>> @auth_hooks.on_login
... async def greet(context: AuthHookContext) -> None:
...     ...
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeVar, get_args

from openviper.exceptions import AuthenticationFailed
from openviper.http.connection import Connection
from openviper.http.masking import MASK, SECRET_NAME

logger = logging.getLogger("openviper.auth")

Phase = Literal["before_login", "on_login", "on_login_failed", "on_logout", "on_password_changed"]
PHASES: tuple[Phase, ...] = get_args(Phase)


class AuthHookReject(AuthenticationFailed):
    """Raised by a `before_login` hook: this user does not log in now. An HTTP 401."""


@dataclass(frozen=True, slots=True)
class AuthHookContext:
    """What a hook is told.

    Attributes:
        user: The user; `None` in `on_login_failed` where there is no such user.
        request: The request; `None` where there is none.
        auth_backend: How the user logs in or has: ``session``, ``jwt``, ``token``; empty where nobody does.
        credentials: What was sent, without secrets.
        metadata: What else is known, such as ``reason`` in `on_login_failed`.
    """

    user: Any
    request: Connection | None = None
    auth_backend: str = ""
    credentials: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)


AuthHook: TypeAlias = "Callable[[AuthHookContext], Awaitable[None] | None]"
H = TypeVar("H", bound=AuthHook)


class AuthHookRegistry:
    """The hooks of a project, by phase, in the order in which they were registered.

    A `before_login` hook runs when the credentials are right and nothing has happened yet; what it raises ends the attempt. The
    others run afterwards: what they raise is logged and undoes nothing. Each runs once per login, logout or change.
    """

    def __init__(self) -> None:
        self._hooks: dict[Phase, list[AuthHook]] = {phase: [] for phase in PHASES}

    def before_login(self, hook: H) -> H:
        """Run a hook before somebody logs in, who is refused if it raises `AuthHookReject`."""
        return self._add("before_login", hook)

    def on_login(self, hook: H) -> H:
        """Run a hook after somebody has logged in."""
        return self._add("on_login", hook)

    def on_login_failed(self, hook: H) -> H:
        """Run a hook after an attempt to log in with a wrong name or password."""
        return self._add("on_login_failed", hook)

    def on_logout(self, hook: H) -> H:
        """Run a hook after somebody has logged out."""
        return self._add("on_logout", hook)

    def on_password_changed(self, hook: H) -> H:
        """Run a hook after a password has changed and the other sessions have ended."""
        return self._add("on_password_changed", hook)

    def _add(self, phase: Phase, hook: H) -> H:
        if hook not in self._hooks[phase]:  # A module that is loaded twice registers once.
            self._hooks[phase].append(hook)
        return hook

    def clear(self) -> None:
        """Forget all hooks; for tests."""
        for hooks in self._hooks.values():
            hooks.clear()

    async def run(self, phase: Phase, context: AuthHookContext) -> None:
        """Run the hooks of a phase.

        Raises:
            Exception: Whatever a `before_login` hook raises; the hooks behind it do not run then.
        """
        for hook in self._hooks[phase]:
            try:
                result = hook(context)
                if inspect.isawaitable(result):
                    await result
            except Exception:
                if phase == "before_login":
                    raise
                logger.exception("the %s hook %r has failed", phase, _name_of(hook))


def _name_of(hook: AuthHook) -> str:
    return f"{getattr(hook, '__module__', '')}.{getattr(hook, '__qualname__', type(hook).__name__)}"


auth_hooks = AuthHookRegistry()
"""The hooks of this process."""


def register_auth_hook(phase: str, hook: H) -> H:
    """Run a hook in a phase.

    Args:
        phase: ``before_login``, ``on_login``, ``on_login_failed``, ``on_logout`` or ``on_password_changed``.
        hook: Takes an `AuthHookContext`; plain or async.

    Raises:
        ValueError: If there is no such phase.
    """
    if phase not in PHASES:
        raise ValueError(f"phase must be one of {', '.join(PHASES)}, not {phase!r}")
    return auth_hooks._add(phase, hook)


def safe_credentials(credentials: Mapping[str, Any]) -> dict[str, Any]:
    """Return what somebody has sent, the values of secret-sounding names masked."""
    return {
        name: MASK if SECRET_NAME.search(name) else value for name, value in credentials.items()
    }
