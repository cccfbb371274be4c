"""APIs: their document (OpenAPI 3.1), and the page that shows it and tries requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.utils.exports import lazy_exports

if TYPE_CHECKING:
    from openviper.api.openapi import Info as Info
    from openviper.api.openapi import build_document as build_document
    from openviper.api.resources.mistakes import ResourceError as ResourceError
    from openviper.api.resources.resource import Resource as Resource
    from openviper.api.resources.resource import resource as resource
    from openviper.api.routes import document_of as document_of
    from openviper.routing.operations import operation as operation

__all__, __getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "openviper.api.openapi": ("Info", "build_document"),
        "openviper.routing.operations": ("operation",),
        "openviper.api.resources.mistakes": ("ResourceError",),
        "openviper.api.resources.resource": ("Resource", "resource"),
        "openviper.api.routes": ("document_of",),
    },
)
