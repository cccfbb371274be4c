"""Delays after failed logins, longer each time: per name and per address, for all processes together.

An attempt is counted before it is made, so a thousand at once are not a thousand for the price of one. Whether there is such
an account makes no difference.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from openviper.auth.client import client_address
from openviper.auth.models import LoginAttempt
from openviper.auth.usernames import username_key
from openviper.auth.validators import email_key
from openviper.conf import settings
from openviper.core.context import ignore_permissions
from openviper.db.models import F
from openviper.exceptions import IntegrityError, TooManyRequests

FORGOTTEN_AFTER = 4
"""Failures are forgotten after so many times the longest delay without an attempt."""
MAX_TRIES = 10
NETWORK_BITS = 64
"""An IPv6 client has all addresses of its network."""


class LoginThrottledError(TooManyRequests):
    """429: too many attempts have failed, for this name or from this address."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after, "Too many attempts. Try again later.")


class _Counted(NamedTuple):
    """What failures are counted by, and how many are free."""

    key: str
    free: int


class LoginThrottle:
    """The delays that hold for one attempt.

    Args:
        name: What was typed as a name.
        scope: The ASGI scope of the request; a script, which has none, is not held up.
        now: The time in milliseconds since 1970.
        purpose: What is tried; attempts at something else do not count for it.
    """

    def __init__(
        self,
        name: str,
        scope: Mapping[str, Any] | None = None,
        now: int | None = None,
        *,
        purpose: str = "login",
    ) -> None:
        self._now = int(time.time() * 1000) if now is None else now
        self._names = _names_of(name, purpose)
        counted = [] if scope is None else [_address_of(scope, purpose), *self._names]
        self._counted = [each for each in counted if each.free > 0]

    async def take(self) -> None:
        """Count an attempt.

        Raises:
            LoginThrottledError: If it comes too early; then it is not to be made.
        """
        with ignore_permissions():
            for counted in self._counted:
                await self._take(counted)

    async def _take(self, counted: _Counted) -> None:
        for _ in range(MAX_TRIES):
            row = await LoginAttempt.objects.get_or_none(key=counted.key)
            if await (self._insert(counted) if row is None else self._count(counted, row)):
                return
        raise LoginThrottledError(1)  # Others try so fast that no turn can be had.

    async def _insert(self, counted: _Counted) -> bool:
        try:
            await LoginAttempt(
                key=counted.key,
                failures=1,
                last_at=self._now,
                free_at=self._free_at(1, counted),
            ).save()
        except IntegrityError:
            return False
        return True

    async def _count(self, counted: _Counted, row: LoginAttempt) -> bool:
        """Count one more, unless somebody else has done so since; return whether it was counted."""
        if row.free_at > self._now:
            raise LoginThrottledError(math.ceil((row.free_at - self._now) / 1000))
        is_stale = self._now - row.last_at > FORGOTTEN_AFTER * settings.LOGIN_MAX_DELAY * 1000
        failures = 1 if is_stale else row.failures + 1
        rows = LoginAttempt.objects.filter(
            key=counted.key, failures=row.failures, last_at=row.last_at, free_at=row.free_at
        )
        changed = await rows.update(
            failures=failures,
            last_at=self._now,
            free_at=self._free_at(failures, counted),
        )
        return changed == 1

    def _free_at(self, failures: int, counted: _Counted) -> int:
        """Return the moment from which on the next attempt may be made.

        The past for who need not wait: of two attempts in one moment, the one that began first may come second.
        """
        wait = delay(failures, counted.free)
        return self._now + wait if wait else 0

    async def forgive(self) -> None:
        """Take back what `take` has counted, as the attempt has not failed; the account begins anew."""
        with ignore_permissions():
            for counted in self._counted:
                rows = LoginAttempt.objects.filter(key=counted.key)
                if counted in self._names:
                    await rows.delete()
                else:
                    await rows.filter(failures__gt=0).update(failures=F("failures") - 1)


def _names_of(name: str, purpose: str) -> list[_Counted]:
    """Return what attempts at one name are counted by, under whichever spelling an account is found.

    An account answers to look-alike letters as a username, and to every way to write the domain as an address; both are the same
    for all that is ASCII.
    """
    spellings = dict.fromkeys((username_key(name), email_key(name)))
    free = settings.LOGIN_FAILURES_PER_ACCOUNT
    return [_Counted(_key(purpose, "name", spelling), free) for spelling in spellings]


def _address_of(scope: Mapping[str, Any], purpose: str) -> _Counted:
    network = network_of(client_address(scope))
    return _Counted(_key(purpose, "address", network), settings.LOGIN_FAILURES_PER_ADDRESS)


def delay(failures: int, free: int) -> int:
    """Return for how many milliseconds nobody may try after so many failures, of which some are free."""
    if failures < free:
        return 0
    seconds: int = min(2 ** min(failures - free, 30), settings.LOGIN_MAX_DELAY)
    return seconds * 1000


async def clear_login_attempts() -> int:
    """Throw away counts that are forgotten; return how many that were."""
    before = int(time.time() * 1000) - FORGOTTEN_AFTER * settings.LOGIN_MAX_DELAY * 1000
    with ignore_permissions():
        return await LoginAttempt.objects.filter(last_at__lt=before).delete()


def network_of(address: str) -> str:
    """Return an IPv4 address as it is, and the network of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    mapped = parsed.ipv4_mapped
    if mapped is not None:
        return str(mapped)
    return str(ipaddress.ip_network((parsed, NETWORK_BITS), strict=False))


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
