"""Password hashes.

Stored forms: ``scrypt$<ln>$<r>$<p>$<salt>$<hash>`` (RFC 7914) and ``pbkdf2_sha256$<iterations>$<salt>$<hash>`` (RFC 8018),
salt and hash in base64 without padding. A hash that begins with ``!`` never matches.

Hashing takes a good part of a second on purpose, so it runs in threads of its own: never on the event loop, and not in the
loop's default executor either, where a wave of logins would hold up file and database work.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import logging
import secrets
import unicodedata
from collections.abc import Callable
from functools import lru_cache

from openviper.auth.hash_pool import in_hash_thread
from openviper.conf import settings
from openviper.exceptions import ImproperlyConfigured

logger = logging.getLogger("openviper.auth")

MAX_PASSWORD_LENGTH = 4096
"""Longer raw passwords, in characters, are refused: hashing them would be work for nothing."""
UNUSABLE_PREFIX = "!"
SALT_BYTES = 16
HASH_BYTES = 32

SCRYPT_LN, SCRYPT_R, SCRYPT_P = 16, 8, 2
PBKDF2_ITERATIONS = 600_000
# A row somebody crafted must not be able to keep the server busy or eat its memory.
BOUNDS = {"scrypt": (20, 32, 16), "pbkdf2_sha256": (2_000_000,)}
"""The largest parameters that are taken from a stored hash: ln, r and p of scrypt; iterations of PBKDF2."""
MAX_MEMORY = 256 * 1024 * 1024
"""Most memory that a stored hash may make scrypt take, in bytes."""
MAX_DIGEST_BYTES = 64

ALGORITHMS = ("scrypt", "pbkdf2_sha256", "plain")
FOREIGN = {"argon2": "argon2-cffi", "bcrypt": "bcrypt"}
"""Algorithms of earlier versions by the package that can verify them."""


async def make_password(raw_password: str, algorithm: str | None = None) -> str:
    """Return the hash of a password, with a new salt.

    Args:
        raw_password: The password, at most 4096 characters.
        algorithm: One of `ALGORITHMS`; the first usable one of `PASSWORD_HASHERS` when not given.

    Raises:
        ValueError: If the algorithm is unknown or not allowed, or the password too long.
        ImproperlyConfigured: If no entry of `PASSWORD_HASHERS` can be used.
    """
    if algorithm is None:
        algorithm = current_algorithm()
    else:
        _check_algorithm(algorithm)
    if len(raw_password) > MAX_PASSWORD_LENGTH:
        raise ValueError(f"the password is longer than {MAX_PASSWORD_LENGTH} characters")
    if algorithm == "plain":
        return f"plain${raw_password}"
    secret = prepare(raw_password)
    salt = secrets.token_bytes(SALT_BYTES)
    if algorithm == "scrypt":
        digest = await in_hash_thread(
            lambda: scrypt(secret, salt, SCRYPT_LN, SCRYPT_R, SCRYPT_P, HASH_BYTES)
        )
    else:
        digest = await in_hash_thread(lambda: pbkdf2(secret, salt, PBKDF2_ITERATIONS, HASH_BYTES))
    return _stored(algorithm, salt, digest)


def _check_algorithm(algorithm: str) -> None:
    if algorithm not in ALGORITHMS:
        raise ValueError(
            f"unknown password algorithm {algorithm!r}; known: {', '.join(ALGORITHMS)}"
        )
    if not is_usable(algorithm):
        raise ValueError(f"password algorithm {algorithm!r} cannot be used here")


async def check_password(raw_password: str, hashed_password: str) -> bool:
    """Tell whether a password belongs to a hash; never raises for a hash that cannot be read.

    Raises:
        PasswordQueueFullError: If too many passwords wait to be checked.
    """
    algorithm, _, rest = hashed_password.partition("$")
    if not is_password_usable(hashed_password) or len(raw_password) > MAX_PASSWORD_LENGTH:
        return False
    if algorithm in FOREIGN:
        return await in_hash_thread(lambda: check_foreign(algorithm, raw_password, rest))
    if algorithm == "plain":
        return check_plain(raw_password, rest)
    return await _check_own(raw_password, hashed_password)


def check_plain(raw_password: str, stored: str) -> bool:
    """Tell whether a password is the stored text; never outside of tests."""
    return is_usable("plain") and hmac.compare_digest(
        stored.encode("utf-8", "surrogatepass"), raw_password.encode("utf-8", "surrogatepass")
    )


async def _check_own(raw_password: str, hashed_password: str) -> bool:
    matches = parse_hash(hashed_password)
    if matches is None:
        return False
    secret = prepare(raw_password)
    return await in_hash_thread(lambda: matches(secret))


def is_password_usable(hashed_password: str | None) -> bool:
    """Tell whether any password can match; not so for nothing, and for what `make_unusable_password` returns."""
    return bool(hashed_password) and not str(hashed_password).startswith(UNUSABLE_PREFIX)


def make_unusable_password() -> str:
    """Return a text to store in place of a hash that no password ever matches."""
    return UNUSABLE_PREFIX + secrets.token_hex(20)


def needs_rehash(hashed_password: str) -> bool:
    """Tell whether a hash was made with another algorithm or other parameters than new ones are."""
    prefix, _, _ = _stored(current_algorithm(), b"", b"").rpartition("$$")
    return not hashed_password.startswith(f"{prefix}$")


def current_algorithm() -> str:
    """Return the algorithm that new hashes are made with.

    Raises:
        ImproperlyConfigured: If no entry of `PASSWORD_HASHERS` can be used.
    """
    for algorithm in settings.PASSWORD_HASHERS:
        if is_usable(algorithm):
            return str(algorithm)
    raise ImproperlyConfigured(
        f"PASSWORD_HASHERS {settings.PASSWORD_HASHERS!r} names no algorithm that can be used here; "
        "allowed are 'scrypt' and 'pbkdf2_sha256'"
    )


def is_usable(algorithm: str) -> bool:
    if algorithm == "scrypt":
        return has_scrypt()
    if algorithm == "plain":
        return settings.TESTING is True
    return algorithm == "pbkdf2_sha256"


def has_scrypt() -> bool:
    """Return whether the library behind `hashlib` does scrypt: some are built without it, and FIPS 140 does not allow it.

    It is tried with the smallest parameters, which takes microseconds.
    """
    try:
        hashlib.scrypt(b"", salt=b"", n=2, r=1, p=1)
    except (AttributeError, ValueError):
        return False
    return True


def prepare(raw_password: str) -> bytes:
    # The same letter typed on two systems may come as different code points (NIST SP 800-63B, 5.1.1.2).
    return unicodedata.normalize("NFKC", raw_password).encode("utf-8", "surrogatepass")


def scrypt(secret: bytes, salt: bytes, ln: int, r: int, p: int, length: int) -> bytes:
    n = 1 << ln
    memory = 128 * r * (n + p + 2) + (1 << 20)
    return hashlib.scrypt(secret, salt=salt, n=n, r=r, p=p, maxmem=memory, dklen=length)


def pbkdf2(secret: bytes, salt: bytes, iterations: int, length: int) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", secret, salt, iterations, length)


def _stored(algorithm: str, salt: bytes, digest: bytes) -> str:
    parameters = {
        "scrypt": f"{SCRYPT_LN}${SCRYPT_R}${SCRYPT_P}$",
        "pbkdf2_sha256": f"{PBKDF2_ITERATIONS}$",
    }.get(algorithm, "")
    return f"{algorithm}${parameters}{_encode(salt)}${_encode(digest)}"


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii").rstrip("=")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def parse_hash(hashed_password: str) -> Callable[[bytes], bool] | None:
    """Return what compares a password with this hash, or `None` if the hash is malformed or out of bounds."""
    algorithm, *parts = hashed_password.split("$")
    try:
        salt, digest = _decode(parts[-2]), _decode(parts[-1])
        hash_secret = _hash_function(algorithm, list(map(int, parts[:-2])))
    except (IndexError, ValueError, binascii.Error):
        return None
    if hash_secret is None or not 1 <= len(digest) <= MAX_DIGEST_BYTES:
        return None

    def matches(secret: bytes) -> bool:
        try:
            found = hash_secret(secret, salt, len(digest))
        except (ValueError, MemoryError):  # Parameters that this build of OpenSSL does not take.
            return False
        return hmac.compare_digest(found, digest)

    return matches


def parameters_of(hashed_password: str) -> tuple[str, list[int]] | None:
    """Return the algorithm of a hash and its parameters; `None` for one that `check_password` does not hash for."""
    if not is_password_usable(hashed_password) or parse_hash(hashed_password) is None:
        return None
    algorithm, *parts = hashed_password.split("$")
    return algorithm, list(map(int, parts[:-2]))


def _hash_function(
    algorithm: str, numbers: list[int]
) -> Callable[[bytes, bytes, int], bytes] | None:
    """Return the function of secret, salt and length that made a hash; `None` if its numbers are out of bounds."""
    if not _are_within(numbers, BOUNDS.get(algorithm, ())) or not is_usable(algorithm):
        return None
    if algorithm == "pbkdf2_sha256":
        return lambda secret, salt, size: pbkdf2(secret, salt, numbers[0], size)
    ln, r, p = numbers
    if 128 * r * (1 << ln) > MAX_MEMORY:
        return None
    return lambda secret, salt, size: scrypt(secret, salt, ln, r, p, size)


def _are_within(numbers: list[int], bounds: tuple[int, ...]) -> bool:
    """Return whether there is a number from 1 to each bound; without bounds nothing is."""
    if not bounds or len(numbers) != len(bounds):
        return False
    return all(1 <= number <= bound for number, bound in zip(numbers, bounds, strict=True))


def check_foreign(algorithm: str, raw_password: str, rest: str) -> bool:
    """Check a hash of an earlier version with the package that made it, where that is installed."""
    import importlib

    try:
        module = importlib.import_module(algorithm)
    except ImportError:
        _report_foreign(algorithm)
        return False
    try:
        if algorithm == "bcrypt":
            return bool(module.checkpw(raw_password.encode(), rest.encode()))
        return bool(module.PasswordHasher().verify(rest, raw_password))
    except Exception:  # Both packages have error types of their own for "no match" and "malformed".
        return False


@lru_cache(maxsize=len(FOREIGN))
def _report_foreign(algorithm: str) -> None:
    logger.error(
        "there are %s passwords, which cannot be checked without the package %s; install it, "
        "or set new passwords with `python viperctl.py changepassword`",
        algorithm,
        FOREIGN[algorithm],
    )
