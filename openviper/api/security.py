"""The ways to log in, as the document names them."""

from __future__ import annotations

from openviper.conf import settings
from openviper.utils.importing import import_string
from openviper.validation.json_schema import Schema


def security_schemes() -> dict[str, Schema]:
    """Return a scheme for each class of `DEFAULT_AUTHENTICATION_CLASSES` that has one."""
    found: dict[str, Schema] = {}
    for path in settings.DEFAULT_AUTHENTICATION_CLASSES:
        # A class of a project's own may know nothing of documents.
        describe = getattr(import_string(path), "security_scheme", None)
        scheme = describe() if describe is not None else None
        if scheme is not None:
            found[scheme[0]] = scheme[1]
    return found
