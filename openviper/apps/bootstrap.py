"""Setting OpenViper up: settings first, then the hooks that higher floors offer lower ones."""

from __future__ import annotations

from openviper.utils.importing import import_string

PERMISSION_HOOK = "openviper.auth.permission_core.register"


def setup(force: bool = False) -> None:
    """Load the settings and connect the parts that depend on them; may be called any number of times.

    Args:
        force: Load the settings again even if they are in place.

    Raises:
        ImproperlyConfigured: If the settings module cannot be used.
        SettingsValidationError: If a setting has a value that is not allowed.
    """
    from openviper.conf import settings

    settings.setup(force=force)
    if "openviper.auth" in settings.INSTALLED_APPS:
        import_string(PERMISSION_HOOK)()
