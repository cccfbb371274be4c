"""Settings that are mappings with fixed keys, such as `EMAIL` and `TASKS`: what they all check alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable


def unknown_key_errors(section: str, given: Iterable[object], known: Collection[str]) -> list[str]:
    """Return one sentence for every key that a section does not have, with the nearest one it has.

    Args:
        section: Name of the setting, as in messages: ``"EMAIL"``, ``"TASKS['logging']"``.
        given: The keys found in it.
        known: The keys it may have.
    """
    unknown = [key for key in given if key not in known]
    return [f"{section} has no key {key!r}; {_hint(key, known)}" for key in unknown]


def _hint(key: object, known: Collection[str]) -> str:
    # Late: `difflib` takes longer than all of the settings, and few have a misspelt key.
    from difflib import get_close_matches

    nearest = get_close_matches(str(key), known, n=1)
    return f"did you mean {nearest[0]!r}?" if nearest else f"known: {', '.join(sorted(known))}"
