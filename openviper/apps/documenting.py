"""What an application says of its API, beside the setting `OPENAPI`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from openviper.api.routes import document_of
from openviper.routing.router import Router
from openviper.utils.identifiers import closest

_KEYS = {
    "version": "version",
    "description": "description",
    "openapi_url": "schema_url",
    "docs_url": "docs_url",
}
"""The keys of the setting that the arguments stand in place of."""


class OpenAPIArguments(TypedDict, total=False):
    """What an application may be told of the document of its API, in place of the setting `OPENAPI`.

    Attributes:
        version: The version of the API.
        description: What it is for.
        openapi_url: The path of the document.
        docs_url: The path of the page.
    """

    version: str | None
    description: str | None
    openapi_url: str | None
    docs_url: str | None


def own_openapi(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments by the keys of the setting.

    Raises:
        TypeError: If one is none; names the nearest.
    """
    for name in given:
        if name not in _KEYS:
            nearest = closest(name, list(_KEYS))
            hint = f"; did you mean {nearest!r}?" if nearest else ""
            raise TypeError(f"OpenViper() takes no argument {name!r}{hint}")
    return {_KEYS[name]: value for name, value in given.items() if value is not None}


class Documented:
    """An application with a document of its API.

    Attributes:
        router: Its routes.
        openapi: What it says itself, by the keys of the setting `OPENAPI`.
    """

    router: Router
    openapi: Mapping[str, Any]

    @property
    def title(self) -> str:
        """The application's name."""
        raise NotImplementedError

    def get_openapi_schema(self, host: str | None = None) -> dict[str, Any]:
        """Return the document of the API as it is now; nothing of it is kept.

        Args:
            host: Describe what is answered on this host; everything when not given.

        Raises:
            ImproperlyConfigured: If the setting `OPENAPI` is wrong, or two routes would be one operation.
        """
        return document_of(self.router.routes, self.title, host, self.openapi)
