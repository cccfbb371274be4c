"""The settings of the project.

``settings`` is the proxy object that loads them on first use; ``openviper.conf.settings`` also works as the module that
holds the `Settings` class.
"""

from __future__ import annotations

# Imported before the name is bound to the proxy: importing a submodule later would bind it to the module again.
import openviper.conf.settings  # noqa: F401
from openviper.conf.lazy import settings as settings
from openviper.utils.exports import TYPE_CHECKING, lazy_exports

if TYPE_CHECKING:
    from openviper.conf.base import Settings as Settings
    from openviper.conf.base import generate_secret_key as generate_secret_key
    from openviper.conf.declaration import mapping as mapping
    from openviper.conf.declaration import setting as setting
    from openviper.conf.types import ConfigMap as ConfigMap
    from openviper.conf.validation import validate_settings as validate_settings

# Lazy, as most modules need nothing but the proxy; see `openviper.conf.lazy`.
__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.conf.base": ("Settings", "generate_secret_key"),
        "openviper.conf.declaration": ("mapping", "setting"),
        "openviper.conf.types": ("ConfigMap",),
        "openviper.conf.validation": ("validate_settings",),
    },
    eager=("settings",),
)
