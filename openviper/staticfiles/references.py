"""References from one static file to another: ``url()``, source maps, imports.

They are found by their form and count only where they name a file that is collected too. So a text that merely looks
like one, in a comment or a string, does no harm.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote

STYLES = frozenset({".css"})
SCRIPTS = frozenset({".js", ".mjs", ".cjs"})
MAX_READ = 16 * 1024 * 1024
"""Bytes of a file that is looked into; a larger one is taken as it is."""
_URL = re.compile(
    r"""\burl\(\s{0,20}(?:(?P<quote>["'])(?P<quoted>[^"'\\\r\n]{1,2000})(?P=quote)|(?P<bare>[^\s"'()\\]{1,2000}))\s{0,20}\)""",
    re.IGNORECASE,
)
_CSS_IMPORT = re.compile(
    r"""@import\s{1,20}(?P<quote>["'])(?P<quoted>[^"'\\\r\n]{1,2000})(?P=quote)""", re.IGNORECASE
)
_SOURCE_MAP = re.compile(r"(?://|/\*)[#@]\s{0,20}sourceMappingURL=(?P<bare>[^\s*\"']{1,2000})")
_JS_IMPORT = re.compile(
    r"""\b(?:from|import)\s{0,20}\(?\s{0,20}(?P<quote>["'])(?P<quoted>[^"'\\\r\n]{1,2000})(?P=quote)"""
)
_JS_URL = re.compile(
    r"""\bnew\s{1,20}URL\(\s{0,20}(?P<quote>["'])(?P<quoted>[^"'\\\r\n]{1,2000})(?P=quote)\s{0,20},\s{0,20}import\.meta\.url"""
)
_FORMS = {
    **dict.fromkeys(STYLES, (_URL, _CSS_IMPORT, _SOURCE_MAP)),
    **dict.fromkeys(SCRIPTS, (_JS_IMPORT, _JS_URL, _SOURCE_MAP)),
}
_BARE_MODULES = frozenset({_JS_IMPORT})
"""Forms in which a name without ``./`` is that of a package and not of a file."""
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//|#|\?", re.IGNORECASE)


class Reference(NamedTuple):
    """A place in a file that names another one.

    Attributes:
        start: Where the name begins.
        end: Where it ends.
        target: The name of the file below the static directory.
    """

    start: int
    end: int
    target: str


def may_refer(name: str) -> bool:
    """Return whether files of this name are looked into."""
    return posixpath.splitext(name)[1].lower() in _FORMS


def find_references(name: str, text: str, static_url: str) -> list[Reference]:
    """Return what a file refers to, in the order of the places; whether the targets exist is not looked at.

    Args:
        name: Its name below the static directory.
        text: Its content.
        static_url: The path that the static directory is served below; names that begin with it count too.
    """
    references: dict[int, Reference] = {}
    for start, written in _written(name, text):
        target = _target(name, written, static_url)
        if target is not None:
            end = start + len(_path_of(written))
            references.setdefault(start, Reference(start, end, target))
    return [references[start] for start in sorted(references)]


def _written(name: str, text: str) -> Iterator[tuple[int, str]]:
    """Yield what looks like a reference, with its place."""
    for form in _FORMS.get(posixpath.splitext(name)[1].lower(), ()):
        for match in form.finditer(text):
            group = "bare" if match.groupdict().get("bare") else "quoted"
            is_path = match[group].startswith((".", "/"))
            if is_path or form not in _BARE_MODULES:
                yield match.start(group), match[group]


def _path_of(written: str) -> str:
    """Return a reference without its query and fragment."""
    return re.split(r"[?#]", written, maxsplit=1)[0]


def _target(name: str, written: str, static_url: str) -> str | None:
    """Return the name of the file that a reference means; `None` if that lies elsewhere."""
    path = unquote(_path_of(written))
    is_folder = path.rpartition("/")[2] in ("", ".", "..")
    # A slash that is encoded is none to a browser, and no request with it is answered.
    has_hidden_slash = path.count("/") != _path_of(written).count("/")
    if is_folder or has_hidden_slash or _ELSEWHERE.match(written):
        return None
    is_absolute = path.startswith("/")
    path = _below(path, static_url) if is_absolute else _beside(name, path)
    target = posixpath.normpath(path)
    return None if target == "." or target.startswith("../") else target


def _beside(name: str, path: str) -> str:
    return posixpath.join(posixpath.dirname(name), path)


def _below(path: str, static_url: str) -> str:
    """Return an absolute path as one below the static directory; empty if it does not lie there."""
    prefix = "/" + static_url.strip("/") + "/"
    is_local = "://" not in static_url and path.startswith(prefix)
    return path[len(prefix) :] if is_local else ""


def rewrite(text: str, references: list[Reference], names: Mapping[str, str]) -> str:
    """Return a text whose references name the new files.

    Args:
        text: The content.
        references: From `find_references`.
        names: The new names; a hashed name lies in the same folder, so that only the last part of a path changes.
    """
    return "".join(_pieces(text, references, names))


def _pieces(text: str, references: list[Reference], names: Mapping[str, str]) -> Iterator[str]:
    place = 0
    for reference in references:
        new = names.get(reference.target)
        if new is None or reference.start < place:
            continue
        written = text[reference.start : reference.end]
        folder, slash, _ = written.rpartition("/")
        yield text[place : reference.start]
        yield f"{folder}{slash}{quote(posixpath.basename(new))}"
        place = reference.end
    yield text[place:]
