"""Password hashes."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import sys
import time
from types import ModuleType

import pytest

from openviper.auth import hashers
from openviper.auth.hashers import (
    check_password,
    current_algorithm,
    is_password_usable,
    make_password,
    make_unusable_password,
    needs_rehash,
)
from openviper.exceptions import ImproperlyConfigured
from tests.unit.auth.conftest import Configure

PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def quick(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with little work."""
    monkeypatch.setattr(hashers, "SCRYPT_LN", 4)
    monkeypatch.setattr(hashers, "SCRYPT_P", 1)
    monkeypatch.setattr(hashers, "PBKDF2_ITERATIONS", 10)
    hashers._report_foreign.cache_clear()


@pytest.mark.parametrize("algorithm", ["scrypt", "pbkdf2_sha256"])
async def test_a_password_matches_its_own_hash_only(algorithm: str) -> None:
    stored = await make_password(PASSWORD, algorithm)
    assert stored.startswith(f"{algorithm}$")
    assert len(stored) <= 160
    assert PASSWORD not in stored
    assert await check_password(PASSWORD, stored)
    assert not await check_password("Correct horse", stored)
    assert stored != await make_password(PASSWORD, algorithm)


async def test_a_known_vector_of_rfc_7914_is_computed() -> None:
    expected = "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
    assert hashers.scrypt(b"password", b"NaCl", 10, 8, 16, 32).hex() == expected


async def test_the_first_algorithm_of_the_settings_hashes(configure: Configure) -> None:
    assert (await make_password(PASSWORD)).startswith("scrypt$")
    configure(PASSWORD_HASHERS=("pbkdf2_sha256", "scrypt"))
    assert (await make_password(PASSWORD)).startswith("pbkdf2_sha256$")


async def test_an_openssl_without_scrypt_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(hashlib, "scrypt")
    assert (await make_password(PASSWORD)).startswith("pbkdf2_sha256$")
    assert not await check_password(PASSWORD, "scrypt$4$8$1$AAAA$AAAA")


async def test_an_openssl_that_refuses_scrypt_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_options: object) -> bytes:
        raise ValueError("[digital envelope routines] unsupported")

    stored = await make_password(PASSWORD)
    assert stored.startswith("scrypt$")
    monkeypatch.setattr(hashlib, "scrypt", refuse)
    assert (await make_password(PASSWORD)).startswith("pbkdf2_sha256$")
    assert not await check_password(PASSWORD, stored)


async def test_no_usable_algorithm_is_a_configuration_error(configure: Configure) -> None:
    configure(PASSWORD_HASHERS=("md5", "plain"))
    with pytest.raises(ImproperlyConfigured, match="'md5'"):
        current_algorithm()


async def test_an_unknown_algorithm_is_refused() -> None:
    with pytest.raises(ValueError, match="'argon3'"):
        await make_password(PASSWORD, "argon3")


async def test_plain_passwords_are_for_tests_only_in_both_directions(configure: Configure) -> None:
    with pytest.raises(ValueError, match="'plain'"):
        await make_password(PASSWORD, "plain")
    assert not await check_password(PASSWORD, f"plain${PASSWORD}")
    configure(TESTING=True)
    assert await check_password(PASSWORD, await make_password(PASSWORD, "plain"))


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "x",
        "scrypt",
        "scrypt$",
        "scrypt$4$8$1$AAAA",
        "scrypt$4$8$1$AAAA$",
        "scrypt$a$8$1$AAAA$AAAA",
        "scrypt$4$8$1$A*AA$AAAA",
        "scrypt$21$8$1$AAAA$AAAA",
        "scrypt$4$33$1$AAAA$AAAA",
        "scrypt$4$8$17$AAAA$AAAA",
        "scrypt$-4$8$1$AAAA$AAAA",
        "scrypt$20$32$16$AAAA$AAAA",
        "scrypt$18$9$1$AAAA$AAAA",
        "pbkdf2_sha256$2000001$AAAA$AAAA",
        "pbkdf2_sha256$0$AAAA$AAAA",
        "pbkdf2_sha256$1$2$AAAA$AAAA",
        "pbkdf2_sha256$1$AAAA$" + "A" * 100,
        "md5$AAAA$AAAA",
    ],
)
async def test_a_hash_that_cannot_be_read_never_matches(stored: str) -> None:
    assert not await check_password(PASSWORD, stored)


async def test_parameters_that_openssl_refuses_match_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> bytes:
        raise ValueError("memory limit exceeded")

    stored = await make_password(PASSWORD)
    monkeypatch.setattr(hashers, "scrypt", refuse)
    assert not await check_password(PASSWORD, stored)


async def test_unusable_passwords_match_nothing() -> None:
    stored = make_unusable_password()
    assert not is_password_usable(stored)
    assert not is_password_usable(None)
    assert not is_password_usable("")
    assert is_password_usable(await make_password(PASSWORD))
    assert not await check_password(stored, stored)
    assert stored != make_unusable_password()


async def test_letters_written_in_two_ways_are_one_password() -> None:
    assert await check_password("cafe\u0301", await make_password("caf\u00e9"))


async def test_passwords_have_a_greatest_length() -> None:
    with pytest.raises(ValueError, match="4096"):
        await make_password("x" * 4097)
    assert not await check_password("x" * 4097, await make_password(PASSWORD))
    assert await check_password("x" * 4096, await make_password("x" * 4096))


async def test_other_parameters_or_algorithms_ask_for_a_new_hash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stored = await make_password(PASSWORD)
    assert not needs_rehash(stored)
    assert needs_rehash(await make_password(PASSWORD, "pbkdf2_sha256"))
    monkeypatch.setattr(hashers, "SCRYPT_LN", 5)
    assert needs_rehash(stored)
    assert await check_password(PASSWORD, stored)


async def test_hashes_of_a_missing_package_are_reported_once(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "bcrypt", None)
    with caplog.at_level(logging.ERROR, "openviper"):
        assert not await check_password(PASSWORD, "bcrypt$$2b$12$abc")
        assert not await check_password(PASSWORD, "bcrypt$$2b$12$abc")
    assert len(caplog.records) == 1
    assert "install it" in caplog.text


async def test_hashes_of_an_installed_package_are_checked_by_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package = ModuleType("bcrypt")
    monkeypatch.setattr(
        package, "checkpw", lambda raw, stored: (raw, stored) == (b"pw", b"$2b$x"), raising=False
    )
    monkeypatch.setitem(sys.modules, "bcrypt", package)
    assert await check_password("pw", "bcrypt$$2b$x")
    assert not await check_password("other", "bcrypt$$2b$x")


async def test_twenty_logins_at_once_leave_the_loop_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashers, "SCRYPT_LN", 14)
    stored = await make_password(PASSWORD)
    lags: list[float] = []

    async def watch() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            lags.append(time.perf_counter() - before - 0.005)

    watcher = asyncio.create_task(watch())
    await asyncio.gather(*(check_password(PASSWORD, stored) for _ in range(20)))
    watcher.cancel()
    lags.sort()
    # A hash on the loop would take longer than this each time; other processes of the machine may take the CPU now and then.
    assert lags[len(lags) // 2] < 0.05
