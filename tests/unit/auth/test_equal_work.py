"""Every login that fails costs the same; the work is counted, not timed."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from openviper.auth import hashers
from openviper.auth.equal_work import SLOTS, find_match
from openviper.auth.hashers import make_password, make_unusable_password
from tests.unit.auth.conftest import Configure

PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def quick(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with little work."""
    monkeypatch.setattr(hashers, "SCRYPT_LN", 6)
    monkeypatch.setattr(hashers, "PBKDF2_ITERATIONS", 100)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the units of work of each algorithm."""
    done: Counter[str] = Counter()
    scrypt, pbkdf2 = hashers.scrypt, hashers.pbkdf2

    def counted_scrypt(*args: Any) -> bytes:
        _, _, ln, r, p, _ = args
        done["scrypt"] += (1 << ln) * r * p
        return scrypt(*args)

    def counted_pbkdf2(*args: Any) -> bytes:
        done["pbkdf2"] += args[2]
        return pbkdf2(*args)

    monkeypatch.setattr(hashers, "scrypt", counted_scrypt)
    monkeypatch.setattr(hashers, "pbkdf2", counted_pbkdf2)
    return done


async def cheaper(monkeypatch: pytest.MonkeyPatch, **parameters: int) -> str:
    """Return a hash that was made with other parameters than those of today."""
    with monkeypatch.context() as patch:
        for name, value in parameters.items():
            patch.setattr(hashers, name, value)
        return await make_password("another one")


async def kinds(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str | None]]:
    """Return what can be stored for those whom a name stands for."""
    now = await make_password("another one")
    old = await make_password("another one", "pbkdf2_sha256")
    return {
        "nobody": [],
        "a hash of today": [now],
        "no password": [None],
        "no usable password": [make_unusable_password()],
        "an old algorithm": [old],
        "fewer rounds": [await cheaper(monkeypatch, SCRYPT_LN=5)],
        "fewer in parallel": [await cheaper(monkeypatch, SCRYPT_P=1)],
        "smaller blocks": [await cheaper(monkeypatch, SCRYPT_R=4)],
        "garbage": ["scrypt$garbage"],
        "out of bounds": ["scrypt$20$32$16$AAAA$AAAA"],
        "two candidates": [now, now],
        "two of different age": [old, now],
        "one usable of two": [make_unusable_password(), now],
    }


async def test_every_attempt_that_fails_costs_the_same(
    work: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = await kinds(monkeypatch)
    costs = {}
    for kind, hashes in stored.items():
        work.clear()
        assert await find_match(PASSWORD, hashes) is None
        costs[kind] = dict(work)
    whole = {
        "scrypt": SLOTS * (1 << 6) * hashers.SCRYPT_R * hashers.SCRYPT_P,
        "pbkdf2": SLOTS * 100,
    }
    assert costs == dict.fromkeys(stored, whole)


async def test_too_long_a_password_costs_the_same_and_fits_nothing(work: Counter[str]) -> None:
    stored = await make_password("x" * 4096)
    work.clear()
    assert await find_match("x" * 4097, [stored]) is None
    assert await find_match("x" * 4096, [stored]) == 0


async def test_without_an_old_algorithm_in_the_settings_none_is_paid_for(
    configure: Configure, work: Counter[str]
) -> None:
    configure(PASSWORD_HASHERS=("scrypt",))
    await find_match(PASSWORD, [])
    assert set(work) == {"scrypt"}


async def test_the_place_of_the_one_that_fits_is_told(work: Counter[str]) -> None:
    other, own = await make_password("another one"), await make_password(PASSWORD)
    assert await find_match(PASSWORD, [own, other]) == 0
    assert await find_match(PASSWORD, [other, own]) == 1
    assert await find_match(PASSWORD, [None, own]) == 1


async def test_what_fits_ends_the_work(work: Counter[str]) -> None:
    own = await make_password(PASSWORD)
    work.clear()
    await find_match(PASSWORD, [own])
    assert work == {"scrypt": (1 << 6) * hashers.SCRYPT_R * hashers.SCRYPT_P}


async def test_passwords_of_tests_and_of_earlier_versions_fit(
    configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(TESTING=True)
    assert await find_match(PASSWORD, [f"plain${PASSWORD}"]) == 0
    monkeypatch.setattr(hashers, "check_foreign", lambda *given: given[1:] == (PASSWORD, "$x"))
    assert await find_match(PASSWORD, ["bcrypt$$x"]) == 0
    configure()
    assert await find_match(PASSWORD, [f"plain${PASSWORD}"]) is None
