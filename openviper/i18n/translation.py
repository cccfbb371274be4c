"""The language of the work going on, and texts in it.

Catalogues are files ``<directory>/<language>/LC_MESSAGES/messages.mo`` in `LOCALE_DIRS` and in the folder `locale` of each
installed app, read by `gettext` of the standard library when a language is first used.
"""

from __future__ import annotations

import gettext as standard
import logging
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from functools import lru_cache
from importlib.util import find_spec
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any, cast

from openviper.conf import settings
from openviper.project.directory import in_project
from openviper.utils.resources import is_file, read_bytes

logger = logging.getLogger("openviper.i18n")

OWN = Path(__file__).parent / "locale"
"""Where the texts of OpenViper itself are: what validation says."""
DOMAIN = "messages"
"""The name of catalogues, without their endings."""
TRIED = 200
"""Numbers that the rule for plurals of a catalogue is tried with, as one that divides by zero would fail in a page."""

_language: ContextVar[str | None] = ContextVar("language", default=None)


def get_language() -> str:
    """Return the language of the work going on, such as ``de`` or ``pt-br``; `LANGUAGE_CODE` if none was set."""
    return _language.get() or settings.LANGUAGE_CODE


def set_language(language: str | None) -> Token[str | None]:
    """Set the language of this context; `None` goes back to `LANGUAGE_CODE`.

    Returns:
        What restores the one before, for `contextvars.Token.var.reset`.
    """
    return _language.set(language)


@contextmanager
def override_language(language: str | None) -> Iterator[None]:
    """Have texts in a language for the time of a ``with`` statement."""
    token = _language.set(language)
    try:
        yield
    finally:
        _language.reset(token)


def gettext(message: str) -> str:
    """Return a text in the language of the work going on, or as it is if it has no translation."""
    # The empty text is the key of the catalogue's head.
    return _translations().gettext(message) if message else message


def ngettext(singular: str, plural: str, number: int) -> str:
    """Return the form of a text that goes with a number."""
    return _translations().ngettext(singular, plural, number)


def pgettext(context: str, message: str) -> str:
    """Return a text that has several meanings in the one that a context tells."""
    return _translations().pgettext(context, message)


def npgettext(context: str, singular: str, plural: str, number: int) -> str:
    """Return the form of a text that goes with a number, in the meaning that a context tells."""
    return _translations().npgettext(context, singular, plural, number)


def locale_directories() -> list[Path]:
    """Return where catalogues of a project are: `LOCALE_DIRS`, then the folder `locale` of each installed app."""
    own = [in_project(directory) for directory in settings.LOCALE_DIRS]
    return [*own, *_app_directories(tuple(settings.INSTALLED_APPS))]


@lru_cache(maxsize=16)
def _app_directories(apps: tuple[str, ...]) -> tuple[Path, ...]:
    directories = []
    for app in apps:
        try:
            spec = find_spec(app)
        except (ImportError, ValueError):
            continue
        places = (spec.submodule_search_locations or ()) if spec is not None else ()
        directories += [Path(place, "locale") for place in places]
    return tuple(directories)


def catalogue_languages(language: str) -> list[str]:
    """Return the folders that a language is looked for in, the nearest first: ``pt_BR`` and ``pt`` for ``pt-br``."""
    base, *parts = language.replace("_", "-").split("-")
    # A region in capitals, a script with one: pt_BR, zh_Hans, zh_Hans_CN.
    named = [part.upper() if len(part) == 2 else part.capitalize() for part in parts]
    return ["_".join([base.lower(), *named[:number]]) for number in range(len(named), -1, -1)]


def _translations() -> standard.NullTranslations:
    directories = tuple(str(directory) for directory in [*locale_directories(), OWN])
    return _load(get_language(), directories)


@lru_cache(maxsize=64)
def _load(language: str, directories: tuple[str, ...]) -> standard.NullTranslations:
    """Return the catalogues of a language, those of the project before those of apps."""
    catalogues = [_read(path) for path in _catalogue_paths(language, directories)]
    if not catalogues:
        return standard.NullTranslations()
    first, *others = catalogues
    for other in others:
        first.add_fallback(other)
    return first


def _catalogue_paths(language: str, directories: tuple[str, ...]) -> Iterator[Path]:
    folders = catalogue_languages(language)
    for directory, folder in product(directories, folders):
        path = Path(directory, folder, "LC_MESSAGES", f"{DOMAIN}.mo")
        if is_file(path):
            yield path


def _read(path: Path) -> standard.NullTranslations:
    """Return a catalogue; an empty one in place of a file that is none, so that it costs its own texts only."""
    try:
        catalogue: Any = standard.GNUTranslations(BytesIO(read_bytes(path)))
        for number in range(TRIED):
            catalogue.plural(number)
    except (OSError, ValueError, struct.error, LookupError, ArithmeticError) as error:
        logger.error("the translations in %s cannot be read: %s; run compilemessages", path, error)
        return standard.NullTranslations()
    return cast("standard.NullTranslations", catalogue)


def reset_translations() -> None:
    """Read catalogues anew when they are next used."""
    _load.cache_clear()
    _app_directories.cache_clear()
