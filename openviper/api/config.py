"""The setting `OPENAPI`, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from openviper.exceptions import ImproperlyConfigured
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.conf import typed_sections
else:
    typed_sections = lazy_module("openviper.conf.typed_sections")


@dataclass(frozen=True)
class OpenAPIConfig:
    """What the setting says.

    Attributes:
        enabled: Whether there are a document and a page.
        title: The name of the API; that of the application when empty.
        version: Its version.
        description: What it is for.
        schema_url: The path of the document.
        docs_url: The path of the page.
        exclude: First words of paths that the document leaves out.
        permission: Dotted path of the permission that opens both; in production there is neither without one.
    """

    enabled: bool = True
    title: str = ""
    version: str = "0.0.1"
    description: str = ""
    schema_url: str = "/open-api/openapi.json"
    docs_url: str = "/open-api/docs"
    exclude: tuple[str, ...] = field(default=())
    permission: str = ""


def openapi_config(given: Mapping[str, Any]) -> OpenAPIConfig:
    """Return the setting as it is meant.

    Raises:
        ImproperlyConfigured: If a key is none, or has a value of another type.
    """
    errors = openapi_errors(given)
    if errors:
        raise ImproperlyConfigured(" ".join(errors))
    values = dict(given)
    if "exclude" in values:
        values["exclude"] = tuple(str(prefix).strip("/").lower() for prefix in values["exclude"])
    return OpenAPIConfig(**values)


def openapi_errors(given: Mapping[str, Any]) -> list[str]:
    """Return one sentence for everything that is wrong with the setting."""
    # What most projects do not set needs no reader of types.
    errors = typed_sections.section_errors("OPENAPI", given, OpenAPIConfig) if given else []
    return errors + _path_errors(given)


def _path_errors(given: Mapping[str, Any]) -> list[str]:
    errors = []
    for key in ("schema_url", "docs_url"):
        path = given.get(key, "/")
        if isinstance(path, str) and not path.startswith("/"):
            errors.append(f"OPENAPI[{key!r}] must begin with '/', unlike {path!r}")
    return errors
