"""What a new application shows at ``/`` until a route answers there; in debug mode only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openviper.http.responses import HTMLResponse
from openviper.utils.importing import lazy_module
from openviper.version import VERSION

if TYPE_CHECKING:
    import html
else:
    html = lazy_module("html")  # It brings all names of characters along, 0.3 MB.

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{name}</title>
<style>body{{font-family:system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem;line-height:1.5}}</style>
</head>
<body>
<h1>{name}</h1>
<p>OpenViper {version} is running. No route answers at <code>/</code> yet; add one in <code>routes.py</code>.</p>
<p>This page is shown in debug mode only.</p>
{routes}
</body>
</html>
"""


def landing_page(name: str, paths: list[str]) -> HTMLResponse:
    """Return the page.

    Args:
        name: The project's name.
        paths: Paths without parameters that answer to GET; they are linked.
    """
    links = "".join(
        f'<li><a href="{html.escape(path)}">{html.escape(path)}</a></li>' for path in paths
    )
    routes = f"<p>Routes:</p><ul>{links}</ul>" if links else ""
    return HTMLResponse(PAGE.format(name=html.escape(name), version=VERSION, routes=routes))
