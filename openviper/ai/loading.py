"""From the setting `AI_PROVIDERS`, and what is installed, to providers."""

from __future__ import annotations

import importlib.metadata
import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from openviper.ai.base import AIProvider
from openviper.ai.providers import PROVIDER_TYPE_MAP
from openviper.ai.secrecy import secrets_in, without
from openviper.conf import settings
from openviper.exceptions import ImproperlyConfigured
from openviper.utils.identifiers import closest
from openviper.utils.importing import import_string
from openviper.utils.signatures import signature_of

logger = logging.getLogger("openviper.ai")

ENTRYPOINT_GROUP = "openviper.ai.providers"
Entry: TypeAlias = Mapping[str, object]


class UnknownProviderTypeError(ImproperlyConfigured):
    """An entry of `AI_PROVIDERS` does not say of which type it is."""


def configured_entries() -> dict[str, Entry]:
    """Return the entries of `AI_PROVIDERS` by name; none where `ENABLE_AI_PROVIDERS` is off.

    Raises:
        ImproperlyConfigured: If an entry is not a map, or the settings cannot be loaded.
    """
    entries = settings.AI_PROVIDERS
    if not settings.ENABLE_AI_PROVIDERS:
        if entries:
            logger.info("AI_PROVIDERS is not used, because ENABLE_AI_PROVIDERS is off")
        return {}
    return {str(name): _checked_entry(name, entry) for name, entry in entries.items()}


def _checked_entry(name: str, entry: object) -> Entry:
    if isinstance(entry, Mapping):
        return dict(entry)
    raise ImproperlyConfigured(
        f"entry {name!r} of AI_PROVIDERS is a {type(entry).__name__}, not a map"
    )


def load_configured(entries: Mapping[str, Entry]) -> Iterator[AIProvider]:
    """Yield the providers of the entries; one that cannot be made is logged and left out."""
    for name, entry in entries.items():
        try:
            yield from build(name, entry)
        except Exception as error:  # A constructor of others may raise anything.
            logger.warning("entry %r of AI_PROVIDERS is left out: %s", name, told(error, entry))


def told(error: Exception, entry: Entry) -> str:
    """Return what an error says, without the secrets of an entry."""
    text = without(str(error), secrets_in(entry))
    is_ours = type(error).__module__.startswith("openviper.")
    return text if is_ours else f"{type(error).__name__}: {text}"


def build(name: str, entry: Entry) -> list[AIProvider]:
    """Make the providers of one entry.

    Args:
        name: Its name.
        entry: The entry.

    Raises:
        ImproperlyConfigured: If its type is unknown, or gives something else than providers.
        Exception: Whatever the type's constructor raises.
    """
    config = {key: value for key, value in entry.items() if key != "provider"}
    maker = _maker(name, entry)
    if config and not takes_argument(maker):
        raise ImproperlyConfigured(
            f"{entry.get('provider')!r} takes no configuration, so {', '.join(sorted(config))} would be ignored"
        )
    config["alias"] = name
    return providers_of(_call(maker, config), f"entry {name!r} of AI_PROVIDERS")


def providers_of(value: object, source: str) -> list[AIProvider]:
    """Return the providers in a provider, list, tuple or generator.

    Raises:
        TypeError: If there is something else.
    """
    if isinstance(value, AIProvider):
        return [value]
    if not isinstance(value, Iterable) or isinstance(value, str | bytes | Mapping):
        raise TypeError(f"{source} gives {value!r}, not a provider or several")
    found = list(value)
    for provider in found:
        if not isinstance(provider, AIProvider):
            raise TypeError(f"{source} gives {provider!r}, which is not a provider")
    return found


def _maker(name: str, entry: Entry) -> object:
    kind = _type_of(name, entry)
    path = PROVIDER_TYPE_MAP.get(kind, kind)
    is_dotted = "." in path or ":" in path
    return import_string(path) if is_dotted else _installed(kind)


def _type_of(name: str, entry: Entry) -> str:
    kind = entry.get("provider")
    if kind is None:
        kind = builtin_type_in(name)
    if isinstance(kind, str) and kind:
        return kind
    if kind is not None:
        raise UnknownProviderTypeError(f"its 'provider' is {kind!r}, not a type or dotted path")
    raise UnknownProviderTypeError(
        f"it has no 'provider', and its name is none of {', '.join(sorted(PROVIDER_TYPE_MAP))}"
    )


def _installed(kind: str) -> object:
    for point in importlib.metadata.entry_points(group=ENTRYPOINT_GROUP, name=kind):
        return point.load()
    raise UnknownProviderTypeError(_unknown_type(kind))


def _unknown_type(kind: str) -> str:
    installed = [point.name for point in importlib.metadata.entry_points(group=ENTRYPOINT_GROUP)]
    known = sorted({*PROVIDER_TYPE_MAP, *installed})
    guess = closest(kind, known)
    hint = f"; did you mean {guess!r}?" if guess else ""
    return (
        f"provider {kind!r} is not one of {', '.join(known)}, nor a dotted path "
        f"such as 'package.module.Class'{hint}"
    )


def builtin_type_in(name: str) -> str | None:
    """Return the built-in type that a name is or holds, the longest of several."""
    lowered = name.lower()
    matches = [kind for kind in PROVIDER_TYPE_MAP if kind in lowered]
    return max(matches, key=len, default=None)


def _call(maker: object, config: dict[str, object]) -> object:
    takes_config = takes_argument(maker)
    assert callable(maker)
    made: object = maker(config) if takes_config else maker()
    return made


def takes_argument(maker: object) -> bool:
    """Return whether a function or class can be called with one argument.

    Raises:
        TypeError: If it is neither.
    """
    if not callable(maker):
        raise TypeError(f"{maker!r} is neither a class nor a function")
    try:
        signature_of(maker).bind({})
    except TypeError:
        return False
    except ValueError:  # Written in C, without a signature.
        return True
    return True


def installed_providers(
    group: str, entries: Mapping[str, Entry]
) -> Iterator[tuple[str, list[AIProvider]]]:
    """Yield what the entry points of installed packages give; one that fails is logged and left out.

    Args:
        group: The group of entry points.
        entries: What is configured; an entry point that is used there is not asked a second time.
    """
    used = {str(entry.get("provider", "")) for entry in entries.values()}
    for point in importlib.metadata.entry_points(group=group):
        if not used.isdisjoint((point.name, point.value)):
            continue
        entry = entries.get(point.name, {})
        try:
            yield point.name, _providers_of_point(point, entry)
        except Exception as error:  # It is a package of others.
            logger.warning("entry point %r is left out: %s", point.name, told(error, entry))


def _providers_of_point(point: importlib.metadata.EntryPoint, entry: Entry) -> list[AIProvider]:
    config = {**entry, "alias": point.name}
    config.pop("provider", None)
    return providers_of(_call(point.load(), config), f"entry point {point.name!r}")
