"""Codes of authenticator apps: time-based one-time passwords (RFC 6238 on top of RFC 4226)."""

from __future__ import annotations

import base64
import hmac
import secrets
import time
from urllib.parse import quote, urlencode

SECRET_BYTES = 20
"""As long as a SHA-1, as RFC 4226 recommends (requirement 6)."""
DIGITS = 6
PERIOD = 30
"""Seconds that a code stands for."""
WINDOW = 1
"""Steps before and after the present one whose codes are good too: clocks differ, and people type slowly."""
MAX_ACCOUNT, MAX_ISSUER = 64, 40
"""Bytes of names that an app is shown; the whole address has to fit into a QR code."""


def new_secret() -> str:
    """Return a new secret in base32, as apps take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii").rstrip("=")


def step_at(moment: float) -> int:
    """Return the number of the step of a moment in seconds since 1970."""
    return int(moment // PERIOD)


def code_at(secret: str, step: int) -> str:
    """Return the code of a step: six digits.

    Args:
        secret: The secret in base32.
        step: See `step_at`.
    """
    digest = hmac.digest(_key(secret), step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def _key(secret: str) -> bytes:
    return base64.b32decode(secret + "=" * (-len(secret) % 8))


def matching_step(
    secret: str, code: str, *, after: int = -1, now: float | None = None
) -> int | None:
    """Return the step that a code is of, or `None` if it is of none that counts.

    Args:
        secret: The secret in base32.
        code: What was typed; blanks in it are passed over.
        after: The last step whose code was used: that one and those before are used up (RFC 6238, section 5.2).
        now: The time in seconds since 1970.
    """
    typed = "".join(code.split())
    present = step_at(time.time() if now is None else now)
    found = None
    # Every code is compared, so that how long it takes does not tell how far the clocks are apart.
    for step in range(present - WINDOW, present + WINDOW + 1):
        is_same = hmac.compare_digest(
            code_at(secret, step).encode(), typed.encode("utf-8", "replace")
        )
        if is_same and step > after:
            found = step
    return found


def otpauth_address(secret: str, account: str, issuer: str) -> str:
    """Return what a QR code for authenticator apps holds.

    Args:
        secret: The secret in base32.
        account: Whom the codes are for; shown in the app.
        issuer: Where they are for; shown in the app.
    """
    # A colon separates the two in what apps read.
    place = _cut(issuer.replace(":", " "), MAX_ISSUER)
    name = _cut(account.replace(":", " "), MAX_ACCOUNT)
    facts = {
        "secret": secret,
        "issuer": place,
        "algorithm": "SHA1",
        "digits": DIGITS,
        "period": PERIOD,
    }
    label = f"{quote(place, safe='')}:{quote(name, safe='')}"
    return f"otpauth://totp/{label}?{urlencode(facts, quote_via=quote)}"


def _cut(text: str, most: int) -> str:
    """Return the beginning of a text, of so many bytes in UTF-8 at most."""
    return text.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")
