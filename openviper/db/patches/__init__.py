"""Data patches: coroutines in ``<app>/patches/*.py`` that `migrate` runs once per database."""

from __future__ import annotations

from openviper.db.patches.patch_registry import (
    PATCH_DIRECTORY,
    PatchEntry,
    PatchRegistry,
    db_patch,
    discover_patches,
    get_registry,
    reset_registry,
)
from openviper.db.patches.runner import (
    ensure_patch_table,
    get_applied_patches,
    record_patch,
    run_patches,
)

__all__ = [
    "PATCH_DIRECTORY",
    "PatchEntry",
    "PatchRegistry",
    "db_patch",
    "discover_patches",
    "ensure_patch_table",
    "get_applied_patches",
    "get_registry",
    "record_patch",
    "reset_registry",
    "run_patches",
]
