"""Shell completion: the scripts that shells load, and the answers to what they ask."""

from __future__ import annotations

TRIGGER = "__complete"
"""The hidden word after the program's name with which a shell's script asks for candidates."""
