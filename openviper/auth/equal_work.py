"""Checking a password against what is stored, with the same work for every attempt that fails.

How long an answer takes must not tell whether there is such an account, whether it has a password, how old its hash is, or
whether two accounts answer to the name. So a failed attempt always costs `SLOTS` hashes of each algorithm in
`PASSWORD_HASHERS` at its present parameters; where a stored hash costs less, the rest is spent on a hash of nothing. Work is
counted in units of the algorithms, not in time, so load does not matter. A password that fits ends the attempt at once: the
answer tells as much.
"""

from __future__ import annotations

from collections.abc import Sequence

from openviper.auth import hashers
from openviper.auth.hash_pool import in_hash_thread
from openviper.conf import settings

SLOTS = 2
"""Accounts that a name can stand for: one by its username and one by its e-mail address."""
_SALT = bytes(hashers.SALT_BYTES)


async def find_match(raw_password: str, hashes: Sequence[str | None]) -> int | None:
    """Return the place of the first hash that a password fits, or `None`.

    Args:
        raw_password: The password; too long a one fits nothing, after the same work.
        hashes: What is stored for the candidates, at most `SLOTS`; fewer are made up by nothing.

    Raises:
        PasswordQueueFullError: If too many passwords wait to be checked.
    """
    is_possible = len(raw_password) <= hashers.MAX_PASSWORD_LENGTH
    secret = hashers.prepare(raw_password[: hashers.MAX_PASSWORD_LENGTH])
    slots = [*(stored or "" for stored in hashes), *[""] * (SLOTS - len(hashes))]

    place = await in_hash_thread(lambda: _first_fit(secret, raw_password, slots))
    return place if is_possible else None


def _first_fit(secret: bytes, raw_password: str, slots: Sequence[str]) -> int | None:
    for place, stored in enumerate(slots):
        if _fits(secret, raw_password, stored):
            return place
        fill_up(secret, stored)
    return None


def _fits(secret: bytes, raw_password: str, stored: str) -> bool:
    if not hashers.is_password_usable(stored):
        return False
    algorithm, _, rest = stored.partition("$")
    if algorithm in hashers.FOREIGN:
        return hashers.check_foreign(algorithm, raw_password, rest)
    if algorithm == "plain":
        return hashers.check_plain(raw_password, rest)
    matches = hashers.parse_hash(stored)
    return matches is not None and matches(secret)


def fill_up(secret: bytes, stored: str) -> None:
    """Do the work that checking a stored hash has left undone."""
    algorithm, numbers = hashers.parameters_of(stored) or ("", [])
    hashed = settings.PASSWORD_HASHERS
    if "pbkdf2_sha256" in hashed:
        done = numbers[0] if algorithm == "pbkdf2_sha256" else 0
        if done < hashers.PBKDF2_ITERATIONS:
            hashers.pbkdf2(secret, _SALT, hashers.PBKDF2_ITERATIONS - done, hashers.HASH_BYTES)
    if "scrypt" in hashed and hashers.is_usable("scrypt"):
        _fill_up_scrypt(secret, numbers if algorithm == "scrypt" else [])


def _fill_up_scrypt(secret: bytes, numbers: Sequence[int]) -> None:
    ln, r, p = hashers.SCRYPT_LN, hashers.SCRYPT_R, hashers.SCRYPT_P
    if numbers:
        # Cost grows with N * r * p, so what is missing can be done with the parameters that are stored and another p.
        ln, r = numbers[0], numbers[1]
        p = (hashers.SCRYPT_P * hashers.SCRYPT_R << hashers.SCRYPT_LN) // (r << ln) - numbers[2]
    if p > 0:
        hashers.scrypt(secret, _SALT, ln, r, p, hashers.HASH_BYTES)
