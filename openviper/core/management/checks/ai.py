"""Checks of the settings of AI providers: each entry is made, and nobody is asked anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from openviper.ai.base import AIProvider
from openviper.ai.loading import build, told
from openviper.conf import settings
from openviper.core.management.checks.findings import Finding


def check_ai() -> list[Finding]:
    """Return the findings about `AI_PROVIDERS`."""
    if not settings.AI_PROVIDERS:
        return []
    if not settings.ENABLE_AI_PROVIDERS:
        return [
            Finding(
                "ai.W001",
                f"AI_PROVIDERS has {len(settings.AI_PROVIDERS)} entries that are not used",
                "Turn ENABLE_AI_PROVIDERS on, or take them out.",
                where="AI_PROVIDERS",
            )
        ]
    return list(_entries(settings.AI_PROVIDERS))


def _entries(entries: Mapping[str, object]) -> Iterator[Finding]:
    owners: dict[str, str] = {}
    for name, entry in entries.items():
        where = f"AI_PROVIDERS[{name!r}]"
        if not isinstance(entry, Mapping):
            problem = f"it is a {type(entry).__name__}, not a map"
            yield Finding("ai.E001", f"entry {name!r}: {problem}", where=where)
            continue
        try:
            providers = build(name, entry)
        except Exception as error:  # A constructor of others may raise anything.
            yield Finding("ai.E001", f"entry {name!r}: {told(error, entry)}", where=where)
            continue
        yield from _taken(name, providers, owners, where)


def _taken(
    name: str, providers: list[AIProvider], owners: dict[str, str], where: str
) -> Iterator[Finding]:
    for provider in providers:
        if not provider.supported_models() and not provider.default_model:
            yield Finding("ai.E001", f"entry {name!r}: it names no model", where=where)
        for model in provider.supported_models():
            if model in owners:
                message = f"model {model!r} of entry {name!r} is that of {owners[model]!r}, too"
                yield Finding("ai.W002", message, where=where)
            owners[model] = name
