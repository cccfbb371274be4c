"""Guessing passwords gets slower and slower."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from openviper.auth import authenticate, throttle
from openviper.auth.models import LoginAttempt, User
from openviper.auth.throttle import (
    LoginThrottle,
    LoginThrottledError,
    clear_login_attempts,
    delay,
    network_of,
)
from tests.integration.auth.database import accounts
from tests.integration.auth.web import PASSWORD, Browser, site


def scope_from(address: str) -> dict[str, Any]:
    """Return the scope of a request from an address."""
    return {"type": "http", "client": (address, 5000), "headers": []}


class Clock:
    """The time in milliseconds, for attempts."""

    def __init__(self) -> None:
        self.now = 1_000_000_000

    def attempt(self, name: str = "ann", address: str = "192.0.2.1") -> LoginThrottle:
        """Return an attempt at this time."""
        return LoginThrottle(name, scope_from(address), self.now)

    async def wait_for(self, name: str = "ann", address: str = "192.0.2.1") -> int:
        """Try, wait as long as is asked for, and return for how many seconds that was."""
        try:
            await self.attempt(name, address).take()
        except LoginThrottledError as error:
            assert error.retry_after is not None
            self.now += error.retry_after * 1000
            await self.attempt(name, address).take()
            return error.retry_after
        return 0


async def test_after_some_failures_each_further_one_takes_longer(tmp_path: Path) -> None:
    async with accounts(tmp_path, LOGIN_MAX_DELAY=60):
        clock = Clock()
        waits = [await clock.wait_for() for _ in range(13)]
        assert waits == [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60]


async def test_another_name_and_another_address_are_not_held_up(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        clock = Clock()
        for _ in range(5):
            await clock.attempt().take()
        with pytest.raises(LoginThrottledError):
            await clock.attempt().take()
        await clock.attempt("bob").take()
        # The name is held up from everywhere: many addresses are easily had.
        with pytest.raises(LoginThrottledError):
            await clock.attempt(address="198.51.100.7").take()


async def test_one_address_that_tries_many_names_is_held_up(tmp_path: Path) -> None:
    async with accounts(tmp_path, LOGIN_FAILURES_PER_ADDRESS=8):
        clock = Clock()
        for number in range(8):
            await clock.attempt(f"user{number}").take()
        with pytest.raises(LoginThrottledError):
            await clock.attempt("another").take()
        await clock.attempt("another", "198.51.100.7").take()


async def test_many_addresses_that_try_one_name_are_held_up(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        clock = Clock()
        refused = 0
        for number in range(30):
            try:
                await clock.attempt(address=f"198.51.100.{number}").take()
            except LoginThrottledError:
                refused += 1
        assert refused == 25


async def test_all_addresses_of_an_ipv6_network_are_one(tmp_path: Path) -> None:
    async with accounts(tmp_path, LOGIN_FAILURES_PER_ADDRESS=3, LOGIN_FAILURES_PER_ACCOUNT=0):
        clock = Clock()
        for number in range(3):
            await clock.attempt(address=f"2001:db8::{number:x}").take()
        with pytest.raises(LoginThrottledError):
            await clock.attempt(address="2001:db8::ffff").take()
        await clock.attempt(address="2001:db8:0:1::1").take()


async def test_however_the_name_is_written_it_is_one(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        clock = Clock()
        for name in ("ann", "ANN", " ann ", "Ａｎｎ", "aNN"):
            await clock.attempt(name).take()
        with pytest.raises(LoginThrottledError):
            await clock.attempt().take()


async def test_a_success_forgives_the_account_and_does_not_count_for_the_address(
    tmp_path: Path,
) -> None:
    async with accounts(tmp_path, LOGIN_FAILURES_PER_ADDRESS=3):
        clock = Clock()
        for _ in range(10):
            attempt = clock.attempt()
            await attempt.take()
            await attempt.forgive()
        assert [row.failures for row in await LoginAttempt.objects.all()] == [0]


async def test_failures_are_forgotten_after_a_while(tmp_path: Path) -> None:
    async with accounts(tmp_path, LOGIN_MAX_DELAY=60):
        clock = Clock()
        for _ in range(5):
            await clock.attempt().take()
        clock.now += throttle.FORGOTTEN_AFTER * 60_000 + 1001
        assert [await clock.wait_for() for _ in range(4)] == [0] * 4


async def test_fifty_attempts_at_once_are_not_fifty_guesses(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        clock = Clock()

        async def attempt() -> bool:
            try:
                await clock.attempt().take()
            except LoginThrottledError:
                return False
            return True

        made = await asyncio.gather(*(attempt() for _ in range(50)))
        assert sum(made) <= 5


async def test_no_limit_holds_nobody_up(tmp_path: Path) -> None:
    async with accounts(tmp_path, LOGIN_FAILURES_PER_ACCOUNT=0, LOGIN_FAILURES_PER_ADDRESS=0):
        clock = Clock()
        assert [await clock.wait_for() for _ in range(10)] == [0] * 10
        assert await LoginAttempt.objects.count() == 0


async def test_a_script_is_not_held_up(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        await User.objects.create_user("ann", "ann@example.org", PASSWORD)
        for _ in range(8):
            assert await authenticate("ann", "wrong") is None
        assert await authenticate("ann", PASSWORD) is not None


async def test_no_name_or_address_is_stored(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        await Clock().attempt("a password typed as a name").take()
        for row in await LoginAttempt.objects.all().values():
            assert len(row["key"]) == 64 and "password" not in repr(row)


async def test_what_is_forgotten_is_thrown_away(tmp_path: Path) -> None:
    async with accounts(tmp_path):
        await Clock().attempt().take()
        await LoginThrottle("bob", scope_from("192.0.2.9")).take()
        assert await clear_login_attempts() == 2
        assert await clear_login_attempts() == 0


async def test_people_are_told_how_long_to_wait_and_the_password_is_not_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site(tmp_path) as app:
        browser = Browser(app)
        statuses = [(await browser.log_in(password="wrong")).status_code for _ in range(6)]
        assert statuses == [401] * 5 + [429]
        answer = await browser.log_in()
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        assert await browser.name() == ""


@pytest.mark.parametrize("attempts", [1, 6])
async def test_nothing_tells_whether_there_is_such_an_account(
    tmp_path: Path, attempts: int
) -> None:
    async with site(tmp_path) as app:
        nobody = await User.objects.create_user("idle", "idle@example.org")
        gone = await User.objects.create_user("gone", "gone@example.org", PASSWORD)
        await User.objects.filter(pk=gone.pk).update(is_active=False)
        assert nobody.password is not None
        answers: set[tuple[Any, ...]] = set()
        for name in ("ann", "ann@example.org", "idle", "gone", "nobody", "n@example.org", ""):
            client = Browser(app, client=(f"192.0.2.{len(answers)}", 1))
            for _ in range(attempts):
                answer = await client.log_in(name, "wrong")
            headers = {k: v for k, v in answer.headers.items() if k not in ("set-cookie",)}
            answers.add((answer.status_code, answer.text, tuple(sorted(headers.items()))))
        assert len(answers) == 1


@pytest.mark.parametrize(
    ("failures", "free", "milliseconds"),
    [(1, 1, 1000), (4, 5, 0), (5, 5, 1000), (6, 5, 2000), (500, 5, 900_000)],
)
async def test_delays_double(tmp_path: Path, failures: int, free: int, milliseconds: int) -> None:
    async with accounts(tmp_path):
        assert delay(failures, free) == milliseconds


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
        ("testclient", "testclient"),
    ],
)
def test_networks(address: str, network: str) -> None:
    assert network_of(address) == network


async def test_of_attempts_in_one_moment_none_waits_because_another_has_begun_later(
    tmp_path: Path,
) -> None:
    async with accounts(tmp_path):
        clock = Clock()
        first = clock.attempt()
        clock.now += 50
        await clock.attempt().take()
        await first.take()
        assert (await LoginAttempt.objects.filter(failures=2).count()) == 2
