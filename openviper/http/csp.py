"""The content security policy (W3C CSP 3) and its nonces."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from openviper.exceptions import ImproperlyConfigured
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    import difflib
else:
    difflib = lazy_module("difflib")  # Only mistakes need it.

Directives: TypeAlias = "Mapping[str, str | Sequence[str]]"
NONCE_DIRECTIVES = ("script-src", "style-src")
"""What a nonce of a page allows: the inline scripts and styles that carry it."""
_FOR_ELEMENTS = ("script-src-elem", "style-src-elem")
"""What counts in their place for elements, where it is there."""


class ContentSecurityPolicy:
    """A policy that is the same for every answer but for its nonce.

    Args:
        policy: Directives with their sources, or the header's text; `None` for no policy.

    Raises:
        ImproperlyConfigured: If browsers would pass over a directive, or take a source for another one.
    """

    def __init__(self, policy: Directives | str | None) -> None:
        self._directives = _parsed(policy) if isinstance(policy, str) else _listed(policy or {})
        for name, sources in self._directives.items():
            _check(name, sources)
        self.text = _text(self._directives)

    def _sources(self, name: str) -> Sequence[str] | None:
        """Return what a directive allows; `None` where nothing is limited."""
        default = None if name in _FOR_ELEMENTS else self._directives.get("default-src")
        return self._directives.get(name, default)

    def with_nonce(self, nonce: str | None) -> str:
        """Return the header's text; with a nonce, the inline scripts and styles that carry it are allowed."""
        if nonce is None or not self.text:
            return self.text
        directives = dict(self._directives)
        for name in NONCE_DIRECTIVES + _FOR_ELEMENTS:
            sources = self._sources(name)
            # Where neither is limited, everything is allowed already.
            if sources is not None and not _allows_every_style(name, sources):
                directives[name] = _allowing(sources, nonce)
        return _text(directives)


_NAME = re.compile(r"[a-z0-9-]+")
_SOURCE = re.compile(r"[!-+\--:<-~]+")
"""What a source is made of: all but blanks, commas and semicolons (CSP 3, 2.2.1)."""
DIRECTIVES = tuple(
    "base-uri child-src connect-src default-src fenced-frame-src font-src form-action frame-ancestors frame-src img-src "
    "manifest-src media-src object-src report-to report-uri require-trusted-types-for sandbox script-src script-src-attr "
    "script-src-elem style-src style-src-attr style-src-elem trusted-types upgrade-insecure-requests worker-src".split()
)


def _check(name: str, sources: Sequence[object]) -> None:
    nearest = (
        [] if name in DIRECTIVES else difflib.get_close_matches(name, DIRECTIVES, n=1, cutoff=0.8)
    )
    if nearest or not _NAME.fullmatch(name):
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        raise ImproperlyConfigured(f"{name!r} is no directive of a content security policy{hint}")
    for source in sources:
        if not isinstance(source, str) or not _SOURCE.fullmatch(source):
            raise ImproperlyConfigured(
                f"{source!r} of {name} is no source of a content security policy; each is a text without blanks and semicolons"
            )
        meant = _meant(source) if _LISTS_SOURCES.search(name) else ""
        if meant:
            raise ImproperlyConfigured(
                f"{source!r} of {name} is no word of a content security policy; did you mean {meant}?"
            )


_KEYWORDS = tuple(
    "'none' 'report-sample' 'self' 'strict-dynamic' 'unsafe-eval' 'unsafe-hashes' 'unsafe-inline' 'wasm-unsafe-eval'".split()
)
_HASHED = ("nonce-", "sha256-", "sha384-", "sha512-")
_LISTS_SOURCES = re.compile(r"-src(?:-elem|-attr)?\Z|\A(?:base-uri|form-action|frame-ancestors)\Z")


def _meant(source: str) -> str:
    """Return the word that a source was probably meant to be, if browsers take it for a host or pass over it; else empty."""
    quoted = f"'{source.strip(chr(39))}'"
    if not source.startswith("'"):
        is_word = quoted.lower() in _KEYWORDS or source.startswith(_HASHED)
        return quoted if is_word else ""
    if quoted.lower() in _KEYWORDS or source[1:].startswith(_HASHED):
        return "" if source == quoted else quoted
    return (difflib.get_close_matches(quoted.lower(), _KEYWORDS, n=1, cutoff=0.8) or [""])[0]


def _allows_every_style(name: str, sources: Sequence[str]) -> bool:
    """Return whether a directive allows all inline styles: beside a nonce browsers would pass over that, and no attribute has one."""
    return name.startswith("style") and "'unsafe-inline'" in map(str.lower, sources)


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
        str(name).lower(): sources.split() if isinstance(sources, str) else _several(sources)
        for name, sources in policy.items()
    }


def _several(sources: Any) -> list[Any]:
    """Return sources, of which a value that is none is refused with its directive."""
    if sources is None or sources is True:  # As of `upgrade-insecure-requests`, which has none.
        return []
    return list(sources) if isinstance(sources, (list, tuple, set, frozenset)) else [sources]


def _text(directives: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(" ".join((name, *sources)) for name, sources in directives.items())
