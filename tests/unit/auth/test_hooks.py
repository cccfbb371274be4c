"""Hooks of logins."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from openviper.auth.hooks import (
    PHASES,
    AuthHookContext,
    AuthHookRegistry,
    AuthHookReject,
    auth_hooks,
    register_auth_hook,
    safe_credentials,
)

CONTEXT = AuthHookContext("ann")


@pytest.fixture
def seen() -> Iterator[list[str]]:
    """What hooks have noted; those of this process are forgotten afterwards."""
    yield []
    auth_hooks.clear()


async def test_hooks_run_in_the_order_in_which_they_were_registered_plain_and_async(
    seen: list[str],
) -> None:
    registry = AuthHookRegistry()

    @registry.on_login
    def first(context: AuthHookContext) -> None:
        seen.append(f"first {context.user}")

    @registry.on_login
    async def second(context: AuthHookContext) -> None:
        seen.append(f"second {context.user}")

    registry.on_login(first)
    await registry.run("on_login", CONTEXT)
    await registry.run("on_logout", CONTEXT)
    assert seen == ["first ann", "second ann"]


async def test_what_a_hook_before_a_login_raises_ends_it(seen: list[str]) -> None:
    registry = AuthHookRegistry()

    @registry.before_login
    def refuse(context: AuthHookContext) -> None:
        raise AuthHookReject("not today")

    @registry.before_login
    def never(context: AuthHookContext) -> None:
        seen.append("never")

    with pytest.raises(AuthHookReject, match="not today") as caught:
        await registry.run("before_login", CONTEXT)
    assert caught.value.status_code == 401 and seen == []


@pytest.mark.parametrize("phase", PHASES[1:])
async def test_what_the_others_raise_is_logged_and_the_next_one_runs(
    phase: str, seen: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(context: AuthHookContext) -> None:
        raise KeyError("broken")

    register_auth_hook(phase, fail)
    register_auth_hook(phase, lambda context: seen.append("next"))
    with caplog.at_level(logging.ERROR, "openviper.auth"):
        await auth_hooks.run(phase, CONTEXT)  # type: ignore[arg-type]  # one of PHASES
    assert seen == ["next"]
    assert phase in caplog.text and "fail" in caplog.text and "broken" in caplog.text


def test_an_unknown_phase_is_named() -> None:
    with pytest.raises(ValueError, match="'after_login'"):
        register_auth_hook("after_login", lambda context: None)


def test_secrets_are_masked() -> None:
    assert safe_credentials({"username": "ann", "password": "pw", "api_key": "k"}) == {
        "username": "ann",
        "password": "********",
        "api_key": "********",
    }
