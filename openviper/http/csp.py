"""The content security policy (W3C CSP 3) and its nonces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Directives: TypeAlias = "Mapping[str, str | Sequence[str]]"
NONCE_DIRECTIVES = ("script-src", "style-src")
"""What a nonce of a page allows: the inline scripts and styles that carry it."""


class ContentSecurityPolicy:
    """A policy that is the same for every answer but for its nonce.

    Args:
        policy: Directives with their sources, or the header's text; `None` for no policy.
    """

    def __init__(self, policy: Directives | str | None) -> None:
        self._directives = _parsed(policy) if isinstance(policy, str) else _listed(policy or {})
        self.text = _text(self._directives)

    def with_nonce(self, nonce: str | None) -> str:
        """Return the header's text; with a nonce, the inline scripts and styles that carry it are allowed."""
        if nonce is None or not self.text:
            return self.text
        directives = dict(self._directives)
        for name in NONCE_DIRECTIVES:
            sources = directives.get(name, directives.get("default-src"))
            # Where neither is limited, everything is allowed already.
            if sources is not None:
                directives[name] = _allowing(sources, nonce)
        return _text(directives)


def _allowing(sources: Sequence[str], nonce: str) -> list[str]:
    return [*(source for source in sources if source.lower() != "'none'"), f"'nonce-{nonce}'"]


def _parsed(text: str) -> dict[str, list[str]]:
    directives: dict[str, list[str]] = {}
    for part in text.split(";"):
        words = part.split()
        if words:
            directives.setdefault(words[0].lower(), words[1:])
    return directives


def _listed(policy: Directives) -> dict[str, list[str]]:
    return {
        name.lower(): sources.split() if isinstance(sources, str) else list(sources or ())
        for name, sources in policy.items()
    }


def _text(directives: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(" ".join((name, *sources)) for name, sources in directives.items())
