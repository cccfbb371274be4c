"""The scripts that teach a shell to complete `openviper` and `viperctl.py`."""

from __future__ import annotations

from importlib.resources import files

SHELLS = ("bash", "zsh", "fish")


def completion_script(shell: str) -> str:
    """Return the script for a shell.

    Raises:
        ValueError: If there is none for this shell.
    """
    if shell not in SHELLS:
        raise ValueError(f"there is no completion for {shell!r}, only for {', '.join(SHELLS)}")
    source = files("openviper.core.management.completion").joinpath("scripts", f"{shell}.tmpl")
    return source.read_text(encoding="utf-8")
