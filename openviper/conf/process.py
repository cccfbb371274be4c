"""Names by which processes that belong together agree about their settings."""

from __future__ import annotations

GENERATED_KEY_VARIABLE = "OPENVIPER_GENERATED_SECRET_KEY"
"""Carries a generated key to worker and reloader processes, so that all of them agree on it."""
SYNTHETIC_MODULE = "_viperctl_settings"
"""The module registered for a project without settings; never an installed app."""
