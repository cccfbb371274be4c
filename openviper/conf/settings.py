"""The public names of the settings: ``from openviper.conf.settings import Settings``."""

from __future__ import annotations

from openviper.conf.lazy import LazySettings as LazySettings
from openviper.utils.exports import TYPE_CHECKING, lazy_exports

if TYPE_CHECKING:
    from openviper.conf.base import SENSITIVE_FIELDS as SENSITIVE_FIELDS
    from openviper.conf.base import Settings as Settings
    from openviper.conf.base import generate_secret_key as generate_secret_key
    from openviper.conf.base import is_sensitive as is_sensitive
    from openviper.conf.declaration import mapping as mapping
    from openviper.conf.declaration import setting as setting
    from openviper.conf.environment import ENV_CASTERS as ENV_CASTERS
    from openviper.conf.environment import apply_env_overrides as apply_env_overrides
    from openviper.conf.environment import cast_bool as cast_bool
    from openviper.conf.environment import cast_env_value as cast_env_value
    from openviper.conf.environment import cast_timedelta as cast_timedelta
    from openviper.conf.environment import cast_tuple as cast_tuple
    from openviper.conf.loading import auto_include_project_app as auto_include_project_app
    from openviper.conf.loading import load_settings_from_module as load_settings_from_module
    from openviper.conf.production import INSECURE_SECRET_KEYS as INSECURE_SECRET_KEYS
    from openviper.conf.production import MIN_HSTS_SECONDS as MIN_HSTS_SECONDS
    from openviper.conf.production import MIN_SECRET_KEY_LENGTH as MIN_SECRET_KEY_LENGTH
    from openviper.conf.production import is_insecure_secret_key as is_insecure_secret_key
    from openviper.conf.production import validate_production as validate_production
    from openviper.conf.validation import validate_settings as validate_settings

# Lazy, as `openviper.conf` imports this module for its name; see `openviper.conf.lazy`.
__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.conf.base": (
            "SENSITIVE_FIELDS",
            "Settings",
            "generate_secret_key",
            "is_sensitive",
        ),
        "openviper.conf.declaration": ("mapping", "setting"),
        "openviper.conf.environment": (
            "ENV_CASTERS",
            "apply_env_overrides",
            "cast_bool",
            "cast_env_value",
            "cast_timedelta",
            "cast_tuple",
        ),
        "openviper.conf.loading": ("auto_include_project_app", "load_settings_from_module"),
        "openviper.conf.production": (
            "INSECURE_SECRET_KEYS",
            "MIN_HSTS_SECONDS",
            "MIN_SECRET_KEY_LENGTH",
            "is_insecure_secret_key",
            "validate_production",
        ),
        "openviper.conf.validation": ("validate_settings",),
    },
    eager=("LazySettings",),
)
