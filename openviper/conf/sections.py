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
    errors = []
    for key in given:
        if key in known:
            continue
        # Late: every start reads sections, and hardly any has a wrong key.
        from difflib import get_close_matches

        nearest = get_close_matches(str(key), known, n=1)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"known: {', '.join(sorted(known))}"
        errors.append(f"{section} has no key {key!r}; {hint}")
    return errors
