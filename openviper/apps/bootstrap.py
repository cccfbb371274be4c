"""Setting OpenViper up: settings first, then the hooks that higher floors offer lower ones."""

from __future__ import annotations

import sys

from openviper.conf import settings
from openviper.db.fields.file_storage import set_file_storage
from openviper.storage.configured import default_storage
from openviper.utils.importing import import_string

JSON_MODULE = "openviper.utils.json_text"
QUERY_CACHE_HOOK = "openviper.cache.query_results.register"
PERMISSION_HOOK = "openviper.auth.permission_core.register"
VENDOR_HOOK = "openviper.vendoring.at_start.check_at_start"
"""Imported only where a project asks for it: few do, and it reads archives."""


def setup(force: bool = False) -> None:
    """Load the settings and connect the parts that depend on them; may be called any number of times.

    Args:
        force: Load the settings again even if they are in place.

    Raises:
        ImproperlyConfigured: If the settings module cannot be used.
        SettingsValidationError: If a setting has a value that is not allowed.
        DatabaseConfigurationError: If a database router cannot be imported or made.
        VendorError: If `VENDOR_CHECK` is ``refuse`` and OpenViper does not run from an unchanged vendored tree.
    """
    settings.setup(force=force)
    if settings.VENDOR_CHECK != "off":
        import_string(VENDOR_HOOK)()
    set_file_storage(default_storage)
    if settings.JSON != "json" or JSON_MODULE in sys.modules:
        # Else nothing writes JSON yet, and what does so first begins with the standard library.
        import_string(f"{JSON_MODULE}.use_json_library")(settings.JSON)
    if settings.DATABASES.get("ROUTERS"):
        # A router that cannot be made is an error now, not with the first query.
        from openviper.db.routing import DefaultRouterResolver

        DefaultRouterResolver()
    if settings.MODEL_EVENTS:
        # Late: few projects name listeners, and the others do not wait for the queries.
        from openviper.db.query.events import get_dispatcher

        get_dispatcher().load(settings.MODEL_EVENTS, settings.INSTALLED_APPS)
    if settings.QUERY_CACHE:
        import_string(QUERY_CACHE_HOOK)()
    if "openviper.auth" in settings.INSTALLED_APPS:
        import_string(PERMISSION_HOOK)()
