"""Keeping secrets out of what developers are shown, in time linear in the length of the text."""

from __future__ import annotations

import re

from openviper.conf import settings

MASK = "********"
_WORDS = (
    r"(?:passw|secret|token|api[_-]?key|authorization|cookie|session|credential|signature|private)"
)
SECRET_NAME = re.compile(_WORDS, re.IGNORECASE)
# From the word on, a bounded way to the quote, over a type that may stand between: nothing before it is looked at again.
_ASSIGNMENT = re.compile(
    _WORDS + r"\w{0,64}['\"]?\]?\s{0,8}(?::[\w.,|\[\] ]{1,64})?[=:]\s{0,8}"
    r"[A-Za-z]{0,2}('{3}|\"{3}|['\"])",
    re.IGNORECASE,
)
# As in the connection strings that drivers put into their messages: without quotes, and without blanks around the sign.
_BARE_VALUE = re.compile(f"({_WORDS}" + r"\w{0,64}=)[^\s=&,;'\"()\[\]{}]{1,1024}", re.IGNORECASE)
_QUERY_VALUE = re.compile(r"[?&]([^=&\s]{1,64})=([^&\s'\"]{1,1024})")
_URL_PASSWORD = re.compile(r"://[^/\s:@]{0,256}:([^@\s/]{1,1024})@")
HARMLESS_HEADERS = re.compile(
    r"accept(?:-[a-z-]+)?|host|user-agent|content-(?:type|length|encoding)|connection|cache-control|pragma|"
    r"referer|origin|sec-[a-z-]+|upgrade(?:-insecure-requests)?|if-[a-z-]+|range|dnt|te|transfer-encoding|"
    r"x-forwarded-(?:for|proto|host|port)|forwarded|x-request-id|x-requested-with|priority"
)
"""Headers that may be shown; everything else may hold a secret."""


def mask_secrets(text: str) -> str:
    """Return text with the project's keys, values of secret-sounding names and passwords in addresses hidden."""
    for secret in _own_secrets():
        text = text.replace(secret, MASK)
    text = _QUERY_VALUE.sub(_mask_query_value, _mask_assignments(text))
    text = _BARE_VALUE.sub(rf"\g<1>{MASK}", text)
    return _URL_PASSWORD.sub(_mask_password, text)


def _own_secrets() -> list[str]:
    # What is short would be masked inside innocent words, and is no secret worth the name.
    known = [settings.SECRET_KEY, settings.JWT_SECRET_KEY]
    known += [*settings.SECRET_KEY_FALLBACKS, *settings.JWT_SECRET_KEY_FALLBACKS]
    return [secret for secret in known if len(secret) >= 8]


def _mask_assignments(text: str) -> str:
    pieces: list[str] = []
    position = 0
    while (match := _ASSIGNMENT.search(text, position)) is not None:
        pieces += [text[position : match.end()], MASK]
        position = _closing_quote(text, match.end(), match.group(1))
    pieces.append(text[position:])
    return "".join(pieces)


def _closing_quote(text: str, position: int, quote: str) -> int:
    """Return where a quoted text ends; the end of the line, if it cannot go on, or of the text ends it too."""
    ends = (quote,) if len(quote) > 1 else (quote, "\n")
    while position < len(text) and not text.startswith(ends, position):
        position += 2 if text[position] == "\\" else 1
    return min(position, len(text))


def _mask_query_value(match: re.Match[str]) -> str:
    if not SECRET_NAME.search(match.group(1)):
        return match.group(0)
    return match.group(0)[: match.start(2) - match.start()] + MASK


def _mask_password(match: re.Match[str]) -> str:
    start, end = match.span(1)
    whole = match.group(0)
    return whole[: start - match.start()] + MASK + whole[end - match.start() :]
