"""The public names of the settings: ``from openviper.conf.settings import Settings``."""

from __future__ import annotations

from openviper.conf.base import SENSITIVE_FIELDS, Settings, generate_secret_key, is_sensitive
from openviper.conf.declaration import mapping, setting
from openviper.conf.environment import (
    ENV_CASTERS,
    apply_env_overrides,
    cast_bool,
    cast_env_value,
    cast_timedelta,
    cast_tuple,
)
from openviper.conf.lazy import LazySettings, auto_include_project_app, load_settings_from_module
from openviper.conf.production import (
    INSECURE_SECRET_KEYS,
    MIN_HSTS_SECONDS,
    MIN_SECRET_KEY_LENGTH,
    is_insecure_secret_key,
    validate_production,
)
from openviper.conf.validation import validate_settings

__all__ = [
    "ENV_CASTERS",
    "INSECURE_SECRET_KEYS",
    "MIN_HSTS_SECONDS",
    "MIN_SECRET_KEY_LENGTH",
    "SENSITIVE_FIELDS",
    "LazySettings",
    "Settings",
    "apply_env_overrides",
    "auto_include_project_app",
    "cast_bool",
    "cast_env_value",
    "cast_timedelta",
    "cast_tuple",
    "generate_secret_key",
    "is_insecure_secret_key",
    "is_sensitive",
    "load_settings_from_module",
    "mapping",
    "setting",
    "validate_production",
    "validate_settings",
]
