"""The settings of the project.

``settings`` is the proxy object that loads them on first use; ``openviper.conf.settings`` also works as the module that
holds the `Settings` class.
"""

from __future__ import annotations

# Imported before the name is bound to the proxy: importing a submodule later would bind it to the module again.
import openviper.conf.settings  # noqa: F401
from openviper.conf.base import Settings, generate_secret_key
from openviper.conf.declaration import mapping, setting
from openviper.conf.lazy import settings
from openviper.conf.types import ConfigMap
from openviper.conf.validation import validate_settings

__all__ = [
    "ConfigMap",
    "Settings",
    "generate_secret_key",
    "mapping",
    "setting",
    "settings",
    "validate_settings",
]
