"""OpenViper: an async web framework for locked-down places.

The public names are imported when first used, so ``import openviper`` costs next to nothing.
"""

from __future__ import annotations

import importlib

from openviper.utils.exports import lazy_exports

# Not from `typing`: `import openviper` is part of every start, and `typing` would be most of its cost.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from openviper.app import OpenViper as OpenViper
    from openviper.exceptions import HTTPException as HTTPException
    from openviper.exceptions import NotFound as NotFound
    from openviper.exceptions import OpenViperException as OpenViperException
    from openviper.exceptions import PermissionDenied as PermissionDenied
    from openviper.exceptions import ValidationError as ValidationError
    from openviper.http import EventSourceResponse as EventSourceResponse
    from openviper.http import FileResponse as FileResponse
    from openviper.http import HTMLResponse as HTMLResponse
    from openviper.http import JSONResponse as JSONResponse
    from openviper.http import RedirectResponse as RedirectResponse
    from openviper.http import Request as Request
    from openviper.http import Response as Response
    from openviper.http import StreamingResponse as StreamingResponse
    from openviper.http import UploadFile as UploadFile
    from openviper.http import View as View
    from openviper.http import WebSocket as WebSocket
    from openviper.routing import Router as Router
    from openviper.routing import include as include

    __version__: str

__all__, _import_lazily, _dir = lazy_exports(
    __name__,
    {
        "openviper.app": ("OpenViper",),
        "openviper.exceptions": (
            "HTTPException",
            "NotFound",
            "OpenViperException",
            "PermissionDenied",
            "ValidationError",
        ),
        "openviper.http": (
            "EventSourceResponse",
            "FileResponse",
            "HTMLResponse",
            "JSONResponse",
            "RedirectResponse",
            "Request",
            "Response",
            "StreamingResponse",
            "UploadFile",
            "View",
            "WebSocket",
        ),
        "openviper.routing": ("Router", "include"),
    },
    eager=("__version__", "setup"),
)


def setup(force: bool = False) -> None:
    """Load the settings and connect the parts that depend on them; may be called any number of times.

    Args:
        force: Load the settings again even if they are in place.

    Raises:
        ImproperlyConfigured: If the settings module cannot be used.
        SettingsValidationError: If a setting has a value that is not allowed.
    """
    # Late, here and below: `import openviper` imports nothing else.
    from openviper.apps.bootstrap import setup as run

    run(force)


_PACKAGES = ("ai", "staticfiles", "tasks")
"""Are there as attributes without an import of their own."""


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    return _version() if name == "__version__" else _import_lazily(name)


def __dir__() -> list[str]:
    return sorted({*_dir(), *_PACKAGES})


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    # Late: see `setup`.
    from openviper.version import VERSION

    try:
        return version("openviper")
    except PackageNotFoundError:  # Vendored or run from a checkout.
        return VERSION
