"""Links in mails that let their reader do one thing: signed, with an end, and worthless once the thing is done.

Nothing is stored. A link holds what it is for and what was true when it was made, such as the password and the address of
the user; when it comes back, that must be true still. So a new password ends all links to reset the old one.
"""

from __future__ import annotations

import json
import time
from typing import Any

from openviper.auth.authentications import may_go_on
from openviper.auth.credentials import credentials_fingerprint
from openviper.auth.users import get_user_by_id
from openviper.conf.signing import sign, unsign

MAX_TOKEN = 2000
"""Longest token that is looked at, in characters."""


def make_token(purpose: str, seconds: int, facts: dict[str, str]) -> str:
    """Return a token for a link.

    Args:
        purpose: What it is for; good for nothing else.
        seconds: How long it is good for.
        facts: What it holds; can be read by who has the link.
    """
    content = {**facts, "until": int(time.time()) + seconds}
    return sign(f"link {purpose}", json.dumps(content, separators=(",", ":")).encode("ascii"))


def read_token(purpose: str, token: str) -> dict[str, str] | None:
    """Return what a token holds; `None` if it is not one of ours for this purpose, or over."""
    content = unsign(f"link {purpose}", token) if len(token) <= MAX_TOKEN else None
    if content is None:
        return None
    facts: dict[str, Any] = json.loads(content)
    until = facts.pop("until")
    return facts if until > time.time() else None


def make_user_token(purpose: str, seconds: int, user: Any, **facts: str) -> str:
    """Return a token about a user, that ends with the present password and address."""
    known = {"user": str(user.pk), "email": user.email, "password": credentials_fingerprint(user)}
    return make_token(purpose, seconds, {**known, **facts})


async def read_user_token(purpose: str, token: str) -> tuple[Any, dict[str, str]] | None:
    """Return the user of a token with what it holds, as long as that has the same password and address and is active."""
    facts = read_token(purpose, token)
    user = None if facts is None else await get_user_by_id(facts["user"])
    if facts is None or user is None:
        return None
    is_same = user.email == facts["email"] and may_go_on(user, facts["password"])
    return (user, facts) if is_same else None
