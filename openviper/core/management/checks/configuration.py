"""Checks of the settings: can they be loaded, and does what they name exist."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Iterable, Iterator

from openviper.cache import DatabaseCache, get_cache
from openviper.conf import Settings, settings
from openviper.conf.declaration import declaration
from openviper.conf.former import FORMER, former_settings_in_use
from openviper.core.app_resolver import AppResolver
from openviper.core.management.checks.findings import CODES, Finding
from openviper.core.management.errors import describe, did_you_mean
from openviper.exceptions import ImproperlyConfigured, SettingsValidationError
from openviper.utils.identifiers import closest
from openviper.utils.importing import import_string
from openviper.vendoring.exceptions import VendorError

PREFIX = "OPENVIPER_"
CACHE_APP = "openviper.cache"
OWN_VARIABLES = frozenset(
    f"{PREFIX}{name}"
    for name in (
        "APPLICATION DATABASE_URL DOTENV DOTENV_NAMES ENV GENERATED_SECRET_KEY SETTINGS_MODULE STARTUP_FAILURE SUPERUSER_EMAIL "
        "SUPERUSER_PASSWORD SUPERUSER_USERNAME USER_EMAIL USER_PASSWORD USER_USERNAME TARGET TEST_APP TRACEBACK"
    ).split()
)
"""Variables that OpenViper reads and that are no settings."""


def load_settings() -> list[Finding]:
    """Load the settings unless they are in place, and return what is in the way."""
    if settings.configured:
        return _changed_tree("refuse", "settings.E006")
    # Late: `check --help` sets nothing up.
    from openviper.apps.bootstrap import setup

    module = os.environ.get("OPENVIPER_SETTINGS_MODULE", "")
    try:
        setup()
    except SettingsValidationError as error:
        return [Finding("settings.E002", text.rstrip("."), where=module) for text in error.errors]
    except ImproperlyConfigured as error:
        return [Finding("settings.E001", describe(error), where=module)]
    except VendorError:
        return _changed_tree("refuse", "settings.E006")
    return []


def _changed_tree(mode: str, code: str) -> list[Finding]:
    """Return what is wrong with the vendored tree, as a finding, where `VENDOR_CHECK` has a mode."""
    if settings.VENDOR_CHECK != mode:
        return []
    # Late: few projects ask for it, and it reads archives.
    from openviper.vendoring.at_start import problem_at_start

    problem = problem_at_start()
    return [] if problem is None else [Finding(code, problem, where="VENDOR_CHECK")]


def check_settings() -> list[Finding]:
    """Return the findings about settings that could be loaded."""
    return [
        *_unknown_codes(),
        *_misspelt_variables(),
        *_misspelt_fields(),
        *_ignored_names(),
        *_former_settings(),
        *_missing_apps(),
        *_broken_paths(),
        *_broken_caches(),
        *_changed_tree("warn", "settings.W006"),
    ]


def _unknown_codes() -> Iterator[Finding]:
    for code in settings.SILENCED_SYSTEM_CHECKS:
        if code not in CODES:
            yield Finding(
                "settings.W001",
                f"there is no check with the code {code!r}{did_you_mean(code, list(CODES))}",
                where="SILENCED_SYSTEM_CHECKS",
            )


def _given_variables() -> set[str]:
    return {variable for variable in os.environ if variable.startswith(PREFIX)}


def _misspelt_variables() -> Iterator[Finding]:
    fine = OWN_VARIABLES.union(f"{PREFIX}{name}" for name in (*_own_fields(), *FORMER))
    for variable in sorted(_given_variables() - fine):
        # Compared without the prefix, which would make all of them alike: others may use it for something of their own,
        # and only what looks like a setting is worth a word.
        match = closest(variable.removeprefix(PREFIX), list(Settings.__dataclass_fields__))
        if match:
            yield Finding(
                "settings.W002",
                f"environment variable {variable!r} is no setting; did you mean {PREFIX + match!r}?",
                where=variable,
            )


def _misspelt_fields() -> Iterator[Finding]:
    known = list(Settings.__dataclass_fields__)
    unknown = [name for name in _own_fields() if name not in (*known, *FORMER)]
    for name in unknown:
        match = _nearly(name, known)
        if match:
            yield Finding(
                "settings.W003",
                f"setting {name!r} is not one of OpenViper's; did you mean {match!r}?",
                where=name,
            )


def _own_fields() -> list[str]:
    """Return the fields of the settings in use, those of the project's own class included."""
    assert settings.instance is not None
    return [field.name for field in dataclasses.fields(settings.instance)]


def _nearly(name: str, known: list[str]) -> str | None:
    # A project may have fields of its own; only what differs by a letter or two is taken as a mistake.
    import difflib

    matches = difflib.get_close_matches(name, known, n=1, cutoff=0.9)
    return matches[0] if matches else None


def _ignored_names() -> Iterator[Finding]:
    module = sys.modules.get(os.environ.get("OPENVIPER_SETTINGS_MODULE", ""))
    for name in vars(module) if module is not None else ():
        if name.isupper() and name in Settings.__dataclass_fields__:
            yield Finding(
                "settings.W004",
                f"{name} beside the settings class is ignored",
                f"Make it a field of class {type(settings.instance).__name__}.",
                where=getattr(module, "__file__", None) or "",
            )


def _former_settings() -> Iterator[Finding]:
    assert settings.instance is not None
    for name, advice in former_settings_in_use(settings.instance).items():
        yield Finding("settings.W005", f"nothing reads {name} any more: {advice}", where=name)


def _missing_apps() -> Iterator[Finding]:
    resolver = AppResolver()
    for name in resolver.resolve_all_apps(settings.INSTALLED_APPS, include_builtin=True)[
        "not_found"
    ]:
        several = resolver.candidates.get(name)
        hint = f"It may be any of {', '.join(several)}; use the dotted name." if several else ""
        meant = "" if several else did_you_mean(name, resolver.nearby_apps())
        yield Finding(
            "settings.E004", f"installed app {name!r} not found{meant}", hint, "INSTALLED_APPS"
        )


def _broken_paths() -> Iterator[Finding]:
    for field in dataclasses.fields(Settings):
        value = getattr(settings, field.name)
        # What OpenViper itself names is not the project's mistake.
        if declaration(field).dotted and value not in (None, field.default):
            yield from _unimportable(field.name, [value] if isinstance(value, str) else value)


def _unimportable(name: str, paths: Iterable[object]) -> Iterator[Finding]:
    for path in paths:
        problem = _import_error(path)
        if problem:
            yield Finding("settings.E003", f"{name} names {path!r}: {problem}", where=name)


def _import_error(path: object) -> str | None:
    if not isinstance(path, str) or "." not in path:
        return None  # An object, or a short name such as `console`.
    try:
        import_string(path)
    except Exception as error:  # The module is the project's; it may raise anything.
        return f"{type(error).__name__}: {describe(error)}"
    return None


def _broken_caches() -> Iterator[Finding]:
    for alias in settings.CACHES:
        where = f"CACHES[{alias!r}]"
        try:
            cache = get_cache(alias)
        except ImproperlyConfigured as error:
            yield Finding("settings.E005", str(error), where=where)
            continue
        if isinstance(cache, DatabaseCache) and CACHE_APP not in settings.INSTALLED_APPS:
            yield Finding(
                "settings.E005",
                f"cache {alias!r} is kept in a table of the app {CACHE_APP!r}, which is not in INSTALLED_APPS",
                "Add it and run `migrate`.",
                where,
            )
