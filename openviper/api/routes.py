"""The addresses of the document and of the page, as the setting `OPENAPI` has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from openviper.api.config import OpenAPIConfig, openapi_config
from openviper.api.security import security_schemes
from openviper.conf import settings
from openviper.http.permissions import PermissionLike
from openviper.http.request import Request
from openviper.http.responses import HTMLResponse, JSONResponse, Response
from openviper.http.url import split_host
from openviper.project.deployment import is_production
from openviper.routing.route import Route
from openviper.routing.router import Router
from openviper.utils.importing import lazy_module

if TYPE_CHECKING:
    from openviper.api import openapi
    from openviper.api import page as docs_page
else:
    # A server imports them when it is asked for the document, or for its page.
    openapi = lazy_module("openviper.api.openapi")
    docs_page = lazy_module("openviper.api.page")

NAMESPACE = "openapi"


def visible_routes(routes: Iterable[Route], config: OpenAPIConfig) -> list[Route]:
    """Return the routes that the document has: not those that are left out, nor those of the document itself."""
    own = (config.schema_url, config.docs_url)
    return [
        route
        for route in routes
        if not route.path.startswith(own) and _first_word(route.path) not in config.exclude
    ]


def _first_word(path: str) -> str:
    return path.strip("/").partition("/")[0].lower()


def document_of(
    routes: Iterable[Route],
    title: str,
    host: str | None = None,
    own: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the document of an application, as the setting `OPENAPI` has it.

    Args:
        routes: The routes of the application.
        title: Its name.
        host: Describe what is answered on this host; everything when not given.
        own: What the application says in place of keys of the setting.

    Raises:
        ImproperlyConfigured: If the setting is wrong, or two routes would be one operation; see `build_document`.
    """
    config = openapi_config({**settings.OPENAPI, **(own or {})})
    info = openapi.Info(
        title=config.title or title,
        version=config.version,
        description=config.description,
        security=security_schemes(),
    )
    return openapi.build_document(visible_routes(routes, config), info, host)


def _host_of(request: Request) -> str:
    return split_host((request.header(b"host") or b"").decode("latin-1"))[0]


def openapi_router(
    routes: Callable[[], Iterable[Route]], title: str, own: Mapping[str, Any] | None = None
) -> Router | None:
    """Return a router with the document and the page; `None` where there are none.

    In production there are none unless `OPENAPI["permission"]` says who may see them.

    Args:
        routes: Gives the routes of the application.
        title: Its name.
        own: What it says in place of keys of the setting.

    Raises:
        ImproperlyConfigured: If the setting is wrong.
    """
    config = openapi_config({**settings.OPENAPI, **(own or {})})
    is_closed = is_production() and not config.permission
    if not config.enabled or is_closed:
        return None
    permission: PermissionLike | None = config.permission or None
    router = Router(namespace=NAMESPACE, permission=permission)

    @router.get(config.schema_url, name="document")
    async def document(request: Request) -> Response:
        return JSONResponse(document_of(routes(), title, _host_of(request), own))

    @router.get(config.docs_url, name="page")
    async def page(request: Request) -> Response:
        addresses = {
            "root": request.root_path,
            "schema": request.url_for(f"{NAMESPACE}:document"),
            "style": request.url_for(f"{NAMESPACE}:style"),
            "script": request.url_for(f"{NAMESPACE}:script"),
        }
        found = document_of(routes(), title, _host_of(request), own)
        return HTMLResponse(docs_page.render_page(found, addresses, request.csrf_token))

    @router.get(f"{config.docs_url}/style.css", name="style")
    async def style() -> Response:
        return Response(docs_page.theme("style.css"), media_type="text/css")

    @router.get(f"{config.docs_url}/script.js", name="script")
    async def script() -> Response:
        return Response(docs_page.theme("script.js"), media_type="text/javascript")

    return router
